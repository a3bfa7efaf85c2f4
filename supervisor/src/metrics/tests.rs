use super::*;
use router::clock::Timestamp;
use std::time::Duration;

const MS: u64 = 1_000_000;

/// A lab of one router, its metrics and its story, fed with records as they stand in `events.ndjson`.
struct Lab {
    metrics: Metrics,
    story: Story,
}

impl Lab {
    fn new() -> Lab {
        let settings: Settings = "interval=1s timeout=500ms fall=2 detector=sentinel"
            .parse()
            .unwrap();
        Lab {
            metrics: Metrics::new(settings.clone(), 1),
            story: Story::new(settings, 1),
        }
    }

    fn hear(&mut self, ms: u64, from: &str, event: &str) {
        let (at, from) = (Timestamp(ms * MS), from.to_owned());
        let event = serde_json::from_str(event).unwrap();
        let record = Record { at, from, event };
        self.story.on_record(at, &record);
        self.metrics.on_record(&record);
        self.settle(ms);
    }

    fn settle(&mut self, ms: u64) {
        self.story.on_deadline(Timestamp(ms * MS));
        self.metrics.on_story(&self.story);
    }

    /// The samples whose lines begin so.
    fn samples(&self, name: &str) -> String {
        let text = self.metrics.text();
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with(&format!("resetlab_{name}")))
            .collect();
        lines.join("\n")
    }
}

fn kill_and_return(lab: &mut Lab) {
    let hear = [
        (
            900,
            "load",
            r#"{"event":"tick","sent":150,"ok":150,"lost":0,"buckets":[],"late_p99_ns":100000,"late_max_ns":2000000,"p50_ns":400000,"p99_ns":1500000}"#,
        ),
        (
            950,
            "lb",
            r#"{"event":"probe","router":"router-1","probe":1,"started_ns":949000000,"result":"ok","status":200,"failures":0,"fall":2,"successes":1,"rise":2}"#,
        ),
        (
            1000,
            "supervisor",
            r#"{"event":"fault","router":"router-1","incarnation":1,"fault":"kill"}"#,
        ),
        (
            1000,
            "supervisor",
            r#"{"event":"death","router":"router-1","incarnation":1,"stamp":"signal"}"#,
        ),
        (
            1001,
            "supervisor",
            r#"{"event":"exited","name":"router-1","pid":7,"incarnation":1,"code":null,"signal":9,"uptime_s":1.0,"words":"killed by SIGKILL after 1 s"}"#,
        ),
        (
            1002,
            "lb",
            r#"{"event":"attempt","request":1,"router":"router-1","started_ns":999000000,"cause":"eof","reused":true}"#,
        ),
        (
            1002,
            "load",
            r#"{"event":"outcome","request":1,"intended_ns":999000000,"outcome":"reset"}"#,
        ),
        (
            1003,
            "lb",
            r#"{"event":"belief","router":"router-1","from_state":"up","to":"down","reason":"refused","by":"sentinel"}"#,
        ),
        (
            1003,
            "lb",
            r#"{"event":"quiet","router":"router-1","last_attempt_ns":1001500000}"#,
        ),
        (
            1004,
            "lb",
            r#"{"event":"forwarded","requests":151,"attempts":152,"retries":1,"over_budget":2,"over_breaker":0}"#,
        ),
        (1300, "lb", r#"{"event":"unrouted","request":2}"#),
        (1300, "lb", r#"{"event":"dropped","count":3}"#),
        (
            2000,
            "supervisor",
            r#"{"event":"spawned","name":"router-1","pid":8,"incarnation":2}"#,
        ),
        (2010, "router-1", r#"{"event":"ready","pid":8,"addresses":{}}"#),
        (
            2500,
            "lb",
            r#"{"event":"belief","router":"router-1","from_state":"going_up","to":"up","reason":"2 of 2"}"#,
        ),
        (
            2510,
            "lb",
            r#"{"event":"readmitted","router":"router-1","started_ns":2505000000}"#,
        ),
    ];
    for (ms, from, event) in hear {
        lab.hear(ms, from, event);
    }
}

#[test]
fn the_page_of_a_lab_in_which_a_router_died_once() {
    let mut lab = Lab::new();
    kill_and_return(&mut lab);
    insta::assert_snapshot!(lab.metrics.text());
}

#[test]
fn a_mistake_and_a_scaled_fleet_are_counted() {
    let mut lab = Lab::new();
    let ejected = r#"{"event":"belief","router":"router-1","from_state":"up","to":"ejected","reason":"5","by":"passive","until_ns":9}"#;
    lab.hear(1000, "lb", ejected);
    lab.settle(1500);
    assert!(
        lab.samples("router_mistakes")
            .contains(r#"{router="router-1",by="passive"} 1"#),
        "{}",
        lab.samples("router_mistakes")
    );
    assert!(lab.samples("router_belief").contains(r#"state="ejected"} 1"#));
    assert!(lab.samples("router_decided").contains(r#"by="passive"} 1"#));
    lab.hear(
        2000,
        "lb",
        r#"{"event":"member","router":"router-2","present":true}"#,
    );
    lab.hear(
        2001,
        "lb",
        r#"{"event":"member","router":"router-1","present":false}"#,
    );
    assert!(!lab.samples("router_truth").contains("router-1"), "it has left");
    assert!(
        lab.samples("router_mistakes").contains("router-1"),
        "what it counted stays"
    );
    assert!(
        lab.samples("probes_total")
            .contains(r#"{router="router-2",result="ok"} 0"#)
    );
}

#[test]
fn totals_outlive_the_processes_that_count_them() {
    let mut lab = Lab::new();
    let forwarded =
        r#"{"event":"forwarded","requests":10,"attempts":11,"retries":1,"over_budget":0,"over_breaker":0}"#;
    lab.hear(1, "lb", forwarded);
    let spawned = r#"{"event":"spawned","name":"lb","pid":9,"incarnation":2}"#;
    lab.hear(2, "supervisor", spawned);
    assert_eq!(
        lab.samples("forwarded_attempts"),
        "resetlab_forwarded_attempts_total 11"
    );
    lab.hear(3, "lb", forwarded);
    assert_eq!(
        lab.samples("forwarded_attempts"),
        "resetlab_forwarded_attempts_total 22"
    );
}

#[test]
fn a_duration_on_a_bound_is_below_it() {
    let mut histogram = Histogram::default();
    histogram.observe(Duration::from_millis(1));
    histogram.observe(Duration::from_secs(3600));
    let buckets = histogram.buckets();
    assert_eq!((buckets[0], buckets[17].1), ((0.001, 1), 1));
}
