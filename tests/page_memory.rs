//! What an hour of a lab's page takes of the supervisor's memory. Alone in its process: others would be measured too.
#![allow(clippy::unwrap_used, reason = "a test")]

use router::clock::Timestamp;
use router::record::{Event, Outcome, ProbeResult, Record};
use std::collections::BTreeMap;
use std::time::Duration;
use supervisor::page::ring::Limits;
use supervisor::page::{Digest, Feed, Fixed};
use supervisor::settings::LabSettings;
use supervisor::story::Story;

const ROUTERS: u64 = 50;
const SINCE: Timestamp = Timestamp(1_000_000_000);

struct Lab {
    story: Story,
    digest: Digest,
    feed: Feed,
    frames: u64,
}

impl Lab {
    fn new(limits: Limits) -> Lab {
        let mut settings = LabSettings::default();
        settings.set("a test", "routers", &ROUTERS.to_string()).unwrap();
        let fixed = Fixed {
            lab: "default".into(),
            engine: "lb-sim".into(),
            program: "resetlab".into(),
            url: "http://127.1.0.2:8000/".into(),
            started_wall: String::new(),
            epoch: "e1".into(),
            since: SINCE,
        };
        let digest = Digest::new(settings.clone(), SINCE);
        Lab {
            story: Story::new(settings.lb.clone(), settings.routers),
            feed: Feed::within(limits, fixed, &digest),
            digest,
            frames: 0,
        }
    }

    /// A check of each router, 50 requests of which one is lost, and a settings change a minute, each 100 ms.
    fn live(&mut self, frames: u64) {
        for _ in 0..frames {
            self.frames += 1;
            let begin = self.frames * 100_000_000;
            for router in 1..=ROUTERS {
                let at = SINCE + Duration::from_nanos(begin + router * 1_234_567);
                self.hear(
                    at,
                    "lb",
                    Event::Probe {
                        router: format!("router-{router}"),
                        probe: self.frames,
                        started_ns: at - Duration::from_micros(789),
                        result: ProbeResult::Ok,
                        status: Some(200),
                        failures: 0,
                        fall: 3,
                        successes: 1,
                        rise: 2,
                        prober: None,
                    },
                );
            }
            let now = SINCE + Duration::from_nanos(begin + 100_000_000);
            let tick = serde_json::json!({
                "event": "tick", "sent": self.frames * 50, "ok": self.frames * 49, "lost": self.frames,
                "buckets": [[now.0, 49, 1]],
                "late_p99_ns": 0, "late_max_ns": 0, "p50_ns": 0, "p99_ns": 0,
            });
            self.hear(now, "load", serde_json::from_value(tick).unwrap());
            let latencies = (100..130).map(|bucket| (bucket, 2)).collect();
            self.hear(now, "load", Event::Latencies { buckets: latencies });
            let lost = serde_json::json!({
                "event": "outcome", "request": self.frames, "intended_ns": now.0, "sent_ns": now.0,
                "outcome": Outcome::Reset,
            });
            self.hear(now, "load", serde_json::from_value(lost).unwrap());
            if self.frames.is_multiple_of(600) {
                let rate = if self.frames.is_multiple_of(1200) {
                    500.0
                } else {
                    400.0
                };
                let settings = serde_json::json!({ "rate": rate });
                self.hear(now, "supervisor", Event::Settings { settings });
            }
            let frame = self.digest.flush(now, &self.story).unwrap();
            self.feed.push(frame, &self.digest);
        }
    }

    fn hear(&mut self, at: Timestamp, from: &str, event: Event) {
        let from = from.into();
        let record = Record { at, from, event };
        let lines = self.story.on_record(at, &record);
        self.digest.on_record(&record);
        self.digest.on_lines(&lines);
    }
}

/// Resident, in bytes.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let fields: BTreeMap<_, _> = status.lines().filter_map(|line| line.split_once(':')).collect();
    let kb: usize = fields["VmRSS"].trim().trim_end_matches(" kB").parse().unwrap();
    kb << 10
}

#[test]
fn a_full_ring_takes_what_it_may_and_no_more() {
    // As the supervisor has it, on a machine with time for it.
    let whole = std::env::var("PAGE_MEMORY").is_ok_and(|value| value == "hour");
    let (limits, frames) = match whole {
        true => (Limits::default(), 36_000),
        false => (
            Limits {
                bytes: 8 << 20,
                ..Limits::default()
            },
            5_000,
        ),
    };
    let mut lab = Lab::new(limits);
    lab.live(100);
    let before = memory();
    lab.live(frames);
    let grown = memory().saturating_sub(before);
    let kept = lab.frames - lab.feed.first();
    println!("{} frames, {kept} kept: {grown} bytes more", lab.frames);
    assert!(whole || lab.feed.first() > 1000, "the ring has come round");
    // Room for what the story keeps of lost requests, and for the allocator's.
    let most = limits.bytes + limits.bytes / 4 + (1 << 20);
    assert!(grown < most, "{grown} bytes, {most} would do");
}
