//! PURE: how something was measured, so that somebody else can do it again: what sweeps, comparisons and sessions say alike.

use super::model::{Block, Cell, Column, Section, Table};
use crate::experiment::setup::Setting;
use crate::experiment::summary::Machine;
use std::collections::BTreeMap;

/// Where a method is told from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Source<'a> {
    pub engine: &'a str,
    pub engine_version: Option<&'a str>,
    /// Of resetlab. `None`: an older program did not say; so with those that follow.
    pub version: Option<&'a str>,
    pub stated: Option<&'a [Setting]>,
    pub machine: Option<&'a Machine>,
    /// Of the balancer, where none are stated.
    pub settings: Option<&'a BTreeMap<String, String>>,
    /// Empty: not known.
    pub command: &'a str,
    /// What it drew from; empty: that was given, or nothing was drawn.
    pub seed: &'a str,
}

/// `command` with its `seed`, which it finds by itself where none is given.
pub fn again(command: &str, seed: &str) -> String {
    let given = |word: &str| word == "--seed" || word.starts_with("--seed=");
    let plain = !seed.is_empty() && seed.bytes().all(|byte| byte.is_ascii_digit());
    match command.split(' ').any(given) || !plain {
        true => command.to_owned(),
        false => format!("{command} --seed {seed}"),
    }
}

/// `facts` are names and what they are.
pub fn section(facts: Vec<(String, String)>, source: &Source) -> Section {
    let mut all = vec![("Load balancer".to_owned(), engine(source))];
    all.extend(facts);
    let unknown = || "not recorded".to_owned();
    all.push(("Machine".to_owned(), source.machine.map_or_else(unknown, machine)));
    all.push((
        "resetlab".to_owned(),
        source.version.map_or_else(unknown, str::to_owned),
    ));
    let mut blocks = vec![Block::Table(table(all))];
    if !source.command.is_empty() {
        let elsewhere = if source.command.contains("--out") {
            " (with another --out)"
        } else {
            ""
        };
        blocks.push(Block::Text {
            text: format!("The same again{elsewhere}:"),
        });
        blocks.push(Block::Command {
            text: again(source.command, source.seed),
        });
    }
    blocks.push(Block::Table(settings(source)));
    Section {
        id: "method",
        title: "How it was measured".to_owned(),
        blocks,
    }
}

/// `sweep-1, begun 2026-11-26 17:23:21 UTC`
pub fn subtitle(place: &str, started: Option<&str>) -> String {
    match started {
        Some(started) => format!("{place}, begun {}", wall(started)),
        None => place.to_owned(),
    }
}

/// `2026-11-26 17:23:21 UTC`, of a time by the wall clock as the records have it; parts of a second are nobody's business.
fn wall(time: &str) -> String {
    let Some((day, rest)) = time.split_once('T') else {
        return time.to_owned();
    };
    match rest.strip_suffix('Z') {
        Some(clock) => format!("{day} {} UTC", clock.split('.').next().unwrap_or(clock)),
        None => time.to_owned(),
    }
}

/// `Linux 6.1 x86_64, 2 processors`
fn machine(machine: &Machine) -> String {
    let cpus = machine.cpus.map_or(String::new(), |cpus| {
        let plural = if cpus == 1 { "" } else { "s" };
        format!(", {cpus} processor{plural}")
    });
    format!(
        "{}{cpus}; load, balancer, routers and app share them",
        machine.kernel
    )
}

fn engine(source: &Source) -> String {
    let engine = if source.engine.is_empty() {
        "lb-sim"
    } else {
        source.engine
    };
    match source.engine_version {
        Some(version) => format!("{engine} {version}"),
        None => engine.to_owned(),
    }
}

fn table(facts: Vec<(String, String)>) -> Table {
    Table {
        caption: String::new(),
        columns: vec![Column::new("what", "", ""), Column::new("value", "", "")],
        rows: facts
            .into_iter()
            .map(|(what, value)| vec![Cell::Words(what), Cell::Words(value)])
            .collect(),
        marked: None,
    }
}

/// With where each is from, if that is known.
fn settings(source: &Source) -> Table {
    let mut columns = vec![
        Column::new("setting", "setting", ""),
        Column::new("value", "value", ""),
    ];
    let words = |word: &String| Cell::Words(word.clone());
    let Some(stated) = source.stated else {
        let rows = source
            .settings
            .into_iter()
            .flatten()
            .map(|(key, value)| vec![words(key), words(value)]);
        return Table {
            caption: "Settings of the balancer".to_owned(),
            columns,
            rows: rows.collect(),
            marked: None,
        };
    };
    columns.push(Column::new("origin", "from", ""));
    let given = |origin: &str| !matches!(origin, "default" | "lab") && !origin.starts_with("profile ");
    let told = stated.iter().filter(|setting| given(&setting.origin));
    Table {
        caption: "Settings that are no defaults, and where each is from".to_owned(),
        columns,
        rows: told
            .map(|setting| vec![words(&setting.key), words(&setting.value), words(&setting.origin)])
            .collect(),
        marked: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_again_has_the_seed_that_was_drawn() {
        let drawn = again("resetlab sweep --fall 1..3", "77");
        assert_eq!(drawn, "resetlab sweep --fall 1..3 --seed 77");
        for given in [
            "resetlab compare --seed 5",
            "resetlab compare --seed=5 --trials 2",
        ] {
            assert_eq!(again(given, "5"), given);
        }
        assert_eq!(again("resetlab up", ""), "resetlab up");
        let source = Source {
            command: "resetlab sweep",
            seed: "9",
            ..Source::default()
        };
        let blocks = section(Vec::new(), &source).blocks;
        let wanted = Block::Command {
            text: "resetlab sweep --seed 9".to_owned(),
        };
        assert!(blocks.contains(&wanted), "{blocks:?}");
    }

    #[test]
    fn a_date_has_one_form() {
        for (time, wanted) in [
            ("2026-11-26T17:23:21Z", "x, begun 2026-11-26 17:23:21 UTC"),
            ("2026-11-26T17:23:21.710Z", "x, begun 2026-11-26 17:23:21 UTC"),
            ("yesterday", "x, begun yesterday"),
        ] {
            assert_eq!(subtitle("x", Some(time)), wanted);
        }
    }
}
