//! PURE: records in, mistakes out: routers taken out of use while they lived, how often (T_MR) and for how long (T_M).
//!
//! Truth is what the supervisor and the routers say: a router lives unless it is dead, hung, silent, erring or draining.
//! One that stands still, answers late or cuts bodies lives. Slow re-admission is no mistake: only leaving use counts.

use router::clock::Timestamp;
use router::record::{Belief, DrainStage, Event, Fault, Record};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// What was seen of some routers for some time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mistakes {
    pub list: Vec<Mistake>,
    /// The time that the routers lived, added up.
    pub lived: Duration,
}

/// One router, out of use while it lived.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mistake {
    pub router: String,
    #[serde(rename = "t_ns")]
    pub at: Timestamp,
    /// `None`: it lasted longer than anybody looked, or the router died meanwhile.
    pub duration_s: Option<f64>,
}

impl Mistakes {
    /// T_MR in seconds: time lived by a mistake. `None` without one.
    pub fn recurrence_s(&self) -> Option<f64> {
        (!self.list.is_empty()).then(|| self.lived.as_secs_f64() / self.list.len() as f64)
    }

    /// T_M in seconds: the mean of those that ended.
    pub fn duration_s(&self) -> Option<f64> {
        let ended: Vec<f64> = self
            .list
            .iter()
            .filter_map(|mistake| mistake.duration_s)
            .collect();
        (!ended.is_empty()).then(|| ended.iter().sum::<f64>() / ended.len() as f64)
    }

    /// False ejections an hour at `routers` routers; `None` when none lived.
    pub fn per_hour(&self, routers: u32) -> Option<f64> {
        let hours = self.lived.as_secs_f64() / 3600.0;
        (hours > 0.0).then(|| self.list.len() as f64 * f64::from(routers) / hours)
    }
}

struct Router {
    /// Since when it lives; `None`: it does not.
    lives: Option<Timestamp>,
    in_use: bool,
    /// Its open mistake, as a place in the list.
    open: Option<usize>,
}

/// Mistakes about `routers` that began in `[from, to)`, from records in the order of their arrival. Everybody lives and
/// is in use at first; `records` may begin and end elsewhere.
pub fn count(records: &[Record], routers: &[String], (from, to): (Timestamp, Timestamp)) -> Mistakes {
    let fresh = |name: &String| {
        let router = Router {
            lives: Some(from),
            in_use: true,
            open: None,
        };
        (name.clone(), router)
    };
    let mut all: BTreeMap<String, Router> = routers.iter().map(fresh).collect();
    let mut seen = Mistakes::default();
    for record in records {
        let at = record.at;
        if let Some((name, lives)) = truth(record)
            && let Some(router) = all.get_mut(name)
        {
            match (router.lives, lives) {
                (None, true) => router.lives = Some(at),
                (Some(since), false) => {
                    seen.lived += at.min(to).since(since.max(from));
                    (router.lives, router.open) = (None, None);
                }
                _ => {}
            }
        }
        let Event::Belief {
            router: name,
            to: belief,
            ..
        } = &record.event
        else {
            continue;
        };
        let Some(router) = all.get_mut(name) else {
            continue;
        };
        let in_use = matches!(belief, Belief::Up | Belief::GoingDown);
        if router.in_use && !in_use && router.lives.is_some() && from <= at && at < to {
            router.open = Some(seen.list.len());
            seen.list.push(Mistake {
                router: name.clone(),
                at,
                duration_s: None,
            });
        }
        if in_use && let Some(open) = router.open.take() {
            let mistake = &mut seen.list[open];
            mistake.duration_s = Some(at.seconds_after(mistake.at));
        }
        router.in_use = in_use;
    }
    let left = all.values().filter_map(|router| router.lives);
    seen.lived += left.map(|since| to.since(since.max(from))).sum::<Duration>();
    seen
}

/// What a record says about a router's truth: whom it is about, and whether it lives now.
fn truth(record: &Record) -> Option<(&str, bool)> {
    let deadly = |fault: Fault| match fault {
        Fault::Hang | Fault::Silent | Fault::Error | Fault::Drain => true,
        // These are told by a death.
        Fault::Kill | Fault::Crash | Fault::Stop => false,
        Fault::Cut | Fault::Slow => false,
    };
    match &record.event {
        Event::Ready { .. } => Some((&record.from, true)),
        Event::Healed { router, .. } | Event::Resumed { router, .. } => Some((router, true)),
        Event::Spawned { name, .. } | Event::Exited { name, .. } => Some((name, false)),
        Event::Death { router, .. } => Some((router, false)),
        Event::Fault { router, fault, .. } if deadly(*fault) => Some((router, false)),
        Event::Drain {
            stage: DrainStage::Unhealthy,
            ..
        } => Some((&record.from, false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::record::{Detector, Stamp};

    fn at(ms: u64, from: &str, event: Event) -> Record {
        Record {
            at: Timestamp(ms * 1_000_000),
            from: from.to_owned(),
            event,
        }
    }

    fn belief(ms: u64, router: &str, from_state: Belief, to: Belief) -> Record {
        let event = Event::Belief {
            router: router.to_owned(),
            from_state,
            to,
            reason: String::new(),
            by: Detector::Poll,
            until_ns: None,
        };
        at(ms, "lb", event)
    }

    fn fault(ms: u64, router: &str, fault: Fault) -> Record {
        let event = Event::Fault {
            router: router.to_owned(),
            incarnation: 1,
            fault,
            detail: None,
        };
        at(ms, "supervisor", event)
    }

    const SPAN: (Timestamp, Timestamp) = (Timestamp(0), Timestamp(10_000_000_000));

    #[test]
    fn only_the_living_are_mistaken_for_dead() {
        use Belief::{Down, Ejected, GoingDown, GoingUp, Up};
        let names = ["router-1".to_owned(), "router-2".to_owned()];
        let death = Event::Death {
            router: "router-2".to_owned(),
            incarnation: 1,
            stamp: Stamp::Signal,
        };
        let ready = Event::Ready {
            pid: 1,
            addresses: BTreeMap::new(),
        };
        let records = [
            belief(900, "router-1", Up, GoingDown),
            belief(1000, "router-1", GoingDown, Down),
            // From Down to Ejected and on the way up it is the same mistake.
            belief(1200, "router-1", Down, GoingUp),
            belief(1500, "router-1", GoingUp, Up),
            // A death is not one, nor is being slow to be used again.
            at(2000, "supervisor", death),
            belief(3000, "router-2", Up, Down),
            at(4000, "router-2", ready),
            belief(6000, "router-2", Down, Up),
            // A hang neither; a slow answer is.
            fault(7000, "router-1", Fault::Hang),
            belief(7500, "router-1", Up, Down),
            fault(8000, "router-2", Fault::Slow),
            belief(8500, "router-2", Up, Ejected),
        ];
        let seen = count(&records, &names, SPAN);
        let told: Vec<_> = seen
            .list
            .iter()
            .map(|m| (m.router.as_str(), m.at.0 / 1_000_000, m.duration_s))
            .collect();
        assert_eq!(
            told,
            [("router-1", 1000, Some(0.5)), ("router-2", 8500, None)],
            "one ended, one did not"
        );
        // router-1 lived 7 s, router-2 2 s and 6 s.
        assert_eq!(seen.lived, Duration::from_secs(15));
        assert_eq!((seen.recurrence_s(), seen.duration_s()), (Some(7.5), Some(0.5)));
        assert_eq!(seen.per_hour(4), Some(2.0 * 4.0 * 3600.0 / 15.0));
    }

    #[test]
    fn what_was_not_observed_is_null() {
        let names = ["router-1".to_owned()];
        let seen = count(&[], &names, SPAN);
        assert_eq!((seen.recurrence_s(), seen.duration_s()), (None, None));
        assert_eq!(seen.per_hour(1), Some(0.0));
        assert_eq!(count(&[], &[], SPAN).per_hour(1), None);
    }
}
