//! What a lab is to be started with, judged before anything starts.

use super::locate::{self, Missing};
use super::{Adopted, Ignored, Peer, Program, Refused, Seat, Site};
use crate::lab::Addresses;
use crate::process::printed;
use crate::settings::LabSettings;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// For a version.
const PATIENCE: Duration = Duration::from_secs(10);

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
    let path = locate::find(program, |name| std::env::var_os(name));
    let version = path.as_deref().ok().and_then(|path| version(program, path));
    // Its addresses do not matter for what can be expressed.
    let site = site(settings, &Addresses::new(1, settings.listen));
    match &settings.engine_config {
        None => {
            let mut why = program
                .configuration(&site, &settings.lb)
                .err()
                .unwrap_or_default();
            let ignored = version
                .iter()
                .flat_map(|version| program.ignores(version, &settings.lb));
            why.extend(ignored.map(Ignored::refused));
            if !why.is_empty() {
                return Err(Refused::new(engine, &settings.lb, why).into());
            }
        }
        Some(_) => drop(adopted(settings)?),
    }
    Ok(Some(Peer {
        engine,
        program: path?,
        version,
        own: settings.engine_config.as_deref().map(absolute),
    }))
}

/// What the installed program does not obey of these settings; nothing where it is not installed.
pub fn ignored(settings: &LabSettings) -> Vec<Ignored> {
    let Some(program) = settings.engine.program() else {
        return Vec::new();
    };
    let path = locate::find(program, |name| std::env::var_os(name)).ok();
    let version = path.and_then(|path| version(program, &path));
    let ignored = version.map(|version| program.ignores(&version, &settings.lb));
    ignored.unwrap_or_default()
}

fn version(program: &dyn Program, path: &Path) -> Option<String> {
    let printed = printed(path, program.version_arguments(), PATIENCE).ok()?;
    program.version(&printed)
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
    let text = crate::settings::text::read(own).map_err(|e| why(e.to_string()))?;
    // Its addresses do not matter for what it says.
    let site = site(settings, &Addresses::new(1, settings.listen));
    program.adopt(&text, &site).map_err(why)
}

/// Where it would stand.
pub fn site(settings: &LabSettings, at: &Addresses) -> Site {
    placed(at, settings.routers, settings.engine_config.clone())
}

/// Where it would stand with so many routers.
pub fn placed(at: &Addresses, routers: u32, own: Option<PathBuf>) -> Site {
    let seat = |n| Seat {
        name: format!("router-{n}"),
        traffic: at.router(n),
        health: at.health(n),
    };
    Site {
        listen: at.lb(),
        routers: (1..=routers).map(seat).collect(),
        dir: "/".into(),
        sockets: "/".into(),
        own,
    }
}

/// The guard runs in another directory.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
