//! `set`.

use super::client::Client;
use super::{Common, Failure, say};
use crate::settings::PresetNote;
use crate::settings::brief::pairs;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

#[derive(Clone, Debug, clap::Args)]
pub struct SetArgs {
    /// Settings of the balancer (interval, timeout, fall, rise, schedule, jitter, check, path, balance, on-failure,
    /// connect-timeout, response-timeout …), rate, restart-delay, restart-max-delay, restart-jitter, restart-stable,
    /// restart-limit
    #[arg(required = true, value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

pub(super) async fn run(common: &Common, args: &SetArgs) -> Result<(), Failure> {
    let mut patch = Map::new();
    for word in &args.settings {
        let wrong = || {
            Failure::new(
                2,
                format!("`{word}`: expected KEY=VALUE, for example interval=500ms"),
            )
        };
        let (key, value) = word.split_once('=').ok_or_else(wrong)?;
        patch.insert(key.to_owned(), Value::String(value.to_owned()));
    }
    let client = Client::connect(&common.lab)?;
    let before: Value = client.get("/v1/ps").await?;
    let asked: Vec<String> = patch.keys().map(|key| key.replace('_', "-")).collect();
    let done = client.post("/v1/set", &Value::Object(patch)).await?;
    if common.json {
        say(&done.to_string());
    } else {
        for line in confirmed(&asked, &before["settings"], &done["settings"]) {
            say(&line);
        }
        let note: PresetNote = serde_json::from_value(done["preset"].clone()).unwrap_or_default();
        say(&format!("preset {note}"));
    }
    Ok(())
}

/// Every setting that is another one now, whoever asked for it, and what was asked for and was so before.
fn confirmed(asked: &[String], before: &Value, now: &Value) -> Vec<String> {
    let before: BTreeMap<&str, String> = pairs(before).collect();
    let (mut changed, mut same) = (Vec::new(), Vec::new());
    for (key, word) in pairs(now) {
        match before.get(key) {
            Some(was) if *was != word => changed.push(format!("{key}={word} (was {was})")),
            None => changed.push(format!("{key}={word}")),
            Some(_) if asked.iter().any(|asked| asked == key) => same.push(format!("{key}={word}")),
            Some(_) => {}
        }
    }
    let line =
        |what: &str, words: &[String]| (!words.is_empty()).then(|| format!("{what} {}", words.join(", ")));
    [line("now", &changed), line("as before:", &same)]
        .into_iter()
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_setting_that_was_asked_for_is_confirmed() {
        let before = json!({"interval": "5s", "fall": 2, "rate": 200.0, "restart-delay": "15s", "rise": 2});
        let now = json!({"interval": "500ms", "fall": 2, "rate": 100.0, "restart-delay": "15s", "rise": 2});
        let asked = ["interval", "fall", "rate"].map(str::to_owned);
        assert_eq!(
            confirmed(&asked, &before, &now),
            [
                "now interval=500ms (was 5s), rate=100.0 (was 200.0)",
                "as before: fall=2"
            ]
        );
        assert_eq!(confirmed(&["fall".to_owned()], &now, &now), ["as before: fall=2"]);
    }
}
