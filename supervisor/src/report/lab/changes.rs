//! PURE: what was changed while a session ran, by `set`, `scale` or the page.

use super::session::{Session, Window};
use super::since;
use crate::report::model::{Block, Cell, Column, Table};
use router::clock::Timestamp;
use router::record::{Event, Record};
use std::collections::BTreeMap;

/// A setting that was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub at: Timestamp,
    pub key: String,
    /// `None`: not known.
    pub before: Option<String>,
    pub now: String,
}

/// `begun` are the settings that the session began with, as far as they are known.
pub fn changes(begun: &BTreeMap<String, String>, records: impl Iterator<Item = Record>) -> Vec<Change> {
    let mut known = begun.clone();
    let mut stated = false;
    let mut changes = Vec::new();
    for record in records {
        let patch = match &record.event {
            Event::Settings { settings } => settings.as_object().cloned().unwrap_or_default(),
            Event::Scaled { before, routers } => {
                known.insert("routers".to_owned(), before.to_string());
                [("routers".to_owned(), (*routers).into())].into_iter().collect()
            }
            _ => continue,
        };
        // What a balancer says first is what it begins with.
        let first = record.from == "lb" && !stated;
        stated |= first;
        for (key, value) in patch {
            let now = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let before = known.insert(key.clone(), now.clone());
            if !first && before.as_ref() != Some(&now) {
                changes.push(Change {
                    at: record.at,
                    key,
                    before,
                    now,
                });
            }
        }
    }
    changes
}

/// Of the settings that were changed, the values at `at`: `interval=1s rate=500`.
fn in_force(changes: &[Change], at: Timestamp) -> String {
    let mut values: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for change in changes {
        let value = values.entry(&change.key).or_insert(change.before.as_deref());
        if change.at <= at {
            *value = Some(&change.now);
        }
    }
    let words = values
        .iter()
        .filter_map(|(key, value)| Some(format!("{key}={}", (*value)?)));
    words.collect::<Vec<_>>().join(" ")
}

/// The value that `key` has at the end, if it was ever changed.
pub fn last<'a>(session: &'a Session, key: &str) -> Option<&'a str> {
    let mut of_key = session.changes.iter().filter(|change| change.key == key);
    of_key.next_back().map(|change| change.now.as_str())
}

/// What was in force as a window began; `None`: nothing was ever changed.
pub fn of_window(session: &Session, window: &Window) -> Option<String> {
    (!session.changes.is_empty()).then(|| in_force(&session.changes, window.death_ns))
}

/// One line a change.
pub fn blocks(session: &Session, begun: Option<Timestamp>) -> Vec<Block> {
    if session.changes.is_empty() {
        return Vec::new();
    }
    let row = |change: &Change| {
        vec![
            Cell::number(since(begun, change.at), 3),
            Cell::Words(change.key.clone()),
            change.before.clone().map_or_else(Cell::missing, Cell::Words),
            Cell::Words(change.now.clone()),
        ]
    };
    let columns = [
        ("at_s", "at", "s"),
        ("setting", "setting", ""),
        ("before", "before", ""),
        ("now", "from then on", ""),
    ];
    vec![Block::Table(Table {
        caption: format!(
            "By `set`, `scale` or the page. Of these in force at the end: `{}`",
            in_force(&session.changes, Timestamp(u64::MAX))
        ),
        columns: columns
            .map(|(key, name, unit)| Column::new(key, name, unit))
            .into(),
        rows: session.changes.iter().map(row).collect(),
        marked: None,
    })]
}

/// ` --lab NAME`, where it has to be said.
pub fn named(session: &Session) -> String {
    let lab = session.lab.as_ref().map(|lab| lab.name.as_str());
    let lab = lab.filter(|name| !matches!(*name, "" | "default"));
    lab.map_or(String::new(), |name| format!(" --lab {name}"))
}

/// What the command that began the session leaves out: an order for what was changed at the same moment.
pub fn to_follow(session: &Session, begun: Option<Timestamp>) -> Option<Block> {
    let lab = named(session);
    let same = |a: &Change, b: &Change| a.at == b.at && (a.key == "routers") == (b.key == "routers");
    let order = |together: &[Change]| {
        let words: Vec<String> = together
            .iter()
            .map(|change| match change.key.as_str() {
                "routers" => format!("scale {}", change.now),
                key => format!("{key}={}", change.now),
            })
            .collect();
        let first = &together[0];
        let verb = if first.key == "routers" { "" } else { "set " };
        let at = since(begun, first.at).map_or(String::new(), |at| format!("  # at {at:.1} s"));
        format!("resetlab{lab} {verb}{}{at}", words.join(" "))
    };
    let orders: Vec<String> = session.changes.chunk_by(same).map(order).collect();
    (!orders.is_empty()).then(|| Block::Command {
        text: orders.join("\n"),
    })
}
