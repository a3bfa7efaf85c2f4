mod edges;

use super::*;
use crate::report::figure::Lane;

/// A lab of records, by seconds; the fault that is shown is at 100 s.
struct Lab(Vec<Record>);

const AT: f64 = 100.0;

fn at(seconds: f64) -> Timestamp {
    Timestamp((seconds * 1e9).round() as u64)
}

impl Lab {
    /// Routers that are ready, a balancer, a load.
    fn of(routers: u32) -> Lab {
        let mut lab = Lab(Vec::new());
        for n in 1..=routers {
            let name = format!("router-{n}");
            lab.hear(
                1.0,
                "supervisor",
                &format!(r#"{{"event":"spawned","name":"{name}","pid":1,"incarnation":1}}"#),
            );
            lab.hear(1.1, &name, READY);
        }
        lab.hear(1.2, "lb", READY);
        lab
    }

    fn hear(&mut self, seconds: f64, from: &str, event: &str) {
        self.0.push(Record {
            at: at(seconds),
            from: from.to_owned(),
            event: serde_json::from_str(event).unwrap(),
        });
    }

    fn dies(&mut self, seconds: f64, router: &str) {
        let death = format!(r#"{{"event":"death","router":"{router}","incarnation":1,"stamp":"signal"}}"#);
        self.hear(seconds, "supervisor", &death);
    }

    fn is_back(&mut self, seconds: f64, router: &str) {
        let spawned = format!(r#"{{"event":"spawned","name":"{router}","pid":2,"incarnation":2}}"#);
        self.hear(seconds, "supervisor", &spawned);
        self.hear(seconds + 0.1, router, READY);
    }

    fn believes(&mut self, seconds: f64, router: &str, to: &str) {
        let belief =
            format!(r#"{{"event":"belief","router":"{router}","from_state":"up","to":"{to}","reason":""}}"#);
        self.hear(seconds, "lb", &belief);
    }

    fn probes(&mut self, (from, to): (f64, f64), router: &str, result: &str) {
        let started = at(from).0;
        let probe = format!(
            r#"{{"event":"probe","router":"{router}","probe":1,"started_ns":{started},"result":"{result}","failures":0,"fall":2,"successes":0,"rise":2}}"#
        );
        self.hear(to, "lb", &probe);
    }

    fn loses(&mut self, seconds: f64, outcome: &str) {
        let intended = at(seconds).0;
        let lost =
            format!(r#"{{"event":"outcome","request":1,"intended_ns":{intended},"outcome":"{outcome}"}}"#);
        self.hear(seconds + 0.01, "load", &lost);
    }

    fn scene(self, moment: &Moment) -> Scene {
        scenes(std::slice::from_ref(moment), self.0).remove(0)
    }
}

const READY: &str = r#"{"event":"ready","pid":1,"addresses":{}}"#;

/// router-2 is killed: noticed after 1.5 s, by checks every second.
fn kill() -> Moment {
    Moment {
        at: at(AT),
        fault: Fault::Kill,
        victims: vec![Victim {
            router: "router-2".to_owned(),
            lost: Some(154),
        }],
        interval: Duration::from_secs(1),
        t_detect_s: Some(1.5),
        predicted_t_detect_s: Some(1.49),
        t_stop_s: Some(1.48),
        t_clear_s: Some(1.47),
    }
}

type Steps<'a> = Vec<(f64, &'a str)>;

/// Truth and belief, by milliseconds.
fn rounded(lane: &Lane) -> (Steps<'_>, Steps<'_>) {
    fn all(steps: &[(f64, String)]) -> Steps<'_> {
        let round = |at: f64| (at * 1e3).round() / 1e3;
        steps
            .iter()
            .map(|(at, word)| (round(*at), word.as_str()))
            .collect()
    }
    (all(&lane.truth), all(&lane.belief))
}

/// A log that was cut off shows what had not yet happened as if it never did.
#[test]
fn events_that_end_before_the_fault_was_noticed_make_no_whole_picture() {
    let told = |until: f64| {
        let mut lab = Lab::of(3);
        lab.dies(AT, "router-2");
        lab.probes((AT + until - 0.01, AT + until), "router-2", "refused");
        lab.loses(AT + 50.0, "reset");
        lab.scene(&kill()).whole
    };
    assert!(!told(1.4));
    assert!(told(1.6));
}

#[test]
fn truth_stands_over_belief_from_before_the_fault_until_the_router_serves_again() {
    let mut lab = Lab::of(3);
    lab.probes((AT - 0.5, AT - 0.499), "router-2", "ok");
    lab.dies(AT, "router-2");
    lab.probes((AT + 0.5, AT + 0.501), "router-2", "refused");
    lab.believes(AT + 0.501, "router-2", "going_down");
    lab.probes((AT + 1.5, AT + 1.501), "router-2", "refused");
    lab.believes(AT + 1.5, "router-2", "down");
    lab.is_back(AT + 1.6, "router-2");
    lab.believes(AT + 2.5, "router-2", "going_up");
    lab.believes(AT + 3.5, "router-2", "up");
    lab.dies(AT + 60.0, "router-1");
    for (seconds, outcome) in [(-0.05, "eof"), (0.31, "reset"), (0.37, "reset"), (50.0, "reset")] {
        lab.loses(AT + seconds, outcome);
    }
    let scene = lab.scene(&kill());
    let timeline = &scene.timeline;
    assert_eq!(
        (timeline.from * 1e3).round(),
        -1150.0,
        "a bit more than an interval"
    );
    assert!((3.5..4.1).contains(&timeline.to), "{}", timeline.to);
    let names: Vec<&str> = timeline.lanes.iter().map(|lane| lane.router.as_str()).collect();
    assert_eq!(names, ["router-2", "router-1", "router-3"], "the victim first");
    let (truth, belief) = rounded(&timeline.lanes[0]);
    assert_eq!(
        truth,
        [(-1.15, "up"), (0.0, "dead"), (1.6, "starting"), (1.7, "up")]
    );
    assert_eq!(
        belief,
        [
            (-1.15, "up"),
            (0.501, "going_down"),
            (1.5, "down"),
            (2.5, "going_up"),
            (3.5, "up")
        ]
    );
    let (from, to, label) = &timeline.lanes[0].gaps[0];
    assert_eq!((*from, *to, label.as_str()), (0.0, 1.5, "1.500 s · 154 lost"));
    assert_eq!(timeline.lanes[0].gaps.len(), 1);
    let results: Vec<&str> = timeline.lanes[0]
        .checks
        .iter()
        .map(|(.., result)| result.as_str())
        .collect();
    assert_eq!(results, ["ok", "refused", "refused"]);
    assert_eq!(
        rounded(&timeline.lanes[1]).0,
        [(-1.15, "up")],
        "what came later is no part of it"
    );
    let lost: Vec<(i64, &str, u64)> = timeline
        .lost
        .iter()
        .map(|(from, outcome, count)| ((from * 10.0).round() as i64, outcome.as_str(), *count))
        .collect();
    assert_eq!(lost, [(-1, "eof", 1), (3, "reset", 2)]);
    let marks: Vec<&str> = timeline.marks.iter().map(|mark| mark.name.as_str()).collect();
    assert_eq!(marks, ["death", "predicted", "t_detect", "t_stop"]);
    assert_eq!(
        (scene.hidden, scene.told, scene.seen_by_routers),
        (0, true, false)
    );
}

#[test]
fn what_was_long_before_is_known() {
    let mut lab = Lab::of(2);
    lab.dies(20.0, "router-1");
    lab.believes(21.0, "router-1", "down");
    lab.dies(AT, "router-2");
    lab.believes(AT + 1.5, "router-2", "down");
    // Another one joins meanwhile: it is used from then on.
    let born = r#"{"event":"spawned","name":"router-3","pid":9,"incarnation":1}"#;
    lab.hear(AT + 0.2, "supervisor", born);
    lab.hear(AT + 0.3, "router-3", READY);
    lab.hear(
        AT + 0.4,
        "lb",
        r#"{"event":"member","router":"router-3","present":true}"#,
    );
    let timeline = lab.scene(&kill()).timeline;
    assert_eq!(
        rounded(&timeline.lanes[1]),
        (vec![(-1.15, "dead")], vec![(-1.15, "down")])
    );
    assert_eq!(timeline.lanes[1].gaps, []);
    let (truth, belief) = rounded(&timeline.lanes[2]);
    assert_eq!(truth.last(), Some(&(0.3, "up")));
    assert_eq!(belief, [(-1.15, ""), (0.4, "up")]);
    assert_eq!(timeline.lanes[2].gaps, [], "nobody used it before");
    assert!(timeline.to < 2.0, "router-2 did not come back: {}", timeline.to);
}

#[test]
fn a_balancer_that_tells_nothing_has_no_belief_and_no_gap() {
    let mut lab = Lab::of(2);
    lab.hear(
        1.3,
        "lb",
        r#"{"event":"engine","engine":"nginx","version":"1.22","belief":false,"attempts":false}"#,
    );
    lab.hear(AT - 0.4, "router-2", r#"{"event":"check_seen","status":200}"#);
    lab.hear(AT - 0.3, "router-1", r#"{"event":"check_seen","status":503}"#);
    lab.dies(AT, "router-2");
    lab.hear(
        AT + 1.55,
        "supervisor",
        r#"{"event":"exited","name":"load","pid":3,"incarnation":1,"code":0,"signal":null,"uptime_s":1.0,"words":""}"#,
    );
    lab.dies(AT + 1.551, "router-1");
    let moment = Moment {
        t_detect_s: None,
        ..kill()
    };
    let scene = lab.scene(&moment);
    assert!(!scene.told && scene.seen_by_routers);
    let lanes = &scene.timeline.lanes;
    assert_eq!(rounded(&lanes[0]).1, []);
    assert!(lanes[0].gaps.is_empty());
    assert_eq!(
        scene.timeline.to, 1.55,
        "where the load ended, so does the picture"
    );
    assert_eq!(rounded(&lanes[1]).0, [(-1.15, "up")]);
    assert_eq!(lanes[1].checks[0].2, "status");
    let marks: Vec<&str> = scene
        .timeline
        .marks
        .iter()
        .map(|mark| mark.name.as_str())
        .collect();
    assert_eq!(marks, ["death", "predicted", "t_stop"], "never noticed");
    let caption = scene.figure("worst", "router-2 was killed.").caption;
    assert!(
        caption.starts_with("router-2 was killed. The balancer does not tell what it believes."),
        "{caption}"
    );
}

#[test]
fn of_many_routers_those_are_shown_to_which_something_happened() {
    let mut lab = Lab::of(20);
    lab.dies(AT, "router-2");
    lab.believes(AT + 0.4, "router-17", "ejected");
    lab.believes(AT + 1.5, "router-2", "down");
    let scene = lab.scene(&kill());
    let names: Vec<&str> = scene
        .timeline
        .lanes
        .iter()
        .map(|lane| lane.router.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "router-2",
            "router-1",
            "router-3",
            "router-4",
            "router-5",
            "router-17"
        ]
    );
    assert_eq!(scene.hidden, 14);
    let figure = scene.figure("typical", "One of twenty.");
    assert!(
        figure.caption.ends_with("14 more routers are not shown."),
        "{}",
        figure.caption
    );
    assert!(
        figure
            .alt
            .contains("router-2 was believed in use and was not fit for it for 1.500 s"),
        "{}",
        figure.alt
    );
}

#[test]
fn a_fault_that_is_over_in_a_blink_is_shown_from_near() {
    let mut lab = Lab::of(2);
    lab.dies(AT, "router-2");
    lab.believes(AT + 0.03, "router-2", "ejected");
    lab.is_back(AT + 15.0, "router-2");
    lab.believes(AT + 30.0, "router-2", "up");
    let moment = Moment {
        interval: Duration::from_secs(5),
        t_detect_s: Some(0.03),
        predicted_t_detect_s: Some(7.4),
        t_stop_s: Some(0.03),
        t_clear_s: Some(0.02),
        ..kill()
    };
    let timeline = lab.scene(&moment).timeline;
    assert_eq!(timeline.from, -0.5);
    assert!(timeline.to < 0.2, "{}", timeline.to);
    assert!(
        timeline.marks.iter().all(|mark| mark.name != "predicted"),
        "out of the picture"
    );
}

#[test]
fn a_fault_that_nobody_noticed_is_a_gap_until_it_was_healed() {
    let mut lab = Lab::of(2);
    let silent =
        r#"{"event":"fault","router":"router-2","incarnation":1,"fault":"error","detail":"on requests"}"#;
    lab.hear(AT, "supervisor", silent);
    lab.hear(
        AT + 2.0,
        "supervisor",
        r#"{"event":"healed","router":"router-2","incarnation":1,"fault":"error"}"#,
    );
    let moment = Moment {
        fault: Fault::Error,
        t_detect_s: None,
        predicted_t_detect_s: None,
        t_stop_s: None,
        t_clear_s: Some(1.98),
        ..kill()
    };
    let timeline = lab.scene(&moment).timeline;
    assert_eq!(timeline.marks.len(), 1);
    assert_eq!(timeline.marks[0].name, "error");
    assert_eq!(timeline.lanes[0].gaps[0].2, "2.000 s · 154 lost");
    assert!((2.0..2.6).contains(&timeline.to), "{}", timeline.to);
}
