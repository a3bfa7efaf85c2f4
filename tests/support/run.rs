//! A run of an experiment, and what must be true of each of its trials.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "only tests use it")]

#[path = "timing.rs"]
pub mod timing;

use crate::support::{crash_run, resetlab, stderr};
use serde_json::Value;
use std::path::Path;
use timing::{Checks, Death};

/// Seconds by which a prediction may miss beyond what the records themselves explain: far above what it does, far below
/// the interval.
const SLACK: f64 = 0.15;

/// One that has ended well.
pub struct Run {
    pub document: Value,
    dir: tempfile::TempDir,
}

impl Run {
    /// `resetlab run` with these words.
    pub fn of(words: &str) -> Run {
        let dir = tempfile::tempdir().unwrap();
        let output = resetlab(dir.path(), &format!("run --json --out out {words}"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{words}: {}", stderr(&output));
        Run::whole(serde_json::from_slice(&output.stdout).unwrap(), dir)
    }

    /// The same where routers are to crash, see [`crash_run`].
    pub fn of_crashes(words: &str) -> Run {
        let dir = tempfile::tempdir().unwrap();
        let document = crash_run(|| {
            let _ = std::fs::remove_dir_all(dir.path().join("out"));
            resetlab(dir.path(), &format!("run --json --out out --fault crash {words}"))
        });
        Run::whole(document, dir)
    }

    fn whole(document: Value, dir: tempfile::TempDir) -> Run {
        assert_eq!(document["schema"], "resetlab.run.v1");
        assert_eq!(document["complete"], true);
        let saved = saved(dir.path());
        assert_eq!(saved, document, "printed and saved are the same");
        Run { document, dir }
    }

    pub fn trials(&self) -> &Vec<Value> {
        trials(&self.document)
    }

    pub fn lost(&self) -> u64 {
        lost(&self.document)
    }

    /// What was recorded, without its first line.
    pub fn events(&self) -> Vec<Value> {
        timing::events(&self.dir.path().join("out"))
    }

    pub fn first_line(&self) -> Value {
        let text = std::fs::read_to_string(self.dir.path().join("out/events.ndjson")).unwrap();
        serde_json::from_str(text.lines().next().unwrap()).unwrap()
    }

    /// Seconds by which a request was sent late, at most.
    pub fn late_load(&self) -> f64 {
        self.document["load"]["late_max_ms"].as_f64().unwrap() / 1e3
    }

    /// Seconds that an answered request waited at most: so long was the balancer, or a living router, kept from its work.
    fn held_up(&self) -> f64 {
        self.document["load"]["service_ms"]["max"].as_f64().unwrap() / 1e3
    }

    /// Every trial detected, within `SLACK` of its own prediction, and its lost requests where they belong.
    pub fn check(&self, trials: usize, cause: &str, outcome: &str) {
        let events = self.events();
        let figure = |key: &str| self.document["check"][key].as_f64().unwrap();
        let checks = Checks {
            interval_s: figure("interval_s"),
            timeout_s: figure("timeout_s"),
            from_end: self.document["check"]["schedule"] == "end",
        };
        assert_eq!(self.trials().len(), trials);
        for trial in self.trials() {
            assert_eq!(trial["detected"], true, "{trial:#}");
            assert_eq!(trial["events_dropped"], 0, "{trial:#}");
            let seconds = |key: &str| {
                trial[key]
                    .as_f64()
                    .unwrap_or_else(|| panic!("{key} is missing in {trial:#}"))
            };
            let (detect, stop) = (seconds("t_detect_s"), seconds("t_stop_s"));
            let untimely = checks.untimely(&events, &Death::of(trial));
            let residual = detect - seconds("predicted_t_detect_s");
            assert!(
                residual.abs() < SLACK + untimely,
                "residual {residual} s, {untimely} s explained, in {trial:#}"
            );
            // The gap of two requests, and what the load and the balancer themselves were late.
            let (late, held) = (self.late_load(), self.held_up());
            assert!(
                (stop - detect).abs() < SLACK + late + held + untimely,
                "{trial:#}, the load late by {late}, requests by {held}, checks by {untimely}"
            );
            assert!(seconds("t_readmit_s") > 0.0);
            let window = trial["lost"]["window"].as_u64().unwrap();
            let lost = trial["lost"]["by_outcome"][outcome].as_u64().unwrap_or(0);
            assert!(lost >= window, "no {outcome} in {trial:#}");
            // A load that stood still has sent nothing into it.
            if late < detect / 2.0 {
                assert!(window > 0, "{trial:#}");
                let caused = trial["causes"][cause].as_u64().unwrap_or(0);
                assert!(caused > 0, "no {cause} in {trial:#}");
            }
        }
    }
}

pub fn trials(document: &Value) -> &Vec<Value> {
    document["trials"].as_array().unwrap()
}

/// Requests lost to the faults.
pub fn lost(document: &Value) -> u64 {
    let of = |trial: &Value, part: &str| trial["lost"][part].as_u64().unwrap();
    trials(document)
        .iter()
        .map(|trial| of(trial, "in_flight") + of(trial, "window"))
        .sum()
}

/// The summary that a run in `dir` has left.
pub fn saved(dir: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(dir.join("out/summary.json")).unwrap()).unwrap()
}
