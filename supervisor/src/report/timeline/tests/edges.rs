//! Where a picture ends.

use super::*;

/// The next trial's victim dies while this one is still shown to come back.
#[test]
fn a_picture_ends_before_the_next_fault_and_shows_what_this_one_cost() {
    let mut lab = Lab::of(3);
    lab.dies(AT, "router-2");
    lab.believes(AT + 1.5, "router-2", "down");
    lab.is_back(AT + 1.6, "router-2");
    lab.believes(AT + 3.5, "router-2", "up");
    lab.dies(AT + 3.55, "router-3");
    lab.loses(AT + 0.3, "reset");
    lab.loses(AT + 3.54, "reset");
    lab.loses(AT + 3.56, "reset");
    let with = |lost| Moment {
        victims: vec![Victim {
            router: "router-2".to_owned(),
            lost: Some(lost),
        }],
        ..kill()
    };
    let told = |lost: u64| {
        Lab(lab.0.clone())
            .scene(&with(lost))
            .figure("trial", "router-2 was killed.")
            .caption
    };
    let scene = Lab(lab.0.clone()).scene(&with(1));
    assert_eq!(scene.timeline.to, 3.55);
    for lane in &scene.timeline.lanes[1..] {
        assert_eq!(rounded(lane).0, [(-1.15, "up")], "{}", lane.router);
        assert!(lane.gaps.is_empty());
    }
    let drawn: u64 = scene.timeline.lost.iter().map(|(.., count)| count).sum();
    assert_eq!(drawn, 2, "what was due before it");
    assert!(
        told(1).ends_with(" 1 of the 2 lost requests shown was not lost to this fault."),
        "{}",
        told(1)
    );
    assert!(told(2).ends_with("killed."), "{}", told(2));
    assert!(
        told(4).ends_with(" 2 of its lost requests were due outside the picture."),
        "{}",
        told(4)
    );
}

#[test]
fn a_gap_that_the_edge_cuts_off_has_no_length() {
    let mut lab = Lab::of(3);
    lab.dies(AT - 3.0, "router-3");
    lab.believes(AT - 0.4, "router-3", "down");
    lab.dies(AT, "router-2");
    lab.believes(AT + 1.5, "router-2", "down");
    // Another one goes before the first is noticed: what was measured is shown.
    lab.dies(AT + 1.2, "router-1");
    let scene = lab.scene(&kill());
    assert!((1.5..1.51).contains(&scene.timeline.to), "{}", scene.timeline.to);
    let labels: Vec<&str> = scene
        .timeline
        .lanes
        .iter()
        .map(|lane| lane.gaps[0].2.as_str())
        .collect();
    assert_eq!(labels, ["1.500 s · 154 lost", "goes on", "since before"]);
    let alt = scene.figure("worst", "").alt;
    assert!(
        alt.contains("router-1 was believed in use and was not fit for it for longer than is shown"),
        "{alt}"
    );
}

/// The fault of a first trial: the picture begins before the lab does.
#[test]
fn a_router_is_not_up_before_it_was_started() {
    let mut lab = Lab(Vec::new());
    let begin = |lab: &mut Lab, name: &str, seconds: f64| {
        let spawned = format!(r#"{{"event":"spawned","name":"{name}","pid":1,"incarnation":1}}"#);
        lab.hear(seconds, "supervisor", &spawned);
        lab.hear(seconds + 0.1, name, READY);
    };
    for n in 1..=3 {
        begin(&mut lab, &format!("router-{n}"), AT - 0.9);
    }
    begin(&mut lab, "lb", AT - 0.5);
    // Another one's beginning is in no record.
    lab.believes(AT - 0.2, "router-4", "going_down");
    lab.dies(AT, "router-2");
    lab.believes(AT + 1.5, "router-2", "down");
    let scene = lab.scene(&kill());
    let lanes = &scene.timeline.lanes;
    assert_eq!(
        rounded(&lanes[0]),
        (
            vec![(-1.15, "absent"), (-0.9, "starting"), (-0.8, "up"), (0.0, "dead")],
            vec![(-1.15, ""), (-0.4, "up"), (1.5, "down")]
        )
    );
    assert_eq!(
        rounded(&lanes[1]).0,
        [(-1.15, "absent"), (-0.9, "starting"), (-0.8, "up")]
    );
    assert_eq!(lanes[3].router, "router-4");
    assert_eq!(rounded(&lanes[3]).0, [(-1.15, "unknown")]);
    assert!(lanes[1..].iter().all(|lane| lane.gaps.is_empty()));
}

#[test]
fn that_all_have_come_in_does_not_hide_the_one_to_which_something_happened() {
    let mut lab = Lab(Vec::new());
    for n in 1..=20 {
        let name = format!("router-{n}");
        let spawned = format!(r#"{{"event":"spawned","name":"{name}","pid":1,"incarnation":1}}"#);
        lab.hear(AT - 0.9, "supervisor", &spawned);
        lab.hear(AT - 0.8, &name, READY);
    }
    lab.hear(AT - 0.5, "lb", READY);
    lab.dies(AT, "router-2");
    lab.believes(AT + 0.4, "router-17", "ejected");
    lab.believes(AT + 1.5, "router-2", "down");
    let lanes = lab.scene(&kill()).timeline.lanes;
    assert_eq!(lanes[5].router, "router-17");
}
