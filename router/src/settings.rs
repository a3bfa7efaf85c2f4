//! PURE: what a gorouter is configured with, by gorouter's own names (`_` written as `-`), and the profiles that set all of it at once.
//!
//! Sources: gorouter's `config.go` (the Go defaults) and the BOSH job's `spec`, as of October 2024.

use std::time::Duration;

/// Everything a router can be told beside its addresses.
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
    /// After that: longest wait for requests under way.
    pub drain_timeout: Duration,
    /// How often routes are looked through for endpoints that were not registered again.
    pub prune_stale_droplets_interval: Duration,
    /// Such an endpoint is stale after this long. A quarter of it is how long a failed endpoint sits out.
    pub droplet_stale_threshold: Duration,
    /// From the request given to an endpoint until its response head.
    pub endpoint_timeout: Duration,
    pub endpoint_dial_timeout: Duration,
    /// How long a client connection may wait for its next request.
    pub frontend_idle_timeout: Duration,
    /// From the first byte of a head to its last; zero: no limit.
    pub read_header_timeout: Duration,
    /// Connections to endpoints are used once.
    pub disable_keep_alives: bool,
    pub max_idle_conns: usize,
    pub max_idle_conns_per_host: usize,
    /// Endpoints a request may be tried at; 0 counts as 1.
    pub max_attempts: u32,
    /// Requests at a time of one endpoint; 0: no limit.
    pub max_conns: u32,
    pub balancing_algorithm: Balancing,
    pub sticky_session_cookie_names: Vec<String>,
    /// A request with this User-Agent on the traffic port gets the answer of `/health`.
    pub healthcheck_user_agent: String,
    /// A route whose pool is empty is answered 503, not 404.
    pub empty_pool_response_code_503: bool,
    /// How long an empty pool is kept.
    pub empty_pool_timeout: Duration,
    pub max_header_kb: usize,
    pub force_forwarded_proto_https: bool,
    pub sanitize_forwarded_proto: bool,
    /// The access log tells how attempts went.
    pub enable_attempts_details: bool,
}

/// Whose defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// BOSH's, with waits shortened where waiting teaches nothing.
    #[default]
    Lab,
    /// The BOSH job's.
    Gorouter,
    /// gorouter's own, without a job around it.
    Go,
}

/// A build of gorouter. Versions are compared number by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// The compiler: `[1, 21, 13]`.
    pub go: Vec<u64>,
    pub routing_release: Vec<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Balancing {
    #[default]
    RoundRobin,
    LeastConnection,
}

impl Build {
    /// Whether the interim-response hook and the error handler may write one map at the same time: interim responses
    /// are forwarded since Go 1.20; Go 1.23 (CL 567216) and routing-release 0.288 each mended it.
    pub fn has_header_race(&self) -> bool {
        self.go.as_slice() >= &[1, 20][..]
            && self.go.as_slice() < &[1, 23][..]
            && self.routing_release.as_slice() < &[0, 288][..]
    }
}

impl Default for Build {
    /// The newest pair with the bug.
    fn default() -> Build {
        Build {
            go: vec![1, 21, 13],
            routing_release: vec![0, 287, 0],
        }
    }
}

impl Settings {
    pub fn of(profile: Profile) -> Settings {
        let seconds = Duration::from_secs;
        let go = Settings {
            profile,
            build: Build::default(),
            header_race: None,
            start_response_delay_interval: seconds(5),
            drain_wait: Duration::ZERO,
            drain_timeout: seconds(60),
            prune_stale_droplets_interval: seconds(30),
            droplet_stale_threshold: seconds(120),
            endpoint_timeout: seconds(60),
            endpoint_dial_timeout: seconds(5),
            frontend_idle_timeout: seconds(900),
            read_header_timeout: Duration::ZERO,
            disable_keep_alives: true,
            max_idle_conns: 100,
            max_idle_conns_per_host: 2,
            max_attempts: 0,
            max_conns: 0,
            balancing_algorithm: Balancing::RoundRobin,
            sticky_session_cookie_names: vec!["JSESSIONID".to_owned()],
            healthcheck_user_agent: "HTTP-Monitor/1.1".to_owned(),
            empty_pool_response_code_503: false,
            empty_pool_timeout: Duration::ZERO,
            max_header_kb: 1024,
            force_forwarded_proto_https: false,
            sanitize_forwarded_proto: false,
            enable_attempts_details: false,
        };
        let gorouter = Settings {
            start_response_delay_interval: seconds(20),
            drain_wait: seconds(20),
            drain_timeout: seconds(900),
            endpoint_timeout: seconds(900),
            disable_keep_alives: false,
            max_idle_conns_per_host: 100,
            max_attempts: 3,
            max_conns: 500,
            empty_pool_response_code_503: true,
            ..go.clone()
        };
        match profile {
            Profile::Go => go,
            Profile::Gorouter => gorouter,
            Profile::Lab => Settings {
                start_response_delay_interval: Duration::ZERO,
                drain_timeout: seconds(10),
                endpoint_timeout: seconds(60),
                read_header_timeout: seconds(10),
                ..gorouter
            },
        }
    }

    /// Whether a backend's interim responses and the error handler race for the response's header map.
    pub fn has_header_race(&self) -> bool {
        self.header_race.unwrap_or_else(|| self.build.has_header_race())
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
    fn each_fix_alone_mends_the_race() {
        let build = |go: &[u64], routing_release: &[u64]| Build {
            go: go.to_vec(),
            routing_release: routing_release.to_vec(),
        };
        for (go, release, race) in [
            (&[1, 21, 13][..], &[0, 287, 0][..], true),
            (&[1, 20], &[0, 287], true),
            (&[1, 19, 13], &[0, 287, 0], false),
            (&[1, 22, 10], &[0, 287, 0], true),
            (&[1, 23], &[0, 287, 0], false),
            (&[1, 23, 1], &[0, 287, 0], false),
            (&[1, 21, 13], &[0, 288], false),
            (&[1, 21, 13], &[0, 288, 0], false),
        ] {
            assert_eq!(build(go, release).has_header_race(), race, "{go:?} {release:?}");
        }
    }
}
