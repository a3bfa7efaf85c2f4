use super::*;
use crate::experiment::sweep::verdict::tests::{cell, plan};
use crate::report::figure::Picture;
use crate::report::model::{Cell as Shown, Table};

/// Two intervals by two falls; the longer, the more is lost, and the fewer checks there are.
fn document(slo: Option<f64>, done: usize) -> Document {
    let mut plan = plan();
    plan.axes
        .push(("fall".to_owned(), vec!["1".to_owned(), "2".to_owned()]));
    plan.settings = [("interval", "5s"), ("fall", "2"), ("timeout", "1s")]
        .map(|(key, word)| (key.to_owned(), word.to_owned()))
        .into();
    let cells: Vec<_> = [(25.0, 4.0), (75.0, 4.0), (125.0, 0.8), (375.0, 0.8)]
        .into_iter()
        .enumerate()
        .take(done)
        .map(|(n, (lost, checks))| {
            let mut cell = cell(n, Some(lost), checks);
            let words = [("interval", ["1s", "5s"][n / 2]), ("fall", ["1", "2"][n % 2])];
            cell.settings = words.map(|(key, word)| (key.to_owned(), word.to_owned())).into();
            (cell.n, cell.detected) = (3, Some(3));
            let death = |place: u64| crate::experiment::sweep::cell::Death {
                router: format!("router-{place}"),
                at_ns: Some(router::clock::Timestamp(place * 1_000_000_000 + n as u64)),
                stack: Some("stack-1".to_owned()),
                detected: Some(true),
                t_detect_s: Some(lost / 50.0 + place as f64 / 10.0),
                predicted_t_detect_s: Some(lost / 50.0 + place as f64 / 10.0 - 0.002),
                lost: lost as u64 + place - 2,
                events_dropped: 0,
                disturbed: Vec::new(),
            };
            cell.deaths = (1..=3).map(death).collect();
            let times = cell.deaths.iter().filter_map(|death| death.t_detect_s);
            cell.t_detect_s = crate::experiment::summary::Spread::of(times);
            cell
        })
        .collect();
    Document::new(&plan, &cells, 4, slo, 1.0)
}

fn find<'a>(report: &'a Report, id: &str) -> &'a Section {
    report.sections.iter().find(|section| section.id == id).unwrap()
}

fn cells(report: &Report) -> &Table {
    match &find(report, "trials").blocks[0] {
        Block::Table(table) => table,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_chosen_setting_is_named_with_what_it_costs_and_what_it_replaces() {
    let document = document(Some(0.9997), 4);
    let report = report(&document, "sweep-1", Vec::new(), Vec::new());
    // 4 deaths an hour of 720,000 requests: 125 lost each are 0.07 %, 75 are 0.04 %, 25 are 0.014 %.
    assert_eq!(document.chosen, Some(0));
    assert_eq!(
        report.verdict.sentence,
        "interval=1s fall=1 reaches 99.97 % with the fewest checks, if each of 4 routers dies once an hour: noticed after \
         700 ms on average, 25 requests lost a death, 4 checks a second."
    );
    assert_eq!(
        report.verdict.advice,
        [
            "From interval=5s fall=2 in force now, change to --interval 1s --fall 1: 25 requests lost a death instead of \
             375, for 4 instead of 0.8 checks a second.",
            "interval=1s fall=1 forgives the fewest failed checks of all: a pause of a healthy router may take it out of \
             use. False ejections were not looked at; `--pause 150ms@5%` and the like measures them."
        ]
    );
    let table = cells(&report);
    assert_eq!((table.rows.len(), table.marked), (4, Some(0)));
    assert!(table.rows.iter().all(|row| row.len() == table.columns.len()));
    let keys: Vec<&str> = table.columns.iter().map(|column| column.key.as_str()).collect();
    let lost = keys.iter().position(|key| *key == "lost_per_death").unwrap();
    assert_eq!(
        table.rows[3][lost],
        Shown::Number {
            value: 375.0,
            digits: 1
        }
    );
    let theory = keys
        .iter()
        .position(|key| *key == "theory_t_detect_s_mean")
        .unwrap();
    assert_eq!(
        table.rows[0][theory].shown(),
        "– (it is random)",
        "why there is none"
    );
    assert!(
        report.warnings[0].starts_with("n = 3 deaths a cell"),
        "{:?}",
        report.warnings
    );
}

#[test]
fn two_settings_make_maps_with_the_chosen_cell_framed() {
    let report = report(&document(Some(0.9997), 4), "sweep-1", Vec::new(), Vec::new());
    let maps: Vec<_> = find(&report, "maps")
        .blocks
        .iter()
        .filter_map(|block| match block {
            Block::Figure(Figure {
                picture: Picture::HeatMap(map),
                id,
                ..
            }) => Some((id.as_str(), map)),
            _ => None,
        })
        .collect();
    let ids: Vec<&str> = maps.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, ["t-detect", "lost", "success"]);
    let lost = maps[1].1;
    assert_eq!(
        lost.values,
        [[Some(25.0), Some(75.0)], [Some(125.0), Some(375.0)]]
    );
    assert_eq!(
        (&lost.rows[0], &lost.columns[1], lost.marked),
        (&"1s".to_owned(), &"2".to_owned(), Some((0, 0)))
    );
}

#[test]
fn an_interrupted_sweep_says_how_far_it_came() {
    let two = report(
        &document(None, 2),
        "sweep-1",
        Vec::new(),
        vec!["a doubt".to_owned()],
    );
    assert!(!two.complete);
    assert!(
        two.warnings[0].starts_with("Interrupted after 2 of 4 cells"),
        "{:?}",
        two.warnings
    );
    assert_eq!(two.warnings.last().unwrap(), "a doubt");
    assert!(
        two.verdict
            .sentence
            .starts_with("Of 2 settings interval=1s fall=1 loses least"),
        "{:?}",
        two.verdict
    );
    let Block::Figure(map) = &find(&two, "maps").blocks[1] else {
        panic!("a map is missing");
    };
    let Picture::HeatMap(map) = &map.picture else {
        panic!("{map:?}");
    };
    assert_eq!(map.values[1], [None, None], "not measured is not 0");
    let none = report(&document(None, 0), "sweep-1", Vec::new(), Vec::new());
    assert_eq!(
        none.verdict.sentence,
        "It was interrupted before its first setting had been measured."
    );
    assert_eq!(none.sections.len(), 1, "the method");
}

#[test]
fn a_typical_death_and_the_worst_get_a_picture() {
    let all = document(None, 4);
    let wanted = wanted(&all);
    let told: Vec<(&str, &str, u64)> = wanted
        .iter()
        .map(|wanted| {
            (
                wanted.id.as_str(),
                wanted.moment.victims[0].router.as_str(),
                wanted.moment.interval.as_secs(),
            )
        })
        .collect();
    assert_eq!(told, [("typical", "router-2", 1), ("worst", "router-3", 5)]);
    assert!(
        wanted[1]
            .caption
            .contains("interval=5s fall=2: router-3 noticed after 7.800 s (predicted 7.798 s), 376 requests"),
        "{}",
        wanted[1].caption
    );
    // One that was disturbed is not typical of anything, and lost no request by its death.
    let mut disturbed = all.clone();
    disturbed.cells[3].cell.deaths[2]
        .disturbed
        .push("lb exited 1".to_owned());
    assert_eq!(super::wanted(&disturbed)[1].moment.victims[0].router, "router-2");
    let residuals = find(&report(&all, "", Vec::new(), Vec::new()), "residuals")
        .blocks
        .clone();
    let Block::Figure(figure) = &residuals[0] else {
        panic!("{residuals:?}");
    };
    assert!(
        figure
            .caption
            .contains("has the median 2.0 ms, most 2.0 ms (n = 12)"),
        "{}",
        figure.caption
    );
}

#[test]
fn with_one_setting_swept_deaths_stand_over_it() {
    let mut one = document(None, 4);
    one.plan.axes[1].1.truncate(1);
    one.cells.retain(|judged| judged.cell.settings["fall"] == "1");
    let report = report(&one, "sweep-1", Vec::new(), Vec::new());
    let Block::Figure(figure) = &find(&report, "maps").blocks[0] else {
        panic!("a figure is missing");
    };
    let Picture::Dots(dots) = &figure.picture else {
        panic!("{figure:?}");
    };
    assert_eq!(
        (dots.series[0].points.len(), dots.x_label.as_str()),
        (6, "interval, s")
    );
    assert!(
        report.verdict.sentence.contains("interval=1s loses least"),
        "{:?}",
        report.verdict
    );
}

/// The cell with the fewest checks loses least because its trials ended what nobody had noticed.
#[test]
fn a_setting_that_notices_nothing_is_neither_chosen_nor_the_best() {
    for slo in [None, Some(0.99)] {
        let mut of = document(slo, 4);
        let cells: Vec<_> = of.cells.drain(..).map(|judged| judged.cell).collect();
        let mut cells = cells;
        cells[3].lost_per_death = Some(1.0);
        cells[3].detected = Some(0);
        cells[3].t_detect_s = None;
        let document = Document::new(&of.plan, &cells, 4, slo, 1.0);
        let report = report(&document, "sweep-1", Vec::new(), Vec::new());
        let text = &report.verdict.sentence;
        assert!(
            !text.contains("interval=5s fall=2") && !text.contains("no death was noticed"),
            "{text}"
        );
        assert!(
            report.warnings[0].starts_with("The balancer never noticed 3 of 12 deaths, in 1 of 4 cells"),
            "{:?}",
            report.warnings
        );
        let shown = format!("{:?}", self::cells(&report).rows[3]);
        assert!(shown.contains("at most 99.99"), "{shown}");
    }
}

/// What a death costs that nobody notices is not known: least of all that it is the least.
#[test]
fn where_no_setting_notices_anything_none_is_marked() {
    for slo in [None, Some(0.99)] {
        let mut of = document(slo, 4);
        let mut cells: Vec<_> = of.cells.drain(..).map(|judged| judged.cell).collect();
        for cell in &mut cells {
            (cell.detected, cell.t_detect_s) = (Some(0), None);
        }
        let document = Document::new(&of.plan, &cells, 4, slo, 1.0);
        let report = report(&document, "sweep-1", Vec::new(), Vec::new());
        assert_eq!(self::cells(&report).marked, None);
        let text = crate::report::markdown::render(&report);
        for word in ["the frame is around", "Marked:"] {
            assert!(!text.contains(word), "{text}");
        }
    }
}

#[test]
fn what_misses_the_objective_is_never_shown_as_it() {
    let best = document(None, 4)
        .cells
        .iter()
        .filter_map(|judged| judged.success)
        .fold(0.0, f64::max);
    let document = document(Some(best + 0.000_002), 4);
    assert!(document.missed());
    let text = report(&document, "sweep-1", Vec::new(), Vec::new())
        .verdict
        .sentence;
    let objective = super::percent(best + 0.000_002);
    let reached = text.split("reaches ").nth(2).unwrap().split(':').next().unwrap();
    assert_ne!(reached, objective, "{text}");
}
