//! The pictures of a typical trial and of the worst.

use super::*;

pub fn timelines() -> Section {
    let passing = |phase: f64| {
        (-1..6)
            .map(move |n| f64::from(n) * 2.0 + phase)
            .map(|at| (at, at + 0.002, "ok".into()))
    };
    let mut victim: Vec<(f64, f64, String)> = vec![(-0.829, -0.827, "ok".into())];
    victim.extend([
        (1.171, 1.171, "refused".to_owned()),
        (3.171, 3.172, "refused".to_owned()),
    ]);
    victim.extend([5.171, 7.171].map(|at| (at, at + 0.002, "ok".to_owned())));
    let other = |n: u32| Lane {
        router: format!("router-{n}"),
        truth: changes(&[(-9.0, "up")]),
        belief: changes(&[(-9.0, "up")]),
        checks: passing(0.17 + 0.5 * f64::from(n)).collect(),
        gaps: vec![],
    };
    let lost = (0..32u32).map(|bin| {
        (
            f64::from(bin) * 0.1,
            "reset".to_owned(),
            4 + u64::from(bin * 7 % 4),
        )
    });
    let lost = lost
        .chain([(0.0, "eof".to_owned(), 2), (1.1, "timeout".to_owned(), 1)])
        .collect();
    let kill = Timeline {
        from: -1.0,
        to: 9.0,
        lanes: vec![
            other(1),
            Lane {
                router: "router-2".into(),
                truth: changes(&[(-9.0, "up"), (0.0, "dead"), (3.4, "starting"), (4.002, "up")]),
                belief: changes(&[
                    (-9.0, "up"),
                    (1.171, "going_down"),
                    (3.171, "down"),
                    (5.173, "going_up"),
                    (7.173, "up"),
                ]),
                checks: victim,
                gaps: vec![
                    (0.0, 3.171, "3.17 s, 154 requests lost".into()),
                    (4.002, 7.173, "not used".into()),
                ],
            },
            other(3),
            other(4),
        ],
        lost,
        marks: [
            (0.0, "death"),
            (3.171, "t_detect"),
            (3.171, "predicted"),
            (3.163, "t_stop"),
            (7.176, "t_readmit"),
        ]
        .map(|(at, name)| Mark {
            at,
            name: name.into(),
        })
        .to_vec(),
    };
    let hang = Timeline {
        from: -2.0,
        to: 30.0,
        lanes: vec![
            Lane {
                router: "router-3-with-a-very-long-name".into(),
                truth: changes(&[(-9.0, "up"), (0.0, "hung"), (22.0, "up")]),
                belief: changes(&[
                    (-9.0, "up"),
                    (6.0, "going_down"),
                    (16.0, "down"),
                    (25.0, "going_up"),
                    (29.0, "up"),
                ]),
                checks: vec![
                    (-1.0, -0.99, "ok".into()),
                    (4.0, 6.0, "timeout".into()),
                    (9.0, 11.0, "timeout".into()),
                    (14.0, 16.0, "timeout".into()),
                    (19.0, 21.0, "timeout".into()),
                    (24.0, 24.01, "ok".into()),
                ],
                gaps: vec![(0.0, 16.0, "16.0 s".into())],
            },
            other(1),
            other(2),
        ],
        lost: (0..160u32)
            .flat_map(|bin| {
                let at = f64::from(bin) * 0.1;
                let some = u64::from(bin * 13 % 7);
                [
                    (at, "timeout".to_owned(), 3 + some),
                    (at, "http_504".to_owned(), some / 2),
                    (at, "http_502".to_owned(), some / 3),
                ]
            })
            .collect(),
        marks: [(0.0, "death"), (16.0, "t_detect"), (15.6, "t_stop")]
            .map(|(at, name)| Mark {
                at,
                name: name.into(),
            })
            .to_vec(),
    };
    let alt = "router-2 was dead from 0 s; the balancer believed it up until 3.171 s; 154 requests were lost in between.";
    section(
        "timeline",
        "Truth over belief",
        vec![
            figure(
                "typical",
                "The trial whose `t_detect` is the median, trial 11 of 20. Between truth and belief: the reset \
               window. Checks: | passed, × failed, a bar one that timed out.",
                alt,
                Picture::Timeline(kill),
            ),
            figure(
                "worst",
                "The longest, trial 4.",
                "router-3 was hung and believed up for 16 s.",
                Picture::Timeline(hang),
            ),
        ],
    )
}
