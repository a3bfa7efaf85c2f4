//! PURE: failed attempts that a window has counted, and whose requests have not ended yet.

use super::joins::FailedAttempt;
use super::late::Ended;
use router::clock::Timestamp;
use std::collections::BTreeMap;

/// Failed attempts of requests whose end is not known: a retry has saved them, or they are still under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending {
    /// Whether the first had started before the death.
    requests: BTreeMap<u64, bool>,
    /// The same by a client's port, and when the attempt failed: a later connection may have that port again.
    ports: BTreeMap<u16, (bool, Timestamp)>,
}

impl Pending {
    /// `false`: it knows of the request.
    pub fn add(&mut self, attempt: &FailedAttempt, in_flight: bool) -> bool {
        match (attempt.request, attempt.port) {
            (Some(request), _) => {
                let known = self.requests.contains_key(&request);
                self.requests.entry(request).or_insert(in_flight);
                !known
            }
            (None, Some(port)) => {
                self.ports.insert(port, (in_flight, attempt.at));
                false
            }
            (None, None) => false,
        }
    }

    /// Forgets a request that has ended; whether it had started before the death.
    pub fn take(&mut self, ended: &Ended) -> Option<bool> {
        if let Some(in_flight) = self.requests.remove(&ended.request) {
            return Some(in_flight);
        }
        let port = ended.port?;
        let (in_flight, failed) = self.ports.get(&port).copied()?;
        (ended.sent <= failed && failed <= ended.at).then(|| {
            self.ports.remove(&port);
            in_flight
        })
    }
}
