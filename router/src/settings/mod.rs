//! PURE: what a gorouter is configured with, by gorouter's own names (`_` written as `-`), and the profiles that set
//! all of it at once.
//!
//! - [`args`]: the flags. [`words`]: every value by its word. [`profile`]: whose defaults. [`build`]: which gorouter
//!   it is, and whether that one has the bug
//!
//! Sources: gorouter's `config.go` (the Go defaults) and the BOSH job's `spec`, as of October 2024.

mod args;
mod build;
mod profile;
mod words;

pub use args::SettingsArgs;
pub use build::Build;
pub use profile::Profile;
pub use words::{KEYS, SettingError};

use std::time::Duration;

/// Everything a router can be told beside its addresses.
///
/// A timeout of zero is none, as in Go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub profile: Profile,
    /// Which gorouter it is: decides whether it has the bug.
    pub build: Build,
    /// `None`: as `build` has it.
    pub header_race: Option<bool>,
    /// `/health` answers 503, and the traffic port refuses, until this long after the start.
    pub start_response_delay_interval: Duration,
    /// After SIGUSR1: served on with `/health` at 503.
    pub drain_wait: Duration,
    /// After that: longest wait for requests under way; zero: as `endpoint_timeout`, see [`Settings::in_force`].
    pub drain_timeout: Duration,
    /// How often routes are looked through for endpoints that were not registered again.
    pub prune_stale_droplets_interval: Duration,
    /// Such an endpoint is stale after this long. A quarter of it is how long a failed endpoint sits out.
    pub droplet_stale_threshold: Duration,
    /// From the request given to an endpoint until its response head.
    pub endpoint_timeout: Duration,
    /// From the start of a connection attempt to an endpoint until it is connected.
    pub endpoint_dial_timeout: Duration,
    /// How long a client connection may wait for its next request.
    pub frontend_idle_timeout: Duration,
    /// From the first byte of a head to its last.
    pub read_header_timeout: Duration,
    /// Connections to endpoints are used once.
    pub disable_keep_alives: bool,
    /// Idle connections to endpoints kept; 0: no limit.
    pub max_idle_conns: usize,
    /// The same to one endpoint; 0: 2, Go's own default.
    pub max_idle_conns_per_host: usize,
    /// Endpoints a request may be tried at; 0 counts as 1.
    pub max_attempts: u32,
    /// Requests at a time of one endpoint; 0: no limit.
    pub max_conns: u32,
    pub balancing_algorithm: Balancing,
    /// Cookies of an application that make a client stay with its instance; none: no sticky sessions.
    pub sticky_session_cookie_names: Vec<String>,
    /// A request with this User-Agent on the traffic port gets the answer of `/health`.
    pub healthcheck_user_agent: String,
    /// A route whose pool is empty is answered 503, not 404.
    pub empty_pool_response_code_503: bool,
    /// How long an empty pool is kept.
    pub empty_pool_timeout: Duration,
    /// Largest request head in KiB, the request line included; a larger one is answered 431.
    pub max_header_kb: usize,
    /// `X-Forwarded-Proto` is always `https`.
    pub force_forwarded_proto_https: bool,
    /// What a client says in `X-Forwarded-Proto` does not count.
    pub sanitize_forwarded_proto: bool,
    /// The access log tells how attempts went.
    pub enable_attempts_details: bool,
}

/// How the endpoint of a request is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Balancing {
    #[default]
    RoundRobin,
    LeastConnection,
}

impl Settings {
    /// Whether a backend's interim responses and the error handler race for the response's header map.
    pub fn has_header_race(&self) -> bool {
        self.header_race.unwrap_or_else(|| self.build.has_header_race())
    }

    /// `Go 1.21.13, routing-release 0.287.0`, and what decides about the bug where that is not the build.
    pub fn build_words(&self) -> String {
        match self.header_race {
            Some(race) if race != self.build.has_header_race() => {
                let word = if race { "on" } else { "off" };
                format!("{}, header-race {word}", self.build)
            }
            _ => self.build.to_string(),
        }
    }

    /// With what gorouter derives from other settings when it reads its configuration: no `drain_timeout` is
    /// `endpoint_timeout`; no endpoint is stale before the start delay is over.
    pub fn in_force(&self) -> Settings {
        let mut settings = self.clone();
        if settings.drain_timeout.is_zero() {
            settings.drain_timeout = settings.endpoint_timeout;
        }
        settings.droplet_stale_threshold = settings
            .droplet_stale_threshold
            .max(settings.start_response_delay_interval);
        settings
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings::of(Profile::Lab)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_derived_follows_what_was_said() {
        let mut settings = Settings::of(Profile::Go);
        assert_eq!(settings.in_force().drain_timeout, Duration::from_secs(60));
        settings.set("endpoint-timeout", "5s").unwrap();
        settings.set("start-response-delay-interval", "3m").unwrap();
        let in_force = settings.in_force();
        assert_eq!(in_force.drain_timeout, Duration::from_secs(5));
        assert_eq!(in_force.droplet_stale_threshold, Duration::from_secs(180));
        let gorouter = Settings::of(Profile::Gorouter);
        assert_eq!(gorouter.in_force(), gorouter);
    }

    #[test]
    fn the_race_can_be_had_and_left_out_whatever_the_build() {
        let mut settings = Settings::default();
        assert!(settings.has_header_race());
        settings.set("header-race", "off").unwrap();
        assert!(!settings.has_header_race());
        settings.set("header-race", "auto").unwrap();
        settings.set("go", "1.23").unwrap();
        assert!(!settings.has_header_race());
        settings.set("header-race", "on").unwrap();
        assert!(settings.has_header_race());
    }
}
