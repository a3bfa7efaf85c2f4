//! A sweep's directory: `plan.json`, `cells.ndjson` (a line as each cell is done), `summary.json`, and a directory for
//! each stack that worked on it.

use super::cell::{Cell, Plan};
use super::verdict::Document;
use crate::lab::make_run_dir;
use serde_json::Value;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub struct Store {
    pub dir: PathBuf,
    /// Cells that are done.
    pub cells: Vec<Cell>,
    /// By stacks of before: the document says it of all.
    pub records_lost: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error(
        "{dir} holds another sweep: {different}; give the same settings to go on with it, or another --out"
    )]
    AnotherPlan { dir: String, different: String },
}

/// The seed of the sweep that `out` holds already.
pub fn seed(out: &Path) -> Option<u64> {
    let plan: Plan = serde_json::from_slice(&fs::read(out.join("plan.json")).ok()?).ok()?;
    plan.seed.parse().ok()
}

impl Store {
    /// A new directory, or one that holds an interrupted sweep of the same plan.
    pub fn open(out: Option<&Path>, plan: &Plan) -> Result<Store, StoreError> {
        let dir = make_run_dir(out, "sweep")?;
        let path = dir.join("plan.json");
        let mut store = Store {
            dir,
            cells: Vec::new(),
            records_lost: 0,
        };
        // As text: what was written and read again can differ in a float's last digit.
        let mine = serde_json::to_string_pretty(plan).map_err(io::Error::from)?;
        match fs::read_to_string(&path) {
            Ok(saved) if saved == mine => {
                store.read_cells()?;
                store.records_lost = store.lost_before();
            }
            Ok(saved) => {
                return Err(StoreError::AnotherPlan {
                    dir: store.dir.display().to_string(),
                    different: different(&saved, &mine),
                });
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => write_whole(&path, mine.as_bytes())?,
            Err(e) => return Err(e.into()),
        }
        Ok(store)
    }

    /// Saves a cell before anything else happens.
    pub fn add(&mut self, cell: Cell) -> io::Result<()> {
        let mut line = serde_json::to_vec(&cell)?;
        line.push(b'\n');
        let path = self.dir.join("cells.ndjson");
        let mut file = fs::OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(&line)?;
        self.cells.push(cell);
        Ok(())
    }

    /// Replaces `summary.json` whole, so that a reader never sees half of it.
    pub fn save(&self, document: &Document) -> io::Result<()> {
        write_whole(
            &self.dir.join("summary.json"),
            &serde_json::to_vec_pretty(document)?,
        )
    }

    /// Where the next stack puts its logs and records.
    pub fn stack_dir(&self) -> PathBuf {
        let numbered = (1..).map(|n| self.dir.join(format!("stack-{n}")));
        numbered
            .into_iter()
            .find(|dir| !dir.exists())
            .unwrap_or_else(|| self.dir.join("stack"))
    }

    fn lost_before(&self) -> u64 {
        let document = fs::read(self.dir.join("summary.json")).unwrap_or_default();
        let document: Value = serde_json::from_slice(&document).unwrap_or_default();
        document["records_lost"].as_u64().unwrap_or(0)
    }

    /// A line that was being written when its sweep was killed has no end: it is forgotten.
    fn read_cells(&mut self) -> io::Result<()> {
        let path = self.dir.join("cells.ndjson");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(e),
        };
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        if whole.len() < text.len() {
            write_whole(&path, whole.as_bytes())?;
        }
        let bad = |e| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {e}", path.display()));
        for line in whole.lines() {
            let cell: Cell = serde_json::from_str(line).map_err(bad)?;
            self.cells.push(cell);
        }
        Ok(())
    }
}

/// The keys whose values are not the same.
fn different(saved: &str, mine: &str) -> String {
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let (saved, mine) = (parse(saved), parse(mine));
    let mut words = Vec::new();
    for (key, value) in mine.as_object().into_iter().flatten() {
        let before = saved.get(key).unwrap_or(&Value::Null);
        if before != value {
            words.push(format!("{key} was {before}, is {value}"));
        }
    }
    if words.is_empty() {
        "its plan cannot be read".to_owned()
    } else {
        words.join(", ")
    }
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, bytes)?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use super::super::verdict::tests::{cell, plan};
    use super::*;

    #[test]
    fn an_interrupted_sweep_goes_on_and_another_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("sweep");
        assert_eq!(seed(&out), None);
        let mut store = Store::open(Some(&out), &plan()).unwrap();
        store.add(cell(0, Some(0.1), 4.0)).unwrap();
        store.add(cell(1, None, 0.8)).unwrap();
        assert_eq!(seed(&out), Some(7));
        // Killed in the middle of a line.
        let mut text = fs::read_to_string(out.join("cells.ndjson")).unwrap();
        text.truncate(text.len() - 5);
        fs::write(out.join("cells.ndjson"), text).unwrap();
        let mut store = Store::open(Some(&out), &plan()).unwrap();
        assert_eq!(store.cells, [cell(0, Some(0.1), 4.0)]);
        store.add(cell(1, None, 0.8)).unwrap();
        assert_eq!(store.records_lost, 0);
        fs::write(out.join("summary.json"), r#"{"records_lost":9}"#).unwrap();
        assert_eq!(Store::open(Some(&out), &plan()).unwrap().records_lost, 9);
        assert_eq!(Store::open(Some(&out), &plan()).unwrap().cells.len(), 2);
        let mut another = plan();
        another.trials = 4;
        let error = Store::open(Some(&out), &another).err().unwrap().to_string();
        assert!(error.contains("trials was 3, is 4"), "{error}");
        assert!(store.stack_dir().ends_with("stack-1"));
    }
}
