//! What stands in the load balancer's place: lb-sim, or a real one.

use std::fmt;
use std::str::FromStr;

/// A load balancer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Engine {
    /// Ours.
    #[default]
    LbSim,
    Haproxy,
    Nginx,
    Envoy,
}

impl Engine {
    pub const ALL: [Engine; 4] = [Engine::LbSim, Engine::Haproxy, Engine::Nginx, Engine::Envoy];

    /// As flags, documents and records have it.
    pub fn name(self) -> &'static str {
        match self {
            Engine::LbSim => "lb-sim",
            Engine::Haproxy => "haproxy",
            Engine::Nginx => "nginx",
            Engine::Envoy => "envoy",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Engine {
    type Err = String;
    fn from_str(word: &str) -> Result<Engine, String> {
        let found = Engine::ALL.into_iter().find(|engine| engine.name() == word);
        found.ok_or_else(|| format!("engine cannot be `{word}`: expected lb-sim, haproxy, nginx or envoy"))
    }
}
