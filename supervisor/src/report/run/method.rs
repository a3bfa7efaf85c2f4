//! PURE: how it was measured, so that somebody else can do it again.

use super::{text, words};
use crate::experiment::summary::{Setup, Summary};
use crate::report::Extent;
use crate::report::method;
use crate::report::model::{Block, Cell, Column, Section, Table};
use crate::report::shown;
use crate::settings::PresetNote;
use crate::settings::brief::{SAID, pairs};
use lb_sim::core::settings::KEYS;

pub fn section(s: &Summary, extent: Extent) -> Section {
    let mut blocks = vec![Block::Table(facts(s))];
    if !s.command.is_empty() {
        blocks.push(text(again(s)));
        blocks.push(Block::Command {
            text: method::again(&s.command, &s.seed),
        });
    }
    match &s.setup {
        Some(setup) => blocks.push(Block::Table(settings(setup, extent))),
        None => blocks.push(Block::Table(check(s))),
    }
    Section {
        id: "method",
        title: "How it was measured".to_owned(),
        blocks,
    }
}

fn facts(s: &Summary) -> Table {
    let unknown = || "not recorded: an older resetlab".to_owned();
    let setup = s.setup.as_ref();
    let preset = PresetNote {
        name: s.preset.clone(),
        grade: s.preset_grade.clone(),
        versions: s.preset_versions.clone(),
        overridden: s.preset_with.clone(),
    };
    let fault = setup.map_or_else(unknown, |setup| {
        let detail = setup
            .fault
            .detail()
            .map_or(String::new(), |detail| format!(" ({detail})"));
        let fault = shown::word(&setup.fault.fault);
        format!(
            "{fault}{detail}, {} of {} routers at a time, {} trials",
            setup.victims, setup.routers, setup.trials
        )
    });
    let machine = s.machine.as_ref().map_or_else(unknown, |machine| {
        let cpus = machine
            .cpus
            .map_or("an unknown number of".to_owned(), |cpus| cpus.to_string());
        format!(
            "{}, {cpus} processors; load, balancer, routers and app share them",
            machine.kernel
        )
    });
    let late = match (s.load.late_p99_ms, s.load.late_max_ms) {
        (Some(p99), Some(max)) => {
            format!("p99 {p99:.3} ms, at most {max:.3} ms, until the request was written")
        }
        (Some(p99), None) => format!("p99 {p99:.3} ms"),
        _ => "not known: the load did not live to tell it".to_owned(),
    };
    let load = format!(
        "{} requests a second, {}{}{}",
        shown::mean(s.load.rate),
        s.load.arrivals,
        comma(&s.load.method),
        comma(&s.load.connection)
    );
    let version = setup.map_or_else(unknown, |setup| setup.version.clone());
    let started = setup.map_or_else(unknown, |setup| {
        setup.started.replace('T', " ").replace('Z', " UTC")
    });
    let rows = [
        ("load balancer", format!("{} {}", s.engine, s.engine_version)),
        ("its preset", preset.to_string()),
        ("fault", fault),
        ("load", load),
        ("the load's own lateness", late),
        ("seed of arrivals and plan", s.seed.clone()),
        ("machine", machine),
        ("resetlab", version),
        ("begun", started),
    ];
    Table {
        caption: "The run".to_owned(),
        columns: vec![Column::new("what", "", ""), Column::new("value", "", "")],
        rows: rows
            .into_iter()
            .map(|(what, value)| vec![words(what), Cell::Words(value)])
            .collect(),
        marked: None,
    }
}

fn comma(word: &str) -> String {
    match word {
        "" => String::new(),
        word => format!(", {word}"),
    }
}

fn again(s: &Summary) -> String {
    let out = match s.command.contains("--out") {
        true => " (with another `--out`)",
        false => "",
    };
    format!("The same again{out}:")
}

/// What is said of the lab whoever has set it; of the balancer it is what [`SAID`] has.
const ALWAYS: [&str; 4] = ["routers", "rate", "arrivals", "client-timeout"];

fn always(key: &str) -> bool {
    ALWAYS.contains(&key) || SAID.contains(&key)
}

fn settings(setup: &Setup, extent: Extent) -> Table {
    let usual = |origin: &str| origin == "default" || origin == "lab" || origin.starts_with("profile ");
    let shown = setup
        .settings
        .iter()
        .filter(|setting| extent == Extent::Whole || always(&setting.key) || !usual(&setting.origin));
    Table {
        caption: match extent {
            Extent::Whole => "Settings in force, and where each is from".to_owned(),
            Extent::Readable => {
                "Settings that matter or are no defaults, and where each is from; `--format json` has all"
                    .to_owned()
            }
        },
        columns: vec![
            Column::new("group", "of", ""),
            Column::new("setting", "setting", ""),
            Column::new("value", "value", ""),
            Column::new("origin", "from", ""),
        ],
        rows: shown
            .map(|setting| {
                vec![
                    words(&setting.group),
                    words(&setting.key),
                    words(&setting.value),
                    words(&setting.origin),
                ]
            })
            .collect(),
        marked: None,
    }
}

/// What an older summary has: the balancer's settings, and which of them are not its preset's.
fn check(s: &Summary) -> Table {
    let rows = pairs(&s.check).filter(|(key, _)| KEYS.contains(key));
    Table {
        caption: "The balancer's settings".to_owned(),
        columns: vec![
            Column::new("setting", "setting", ""),
            Column::new("value", "value", ""),
            Column::new("origin", "from", ""),
        ],
        rows: rows
            .map(|(key, word)| {
                let origin = match s.preset_with.contains_key(key) {
                    true => "set".to_owned(),
                    false => format!("preset {}", s.preset),
                };
                vec![words(key), Cell::Words(word), Cell::Words(origin)]
            })
            .collect(),
        marked: None,
    }
}
