//! PURE: which requests arrived, and which of them more than once: what a retrying balancer must not do to a POST.

use std::collections::BTreeMap;

/// Counts since the start. Takes 8 MiB at most, whatever comes.
#[derive(Debug, Default)]
pub struct Ledger {
    by_method: BTreeMap<&'static str, Count>,
    /// The latest id with each remainder, times two; odd once it was counted as repeated; 0: none.
    seen: Vec<u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    requests: u64,
    repeated: u64,
}

/// Ids that are remembered: an id is forgotten when one that is a multiple of this higher, or lower, arrives. The load
/// counts up, so these are its last million.
const WINDOW: u64 = 1 << 20;

impl Ledger {
    /// A request head arrived; `id` is its `x-resetlab-request`, from 1.
    pub fn arrived(&mut self, method: &str, id: Option<u64>) {
        let repeated = id.is_some_and(|id| self.is_repeated(id));
        let count = self.by_method.entry(known(method)).or_default();
        count.requests += 1;
        count.repeated += u64::from(repeated);
    }

    /// Whether `id` came for the second time; not for the third.
    fn is_repeated(&mut self, id: u64) -> bool {
        let Some(mark) = id.checked_mul(2).filter(|mark| *mark > 0) else {
            return false;
        };
        if self.seen.is_empty() {
            self.seen = vec![0; WINDOW as usize];
        }
        let seen = &mut self.seen[(id % WINDOW) as usize];
        match *seen {
            before if before == mark => {
                *seen = mark + 1;
                true
            }
            before if before == mark + 1 => false,
            _ => {
                *seen = mark;
                false
            }
        }
    }

    /// `{"requests":7,"by_method":{"GET":5,"POST":2},"repeated":{"GET":1,"POST":0}}`; `repeated` counts ids, not copies.
    pub fn show(&self) -> serde_json::Value {
        let by_method = |number: fn(&Count) -> u64| -> BTreeMap<_, _> {
            self.by_method
                .iter()
                .map(|(method, count)| (*method, number(count)))
                .collect()
        };
        serde_json::json!({
            "requests": self.by_method.values().map(|count| count.requests).sum::<u64>(),
            "by_method": by_method(|count| count.requests),
            "repeated": by_method(|count| count.repeated),
        })
    }
}

/// A client cannot fill the memory with methods it makes up.
fn known(method: &str) -> &'static str {
    const METHODS: [&str; 9] = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT",
    ];
    METHODS
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_seen_again_is_repeated_once_as_long_as_it_is_remembered() {
        let mut ledger = Ledger::default();
        for id in [1, 2, 2, 2, 3] {
            ledger.arrived("GET", Some(id));
        }
        ledger.arrived("POST", Some(4));
        for id in [None, None, Some(0), Some(0), Some(u64::MAX), Some(u64::MAX)] {
            ledger.arrived("BREW", id);
        }
        assert_eq!(
            ledger.show(),
            serde_json::json!({
                "requests": 12,
                "by_method": {"GET": 5, "POST": 1, "other": 6},
                "repeated": {"GET": 1, "POST": 0, "other": 0},
            })
        );
        // The last of a million others later it is still known; after one more it is not.
        for id in 5..4 + WINDOW {
            ledger.arrived("GET", Some(id));
        }
        ledger.arrived("POST", Some(4));
        assert_eq!(ledger.show()["repeated"]["POST"], 1);
        ledger.arrived("POST", Some(4 + WINDOW));
        ledger.arrived("POST", Some(4));
        assert_eq!(ledger.show()["repeated"]["POST"], 1);
        assert_eq!(ledger.seen.len() as u64, WINDOW);
    }
}
