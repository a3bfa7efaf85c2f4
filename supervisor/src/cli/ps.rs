//! `ps`.

use super::client::Client;
use super::{Common, Failure, say};
use crate::control::Ps;
use crate::process::exit::span;
use comfy_table::Table;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) async fn run(common: &Common) -> Result<(), Failure> {
    let client = Client::connect(&common.lab)?;
    if common.json {
        let value: Value = client.get("/v1/ps").await?;
        say(&value.to_string());
        return Ok(());
    }
    let ps: Ps = client.get("/v1/ps").await?;
    say(&format!(
        "lab \"{}\"  {}  results in {}",
        ps.lab.name,
        ps.lab.url,
        ps.lab.run_dir.display()
    ));
    say(&settings_line(&ps.fleet.settings));
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header([
        "process",
        "is",
        "believed",
        "since",
        "pid",
        "restarts",
        "at",
        "last exit",
    ]);
    for process in &ps.fleet.processes {
        let word = |value: Value| value.as_str().unwrap_or("").replace('_', " ");
        let truth = word(serde_json::to_value(process.truth).unwrap_or_default());
        let belief = process.belief.map_or(String::new(), |b| {
            word(serde_json::to_value(b).unwrap_or_default())
        });
        let due = match process.restart_in_s {
            Some(s) => format!("; restart in {s:.1} s"),
            None if process.gave_up => format!("; GIVEN UP: resetlab restart {}", process.name),
            None => String::new(),
        };
        let last_exit = process.last_exit.as_deref().unwrap_or("");
        table.add_row([
            process.name.clone(),
            truth,
            belief,
            span(Duration::from_secs_f64(process.since_s)),
            process.pid.map_or("-".into(), |pid| pid.to_string()),
            process.restarts.to_string(),
            address(&process.addresses),
            format!("{last_exit}{due}"),
        ]);
    }
    say(&table.trim_fmt());
    let load = ps.fleet.load;
    say(&format!(
        "load: {} sent, {} ok, {} lost",
        load.sent, load.ok, load.lost
    ));
    Ok(())
}

/// Where it serves; of several instances the first, with the number of the others.
fn address(addresses: &BTreeMap<String, String>) -> String {
    let mut all = addresses.iter().filter(|(use_, _)| use_.starts_with("http"));
    let first = all.next().map_or("", |(_, address)| address);
    match all.count() {
        0 => first.to_owned(),
        n => format!("{first} (+{n})"),
    }
}

/// The settings in force on one line.
pub(super) fn settings_line(settings: &Value) -> String {
    let pairs = settings.as_object().into_iter().flatten();
    let words = pairs.map(|(key, value)| match value.as_str() {
        Some(word) => format!("{key}={word}"),
        None => format!("{key}={value}"),
    });
    words.collect::<Vec<_>>().join(" ")
}
