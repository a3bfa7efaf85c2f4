//! The documents of sweeps, comparisons and sessions, and what a directory has that was left without one.

use super::{Directory, Unreadable, broken, read};
use crate::experiment::compare::document::Document as Compare;
use crate::experiment::recovered::recover;
use crate::experiment::summary::{Standing, Summary};
use crate::experiment::sweep::cell::{Cell, Plan};
use crate::experiment::sweep::verdict::Document as Sweep;
use crate::lab::is_kept;
use crate::report::lab::{Merged, Session, changes, replay};
use crate::report::records::Records;
use router::record::Event;

/// They change no setting, and are most of a log.
const UNCHANGING: &[&str] = &[
    "probe",
    "sentinel_check",
    "check_seen",
    "tick",
    "latencies",
    "attempt",
    "forwarded",
    "belief",
    "unrouted",
    "quiet",
];

impl Directory {
    /// Of a [`Kind::Sweep`](super::Kind): its document, or one of the cells that it had saved when it was killed.
    pub fn sweep(&self) -> Result<(Sweep, Vec<String>), Unreadable> {
        if !self.document.is_empty() {
            let path = self.path.join("summary.json");
            let document = serde_json::from_str(&self.document).map_err(|e| broken(&path, &e))?;
            return Ok((document, Vec::new()));
        }
        let path = self.path.join("plan.json");
        let text = read(&path)?.unwrap_or_default();
        let plan: Plan = serde_json::from_str(&text).map_err(|e| broken(&path, &e))?;
        let path = self.path.join("cells.ndjson");
        let text = match read(&path) {
            Err(Unreadable::Empty(_)) => None,
            text => text?,
        };
        let text = text.unwrap_or_default();
        // A line that was being written has no end.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let lines = || whole.lines().filter(|line| !line.trim().is_empty());
        let cells: Vec<Cell> = lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        let doubts = match lines().count() - cells.len() {
            0 => Vec::new(),
            1 => vec!["cells.ndjson: 1 broken line left out.".to_owned()],
            n => vec![format!("cells.ndjson: {n} broken lines left out.")],
        };
        Ok((Sweep::new(&plan, &cells, plan.cells(), None, 1.0), doubts))
    }

    /// Adds what the records know to a summary that was saved while the run went on; what was wrong with them.
    pub(super) fn recover(&self, summary: &mut Summary) -> Vec<String> {
        // One that could not be written whole stays where it was to be made.
        let half = self.path.join("summary.json.new").exists();
        summary.standing = match is_kept(&self.path) {
            true => Standing::UnderWay,
            false if half => Standing::Unwritten,
            false => Standing::Killed,
        };
        let log = |name| Records::of_file(&self.path, name);
        if !self.path.join("events.ndjson").is_file() {
            return Vec::new();
        }
        let mut merged = Merged::new(log("events.ndjson"), log("outcomes.ndjson"));
        recover(summary, merged.by_ref());
        // Pictures of trials come from the same logs, and say the same of them.
        if !summary.trials.is_empty() {
            return Vec::new();
        }
        let (events, outcomes) = merged.into_logs();
        let doubts = events.warnings.into_iter().chain(outcomes.warnings);
        doubts.map(|why| format!("{why}.")).collect()
    }

    /// An older program's summary that was not written to the end: the records know of more faults.
    pub(super) fn unwritten(&self, summary: &Summary) -> Option<String> {
        if summary.complete {
            return None;
        }
        let victims = summary.setup.as_ref().map_or(1, |setup| setup.victims as usize);
        let log = Records::of_file(&self.path, "events.ndjson").without(UNCHANGING);
        let faults = log.filter(|record| matches!(record.event, Event::Fault { .. }));
        let (faults, trials) = (faults.count(), summary.trials.len());
        // The one that an interruption was in has no trial.
        (faults > trials + victims.max(1)).then(|| {
            format!(
                "summary.json: {} in it, but events.ndjson tells of {faults} faults: it was not written to the end: its \
                 supervisor was killed, or its disk was full. The figures are those of an earlier moment.",
                match trials {
                    1 => "1 trial is".to_owned(),
                    n => format!("{n} trials are"),
                }
            )
        })
    }

    /// Of a [`Kind::Compare`](super::Kind).
    pub fn compare(&self) -> Result<Compare, Unreadable> {
        let path = self.path.join("compare.json");
        serde_json::from_str(&self.document).map_err(|e| broken(&path, &e))
    }

    /// Of a [`Kind::Lab`](super::Kind), with what was wrong on the way: its document, or one made of its records.
    pub fn session(&self) -> Result<(Session, Vec<String>), Unreadable> {
        let path = self.path.join("summary.json");
        if !self.document.is_empty() {
            let mut session: Session = serde_json::from_str(&self.document).map_err(|e| broken(&path, &e))?;
            let doubts = self.changes(&mut session);
            // Pictures of windows come from the same log, and say the same of it.
            let doubts = if session.windows.is_empty() {
                doubts
            } else {
                Vec::new()
            };
            return Ok((session, doubts));
        }
        let log = |name| Records::of_file(&self.path, name);
        let mut merged = Merged::new(log("events.ndjson"), log("outcomes.ndjson")).until_events_end();
        let session = replay(merged.by_ref());
        let (events, outcomes) = merged.into_logs();
        let doubts = [events.warnings, outcomes.warnings].concat();
        let mut session = session.ok_or_else(|| Unreadable::NoResults(self.path.clone()))?;
        session.running = is_kept(&self.path);
        if let (Some(lab), Some(header)) = (&mut session.lab, Records::header(&self.path)) {
            lab.started_wall = header.started_wall;
            lab.version = header.version.unwrap_or_default();
        }
        self.changes(&mut session);
        Ok((session, doubts.into_iter().map(|why| format!("{why}.")).collect()))
    }

    /// Hears what was changed while a session ran. What was wrong with the log, in words.
    fn changes(&self, session: &mut Session) -> Vec<String> {
        let lab = session.lab.iter().flat_map(|lab| &lab.settings);
        let begun = lab.map(|setting| (setting.key.clone(), setting.value.clone()));
        let mut log = Records::of_file(&self.path, "events.ndjson").without(UNCHANGING);
        session.changes = changes::changes(&begun.collect(), log.by_ref());
        log.warnings.into_iter().map(|why| format!("{why}.")).collect()
    }
}
