//! The stack of its own that a run measures: name, network, directory, fleet, and the signals that end it early.

use super::begin;
use crate::engine;
use crate::fleet::{Fleet, FleetHandle, Records};
use crate::lab::{Journal, Lease, Name, RuntimeDir, give_back, make_run_dir};
use crate::process::control;
use crate::process::restart::RestartPolicy;
use crate::settings::LabSettings;
use crate::signals::Signals;
use serde_json::Value;
use std::path::PathBuf;

/// Everything a run holds while it lasts.
pub struct Stack {
    pub fleet: FleetHandle,
    pub dir: PathBuf,
    pub signals: Signals,
    name: Name,
    _lease: Lease,
}

/// How a stack ended.
#[derive(Clone, Debug, Default)]
pub struct End {
    /// Of its event log: they could not be written.
    pub records_lost: u64,
    /// What went wrong, in words.
    pub trouble: Option<String>,
}

/// A stack that could not be had: what to print, and the exit code.
pub struct NoStack {
    pub text: String,
    pub exit: u8,
}

impl Stack {
    /// Takes what is needed and starts the fleet; [`begin::begin`] starts a load that waits. On an error nothing is left behind.
    pub async fn start(settings: &LabSettings) -> Result<(Stack, Records), NoStack> {
        let usage = |e: &dyn std::fmt::Display| NoStack {
            text: e.to_string(),
            exit: 2,
        };
        let failed = |e: &dyn std::fmt::Display| NoStack {
            text: e.to_string(),
            exit: 1,
        };
        let peer = engine::choice::peer(settings).map_err(|e| NoStack {
            text: e.to_string(),
            exit: e.exit_code(),
        })?;
        let signals = Signals::new().map_err(|e| failed(&e))?;
        let runtime = RuntimeDir::open().map_err(|e| failed(&e))?;
        let name = runtime.take(&RuntimeDir::run_name()).map_err(|e| failed(&e))?;
        let lease = Lease::take(settings.net, settings.listen, settings.routers, settings.apps)
            .map_err(|e| usage(&e))?;
        let dir = make_run_dir(settings.out.as_deref(), "run").map_err(|e| usage(&e))?;
        let warn = |text: String| eprintln!("resetlab run: records are being lost: {text}");
        let journal = Journal::open(&dir, warn).map_err(|e| failed(&e))?;
        let mut plan = settings.fleet_plan(&lease, &name, &dir, RestartPolicy::Manual);
        plan.peer = peer;
        if begin::load_waits(settings) {
            plan.load.rate = 0.0;
        }
        let (fleet, records) = Fleet::start(plan, Some(journal)).await.map_err(|e| {
            give_back(&dir);
            NoStack {
                text: format!("{e}; logs are in {}", dir.display()),
                exit: e.exit_code(),
            }
        })?;
        Ok((
            Stack {
                fleet,
                dir,
                signals,
                name,
                _lease: lease,
            },
            records,
        ))
    }

    /// What the load says of itself (`resetlab.load.v1`).
    pub async fn load_report(&self) -> Option<Value> {
        control::ask(&self.load_socket(), &serde_json::json!({ "cmd": "show" }))
            .await
            .ok()
    }

    /// Where the load answers.
    pub fn load_socket(&self) -> PathBuf {
        self.name.children.join("load.sock")
    }

    /// Stops everything.
    pub async fn end(self) -> End {
        let report = self.fleet.stop_all().await;
        let lost = report.journal.lost;
        let why = report.journal.error.unwrap_or_default();
        let lost_words = (lost > 0).then(|| format!("{lost} records could not be written: {why}"));
        let left =
            (!report.left.is_empty()).then(|| format!("could not be ended: {}", report.left.join(", ")));
        let troubles: Vec<String> = lost_words.into_iter().chain(left).collect();
        End {
            records_lost: lost,
            trouble: (!troubles.is_empty()).then(|| troubles.join("; ")),
        }
    }
}
