//! What the balancer says of its routers beyond their belief: since when, who decided, why, and what changes it.

use crate::process::control::ask;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Why the balancer believes what it believes of one router. A balancer need not know all of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Verdict {
    pub belief: Option<String>,
    pub since_s: Option<f64>,
    /// `poll`, `passive`, `sentinel`, `notice`.
    pub decided_by: Option<String>,
    pub reason: Option<String>,
    /// What brings it back, in words; `None`: nothing need.
    pub back: Option<String>,
}

/// `ps` does not wait longer for a balancer that hangs.
const PATIENCE: Duration = Duration::from_millis(500);

/// Asks the balancer; the error is why it did not say.
pub(super) async fn of_balancer(socket: &Path) -> Result<BTreeMap<String, Verdict>, String> {
    let show = json!({ "cmd": "show" });
    match tokio::time::timeout(PATIENCE, ask(socket, &show)).await {
        Ok(answer) => answer.map(|show| verdicts(&show)).map_err(|e| e.to_string()),
        Err(_) => Err(format!("it did not answer within {PATIENCE:?}")),
    }
}

/// PURE: by router, from what `show` answers.
fn verdicts(show: &Value) -> BTreeMap<String, Verdict> {
    let backends = show["backends"].as_array().into_iter().flatten();
    let verdict = |backend: &Value| {
        let word = |key: &str| backend[key].as_str().map(str::to_owned);
        let verdict = Verdict {
            belief: word("belief"),
            since_s: backend["since_s"].as_f64(),
            decided_by: word("decided_by"),
            reason: word("reason"),
            back: word("back"),
        };
        Some((word("name")?, verdict))
    };
    backends.filter_map(verdict).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_balancer_does_not_say_is_none() {
        let show = json!({ "backends": [
            { "name": "router-1", "belief": "down", "since_s": 3.5, "decided_by": "sentinel", "reason": "refused",
              "back": "2 successful checks in a row (so far 0)" },
            { "name": "router-2", "belief": "up", "decided_by": 7 },
            { "belief": "up" },
        ]});
        let verdicts = verdicts(&show);
        assert_eq!(verdicts.len(), 2);
        assert_eq!(verdicts["router-1"].decided_by.as_deref(), Some("sentinel"));
        let up = Verdict {
            belief: Some("up".into()),
            ..Verdict::default()
        };
        assert_eq!(verdicts["router-2"], up);
    }
}
