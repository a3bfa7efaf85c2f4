//! The documents of sweeps and comparisons, and what a directory has that was left without one.

use super::{Directory, Unreadable, broken, read};
use crate::experiment::compare::document::Document as Compare;
use crate::experiment::sweep::cell::{Cell, Plan};
use crate::experiment::sweep::verdict::Document as Sweep;

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
}
