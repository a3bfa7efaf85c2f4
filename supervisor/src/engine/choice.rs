//! What a lab is to be started with, judged before anything starts.

use super::locate::{self, Missing};
use super::{Adopted, Peer, Refused, Seat, Site};
use crate::lab::Addresses;
use crate::settings::LabSettings;
use std::path::{Path, PathBuf};

/// Why it cannot be.
#[derive(Debug, thiserror::Error)]
pub enum NoPeer {
    #[error("engine={0} is not built in")]
    Unknown(super::Engine),
    #[error(transparent)]
    Missing(#[from] Missing),
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("engine-config is for a real load balancer: add --engine haproxy")]
    NoEngine,
    #[error("{}: {why}", file.display())]
    Own { file: PathBuf, why: String },
}

impl NoPeer {
    /// 5: a program is missing; 2: what was asked for cannot be.
    pub fn exit_code(&self) -> u8 {
        match self {
            NoPeer::Missing(_) => 5,
            NoPeer::Unknown(_) | NoPeer::Refused(_) | NoPeer::NoEngine | NoPeer::Own { .. } => 2,
        }
    }
}

impl NoPeer {
    /// Without the file, where its name stands already.
    pub fn why(self) -> String {
        match self {
            NoPeer::Own { why, .. } => why,
            other => other.to_string(),
        }
    }
}

/// The real load balancer that the settings want, `None` for lb-sim. What it cannot express is refused here, and that it
/// is not installed is found here: before anything is started.
pub fn peer(settings: &LabSettings) -> Result<Option<Peer>, NoPeer> {
    let engine = settings.engine;
    if engine == super::Engine::LbSim {
        return match settings.engine_config {
            Some(_) => Err(NoPeer::NoEngine),
            None => Ok(None),
        };
    }
    let program = engine.program().ok_or(NoPeer::Unknown(engine))?;
    // Its addresses do not matter for what can be expressed.
    let site = site(settings, &Addresses::new(1, settings.listen));
    match &settings.engine_config {
        None => drop(
            program
                .configuration(&site, &settings.lb)
                .map_err(|why| Refused::new(engine, &settings.lb, why))?,
        ),
        Some(_) => drop(adopted(settings)?),
    }
    let path = locate::find(program, |name| std::env::var_os(name))?;
    Ok(Some(Peer {
        engine,
        program: path,
        own: settings.engine_config.as_deref().map(absolute),
    }))
}

/// The user's own file, made one for the lab of these settings.
pub fn adopted(settings: &LabSettings) -> Result<Adopted, NoPeer> {
    let Some(own) = &settings.engine_config else {
        return Ok(Adopted::default());
    };
    let program = settings.engine.program().ok_or(NoPeer::NoEngine)?;
    let why = |why: String| NoPeer::Own {
        file: own.clone(),
        why,
    };
    let text = std::fs::read_to_string(own).map_err(|e| why(e.to_string()))?;
    // Its addresses do not matter for what it says.
    let site = site(settings, &Addresses::new(1, settings.listen));
    program.adopt(&text, &site).map_err(why)
}

/// Where it would stand.
pub fn site(settings: &LabSettings, at: &Addresses) -> Site {
    let seat = |n| Seat {
        name: format!("router-{n}"),
        traffic: at.router(n),
        health: at.health(n),
    };
    Site {
        listen: at.lb(),
        routers: (1..=settings.routers).map(seat).collect(),
        dir: "/".into(),
        sockets: "/".into(),
        own: settings.engine_config.clone(),
    }
}

/// The guard runs in another directory.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
