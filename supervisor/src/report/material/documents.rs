//! The documents of sweeps, comparisons and sessions, and what a directory has that was left without one.

use super::{Directory, Unreadable, broken, read};
use crate::experiment::compare::document::Document as Compare;
use crate::experiment::sweep::cell::{Cell, Plan};
use crate::experiment::sweep::verdict::Document as Sweep;
use crate::report::lab::{Merged, Session, replay};
use crate::report::records::Records;

impl Directory {
    /// Of a [`Kind::Sweep`](super::Kind): its document, or one of the cells that it had saved when it was killed.
    pub fn sweep(&self) -> Result<Sweep, Unreadable> {
        if !self.document.is_empty() {
            let path = self.path.join("summary.json");
            return serde_json::from_str(&self.document).map_err(|e| broken(&path, &e));
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
        let cells: Result<Vec<Cell>, _> = whole.lines().map(serde_json::from_str).collect();
        let cells = cells.map_err(|e| broken(&path, &e))?;
        Ok(Sweep::new(&plan, &cells, plan.cells(), None, 1.0))
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
            let session = serde_json::from_str(&self.document).map_err(|e| broken(&path, &e))?;
            return Ok((session, Vec::new()));
        }
        let log = |name| Records::of_file(&self.path, name);
        let mut merged = Merged::new(log("events.ndjson"), log("outcomes.ndjson"));
        let session = replay(merged.by_ref());
        let (events, outcomes) = merged.into_logs();
        let doubts = [events.warnings, outcomes.warnings].concat();
        let mut session = session.ok_or_else(|| Unreadable::NoResults(self.path.clone()))?;
        if let (Some(lab), Some(header)) = (&mut session.lab, Records::header(&self.path)) {
            lab.started_wall = header.started_wall;
            lab.version = header.version.unwrap_or_default();
        }
        Ok((session, doubts.into_iter().map(|why| format!("{why}.")).collect()))
    }
}
