//! PURE: every setting by its word: parsing and printing.

use super::build::{self, Dotted};
use super::{Balancing, Profile, Settings};
use std::fmt;
use std::time::Duration;

/// The settings by name, in the order they are printed. Those of gorouter's configuration have its names, nested ones
/// (`backends.max_conns`) their last part.
pub const KEYS: [&str; 27] = [
    "profile",
    "go",
    "routing-release",
    "header-race",
    "start-response-delay-interval",
    "drain-wait",
    "drain-timeout",
    "prune-stale-droplets-interval",
    "droplet-stale-threshold",
    "endpoint-timeout",
    "endpoint-dial-timeout",
    "frontend-idle-timeout",
    "read-header-timeout",
    "disable-keep-alives",
    "max-idle-conns",
    "max-idle-conns-per-host",
    "max-attempts",
    "max-conns",
    "balancing-algorithm",
    "sticky-session-cookie-names",
    "healthcheck-user-agent",
    "empty-pool-response-code-503",
    "empty-pool-timeout",
    "max-header-kb",
    "force-forwarded-proto-https",
    "sanitize-forwarded-proto",
    "enable-attempts-details",
];

/// A setting that cannot be: which, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    #[error("unknown setting `{key}`: expected one of {}", KEYS.join(", "))]
    UnknownKey { key: String },
    #[error("{key} cannot be `{value}`: expected {expected}")]
    BadValue {
        key: &'static str,
        value: String,
        expected: &'static str,
    },
}

impl Settings {
    /// Sets one setting from its word; `self` is unchanged on error. `_` in a key is as good as `-`. A profile takes
    /// effect on everything: [`Settings::with_profile`] is for those who have set something before.
    pub fn set(&mut self, key: &str, word: &str) -> Result<(), SettingError> {
        let dashed = key.replace('_', "-");
        let Some(key) = KEYS.into_iter().find(|known| *known == dashed) else {
            return Err(SettingError::UnknownKey { key: key.to_owned() });
        };
        let value = Value { key, word };
        match key {
            "profile" => *self = Settings::of(value.one_of(&PROFILES, "lab, gorouter or go")?),
            "go" => self.build.go = value.version(build::go, "a version of Go such as 1.21.13 or go1.23")?,
            "routing-release" => {
                let expected = "a version of routing-release such as 0.287.0 or v0.288.0";
                self.build.routing_release = value.version(build::routing_release, expected)?;
            }
            "header-race" => self.header_race = value.one_of(&RACE, "auto, on or off")?,
            "start-response-delay-interval" => self.start_response_delay_interval = value.duration()?,
            "drain-wait" => self.drain_wait = value.duration()?,
            "drain-timeout" => self.drain_timeout = value.duration()?,
            "prune-stale-droplets-interval" => self.prune_stale_droplets_interval = value.positive()?,
            "droplet-stale-threshold" => self.droplet_stale_threshold = value.positive()?,
            "endpoint-timeout" => self.endpoint_timeout = value.duration()?,
            "endpoint-dial-timeout" => self.endpoint_dial_timeout = value.duration()?,
            "frontend-idle-timeout" => self.frontend_idle_timeout = value.duration()?,
            "read-header-timeout" => self.read_header_timeout = value.duration()?,
            "disable-keep-alives" => self.disable_keep_alives = value.flag()?,
            "max-idle-conns" => self.max_idle_conns = value.count()? as usize,
            "max-idle-conns-per-host" => self.max_idle_conns_per_host = value.count()? as usize,
            "max-attempts" => {
                self.max_attempts = value.number(0..=100, "a whole number from 0 to 100; 0 counts as 1")?;
            }
            "max-conns" => self.max_conns = value.count()?,
            "balancing-algorithm" => {
                self.balancing_algorithm = value.one_of(&BALANCING, "round-robin or least-connection")?;
            }
            "sticky-session-cookie-names" => self.sticky_session_cookie_names = value.cookies()?,
            "healthcheck-user-agent" => self.healthcheck_user_agent = value.text()?,
            "empty-pool-response-code-503" => self.empty_pool_response_code_503 = value.flag()?,
            "empty-pool-timeout" => self.empty_pool_timeout = value.duration()?,
            "max-header-kb" => {
                self.max_header_kb =
                    value.number(1..=1024, "kilobytes, a whole number from 1 to 1024")? as usize;
            }
            "force-forwarded-proto-https" => self.force_forwarded_proto_https = value.flag()?,
            "sanitize-forwarded-proto" => self.sanitize_forwarded_proto = value.flag()?,
            _ => self.enable_attempts_details = value.flag()?,
        }
        Ok(())
    }

    /// Every setting as its key and word, in the order of [`KEYS`]; what [`Settings::set`] takes back.
    pub fn words(&self) -> Vec<(&'static str, String)> {
        let values = [
            self.profile.to_string(),
            Dotted(&self.build.go).to_string(),
            Dotted(&self.build.routing_release).to_string(),
            word_of(&RACE, &self.header_race).to_owned(),
            duration_word(self.start_response_delay_interval),
            duration_word(self.drain_wait),
            duration_word(self.drain_timeout),
            duration_word(self.prune_stale_droplets_interval),
            duration_word(self.droplet_stale_threshold),
            duration_word(self.endpoint_timeout),
            duration_word(self.endpoint_dial_timeout),
            duration_word(self.frontend_idle_timeout),
            duration_word(self.read_header_timeout),
            self.disable_keep_alives.to_string(),
            self.max_idle_conns.to_string(),
            self.max_idle_conns_per_host.to_string(),
            self.max_attempts.to_string(),
            self.max_conns.to_string(),
            self.balancing_algorithm.to_string(),
            match self.sticky_session_cookie_names.as_slice() {
                [] => NO_COOKIES.to_owned(),
                names => names.join(","),
            },
            self.healthcheck_user_agent.clone(),
            self.empty_pool_response_code_503.to_string(),
            duration_word(self.empty_pool_timeout),
            self.max_header_kb.to_string(),
            self.force_forwarded_proto_https.to_string(),
            self.sanitize_forwarded_proto.to_string(),
            self.enable_attempts_details.to_string(),
        ];
        KEYS.into_iter().zip(values).collect()
    }
}

type Choices<T, const N: usize> = [(&'static str, T); N];

const PROFILES: Choices<Profile, 3> = [
    ("lab", Profile::Lab),
    ("gorouter", Profile::Gorouter),
    ("go", Profile::Go),
];
const RACE: Choices<Option<bool>, 3> = [("auto", None), ("on", Some(true)), ("off", Some(false))];
const BALANCING: Choices<Balancing, 2> = [
    ("round-robin", Balancing::RoundRobin),
    ("least-connection", Balancing::LeastConnection),
];
/// Stands for an empty list.
const NO_COOKIES: &str = "none";

/// Keeps sums of several far from overflow.
const LONGEST: Duration = Duration::from_secs(86_400);
const MOST: u32 = 1_000_000;

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(word_of(&PROFILES, self))
    }
}

impl fmt::Display for Balancing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(word_of(&BALANCING, self))
    }
}

fn word_of<T: PartialEq, const N: usize>(choices: &Choices<T, N>, choice: &T) -> &'static str {
    let found = choices.iter().find(|(_, known)| known == choice);
    found.map_or("", |(word, _)| word)
}

/// `5s`, `1500ms`: one number and one unit.
fn duration_word(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"), (1, "ns")];
    let exact = units.iter().find(|(size, _)| nanos.is_multiple_of(*size));
    exact.map_or_else(String::new, |(size, unit)| format!("{}{unit}", nanos / size))
}

/// A word and what it is for.
struct Value<'a> {
    key: &'static str,
    word: &'a str,
}

impl Value<'_> {
    fn bad(&self, expected: &'static str) -> SettingError {
        SettingError::BadValue {
            key: self.key,
            value: self.word.to_owned(),
            expected,
        }
    }

    fn one_of<T: Copy, const N: usize>(
        &self,
        choices: &Choices<T, N>,
        expected: &'static str,
    ) -> Result<T, SettingError> {
        let found = choices.iter().find(|(word, _)| *word == self.word);
        found.map(|(_, choice)| *choice).ok_or_else(|| self.bad(expected))
    }

    fn flag(&self) -> Result<bool, SettingError> {
        self.word.parse().map_err(|_| self.bad("true or false"))
    }

    fn number(
        &self,
        range: std::ops::RangeInclusive<u32>,
        expected: &'static str,
    ) -> Result<u32, SettingError> {
        let number = self.word.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| self.bad(expected))
    }

    fn count(&self) -> Result<u32, SettingError> {
        self.number(0..=MOST, "a whole number from 0 to 1000000")
    }

    /// Zero allowed.
    fn duration(&self) -> Result<Duration, SettingError> {
        let duration = humantime::parse_duration(self.word);
        let duration = duration.map_err(|_| self.bad("a duration with a unit, such as 500ms or 20s"))?;
        match duration <= LONGEST {
            true => Ok(duration),
            false => Err(self.bad("a duration of at most 1day, such as 500ms or 20s")),
        }
    }

    /// From one look to the next there is some time.
    fn positive(&self) -> Result<Duration, SettingError> {
        let duration = self.duration()?;
        match duration >= Duration::from_millis(1) {
            true => Ok(duration),
            false => Err(self.bad("a duration from 1ms to 1day, such as 500ms or 20s")),
        }
    }

    fn version(
        &self,
        parse: fn(&str) -> Option<Vec<u64>>,
        expected: &'static str,
    ) -> Result<Vec<u64>, SettingError> {
        parse(self.word).ok_or_else(|| self.bad(expected))
    }

    /// Names as RFC 6265 has them: what may not stand in a name ends one.
    fn cookies(&self) -> Result<Vec<String>, SettingError> {
        if self.word == NO_COOKIES {
            return Ok(Vec::new());
        }
        let is_name = |name: &str| {
            let ends = |byte: u8| !byte.is_ascii_graphic() || b"()<>@,;:\\\"/[]?={}".contains(&byte);
            !name.is_empty() && !name.bytes().any(ends)
        };
        let names: Vec<&str> = self.word.split(',').map(str::trim).collect();
        match names.iter().all(|name| is_name(name)) {
            true => Ok(names.into_iter().map(str::to_owned).collect()),
            false => Err(self.bad("names of cookies with commas between, such as JSESSIONID, or none")),
        }
    }

    /// What a header field's value can be equal to.
    fn text(&self) -> Result<String, SettingError> {
        let visible = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        let word = self.word;
        match !word.is_empty() && word.trim() == word && word.bytes().all(visible) {
            true => Ok(word.to_owned()),
            false => Err(self.bad("visible ASCII characters, such as HTTP-Monitor/1.1")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A word for each key that is no profile's.
    const OTHERS: [(&str, &str); 26] = [
        ("go", "1.23.1"),
        ("routing-release", "0.288.0"),
        ("header-race", "on"),
        ("start-response-delay-interval", "1500ms"),
        ("drain-wait", "1s"),
        ("drain-timeout", "2s"),
        ("prune-stale-droplets-interval", "3s"),
        ("droplet-stale-threshold", "4s"),
        ("endpoint-timeout", "6s"),
        ("endpoint-dial-timeout", "7s"),
        ("frontend-idle-timeout", "8s"),
        ("read-header-timeout", "9s"),
        ("disable-keep-alives", "true"),
        ("max-idle-conns", "11"),
        ("max-idle-conns-per-host", "12"),
        ("max-attempts", "13"),
        ("max-conns", "14"),
        ("balancing-algorithm", "least-connection"),
        ("sticky-session-cookie-names", "A,__Host-B"),
        ("healthcheck-user-agent", "probe 2"),
        ("empty-pool-response-code-503", "false"),
        ("empty-pool-timeout", "15s"),
        ("max-header-kb", "16"),
        ("force-forwarded-proto-https", "true"),
        ("sanitize-forwarded-proto", "true"),
        ("enable-attempts-details", "true"),
    ];

    #[test]
    fn every_word_changes_its_setting_and_no_other() {
        let defaults = Settings::default();
        for (key, word) in OTHERS {
            let mut settings = defaults.clone();
            settings.set(&key.replace('-', "_"), word).unwrap();
            let changed = settings.differences(&defaults);
            assert_eq!(changed.len(), 1, "{changed:?}");
            assert_eq!((changed[0].0, changed[0].1.as_str()), (key, word));
        }
        let keys: Vec<&str> = OTHERS.iter().map(|(key, _)| *key).collect();
        assert_eq!(KEYS[1..], keys);
    }

    #[test]
    fn words_go_back_whence_they_came() {
        for profile in [Profile::Lab, Profile::Gorouter, Profile::Go] {
            let mut settings = Settings::default();
            for (key, word) in Settings::of(profile).words() {
                settings.set(key, &word).unwrap();
            }
            assert_eq!(settings, Settings::of(profile));
        }
        let mut settings = Settings::default();
        settings.set("sticky-session-cookie-names", "none").unwrap();
        assert!(settings.sticky_session_cookie_names.is_empty());
        assert!(
            settings
                .words()
                .contains(&("sticky-session-cookie-names", "none".to_owned()))
        );
        settings.set("go", "go1.23rc1").unwrap();
        assert!(settings.words().contains(&("go", "1.23".to_owned())));
    }

    #[test]
    fn what_cannot_be_says_what_was_expected_and_changes_nothing() {
        let mut settings = Settings::default();
        for (key, word, expected) in [
            ("profile", "bosh", "lab, gorouter or go"),
            ("go", "1.x", "a version of Go such as 1.21.13 or go1.23"),
            ("go", "", "a version of Go"),
            (
                "routing-release",
                "v",
                "a version of routing-release such as 0.287.0",
            ),
            ("header-race", "yes", "auto, on or off"),
            ("drain-wait", "20", "a duration with a unit"),
            ("drain-wait", "2days", "at most 1day"),
            ("droplet-stale-threshold", "0s", "from 1ms to 1day"),
            ("disable-keep-alives", "1", "true or false"),
            ("max-attempts", "101", "from 0 to 100"),
            ("max-conns", "-1", "from 0 to 1000000"),
            ("max-header-kb", "1025", "from 1 to 1024"),
            ("sticky-session-cookie-names", "A,,B", "names of cookies"),
            ("sticky-session-cookie-names", "A B", "names of cookies"),
            ("healthcheck-user-agent", "a\r\nb", "visible ASCII"),
        ] {
            let error = settings.set(key, word).unwrap_err().to_string();
            let begin = format!("{key} cannot be `{word}`: expected ");
            assert!(error.starts_with(&begin) && error.contains(expected), "{error}");
        }
        let unknown = settings.set("drainwait", "1s").unwrap_err().to_string();
        assert!(
            unknown.starts_with("unknown setting `drainwait`: expected one of profile, go,"),
            "{unknown}"
        );
        assert_eq!(settings, Settings::default());
    }
}
