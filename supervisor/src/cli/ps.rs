//! `ps`.

mod wide;

use super::client::Client;
use super::{Common, Failure, say};
use crate::control::Ps;
use crate::fleet::ProcessState;
use crate::process::exit::span;
use crate::settings::brief::brief_of;
use comfy_table::Table;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Clone, Debug, clap::Args)]
pub struct PsArgs {
    /// Why a router is down, since when, who decided, what brings it back; every setting in force
    #[arg(short, long)]
    wide: bool,
}

/// Wider than a terminal nobody reads a table.
const COLUMNS: usize = 100;

pub(super) async fn run(common: &Common, args: &PsArgs) -> Result<(), Failure> {
    let client = Client::connect(&common.lab)?;
    if common.json {
        let value: Value = client.get("/v1/ps?wide=true").await?;
        say(&value.to_string());
        return Ok(());
    }
    let path = if args.wide { "/v1/ps?wide=true" } else { "/v1/ps" };
    let ps: Ps = client.get(path).await?;
    say(&format!("lab \"{}\"  {}", ps.lab.name, ps.lab.url));
    // A lab of an older program does not say what it is.
    if !ps.lab.engine.is_empty() {
        say(&format!("engine {}", ps.lab.balancer()));
    }
    say(&format!("results in {}", ps.lab.run_dir.display()));
    if let Some(page) = &ps.lab.page {
        say(&format!("page {page}"));
    }
    if args.wide {
        let metrics = ps.lab.metrics.as_deref().unwrap_or("off");
        say(&format!("metrics {metrics}"));
        wide::lines(&ps).iter().for_each(|line| say(line));
    } else {
        // A lab of an older program has none to show.
        if !ps.fleet.preset.name.is_empty() {
            say(&format!("preset {}", ps.fleet.preset));
        }
        say(&brief_of(&ps.fleet.settings));
        narrow(&ps).iter().for_each(|line| say(line));
    }
    let load = ps.fleet.load;
    say(&format!(
        "load: {} sent, {} ok, {} lost",
        load.sent, load.ok, load.lost
    ));
    Ok(())
}

/// PURE: the table that fits a terminal; what does not fit is in `ps --wide`.
fn narrow(ps: &Ps) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header([
        "process",
        "is",
        "believed",
        "since",
        "pid",
        "restarts",
        "last exit",
    ]);
    for process in &ps.fleet.processes {
        // What is to be done about it stands first: the end of the line may be cut.
        let due = due(process);
        let due = Some(due.trim_start_matches("; ")).filter(|due| !due.is_empty());
        let said = [due, process.fault.as_deref(), process.last_exit.as_deref()];
        let said: Vec<&str> = said.into_iter().flatten().collect();
        table.add_row([
            process.name.clone(),
            word(process.truth),
            process.belief.map(word).unwrap_or_default(),
            span(Duration::from_secs_f64(process.since_s)),
            process.pid.map_or("-".into(), |pid| pid.to_string()),
            process.restarts.to_string(),
            said.join("; "),
        ]);
    }
    table.trim_fmt().lines().map(cut).collect()
}

fn cut(line: &str) -> String {
    if line.chars().count() <= COLUMNS {
        return line.to_owned();
    }
    let start: String = line.chars().take(COLUMNS - 1).collect();
    format!("{start}…")
}

/// `; restart in 11.8 s`, if that is to be said.
fn due(process: &ProcessState) -> String {
    match process.restart_in_s {
        Some(s) => format!("; restart in {s:.1} s"),
        None if process.gave_up => format!("; GIVEN UP: resetlab restart {}", process.name),
        None => String::new(),
    }
}

/// The word of the records, with spaces.
fn word(value: impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or("").replace('_', " ")
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
