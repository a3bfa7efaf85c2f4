//! PURE: what the program tells, as the records of a balancer.

use crate::engine::{Attempt, Flow, Seen, Site, Told};
use router::clock::Timestamp;
use router::record::{Belief, Detector, Event};
use serde_json::{Value, json};
use std::time::Duration;

/// Keeps what was told, so that only news become records.
pub struct Scribe {
    routers: Vec<Known>,
    totals: Totals,
    told: Totals,
    /// When the totals are told next.
    due: Timestamp,
    /// A belief was told by the log since the last question: its answer may be older than that.
    overtaken: bool,
    /// Requests are known by numbers only, not by a log.
    by_totals: bool,
    /// Requests may wait so long for their next try, and be nowhere.
    lingering: Duration,
}

struct Known {
    name: String,
    belief: Belief,
    since: Timestamp,
    reason: String,
    by: Detector,
    last_attempt: Option<Timestamp>,
    owed: Owed,
    total: Option<u64>,
}

/// What is still to be told of a router's last change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owed {
    Nothing,
    /// Out of use: when nothing is under way there any more.
    Quiet,
    /// In use again since then: its first served request.
    Readmission(Timestamp),
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Totals {
    requests: u64,
    attempts: u64,
    retries: u64,
}

const GAP: Duration = Duration::from_millis(100);

/// When, and what.
pub type Records = Vec<(Timestamp, Event)>;

impl Scribe {
    pub fn new(site: &Site, lingering: Duration, now: Timestamp) -> Scribe {
        let known = |name: &str| Known {
            name: name.to_owned(),
            belief: Belief::Up,
            since: now,
            reason: "believed up from the start".to_owned(),
            by: Detector::Poll,
            last_attempt: None,
            owed: Owed::Nothing,
            total: None,
        };
        Scribe {
            routers: site.routers.iter().map(|seat| known(&seat.name)).collect(),
            totals: Totals::default(),
            told: Totals::default(),
            due: now,
            overtaken: false,
            by_totals: site.own.is_some(),
            lingering,
        }
    }

    /// A line of its log.
    pub fn told(&mut self, now: Timestamp, told: Told, records: &mut Records) {
        match told {
            Told::Request { attempts } => {
                self.totals.requests += 1;
                self.totals.attempts += u64::from(attempts);
                self.totals.retries += u64::from(attempts.saturating_sub(1));
            }
            Told::Attempt(attempt) => self.attempt(now, attempt, records),
            Told::Unrouted { request, at } => records.push((at, Event::Unrouted { request })),
            Told::Belief(seen) => {
                self.overtaken = true;
                self.change(now, seen, records);
            }
        }
    }

    /// A question is on its way.
    pub fn asked(&mut self) {
        self.overtaken = false;
    }

    /// What it believes, as it answered the last question.
    pub fn answered(&mut self, now: Timestamp, seen: Seen, records: &mut Records) {
        if !self.overtaken {
            self.change(now, seen, records);
        }
    }

    pub fn flows(&mut self, now: Timestamp, flow: &Flow, records: &mut Records) {
        let by_totals = self.by_totals;
        let Some(known) = self.routers.iter_mut().find(|known| known.name == flow.router) else {
            return;
        };
        let before = std::mem::replace(&mut known.total, flow.total);
        let router = known.name.clone();
        match known.owed {
            Owed::Quiet if flow.under_way == 0 && now >= known.since + self.lingering => {
                let last_attempt_ns = known.last_attempt;
                records.push((
                    now,
                    Event::Quiet {
                        router,
                        last_attempt_ns,
                    },
                ));
                known.owed = Owed::Nothing;
            }
            Owed::Readmission(_) if by_totals && before.is_some() && flow.total > before => {
                records.push((
                    now,
                    Event::Readmitted {
                        router,
                        started_ns: now,
                    },
                ));
                known.owed = Owed::Nothing;
            }
            _ => {}
        }
    }

    /// What goes to a router is to be asked for, too.
    pub fn owes(&self) -> bool {
        self.routers.iter().any(|known| match known.owed {
            Owed::Nothing => false,
            Owed::Quiet => true,
            Owed::Readmission(_) => self.by_totals,
        })
    }

    /// Tells the totals, if they are due.
    pub fn attend(&mut self, now: Timestamp, records: &mut Records) {
        if now < self.due || self.told == self.totals {
            return;
        }
        self.due = now + GAP;
        self.told = self.totals;
        let Totals {
            requests,
            attempts,
            retries,
        } = self.totals;
        let (over_budget, over_breaker) = (0, 0); // it has neither
        records.push((
            now,
            Event::Forwarded {
                requests,
                attempts,
                retries,
                over_budget,
                over_breaker,
            },
        ));
    }

    pub fn next_deadline(&self, wanted: bool) -> Option<Timestamp> {
        (wanted && self.told != self.totals).then_some(self.due)
    }

    /// For `ps --wide`.
    pub fn show(&self, now: Timestamp) -> Vec<Value> {
        let each = self.routers.iter().map(|known| {
            json!({
                "name": known.name,
                "belief": known.belief,
                "since_s": now.since(known.since).as_secs_f64(),
                "decided_by": known.by,
                "reason": known.reason,
            })
        });
        each.collect()
    }

    fn attempt(&mut self, now: Timestamp, attempt: Attempt, records: &mut Records) {
        let Attempt {
            request,
            router,
            started,
            cause,
            reused,
            status,
            nth,
            port,
            reckoned,
        } = attempt;
        let Some(known) = self.routers.iter_mut().find(|known| known.name == router) else {
            return;
        };
        known.last_attempt = known.last_attempt.max(Some(started));
        match cause {
            Some(cause) => records.push((
                now,
                Event::Attempt {
                    request,
                    router,
                    started_ns: started,
                    cause,
                    reused,
                    status,
                    nth,
                    port,
                    reckoned,
                },
            )),
            None => {
                if let Owed::Readmission(since) = known.owed
                    && started >= since
                {
                    known.owed = Owed::Nothing;
                    records.push((
                        now,
                        Event::Readmitted {
                            router,
                            started_ns: started,
                        },
                    ));
                }
            }
        }
    }

    fn change(&mut self, now: Timestamp, seen: Seen, records: &mut Records) {
        let Seen {
            router,
            belief,
            reason,
            by,
            at,
        } = seen;
        let Some(known) = self.routers.iter_mut().find(|known| known.name == router) else {
            return;
        };
        if known.belief == belief {
            return;
        }
        let at = at.unwrap_or(now);
        let before = std::mem::replace(&mut known.belief, belief);
        match (in_use(before), in_use(belief)) {
            (true, false) => known.owed = Owed::Quiet,
            (false, true) => known.owed = Owed::Readmission(at),
            _ => {}
        }
        (known.since, known.reason, known.by) = (at, reason.clone(), by);
        let event = Event::Belief {
            router,
            from_state: before,
            to: belief,
            reason,
            by,
            until_ns: None,
        };
        records.push((at, event));
    }
}

fn in_use(belief: Belief) -> bool {
    matches!(belief, Belief::Up | Belief::GoingDown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp(ms * 1_000_000)
    }

    fn seen(belief: Belief) -> Seen {
        Seen {
            router: "router-1".into(),
            belief,
            reason: "refused".into(),
            by: Detector::Poll,
            at: None,
        }
    }

    fn served(started: Timestamp) -> Told {
        Told::Attempt(Attempt {
            request: Some(1),
            router: "router-1".into(),
            started,
            cause: None,
            reused: false,
            status: Some(200),
            nth: 1,
            port: None,
            reckoned: false,
        })
    }

    fn beliefs(records: &Records) -> Vec<Belief> {
        let each = records.iter().filter_map(|(_, event)| match event {
            Event::Belief { to, .. } => Some(*to),
            _ => None,
        });
        each.collect()
    }

    #[test]
    fn an_answer_older_than_the_log_changes_nothing() {
        let mut scribe = Scribe::new(&Site::example(), Duration::ZERO, at(0));
        let mut records = Vec::new();
        scribe.asked();
        scribe.told(at(1), Told::Belief(seen(Belief::Down)), &mut records);
        scribe.answered(at(2), seen(Belief::Up), &mut records);
        assert_eq!(beliefs(&records), [Belief::Down]);
        scribe.asked();
        scribe.answered(at(12), seen(Belief::Down), &mut records);
        assert_eq!(beliefs(&records), [Belief::Down], "told once");
        scribe.asked();
        scribe.answered(at(22), seen(Belief::Up), &mut records);
        assert_eq!(
            beliefs(&records),
            [Belief::Down, Belief::Up],
            "a log that says nothing"
        );
    }

    #[test]
    fn a_router_out_of_use_is_quiet_when_nothing_is_under_way_and_back_at_its_first_served_request() {
        let mut scribe = Scribe::new(&Site::example(), Duration::ZERO, at(0));
        let mut records = Vec::new();
        scribe.told(at(1), served(at(1)), &mut records);
        assert!(!scribe.owes());
        scribe.told(at(5), Told::Belief(seen(Belief::Down)), &mut records);
        assert!(scribe.owes());
        let flow = |under_way| Flow {
            router: "router-1".into(),
            under_way,
            total: None,
        };
        scribe.flows(at(6), &flow(1), &mut records);
        scribe.flows(at(7), &flow(0), &mut records);
        let quiet = Event::Quiet {
            router: "router-1".into(),
            last_attempt_ns: Some(at(1)),
        };
        assert_eq!(records.pop(), Some((at(7), quiet)));
        scribe.told(at(8), Told::Belief(seen(Belief::Up)), &mut records);
        let told = records.len();
        scribe.told(at(9), served(at(4)), &mut records);
        assert_eq!(records.len(), told, "it had begun before");
        scribe.told(at(10), served(at(9)), &mut records);
        let readmitted = Event::Readmitted {
            router: "router-1".into(),
            started_ns: at(9),
        };
        assert_eq!(records.pop(), Some((at(10), readmitted)));
    }
}
