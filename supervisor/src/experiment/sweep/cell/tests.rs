use super::*;
use crate::experiment::mistakes::Mistake;
use router::record::{Event, ProbeResult};

fn settings(words: &str) -> LabSettings {
    let mut settings = LabSettings::default();
    settings.lb = words.parse().unwrap();
    settings
}

fn death(t_detect_s: Option<f64>, lost: u64) -> Death {
    Death {
        router: "router-1".to_owned(),
        at_ns: None,
        stack: None,
        detected: Some(t_detect_s.is_some()),
        t_detect_s,
        predicted_t_detect_s: None,
        lost,
        events_dropped: 0,
        disturbed: Vec::new(),
    }
}

#[test]
fn a_cell_has_theory_beside_each_figure() {
    let settings = settings("interval=1s timeout=200ms fall=1");
    let pauses = Pauses {
        length: Duration::from_millis(300),
        share: 0.01,
    };
    let mistake = Mistake {
        router: "router-2".to_owned(),
        at: Timestamp(5),
        duration_s: Some(1.8),
    };
    let seen = Seen {
        deaths: vec![death(Some(0.4), 20), death(Some(0.6), 30), death(None, 0)],
        checks_per_s: Some(4.0),
        mistakes: Some((
            pauses,
            Mistakes {
                list: vec![mistake],
                lived: Duration::from_secs(300),
            },
        )),
        late_p99_ms: Some(0.3),
    };
    let swept = [("interval".to_owned(), "1s".to_owned())];
    let cell = Cell::new(3, &swept, &settings, &Spec::new(Fault::Kill), seen);
    assert_eq!((cell.n, cell.detected, cell.missed()), (3, Some(2), 1));
    assert_eq!(cell.t_detect_s.unwrap().mean, 0.5);
    let theory = &cell.theory;
    assert_eq!(
        (
            theory.t_detect_s.min,
            theory.t_detect_s.mean,
            theory.t_detect_s.max
        ),
        (Some(0.0), Some(0.5), Some(1.0))
    );
    // 200 requests a second, four routers.
    assert_eq!(
        (theory.lost_per_death.mean, theory.checks_per_s),
        (Some(25.0), 4.0)
    );
    let told = cell.false_ejections.as_ref().unwrap();
    assert_eq!(
        (told.observed, told.t_mr_s, told.t_m_s),
        (1, Some(300.0), Some(1.8))
    );
    // A tenth of the pauses (every 30 s) is seen by a check.
    let t_mr = told.theory.t_mr_s.unwrap();
    assert!((t_mr / 300.0 - 1.0).abs() < 0.02, "{t_mr}");
    assert_eq!(
        (told.theory.low, told.theory.high, told.theory.inside),
        (Some(0), Some(3), Some(true))
    );
    let text = serde_json::to_string(&cell).unwrap();
    let again: Cell = serde_json::from_str(&text).unwrap();
    assert_eq!((again.deaths, again.settings), (cell.deaths, cell.settings));
}

#[test]
fn invalid_deaths_are_in_no_figure() {
    let mut late = death(Some(9.0), 900);
    late.disturbed.push("load exited".to_owned());
    let seen = Seen {
        deaths: vec![death(Some(0.4), 20), late],
        checks_per_s: None,
        mistakes: None,
        late_p99_ms: None,
    };
    let cell = Cell::new(0, &[], &settings("interval=1s"), &Spec::new(Fault::Kill), seen);
    assert_eq!((cell.n, cell.invalid, cell.detected), (1, 1, Some(1)));
    assert_eq!(
        (cell.t_detect_s.unwrap().max, cell.lost_per_death),
        (0.4, Some(20.0))
    );
}

#[test]
fn what_theory_does_not_know_is_null_with_a_reason() {
    let settings = settings("check=tcp");
    let seen = Seen {
        deaths: Vec::new(),
        checks_per_s: None,
        mistakes: None,
        late_p99_ms: None,
    };
    let cell = Cell::new(0, &[], &settings, &Spec::new(Fault::Hang), seen);
    let json = serde_json::to_value(&cell).unwrap();
    assert_eq!(json["t_detect_s"], serde_json::Value::Null);
    assert_eq!(json["lost_per_death"], serde_json::Value::Null);
    assert_eq!(json["theory"]["t_detect_s"]["mean"], serde_json::Value::Null);
    let reason = json["theory"]["t_detect_s"]["reason"].as_str().unwrap();
    assert!(reason.contains("TCP check"), "{reason}");
}

#[test]
fn checks_are_counted_from_start_to_start() {
    let probe = |router: &str, ms: u64| Record {
        at: Timestamp(ms * 1_000_000 + 5),
        from: "lb".to_owned(),
        event: Event::Probe {
            router: router.to_owned(),
            probe: ms,
            started_ns: Timestamp(ms * 1_000_000),
            result: ProbeResult::Ok,
            status: None,
            failures: 0,
            fall: 2,
            successes: 1,
            rise: 2,
            prober: None,
        },
    };
    let mut records: Vec<_> = (0..20).map(|n| probe("router-1", 70 + n * 500)).collect();
    records.extend((0..20).map(|n| probe("router-2", 190 + n * 500)));
    let span = (Timestamp(1_000_000_000), Timestamp(4_000_000_000));
    assert_eq!(checks_per_second(&records, By::Balancer, span), Some(4.0));
    assert_eq!(checks_per_second(&records[..1], By::Balancer, span), None);
}
