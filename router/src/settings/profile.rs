//! PURE: whose defaults.

use super::{Balancing, Build, Settings};
use std::time::Duration;

/// Sets everything that nobody set one by one.
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

impl Settings {
    /// All of a profile's defaults.
    pub fn of(profile: Profile) -> Settings {
        let seconds = Duration::from_secs;
        let go = Settings {
            profile,
            build: Build::default(),
            header_race: None,
            start_response_delay_interval: seconds(5),
            drain_wait: Duration::ZERO,
            drain_timeout: Duration::ZERO,
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

    /// Another profile's defaults, but for what was set one by one: `chosen` says which keys those are.
    pub fn with_profile(&self, profile: Profile, chosen: impl Fn(&str) -> bool) -> Settings {
        let mut settings = Settings::of(profile);
        for (key, word) in self.words() {
            if key != "profile" && chosen(key) {
                settings.set(key, &word).expect("it was set by such a word");
            }
        }
        settings
    }

    /// The keys whose values are not those of `other`, with both words: ours, the other's.
    pub fn differences(&self, other: &Settings) -> Vec<(&'static str, String, String)> {
        let both = self.words().into_iter().zip(other.words());
        let unequal = both.filter(|((_, ours), (_, theirs))| ours != theirs);
        unequal
            .map(|((key, ours), (_, theirs))| (key, ours, theirs))
            .collect()
    }
}

impl Profile {
    /// Where most of its defaults come from: the lab's are BOSH's, but for a few.
    pub fn source(self) -> Profile {
        match self {
            Profile::Lab | Profile::Gorouter => Profile::Gorouter,
            Profile::Go => Profile::Go,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(settings: &Settings, keys: &[&str]) -> Vec<String> {
        let words = settings.words().into_iter();
        words
            .filter(|(key, _)| keys.contains(key))
            .map(|(_, word)| word)
            .collect()
    }

    #[test]
    fn profiles_are_those_of_the_facts() {
        let go = Settings::of(Profile::Go);
        let gorouter = Settings::of(Profile::Gorouter);
        let differ = gorouter.differences(&go);
        let text: Vec<String> = differ
            .iter()
            .map(|(key, ours, theirs)| format!("{key} {ours} {theirs}"))
            .collect();
        assert_eq!(
            text,
            [
                "profile gorouter go",
                "start-response-delay-interval 20s 5s",
                "drain-wait 20s 0s",
                "drain-timeout 900s 0s",
                "endpoint-timeout 900s 60s",
                "disable-keep-alives false true",
                "max-idle-conns-per-host 100 2",
                "max-attempts 3 0",
                "max-conns 500 0",
                "empty-pool-response-code-503 true false",
            ]
        );
        // The lab only ever shortens.
        for (key, ours, theirs) in Settings::of(Profile::Lab).differences(&gorouter) {
            let time = |word: &str| humantime::parse_duration(word).unwrap();
            match key {
                "profile" => {}
                "read-header-timeout" => assert_eq!((ours.as_str(), theirs.as_str()), ("10s", "0s")),
                _ => assert!(time(&ours) < time(&theirs), "{key}: {ours} {theirs}"),
            }
        }
    }

    #[test]
    fn a_profile_leaves_alone_what_was_chosen() {
        let mut settings = Settings::default();
        settings.set("drain-wait", "20s").unwrap();
        settings.set("max-attempts", "7").unwrap();
        let chosen = ["drain-wait", "max-attempts"];
        let go = settings.with_profile(Profile::Go, |key| chosen.contains(&key));
        let keys = ["profile", "drain-wait", "max-attempts", "max-conns"];
        assert_eq!(words(&go, &keys), ["go", "20s", "7", "0"]);
        let all = go.with_profile(Profile::Gorouter, |_| false);
        assert_eq!(all, Settings::of(Profile::Gorouter));
    }
}
