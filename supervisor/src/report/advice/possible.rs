//! PURE: what can be set at all: in lb-sim, in the real system a preset is of, in the program that was measured.

use super::Facts;
use crate::engine::{Seat, Site};
use lb_sim::core::Settings;
use lb_sim::presets;

/// What would be refused where it was measured is no advice.
pub fn possible(facts: &Facts, settings: &Settings) -> bool {
    let allowed = presets::named(&facts.preset).is_none_or(|preset| preset.allows(settings).is_ok());
    settings.consistent().is_ok() && allowed && expressible(facts, settings)
}

/// By the program's own words, and by what it was measured to obey.
fn expressible(facts: &Facts, settings: &Settings) -> bool {
    let Some(program) = facts.engine.program() else {
        return true;
    };
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
    program.configuration(&site, settings).is_ok() && program.ignores(&facts.version, settings).is_empty()
}
