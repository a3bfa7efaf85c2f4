//! Prints a lab's life: lines for people, or records for programs.

use super::summary::Totals;
use super::{banner, summary};
use crate::control::LabFacts;
use crate::fleet::StopReport;
use crate::lab::Addresses;
use crate::process::Entry;
use crate::settings::LabSettings;
use crate::story::{Line, Story, Tone};
use router::clock::{self, Timestamp};
use serde_json::json;
use std::io::{IsTerminal, Write};

pub(super) struct Teller {
    json: bool,
    colour: bool,
    since: Timestamp,
}

impl Teller {
    /// Times are counted from `since`.
    pub fn new(json: bool, since: Timestamp) -> Teller {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Teller {
            json,
            colour: wanted && std::io::stdout().is_terminal(),
            since,
        }
    }

    pub fn start(&mut self, facts: &LabFacts, addresses: &Addresses, settings: &LabSettings) {
        if self.json {
            let document = json!({
                "schema": "resetlab.up.v1", "lab": facts, "settings": settings.lb, "routers": settings.routers,
                "rate": settings.rate, "restart_delay_s": settings.restart_delay.as_secs_f64(),
                "crash_traffic": settings.crash_traffic.map(|rate| rate.to_string()),
            });
            return out(&document.to_string());
        }
        banner::lines(facts, addresses, settings, &program())
            .iter()
            .for_each(|line| out(line));
        out("");
    }

    pub fn record(&mut self, entry: &Entry) {
        if self.json {
            out(&entry.line);
        }
    }

    pub fn tell(&mut self, lines: Vec<Line>) {
        for Line { at, tone, text } in lines {
            let colour = match tone {
                Tone::Plain => "",
                Tone::Bad => "\x1b[31m",
                Tone::Warning => "\x1b[33m",
                Tone::Good => "\x1b[32m",
            };
            let text = if self.colour && !colour.is_empty() {
                format!("{colour}{text}\x1b[0m")
            } else {
                text
            };
            if !self.json {
                out(&format!("{:9.3} s  {text}", at.seconds_after(self.since)));
            }
        }
    }

    pub fn note(&mut self, text: &str) {
        self.tell(vec![Line {
            at: clock::now(),
            tone: Tone::Plain,
            text: text.to_owned(),
        }]);
    }

    pub fn end(&mut self, story: &Story, totals: &Totals, report: &StopReport) {
        if self.json {
            return out(&summary::json(story, totals, report).to_string());
        }
        summary::lines(story, totals, report)
            .iter()
            .for_each(|line| out(line));
    }
}

/// The lab outlives a reader that goes away.
fn out(line: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

/// How to call this program from a shell in the same directory.
fn program() -> String {
    let name = "resetlab";
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = std::env::current_exe().ok();
    let installed = std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|file| file.is_file());
    match own {
        Some(own) if installed.as_deref().and_then(|path| path.canonicalize().ok()) != Some(own.clone()) => {
            let here = std::env::current_dir().unwrap_or_default();
            let short = own.strip_prefix(here).map(|rest| format!("./{}", rest.display()));
            short.unwrap_or_else(|_| own.display().to_string())
        }
        _ => name.to_owned(),
    }
}
