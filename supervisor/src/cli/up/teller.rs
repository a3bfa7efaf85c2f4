//! Prints a lab's life: lines for people, or records for programs.

use super::super::DEFAULT_LAB;
use super::super::hints::of_lab;
use super::summary::Totals;
use super::{banner, summary};
use crate::control::LabFacts;
use crate::fleet::StopReport;
use crate::lab::Addresses;
use crate::process::Entry;
use crate::report::lab::Session;
use crate::settings::LabSettings;
use crate::story::{Line, Story, Tone};
use crate::terminal;
use router::clock::{self, Timestamp};
use serde_json::json;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

pub(super) struct Teller {
    json: bool,
    colour: bool,
    since: Timestamp,
    held: Held,
    lab: String,
}

/// Lines that wait a moment for those of before them: the records of two processes come as they like.
#[derive(Default)]
struct Held(Vec<(Timestamp, Line)>);

/// How long a line waits. People do not notice, and records are seldom later than each other by that.
const PATIENCE: Duration = Duration::from_millis(50);

impl Held {
    fn add(&mut self, now: Timestamp, lines: Vec<Line>) {
        self.0.extend(lines.into_iter().map(|line| (now, line)));
    }

    /// Those that have waited, with all that are known to be of before them, in the order of their times.
    fn due(&mut self, now: Timestamp) -> Vec<Line> {
        let waited = self.0.iter().filter(|(told, _)| *told + PATIENCE <= now);
        let Some(last) = waited.map(|(_, line)| line.at).max() else {
            return Vec::new();
        };
        self.0.sort_by_key(|(_, line)| line.at);
        let due = self.0.partition_point(|(_, line)| line.at <= last);
        self.0.drain(..due).map(|(_, line)| line).collect()
    }

    fn all(&mut self) -> Vec<Line> {
        self.0.sort_by_key(|(_, line)| line.at);
        self.0.drain(..).map(|(_, line)| line).collect()
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.0.iter().map(|(told, _)| *told + PATIENCE).min()
    }
}

impl Teller {
    /// Times are counted from `since`.
    pub fn new(json: bool, since: Timestamp) -> Teller {
        Teller {
            json,
            colour: terminal::escapes(&std::io::stdout()),
            since,
            held: Held::default(),
            lab: DEFAULT_LAB.to_owned(),
        }
    }

    pub fn start(&mut self, facts: &LabFacts, addresses: &Addresses, settings: &LabSettings) {
        self.lab.clone_from(&facts.name);
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

    /// Takes lines to be printed by [`Teller::print`].
    pub fn tell(&mut self, lines: Vec<Line>) {
        self.held.add(clock::now(), lines);
    }

    /// When [`Teller::print`] is to be called next.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.held.next_deadline()
    }

    pub fn print(&mut self, now: Timestamp) {
        let due = self.held.due(now);
        self.lines(due);
    }

    /// Prints all that is left.
    pub fn flush(&mut self) {
        let all = self.held.all();
        self.lines(all);
    }

    fn lines(&self, lines: Vec<Line>) {
        for Line { at, tone, text } in lines {
            let text = of_lab(&text, &self.lab);
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
                out(&format!("{:9.3} s  {text}", at.since(self.since).as_secs_f64()));
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

    /// `page` is the report that was left.
    pub fn end(
        &mut self,
        story: &Story,
        totals: &Totals,
        report: &StopReport,
        session: &Session,
        page: Option<&Path>,
    ) {
        self.flush();
        if self.json {
            return out(&json!(session).to_string());
        }
        summary::lines(story, totals, report, session, page)
            .iter()
            .for_each(|line| out(line));
    }
}

/// The lab outlives a reader that goes away.
fn out(line: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

/// How to call this program from a shell in the same directory, for this lab.
pub(super) fn program_of(facts: &LabFacts) -> String {
    match facts.name.as_str() {
        "default" => program(),
        name => format!("{} --lab {name}", program()),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn line(at_ms: u64) -> Vec<Line> {
        vec![Line {
            at: Timestamp(at_ms * MS),
            tone: Tone::Plain,
            text: String::new(),
        }]
    }

    #[test]
    fn a_line_of_before_another_that_comes_a_moment_later_stands_before_it() {
        let mut held = Held::default();
        let times = |lines: Vec<Line>| -> Vec<u64> { lines.iter().map(|line| line.at.0 / MS).collect() };
        held.add(Timestamp(5055 * MS), line(5055));
        held.add(Timestamp(5060 * MS), line(5051));
        held.add(Timestamp(5090 * MS), line(5090));
        assert_eq!(held.due(Timestamp(5104 * MS)), []);
        assert_eq!(held.next_deadline(), Some(Timestamp(5105 * MS)));
        assert_eq!(times(held.due(Timestamp(5105 * MS))), [5051, 5055]);
        assert_eq!(times(held.all()), [5090]);
        assert_eq!(held.next_deadline(), None);
    }
}
