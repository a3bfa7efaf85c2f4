//! PURE: what can be set at all: in lb-sim, in the real system a preset is of, in the program that was measured.

use super::Facts;
use crate::engine::{Engine, Program, Seat, Site};
use lb_sim::core::{Mode, Settings};
use lb_sim::presets::{self, Preset};
use std::collections::BTreeSet;

/// Key and word.
pub type Changes = Vec<(&'static str, String)>;

/// More rounds change nothing: what is set plainly is not refused again.
const ROUNDS: usize = 3;

/// What would be refused where it was measured, or in the system that lb-sim stands for, is no advice.
pub fn possible(facts: &Facts, settings: &Settings) -> bool {
    let allowed = preset(facts)
        .is_none_or(|preset| preset.allows(settings).is_ok() && preset.takes(&facts.settings, settings));
    settings.consistent().is_ok() && allowed && expressible(facts, settings)
}

/// `changes`, and the plain words for what the program refuses beside them: HAProxy retries without a budget only.
pub fn fitting(facts: &Facts, mut changes: Changes) -> Changes {
    let Some(judge) = Judge::of(facts) else {
        return changes;
    };
    let before = judge.refused(&facts.settings);
    for _ in 0..ROUNDS {
        let Some(settings) = applied(facts, &changes) else {
            return changes;
        };
        let refused = judge.refused(&settings);
        let more = plain(settings.mode).into_iter().filter(|(key, _)| {
            let open = refused.contains(key) && !before.contains(key);
            open && !changes.iter().any(|(changed, _)| changed == key)
        });
        let more: Changes = more.map(|(key, word)| (key, word.to_owned())).collect();
        if more.is_empty() {
            break;
        }
        changes.extend(more);
    }
    changes
}

/// The settings in force with those changes.
pub fn applied(facts: &Facts, changes: &[(&'static str, String)]) -> Option<Settings> {
    let mut settings = facts.settings.clone();
    for (key, word) in changes {
        settings.set(key, word).ok()?;
    }
    Some(settings)
}

/// The preset that the settings started from, of those that are built in.
pub fn preset(facts: &Facts) -> Option<&'static Preset> {
    presets::named(&facts.preset)
}

/// The least that a program can be asked for, where it has not all that lb-sim has.
fn plain(mode: Mode) -> [(&'static str, &'static str); 9] {
    let observed = match mode {
        Mode::Http => "5xx",
        Mode::Tcp => "connect",
    };
    [
        ("passive-on", observed),
        ("passive-action", "mark-down"),
        ("passive-counting", "row"),
        ("retry-budget", "off"),
        ("retry-breaker", "off"),
        ("retry-time", "off"),
        ("retry-to", "other"),
        ("retry-delay", "0s"),
        ("retry-jitter", "0s"),
    ]
}

/// By the program's own words, and by what it was measured to obey.
fn expressible(facts: &Facts, settings: &Settings) -> bool {
    let Some(judge) = Judge::of(facts) else {
        return true;
    };
    let refused = judge.refused(settings);
    match facts.engine {
        // Settings of lb-sim may be beyond the program already: no others than those.
        Engine::LbSim => refused.is_subset(&judge.refused(&facts.settings)),
        _ => refused.is_empty(),
    }
}

/// A real program of one version.
struct Judge<'a> {
    program: &'static dyn Program,
    version: &'a str,
}

impl<'a> Judge<'a> {
    /// The one that was measured, or the one whose preset lb-sim follows.
    fn of(facts: &'a Facts) -> Option<Judge<'a>> {
        if let Some(program) = facts.engine.program() {
            let version = &facts.version;
            return Some(Judge { program, version });
        }
        let preset = preset(facts)?;
        let engine: Engine = preset.engine.as_ref()?.parse().ok()?;
        Some(Judge {
            program: engine.program()?,
            version: &preset.versions,
        })
    }

    /// Keys of what it does not do.
    fn refused(&self, settings: &Settings) -> BTreeSet<&'static str> {
        let at = std::net::SocketAddr::from(([127, 0, 0, 1], 8080));
        let site = Site {
            listen: at,
            routers: vec![Seat {
                name: "router-1".to_owned(),
                traffic: at,
                health: at,
            }],
            dir: "/".into(),
            sockets: "/".into(),
            own: None,
        };
        let inexpressible = self.program.configuration(&site, settings).err();
        let ignored = self.program.ignores(self.version, settings);
        let keys = inexpressible.into_iter().flatten().map(|refused| refused.key);
        keys.chain(ignored.into_iter().map(|ignored| ignored.key))
            .collect()
    }
}
