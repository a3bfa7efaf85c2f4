//! PURE: what became of the requests, counted for ticks and for the whole run.

use hdrhistogram::Histogram;
use router::clock::Timestamp;
use router::record::{Event, Outcome};
use std::collections::BTreeMap;
use std::time::Duration;

/// Width of a bucket of intended times.
const BUCKET_NS: u64 = 10_000_000;

/// Buckets in one record: 96 × at most 36 bytes stay below the 4096 bytes that a pipe takes at once.
const BUCKETS_PER_TICK: usize = 96;
/// Each at most 17 bytes.
const LATENCIES_PER_RECORD: usize = 200;

/// Counts and histograms; a finished request enters once.
pub struct Tally {
    sent: u64,
    in_flight: u64,
    outcomes: BTreeMap<Outcome, u64>,
    /// Requests that this machine could not send (no socket, no free port): in `timeout`, and told apart here.
    unsendable: u64,
    buckets: BTreeMap<u64, (u32, u32)>,
    late: Times,
    /// From the intended time,
    latency: Times,
    /// and from when it was sent.
    service: Times,
}

/// The end of a request.
#[derive(Clone, Copy, Debug)]
pub struct End {
    pub intended: Timestamp,
    /// When the last byte of the request was handed to the socket.
    pub sent: Option<Timestamp>,
    pub ended: Timestamp,
    pub outcome: Outcome,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally {
            sent: 0,
            in_flight: 0,
            outcomes: BTreeMap::new(),
            unsendable: 0,
            buckets: BTreeMap::new(),
            late: Times::new(),
            latency: Times::new(),
            service: Times::new(),
        }
    }
}

impl Tally {
    /// A request became due.
    pub fn begin(&mut self) {
        self.sent += 1;
        self.in_flight += 1;
    }

    pub fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// It could not be sent for a reason of our own; it still ends as a `timeout`.
    pub fn count_unsendable(&mut self) {
        self.unsendable += 1;
    }

    /// Lateness counts for every request that was written; latency (from the intended time) and service time (from when
    /// it was sent) for `ok` ones.
    pub fn end(&mut self, end: End) {
        self.in_flight -= 1;
        *self.outcomes.entry(end.outcome).or_default() += 1;
        let bucket = self
            .buckets
            .entry(end.intended.0 / BUCKET_NS * BUCKET_NS)
            .or_default();
        if let Some(sent) = end.sent {
            self.late.record(sent.since(end.intended));
        }
        if end.outcome == Outcome::Ok {
            bucket.0 += 1;
            self.latency.record(end.ended.since(end.intended));
            if let Some(sent) = end.sent {
                self.service.record(end.ended.since(sent));
            }
        } else {
            bucket.1 += 1;
        }
    }

    fn ok(&self) -> u64 {
        self.outcomes.get(&Outcome::Ok).copied().unwrap_or(0)
    }

    fn lost(&self) -> u64 {
        self.outcomes.values().sum::<u64>() - self.ok()
    }

    /// The tick records since the last call: one, or more where one would be too long. The times stand in each.
    pub fn tick(&mut self) -> Vec<Event> {
        let all: Vec<_> = std::mem::take(&mut self.buckets)
            .into_iter()
            .map(|(at, (ok, lost))| (at, ok, lost))
            .collect();
        let (sent, ok, lost) = (self.sent, self.ok(), self.lost());
        let (late, latency) = (&self.late.tick, &self.latency.tick);
        let record = |buckets: &[(u64, u32, u32)]| Event::Tick {
            sent,
            ok,
            lost,
            buckets: buckets.to_vec(),
            late_p99_ns: late.value_at_quantile(0.99),
            late_max_ns: late.max(),
            p50_ns: latency.value_at_quantile(0.5),
            p99_ns: latency.value_at_quantile(0.99),
        };
        let latencies = self.latency.buckets();
        let latencies = latencies
            .chunks(LATENCIES_PER_RECORD)
            .map(|buckets| Event::Latencies {
                buckets: buckets.to_vec(),
            });
        let mut ticks: Vec<Event> = latencies.collect();
        match all.is_empty() {
            true => ticks.push(record(&[])),
            false => ticks.extend(all.chunks(BUCKETS_PER_TICK).map(record)),
        }
        self.late.next_tick();
        self.latency.next_tick();
        self.service.next_tick();
        ticks
    }

    /// Totals and percentiles of the whole run, for people and for the supervisor.
    pub fn summary(&self) -> serde_json::Value {
        let late = |quantile| self.late.all(quantile);
        let latency = |quantile| self.latency.all(quantile);
        let service = |quantile| self.service.all(quantile);
        serde_json::json!({
            "schema": "resetlab.load.v1",
            "sent": self.sent,
            "in_flight": self.in_flight,
            "ok": self.ok(),
            "lost": self.lost(),
            "by_outcome": self.outcomes,
            "unsendable": self.unsendable,
            "late_p50_ns": late(0.5),
            "late_p99_ns": late(0.99),
            "late_max_ns": late(1.0),
            "p50_ns": latency(0.5),
            "p90_ns": latency(0.9),
            "p99_ns": latency(0.99),
            "p999_ns": latency(0.999),
            "max_ns": latency(1.0),
            "service_p50_ns": service(0.5),
            "service_p90_ns": service(0.9),
            "service_p99_ns": service(0.99),
            "service_p999_ns": service(0.999),
            "service_max_ns": service(1.0),
        })
    }
}

/// Durations of a tick and of the whole run, to three digits.
struct Times {
    tick: Histogram<u64>,
    run: Histogram<u64>,
}

impl Times {
    fn new() -> Times {
        let histogram = || Histogram::new(3).expect("three digits is within the histogram's limits");
        Times {
            tick: histogram(),
            run: histogram(),
        }
    }

    fn record(&mut self, duration: Duration) {
        // The histogram grows as needed; it can only refuse what no request can last (292 years).
        let _ = self
            .tick
            .record(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Of this tick, as [`Event::Latencies`] has them.
    fn buckets(&self) -> Vec<(u16, u32)> {
        let mut buckets: Vec<(u16, u32)> = Vec::new();
        for value in self.tick.iter_recorded() {
            let micros = (value.value_iterated_to() as f64 / 1e3).max(1.0);
            let bucket = (micros.log2() * 16.0) as u16;
            let count = u32::try_from(value.count_at_value()).unwrap_or(u32::MAX);
            match buckets.last_mut() {
                Some(last) if last.0 == bucket => last.1 += count,
                _ => buckets.push((bucket, count)),
            }
        }
        buckets
    }

    fn next_tick(&mut self) {
        self.run.add(&self.tick).expect("both histograms grow as needed");
        self.tick.reset();
    }

    /// Over the whole run; `None` if nothing was recorded.
    fn all(&self, quantile: f64) -> Option<u64> {
        let mut all = self.run.clone();
        all.add(&self.tick).expect("both histograms grow as needed");
        (!all.is_empty()).then(|| all.value_at_quantile(quantile))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::record::Record;

    fn end(tally: &mut Tally, intended: u64, outcome: Outcome) {
        tally.begin();
        let at = Timestamp(intended);
        tally.end(End {
            intended: at,
            sent: Some(at + Duration::from_micros(50)),
            ended: at + Duration::from_millis(3),
            outcome,
        });
    }

    #[test]
    fn ticks_stay_below_what_a_pipe_takes_at_once_and_lose_nothing() {
        let mut tally = Tally::default();
        for n in 0..100_000u64 {
            end(
                &mut tally,
                u64::MAX / 2 + n * 1_000_000,
                if n % 2 == 0 { Outcome::Ok } else { Outcome::Reset },
            );
        }
        let ticks = tally.tick();
        let (mut ok, mut lost) = (0, 0);
        for event in ticks {
            let buckets = match &event {
                Event::Tick { buckets, .. } => &buckets[..],
                Event::Latencies { buckets } => {
                    assert_eq!(buckets[..], [(184, 50_000)], "3 ms is in 2.9 to 3.02 ms");
                    &[]
                }
                _ => panic!("{event:?}"),
            };
            ok += buckets.iter().map(|bucket| bucket.1).sum::<u32>();
            lost += buckets.iter().map(|bucket| bucket.2).sum::<u32>();
            let record = Record {
                at: Timestamp(u64::MAX),
                from: "load".into(),
                event,
            };
            assert!(serde_json::to_vec(&record).unwrap().len() < 4000);
        }
        assert_eq!((ok, lost), (50_000, 50_000));
        assert!(
            matches!(&tally.tick()[..], [Event::Tick { buckets, sent: 100_000, .. }] if buckets.is_empty())
        );
    }

    #[test]
    fn the_summary_keeps_outcomes_apart_and_unobserved_values_null() {
        let mut tally = Tally::default();
        assert!(tally.summary()["late_p99_ns"].is_null());
        end(&mut tally, 1, Outcome::Eof);
        end(&mut tally, 2, Outcome::Reset);
        tally.tick();
        end(&mut tally, 3, Outcome::Http502);
        let summary = tally.summary();
        assert_eq!(
            summary["by_outcome"],
            serde_json::json!({"http_502": 1, "reset": 1, "eof": 1})
        );
        assert_eq!(summary["lost"], 3);
        assert!(summary["late_p99_ns"].as_u64().unwrap().abs_diff(50_000) < 100);
        assert!(summary["p99_ns"].is_null());
    }
}
