//! A report with every block and every picture, of invented but plausible data.

mod timelines;

use crate::report::figure::*;
use crate::report::model::*;
use timelines::timelines;

pub fn report() -> Report {
    Report {
        schema: SCHEMA,
        kind: Kind::Run,
        title: "20 kills of 4 routers behind lb-sim".into(),
        subtitle: "run-7f3a2c, 2026-11-26 14:02 UTC, preset kb (documented) with interval=2s timeout=1s".into(),
        complete: true,
        verdict: Verdict {
            sentence: "A killed router gets traffic for 3.0 s (median of 20; at most 4.0 s), and 148 requests are \
                       lost each time: reset."
                .into(),
            advice: vec![
                "Set `detector=sentinel`: a killed router is then noticed in about 1 ms instead of 3.0 s, with no \
                 more checks."
                    .into(),
                "Or set `interval=500ms`: 0.75 s and about 37 lost requests a death, at 8.0 checks/s instead of 2.0."
                    .into(),
                "Set `on-failure=retry`: all 2,960 lost requests were refused connections, which are safe to retry."
                    .into(),
            ],
        },
        warnings: vec![
            "Only 20 trials: the 95 % band is ±30 percentage points wide.".into(),
            "The load generator was late: p99 4.2 ms after the intended time.".into(),
        ],
        sections: vec![timelines(), detection(), lost(), latency(), grid(), trials(), method()],
    }
}

/// One table and one figure.
pub fn small() -> Report {
    let mut report = report();
    report.sections = vec![grid()];
    report
}

fn section(id: &'static str, title: &str, blocks: Vec<Block>) -> Section {
    Section {
        id,
        title: title.into(),
        blocks,
    }
}

fn figure(id: &str, caption: &str, alt: &str, picture: Picture) -> Block {
    Block::Figure(Figure {
        id: id.into(),
        caption: caption.into(),
        alt: alt.into(),
        picture,
    })
}

fn changes(changes: &[(f64, &str)]) -> Vec<(f64, String)> {
    changes
        .iter()
        .map(|(at, word)| (*at, (*word).to_owned()))
        .collect()
}

fn detection() -> Section {
    let values = |from: f64, scale: f64| {
        (0..20u32)
            .map(|n| from + f64::from(n * 7 % 20) * scale)
            .collect::<Vec<f64>>()
    };
    let ecdf = Ecdf {
        x_label: "s from the death".into(),
        series: vec![
            Series {
                name: "t_detect".into(),
                values: values(2.03, 0.102),
                never: 0,
            },
            Series {
                name: "t_stop".into(),
                values: values(2.02, 0.1017),
                never: 0,
            },
            Series {
                name: "t_clear".into(),
                values: values(1.99, 0.1),
                never: 0,
            },
        ],
        bounds: Some((2.0, Some(3.0), Some(4.0))),
        band: Some(0.304),
    };
    let residuals = Dots {
        x_label: "trial".into(),
        y_label: "measured − predicted, ms".into(),
        series: vec![
            Points {
                name: "lb-sim".into(),
                points: (1..=20u32)
                    .map(|n| (f64::from(n), 0.3 + f64::from(n * 11 % 20) * 0.07))
                    .collect(),
            },
            Points {
                name: "haproxy".into(),
                points: (1..=20u32)
                    .map(|n| (f64::from(n), 1.3 + f64::from(n * 7 % 20) * 0.11))
                    .collect(),
            },
        ],
        line: Some((0.0, 0.0, "as predicted".into())),
    };
    let table = Table {
        caption: "n = 20 kills. Theory: interval × (fall − 1) to interval × fall.".into(),
        columns: vec![
            Column::new("quantity", "", ""),
            Column::new("min_s", "min", "s"),
            Column::new("p50_s", "p50", "s"),
            Column::new("p95_s", "p95", "s"),
            Column::new("max_s", "max", "s"),
        ],
        rows: vec![
            row("t_detect", &[Some(2.03), Some(2.95), Some(3.866), Some(3.968)]),
            row("t_stop", &[Some(2.02), Some(2.94), Some(3.85), Some(3.95)]),
            row("t_readmit", &[None, None, None, None]),
            row("theory", &[Some(2.0), Some(3.0), None, Some(4.0)]),
        ],
        marked: Some(0),
    };
    section(
        "detection",
        "How long traffic kept going to the dead router",
        vec![
            figure(
                "ecdf",
                "Share of the 20 trials in which it had happened by then. Grey: where theory has it; blue band: 95 % \
               (DKW).",
                "All three distributions lie between theory's 2 s and 4 s.",
                Picture::Ecdf(ecdf),
            ),
            Block::Table(table),
            figure(
                "residuals",
                "Measured against predicted from the phase of the check clock, trial by trial, n = 20 each.",
                "Residuals between 0.3 and 3.4 ms.",
                Picture::Dots(residuals),
            ),
        ],
    )
}

fn row(name: &str, values: &[Option<f64>]) -> Vec<Cell> {
    let numbers = values.iter().map(|value| Cell::number(*value, 3));
    [Cell::Words(name.into())].into_iter().chain(numbers).collect()
}

fn lost() -> Section {
    let part = |name: &str, value: f64| (name.to_owned(), value);
    let bars = Bars {
        x_label: "requests lost, 20 deaths".into(),
        bars: vec![
            (
                "what the client got".into(),
                vec![part("reset", 2931.0), part("eof", 21.0), part("timeout", 8.0)],
            ),
            (
                "when it was sent".into(),
                vec![part("window", 2920.0), part("in_flight", 40.0)],
            ),
            (
                "why the attempt failed".into(),
                vec![part("refused", 2920.0), part("reset", 40.0)],
            ),
        ],
    };
    section("lost", "Lost requests", vec![
        Block::Text { text: "All of them went to the router that was dead. `refused` can be retried safely: no request was \
                             sent.".into() },
        figure("outcomes", "2,960 requests of 60,120 (4.92 %), n = 20 deaths.", "Most were reset.", Picture::Bars(bars)),
    ])
}

fn latency() -> Section {
    let number = |value: f64| Cell::Number { value, digits: 2 };
    section(
        "latency",
        "Latency",
        vec![Block::Table(Table {
            caption: "Of requests that ended ok; from the intended send time, and from the real one.".into(),
            columns: vec![
                Column::new("from", "from", ""),
                Column::new("p50_ms", "p50", "ms"),
                Column::new("p99_ms", "p99", "ms"),
                Column::new("p999_ms", "p99.9", "ms"),
                Column::new("count", "requests", ""),
            ],
            rows: vec![
                vec![
                    Cell::Words("intended send".into()),
                    number(0.61),
                    number(4.92),
                    number(12.4),
                    Cell::Count(57160),
                ],
                vec![
                    Cell::Words("real send".into()),
                    number(0.52),
                    number(2.2),
                    number(7.01),
                    Cell::Count(57160),
                ],
            ],
            marked: None,
        })],
    )
}

fn grid() -> Section {
    let value = |row: u32, column: u32| match (row, column) {
        (2, 4) => None,
        _ => Some((f64::from(column) * 2.0 + 0.5) * (f64::from(row) + 0.5) * 50.0),
    };
    let map = HeatMap {
        x_label: "interval".into(),
        y_label: "fall".into(),
        columns: ["500ms", "1s", "2s", "5s", "10s"].map(str::to_owned).to_vec(),
        rows: ["1", "2", "3"].map(str::to_owned).to_vec(),
        values: (0..3)
            .map(|row| (0..5).map(|column| value(row, column)).collect())
            .collect(),
        unit: "requests lost a death".into(),
        digits: 0,
        marked: Some((1, 1)),
        more_is_better: false,
    };
    section(
        "grid",
        "Interval and fall",
        vec![figure(
            "map",
            "Mean of 3 deaths a cell; outlined: chosen; hatched: not measured.",
            "Lost requests grow with interval × (fall − ½).",
            Picture::HeatMap(map),
        )],
    )
}

fn trials() -> Section {
    let number = |value: f64| Cell::Number { value, digits: 3 };
    let trial = |n: u32| {
        let detect = 2.03 + f64::from(n * 7 % 20) * 0.102;
        let undetected = n == 13;
        vec![
            Cell::Count(u64::from(n)),
            Cell::Words(format!("router-{}", n % 4 + 1)),
            if undetected {
                Cell::Missing {
                    missing: "never".into(),
                }
            } else {
                number(detect)
            },
            number(detect - 0.001),
            if undetected {
                Cell::missing()
            } else {
                number(detect - 0.01)
            },
            Cell::Count(2),
            Cell::Count(u64::from(140 + n * 7 % 20)),
            Cell::Words("reset".into()),
        ]
    };
    section(
        "trials",
        "All trials",
        vec![Block::Table(Table {
            caption: "In the order in which they were made.".into(),
            columns: vec![
                Column::new("trial", "trial", ""),
                Column::new("router", "router", ""),
                Column::new("t_detect_s", "t_detect", "s"),
                Column::new("predicted_t_detect_s", "predicted", "s"),
                Column::new("t_stop_s", "t_stop", "s"),
                Column::new("lost_in_flight", "lost in flight", "requests"),
                Column::new("lost_window", "lost in the window", "requests"),
                Column::new("outcomes", "outcomes", ""),
            ],
            rows: (1..=20).map(trial).collect(),
            marked: Some(10),
        })],
    )
}

fn method() -> Section {
    section("method", "Method", vec![
        Block::Text { text: "Open-loop Poisson load of 200 requests/s; the phase of the check clock was stratified over the \
                             interval.".into() },
        Block::Command {
            text: "resetlab run --fault kill --trials 20 --interval 2s --timeout 1s --fall 2 --seed 8f3a --out 'my \"runs\"'".into(),
        },
    ])
}
