//! PURE: how long answers take while nothing is wrong with any router: a timeout below that would fail the healthy.
//!
//! The load tells how long answers took tick by tick, not who gave them. An answer counts if all routers were up from
//! when its request was due until the tick was over: then a healthy one gave it, whoever that was. What a router answers
//! that hung before, late, does not.

use crate::fleet::Truth;
use crate::story::{Condition, subject};
use router::clock::Timestamp;
use router::record::{Event, Record};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// Answers of healthy routers, in milliseconds from when their requests were due.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Healthy {
    /// So many.
    pub n: u64,
    /// No less than what they took: the upper end of its bucket, which is 4.4 % wide.
    pub p99: f64,
    pub p999: f64,
}

/// Takes records as they come.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    routers: BTreeMap<String, Condition>,
    /// No members any more.
    left: BTreeSet<String>,
    /// When something was wrong with a router: from, to.
    unwell: Vec<(Timestamp, Option<Timestamp>)>,
    /// The last tick of the load.
    tick: Option<Timestamp>,
    /// Ticks of which it is not known yet how the routers were.
    waiting: VecDeque<Tick>,
    /// So many of them came since the last tick, whose record follows them.
    fresh: usize,
    /// By bucket.
    answers: BTreeMap<u16, u64>,
}

#[derive(Clone, Debug)]
struct Tick {
    from: Timestamp,
    to: Timestamp,
    buckets: Vec<(u16, u32)>,
}

/// Records of two processes come as they like, but not later than each other by this.
const LATE: Duration = Duration::from_secs(1);
/// Requests that are sent no later than this after they were due are as good as sent then.
const PROMPT: Duration = Duration::from_millis(10);

impl Answers {
    pub fn on_record(&mut self, record: &Record) {
        match &record.event {
            Event::Latencies { buckets } => {
                self.fresh += 1;
                self.waiting.push_back(Tick {
                    from: self.tick.unwrap_or(record.at),
                    to: record.at,
                    buckets: buckets.clone(),
                });
            }
            Event::Tick { late_max_ns, .. } => {
                // Those that were sent late say how late, not how long a router took.
                if Duration::from_nanos(*late_max_ns) > PROMPT {
                    let prompt = self.waiting.len().saturating_sub(self.fresh);
                    self.waiting.truncate(prompt);
                }
                (self.tick, self.fresh) = (Some(record.at), 0);
                let known = |tick: &Tick| tick.to + LATE <= record.at;
                while self.waiting.front().is_some_and(known) {
                    if let Some(tick) = self.waiting.pop_front() {
                        self.judge(&tick);
                    }
                }
            }
            Event::Member {
                router,
                present: false,
            } => {
                self.left.insert(router.clone());
                self.routers.remove(router);
                self.weigh(record.at);
            }
            _ => self.on_router(record),
        }
    }

    /// Of all that has come; `None`: no such answer.
    pub fn healthy(&self) -> Option<Healthy> {
        let mut all = self.clone();
        while let Some(tick) = all.waiting.pop_front() {
            all.judge(&tick);
        }
        let n: u64 = all.answers.values().sum();
        let quantile = |share: f64| {
            let rank = ((share * n as f64).ceil() as u64).max(1);
            let mut below = 0;
            let bucket = all.answers.iter().find(|(_, count)| {
                below += **count;
                below >= rank
            });
            bucket.map(|(bucket, _)| ends(*bucket).as_secs_f64() * 1e3)
        };
        Some(Healthy {
            n,
            p99: quantile(0.99)?,
            p999: quantile(0.999)?,
        })
    }

    fn on_router(&mut self, record: &Record) {
        let Some(name) = subject(record).filter(|name| name.starts_with("router-")) else {
            return;
        };
        match record.event {
            Event::Spawned { .. } => _ = self.left.remove(name),
            // How it goes is its own affair.
            _ if self.left.contains(name) => return,
            _ => {}
        }
        self.routers.entry(name.to_owned()).or_default().on_record(record);
        self.weigh(record.at);
    }

    /// All routers are up from now on, or one is not.
    fn weigh(&mut self, at: Timestamp) {
        let well = self
            .routers
            .values()
            .all(|condition| condition.truth() == Truth::Up);
        let goes_on = self.unwell.last_mut().filter(|(_, to)| to.is_none());
        match (goes_on, well) {
            (Some((_, to)), true) => *to = Some(at),
            (None, false) => self.unwell.push((at, None)),
            _ => {}
        }
    }

    fn judge(&mut self, tick: &Tick) {
        for (bucket, count) in &tick.buckets {
            let due = tick.from - ends(*bucket);
            // They follow each other: the last that began before the tick was over ended last.
            let last = self.unwell.iter().rev().find(|(from, _)| *from <= tick.to);
            if last.is_none_or(|(_, to)| to.is_some_and(|to| to < due)) {
                *self.answers.entry(*bucket).or_default() += u64::from(*count);
            }
        }
    }
}

/// Where a bucket of [`Event::Latencies`] ends.
fn ends(bucket: u16) -> Duration {
    let micros = ((f64::from(bucket) + 1.0) / 16.0).exp2();
    Duration::try_from_secs_f64(micros / 1e6).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(records: &[(u64, &str)]) -> Option<Healthy> {
        let mut answers = Answers::default();
        for (ms, text) in records {
            let (from, text) = match text.strip_prefix("ready ") {
                Some(router) => (router, r#"{"event":"ready","pid":1,"addresses":{}}"#.to_owned()),
                None => ("load", (*text).to_owned()),
            };
            answers.on_record(&Record {
                at: Timestamp(ms * 1_000_000),
                from: from.to_owned(),
                event: serde_json::from_str(&text).unwrap(),
            });
        }
        answers.healthy()
    }

    const TICK: &str = r#"{"event":"tick","sent":0,"ok":0,"lost":0,"buckets":[],"late_p99_ns":0,"late_max_ns":0,"p50_ns":0,"p99_ns":0}"#;
    const FAULT: &str = r#"{"event":"fault","router":"router-2","incarnation":1,"fault":"hang"}"#;
    const RESUMED: &str = r#"{"event":"resumed","router":"router-2","incarnation":1}"#;
    /// 2.0 to 2.1 ms, 5.4 to 5.7 s.
    const QUICK: &str = r#"{"event":"latencies","buckets":[[176,990]]}"#;
    const LATE: &str = r#"{"event":"latencies","buckets":[[176,10],[358,20]]}"#;

    #[test]
    fn what_a_router_answers_that_hung_meanwhile_is_left_out() {
        let told = heard(&[
            (0, "ready router-1"),
            (1, "ready router-2"),
            (100, TICK),
            (200, QUICK),
            (200, TICK),
            (1000, FAULT),
            (1100, TICK),
            (1200, QUICK),
            (1200, TICK),
            (6000, RESUMED),
            (6050, TICK),
            (6150, LATE),
            (6150, TICK),
            (8000, TICK),
        ]);
        let Healthy { n, p99, p999 } = told.unwrap();
        assert_eq!(n, 990 + 10, "before the hang, and the quick ones after it");
        assert!(p99 < 2.2 && p999 < 2.2, "{p99} {p999}");
    }

    #[test]
    fn a_late_answer_of_a_healthy_router_counts_and_so_does_a_fault_that_is_told_of_late() {
        let healthy = [(0, "ready router-2"), (6050, TICK), (6150, LATE), (6150, TICK)];
        assert!(heard(&healthy).unwrap().p999 > 5000.0);
        let told_late = [
            (0, "ready router-2"),
            (900, TICK),
            (1000, QUICK),
            (1000, TICK),
            (950, FAULT),
            (3000, TICK),
        ];
        assert_eq!(heard(&told_late), None);
    }

    #[test]
    fn routers_that_were_scaled_down_are_not_unwell_and_requests_sent_late_say_nothing() {
        let scaled = [
            (0, "ready router-2"),
            (1, "ready router-4"),
            (900, r#"{"event":"member","router":"router-4","present":false}"#),
            (
                950,
                r#"{"event":"exited","name":"router-4","pid":1,"incarnation":1,"code":0,"signal":null,"uptime_s":1.0,"words":"exit status 0"}"#,
            ),
            (1900, TICK),
            (2000, QUICK),
            (2000, TICK),
            (4000, TICK),
        ];
        assert_eq!(heard(&scaled).unwrap().n, 990);
        let late = TICK.replace(r#""late_max_ns":0"#, r#""late_max_ns":300000000"#);
        let late = [
            (0, "ready router-2"),
            (1900, TICK),
            (2000, LATE),
            (2000, &late),
            (2100, QUICK),
            (2100, TICK),
            (4000, TICK),
        ];
        assert_eq!(heard(&late).unwrap().n, 990);
    }

    #[test]
    fn a_bucket_ends_where_the_next_begins() {
        assert_eq!(ends(0), Duration::from_secs_f64(2f64.powf(1.0 / 16.0) / 1e6));
        assert_eq!(ends(15), Duration::from_micros(2));
        assert_eq!(ends(u16::MAX), Duration::MAX);
    }
}
