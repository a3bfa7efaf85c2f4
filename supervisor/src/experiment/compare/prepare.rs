//! All that can be wrong with what was asked is wrong here, before anything is started.

use super::{Args, Comparison, FAILED, Hold, NOT_INSTALLED, USAGE};
use crate::engine::{Engine, Refused, Site, locate};
use crate::experiment::trial::rules;
use crate::experiment::{args, plan};
use crate::lab::make_run_dir;
use crate::settings::LabSettings;
use router::fault::Spec;
use std::collections::BTreeMap;

pub(super) fn prepare(args: Args, json: bool) -> Result<Comparison, (u8, String)> {
    let usage = |why: String| (USAGE, why);
    let engines = args.engines().map_err(usage)?.to_vec();
    let mut base = args.stack.settings().map_err(|e| usage(e.to_string()))?;
    if base.rate <= 0.0 {
        return Err(usage(
            "--rate: an experiment needs requests, such as --rate 200".into(),
        ));
    }
    if base.engine != Engine::LbSim || base.engine_config.is_some() {
        return Err(usage(
            "--engine: compare starts the same settings on each of --engines, such as lb-sim,haproxy; \
             `resetlab run` measures one engine, also by a configuration of its own"
                .into(),
        ));
    }
    let faults: Vec<Spec> = args
        .faults()
        .into_iter()
        .map(|word| Spec::new(word.into()))
        .collect();
    for spec in &faults {
        args::possible(spec.fault, &base).map_err(usage)?;
    }
    let mut blind = !rules::is_checked(&base);
    for engine in &engines {
        blind |= !startable(*engine, &base)?;
    }
    let seed = base.seed.unwrap_or_else(plan::fresh_seed);
    base.seed = Some(seed);
    let dir = make_run_dir(base.out.as_deref(), "compare").map_err(|e| usage(e.to_string()))?;
    if dir.join("compare.json").exists() {
        return Err(usage(format!(
            "{} holds the results of another comparison; --out DIR puts these elsewhere",
            dir.display()
        )));
    }
    // Children are started from other directories.
    let dir = std::path::absolute(&dir).map_err(|e| (FAILED, e.to_string()))?;
    Ok(Comparison {
        engines,
        faults,
        trials: args.trials,
        strict: args.strict,
        json,
        hold: match args.stack.restart_delay_given() {
            true => Hold::For(base.restart_delay),
            false if blind => Hold::AsMissed,
            false => Hold::UntilNoticed,
        },
        seed,
        base,
        dir,
        done: BTreeMap::new(),
        complete: false,
    })
}

/// Checks that the engine is installed and can be told these settings. Whether it tells what it believes.
fn startable(engine: Engine, base: &LabSettings) -> Result<bool, (u8, String)> {
    let Some(program) = engine.program() else {
        return Ok(true);
    };
    locate::find(program, |name| std::env::var_os(name)).map_err(|e| (NOT_INSTALLED, e.to_string()))?;
    let site = anywhere(base);
    program
        .configuration(&site, &base.lb)
        .map(|_| program.tells(&site, &base.lb).belief)
        .map_err(|why| (USAGE, Refused::new(engine, &base.lb, why).to_string()))
}

/// Where it will stand does not decide what it can be told.
fn anywhere(base: &LabSettings) -> Site {
    use crate::engine::Seat;
    use std::net::SocketAddr;
    let seat = |n: u32| {
        let host = [127, 9, 1, u8::try_from(n).unwrap_or(u8::MAX)];
        Seat {
            name: format!("router-{n}"),
            traffic: SocketAddr::from((host, 8081)),
            health: SocketAddr::from((host, 8080)),
        }
    };
    Site {
        listen: SocketAddr::from(([127, 9, 0, 2], 8000)),
        routers: (1..=base.routers).map(seat).collect(),
        dir: "/lb".into(),
        sockets: "/lb".into(),
        own: None,
    }
}
