//! The settings as flags.

use super::{Profile, SettingError, Settings};

/// Every setting as an optional flag by gorouter's name; what is not given is as the profile has it.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(id = "router-settings")]
#[command(next_help_heading = "Router (gorouter's names; defaults of the profiles lab, gorouter, go)")]
pub struct SettingsArgs {
    /// Whose defaults: the lab's (BOSH's, with shorter waits), the BOSH job's, or gorouter's own [default: lab]
    #[arg(long, value_name = "lab|gorouter|go", value_parser = word("profile"))]
    pub profile: Option<String>,
    /// The Go it is built with; from 1.23 on without the bug [default: 1.21.13]
    #[arg(long, value_name = "VERSION", value_parser = word("go"))]
    pub go: Option<String>,
    /// The routing-release it comes from; from 0.288 on without the bug [default: 0.287.0]
    #[arg(long, value_name = "VERSION", value_parser = word("routing-release"))]
    pub routing_release: Option<String>,
    /// Whether it has the bug: as its versions say, or in spite of them [default: auto]
    #[arg(long, value_name = "auto|on|off", value_parser = word("header-race"))]
    pub header_race: Option<String>,
    /// After the start /health answers 503, and the traffic port refuses, for this time [default: 0s, 20s, 5s]
    #[arg(long, value_name = "TIME", value_parser = word("start-response-delay-interval"))]
    pub start_response_delay_interval: Option<String>,
    /// A draining router answers /health with 503 but serves on for this time, then closes its listener
    /// [default: 20s, 20s, 0s]
    #[arg(long, value_name = "TIME", value_parser = word("drain-wait"))]
    pub drain_wait: Option<String>,
    /// Requests that it still has then may take this long; 0s: --endpoint-timeout [default: 10s, 900s, 0s]
    #[arg(long, value_name = "TIME", value_parser = word("drain-timeout"))]
    pub drain_timeout: Option<String>,
    /// How often stale endpoints are looked for [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = word("prune-stale-droplets-interval"))]
    pub prune_stale_droplets_interval: Option<String>,
    /// An endpoint not registered again for this time is stale; a failed one sits out for a quarter of it
    /// [default: 120s]
    #[arg(long, value_name = "TIME", value_parser = word("droplet-stale-threshold"))]
    pub droplet_stale_threshold: Option<String>,
    /// An endpoint's response must begin by then; 0s: no limit [default: 60s, 900s, 60s]
    #[arg(long, value_name = "TIME", value_parser = word("endpoint-timeout"))]
    pub endpoint_timeout: Option<String>,
    /// A connection to an endpoint must be made by then; 0s: no limit [default: 5s]
    #[arg(long, value_name = "TIME", value_parser = word("endpoint-dial-timeout"))]
    pub endpoint_dial_timeout: Option<String>,
    /// A client connection may wait this long for its next request; 0s: no limit [default: 900s]
    #[arg(long, value_name = "TIME", value_parser = word("frontend-idle-timeout"))]
    pub frontend_idle_timeout: Option<String>,
    /// A request head must be complete this long after it began; 0s: no limit [default: 10s, 0s, 0s]
    #[arg(long, value_name = "TIME", value_parser = word("read-header-timeout"))]
    pub read_header_timeout: Option<String>,
    /// Use a connection to an endpoint once [default: false, false, true]
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true", value_parser = word("disable-keep-alives"))]
    pub disable_keep_alives: Option<String>,
    /// Idle connections to all endpoints; 0: no limit [default: 100]
    #[arg(long, value_name = "N", value_parser = word("max-idle-conns"))]
    pub max_idle_conns: Option<String>,
    /// Idle connections to one endpoint; 0: 2 [default: 100, 100, 2]
    #[arg(long, value_name = "N", value_parser = word("max-idle-conns-per-host"))]
    pub max_idle_conns_per_host: Option<String>,
    /// Endpoints that a request may be tried at; 0: 1 [default: 3, 3, 0]
    #[arg(long, value_name = "N", value_parser = word("max-attempts"))]
    pub max_attempts: Option<String>,
    /// Requests that one endpoint has at a time; 0: no limit [default: 500, 500, 0]
    #[arg(long, value_name = "N", value_parser = word("max-conns"))]
    pub max_conns: Option<String>,
    /// How the next endpoint is chosen: round-robin or least-connection [default: round-robin]
    #[arg(long, value_name = "WORD", value_parser = word("balancing-algorithm"))]
    pub balancing_algorithm: Option<String>,
    /// Cookies whose clients stay with an endpoint, with commas between, or none [default: JSESSIONID]
    #[arg(long, value_name = "NAMES", value_parser = word("sticky-session-cookie-names"))]
    pub sticky_session_cookie_names: Option<String>,
    /// Requests of this User-Agent get the answer of /health [default: HTTP-Monitor/1.1]
    #[arg(long, value_name = "TEXT", value_parser = word("healthcheck-user-agent"))]
    pub healthcheck_user_agent: Option<String>,
    /// A route without endpoints is answered 503, not 404 [default: true, true, false]
    #[arg(long = "empty-pool-response-code-503", value_name = "true|false", num_args = 0..=1, default_missing_value = "true", value_parser = word("empty-pool-response-code-503"))]
    pub empty_pool_response_code_503: Option<String>,
    /// A route without endpoints is forgotten after this time [default: 0s]
    #[arg(long, value_name = "TIME", value_parser = word("empty-pool-timeout"))]
    pub empty_pool_timeout: Option<String>,
    /// Largest request head, in KiB [default: 1024]
    #[arg(long, value_name = "N", value_parser = word("max-header-kb"))]
    pub max_header_kb: Option<String>,
    /// Tell endpoints that every request came over https [default: false]
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true", value_parser = word("force-forwarded-proto-https"))]
    pub force_forwarded_proto_https: Option<String>,
    /// Do not believe a client's X-Forwarded-Proto [default: false]
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true", value_parser = word("sanitize-forwarded-proto"))]
    pub sanitize_forwarded_proto: Option<String>,
    /// Write into the access log how attempts went [default: false]
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true", value_parser = word("enable-attempts-details"))]
    pub enable_attempts_details: Option<String>,
}

impl SettingsArgs {
    /// The settings these flags make: the profile first, wherever it stands, then the single values.
    pub fn settings(&self) -> Result<Settings, SettingError> {
        let mut settings = Settings::default();
        // The profile is the first of them.
        for (key, word) in self.given() {
            settings.set(key, word)?;
        }
        Ok(settings)
    }

    /// What was given, in the order of [`super::KEYS`].
    pub fn given(&self) -> Vec<(&'static str, &str)> {
        let all = [
            &self.profile,
            &self.go,
            &self.routing_release,
            &self.header_race,
            &self.start_response_delay_interval,
            &self.drain_wait,
            &self.drain_timeout,
            &self.prune_stale_droplets_interval,
            &self.droplet_stale_threshold,
            &self.endpoint_timeout,
            &self.endpoint_dial_timeout,
            &self.frontend_idle_timeout,
            &self.read_header_timeout,
            &self.disable_keep_alives,
            &self.max_idle_conns,
            &self.max_idle_conns_per_host,
            &self.max_attempts,
            &self.max_conns,
            &self.balancing_algorithm,
            &self.sticky_session_cookie_names,
            &self.healthcheck_user_agent,
            &self.empty_pool_response_code_503,
            &self.empty_pool_timeout,
            &self.max_header_kb,
            &self.force_forwarded_proto_https,
            &self.sanitize_forwarded_proto,
            &self.enable_attempts_details,
        ];
        let given = super::KEYS.into_iter().zip(all);
        given
            .filter_map(|(key, word)| Some((key, word.as_deref()?)))
            .collect()
    }

    /// The flags that make another router use `settings`: its profile and what differs from that.
    pub fn flags(settings: &Settings) -> Vec<String> {
        let mut flags = Vec::new();
        if settings.profile != Profile::default() {
            flags.push(format!("--profile={}", settings.profile));
        }
        let own = settings.differences(&Settings::of(settings.profile));
        flags.extend(own.into_iter().map(|(key, word, _)| format!("--{key}={word}")));
        flags
    }
}

/// Accepts what [`Settings::set`] accepts for `key`.
fn word(key: &'static str) -> impl Fn(&str) -> Result<String, SettingError> + Clone + Send + Sync {
    move |word| Settings::default().set(key, word).map(|()| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        args: SettingsArgs,
    }

    fn parse(words: &[impl AsRef<str>]) -> Result<Settings, String> {
        let words = words.iter().map(AsRef::as_ref);
        let cli = Cli::try_parse_from(std::iter::once("router").chain(words));
        let args = cli.map_err(|error| error.to_string())?.args;
        args.settings().map_err(|error| error.to_string())
    }

    #[test]
    fn every_setting_is_a_flag_and_the_profile_comes_first() {
        let mut settings = Settings::of(Profile::Gorouter);
        for (key, word) in Settings::of(Profile::Go).words() {
            if key != "profile" {
                settings.set(key, &word).unwrap();
            }
        }
        for (key, word) in [
            ("go", "1.23"),
            ("routing-release", "0.288.0"),
            ("header-race", "on"),
            ("prune-stale-droplets-interval", "1s"),
            ("droplet-stale-threshold", "2s"),
            ("endpoint-dial-timeout", "3s"),
            ("frontend-idle-timeout", "4s"),
            ("read-header-timeout", "5s"),
            ("max-idle-conns", "6"),
            ("balancing-algorithm", "least-connection"),
            ("sticky-session-cookie-names", "none"),
            ("healthcheck-user-agent", "a probe"),
            ("empty-pool-timeout", "7s"),
            ("max-header-kb", "8"),
            ("force-forwarded-proto-https", "true"),
            ("sanitize-forwarded-proto", "true"),
            ("enable-attempts-details", "true"),
        ] {
            settings.set(key, word).unwrap();
        }
        let mut flags = SettingsArgs::flags(&settings);
        assert_eq!(flags.len(), super::super::KEYS.len(), "{flags:?}");
        assert_eq!(parse(&flags), Ok(settings.clone()));
        flags.reverse();
        assert_eq!(parse(&flags), Ok(settings));
        assert_eq!(SettingsArgs::flags(&Settings::default()), Vec::<String>::new());
    }

    #[test]
    fn a_bare_switch_is_on_and_a_wrong_word_names_its_flag() {
        assert!(parse(&["--disable-keep-alives"]).unwrap().disable_keep_alives);
        let off = parse(&["--profile", "go", "--disable-keep-alives", "false"]).unwrap();
        assert!(!off.disable_keep_alives);
        let error = parse(&["--go", "1.x"]).unwrap_err();
        assert!(
            error.contains("--go") && error.contains("a version of Go such as 1.21.13"),
            "{error}"
        );
    }
}
