//! All that can be wrong with what was asked is wrong here, before anything is started.

use super::{Args, Comparison, FAILED, Hold, USAGE};
use crate::engine::{Engine, choice};
use crate::experiment::summary::Setup;
use crate::experiment::{args, plan};
use crate::lab::{Addresses, make_run_dir};
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
    let mut blind = !base.has_checks();
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
        trials: args.trials,
        strict: args.strict,
        json,
        hold: match args.stack.restart_delay_given() {
            true => Hold::For(base.restart_delay),
            false if blind => Hold::AsMissed,
            false => Hold::UntilNoticed,
        },
        seed,
        setup: faults
            .first()
            .map(|spec| Setup::new(&base, *spec, args.trials, 1)),
        faults,
        base,
        dir,
        done: BTreeMap::new(),
        complete: false,
        records_lost: 0,
    })
}

/// Why an engine cannot be compared, with what to type where many settings are in its way.
fn refused(engine: Engine, base: &LabSettings, why: &choice::NoPeer) -> String {
    let preset = base.preset_note().name;
    match why {
        choice::NoPeer::Refused(_) if !preset.starts_with(engine.name()) => format!(
            "{why}\nThese are settings of the preset {preset}, or your own; --preset {engine} begins with what {engine} can"
        ),
        _ => why.to_string(),
    }
}

/// Checks that the engine is installed and can be told these settings. Whether it tells what it believes.
fn startable(engine: Engine, base: &LabSettings) -> Result<bool, (u8, String)> {
    let mut settings = base.clone();
    settings.engine = engine;
    choice::peer(&settings).map_err(|e| (e.exit_code(), refused(engine, base, &e)))?;
    let site = choice::site(&settings, &Addresses::new(1, settings.listen));
    let tells = engine.program().map(|program| program.tells(&site, &settings.lb));
    Ok(tells.is_none_or(|tells| tells.belief))
}
