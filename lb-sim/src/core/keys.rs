//! The settings by name: how each is set from its word, and said in it. Flags, `resetlab.toml`, presets and `set` all
//! go through this table.

use super::settings::{SettingError, Settings};
use super::words;

/// One setting.
pub struct Key {
    pub name: &'static str,
    /// Under which heading it is explained.
    pub group: Group,
    /// What its words look like: `TIME`, `N`.
    pub shape: &'static str,
    /// One sentence; the default is not in it.
    pub help: &'static str,
    set: fn(&mut Settings, &str) -> Result<(), SettingError>,
    word: fn(&Settings) -> String,
}

/// What a setting is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// When and how routers are checked.
    Checks,
    /// What failed attempts say.
    Passive,
    /// Where requests go, and what becomes of those that fail.
    Requests,
}

impl Key {
    /// Sets it from its word.
    pub fn set(&self, settings: &mut Settings, word: &str) -> Result<(), SettingError> {
        (self.set)(settings, word)
    }

    /// Its word, which [`Key::set`] takes back.
    pub fn word(&self, settings: &Settings) -> String {
        (self.word)(settings)
    }
}

/// A setting that is one field: its group, name, shape, help, field, and how its word is read and said.
macro_rules! key {
    ($group:ident $name:literal $shape:literal $help:literal, $($field:ident).+, $parse:expr, $word:expr) => {
        Key {
            name: $name,
            group: Group::$group,
            shape: $shape,
            help: $help,
            set: |settings, value| {
                settings.$($field).+ = $parse($name, value)?;
                Ok(())
            },
            word: |settings| $word(&settings.$($field).+),
        }
    };
}

const ALL: &[Key] = &[
    Key {
        name: "interval",
        group: Group::Checks,
        shape: "TIME",
        help: "Time from one health check of a router to the next: 5s, 500ms",
        set: set_interval,
        word: interval_word,
    },
    key!(Checks "fall-interval" "TIME|interval" "The same while an Up router has failures pending (HAProxy's fastinter, Envoy's unhealthy_edge_interval)", check.fall_interval, words::or_interval, words::interval_or),
    key!(Checks "down-interval" "TIME|interval" "The same of a Down router (HAProxy's downinter, Envoy's unhealthy_interval)", check.down_interval, words::or_interval, words::interval_or),
    key!(Checks "rise-interval" "TIME|interval" "The same while a Down router has successes pending (Envoy's healthy_edge_interval)", check.rise_interval, words::or_interval, words::interval_or),
    key!(Checks "no-traffic-interval" "TIME|off" "The same until the first request has come (Envoy)", check.no_traffic_interval, words::time_or_off, words::off_or_time),
    Key {
        name: "timeout",
        group: Group::Checks,
        shape: "TIME|interval",
        help: "A health check without an answer for this long has failed; schedule=deadline: Down after this long without a success",
        set: set_timeout,
        word: timeout_word,
    },
    key!(Checks "fall" "N" "Failed checks that make a router Down (unhealthy threshold)", check.fall, words::count, words::plain),
    key!(Checks "rise" "N" "Successful checks that make it Up again (healthy threshold)", check.rise, words::count, words::plain),
    key!(Checks "counting" "WORD" "Whether fall and rise count checks in a row, or all until the belief changes (Caddy): consecutive or cumulative", check.counting, words::one_of, words::plain),
    key!(Checks "schedule" "WORD" "Count the interval from a check's start (ALB, kubelet) or its end (HAProxy, Envoy), check one router after the other (batch: pingora; batch-by-state: Traefik), or count nothing (deadline: F5)", check.schedule, words::one_of, words::plain),
    key!(Checks "spread" "SHARE" "Lengthen or shorten each gap by a random share up to this (HAProxy's spread-checks)", check.spread, words::half, words::plain),
    key!(Checks "jitter" "TIME" "Lengthen each gap by a random time below this", check.jitter, words::duration, words::time),
    key!(Checks "overlap" "on|off" "schedule=start: start a check although one is under way (Caddy)", check.overlap, words::switch, words::switch_word),
    key!(Checks "initial" "up|down" "What is believed of a router that nobody has checked yet", check.initial, words::one_of, words::plain),
    key!(Checks "first-check" "WORD" "When a router is checked first: spread over an interval, now, after one interval, or at random within it", check.first_check, words::one_of, words::plain),
    key!(Checks "first-result" "counts|decides" "Whether the first check decides by itself (HAProxy, Envoy, ALB)", check.first_result, words::one_of, words::plain),
    key!(Checks "down-at-once" "WORD" "Failed checks that make a router Down whatever fall says: never, status (Envoy), refused (F5), status+refused (Azure)", check.down_at_once, words::at_once, words::plain),
    key!(Checks "probers" "N" "Independent checkers, each with its own rhythm and counts (load balancer nodes)", check.probers, words::probers, words::plain),
    key!(Checks "agreement" "N|each" "How many of them must find a router Down; each: every one decides for its share of the requests", check.agreement, words::or_each, words::each_or),
    key!(Checks "check" "http|tcp" "Ask for --path over HTTP, or only open a connection (which never sees a hung router)", check.check, words::one_of, words::plain),
    key!(Checks "path" "PATH" "What an HTTP check asks for", check.path, words::path, words::plain),
    key!(Checks "healthy-status" "LIST" "The statuses that are healthy: 200-399, 200, 200-299,404", check.healthy_status, words::statuses, words::plain),
    key!(Checks "detector" "WORD[+WORD]" "What notices a dead router beside polling: passive (failed attempts), sentinel (an idle connection to it), notice (the supervisor); several joined by +", detectors, words::detectors, words::plain),
    key!(Checks "sentinel-renew" "TIME" "sentinel: a connection that ended is renewed after this time at the earliest", sentinel_renew, words::positive, words::time),
    key!(Passive "passive-failures" "N" "Failed attempts that eject a router", passive.failures, words::count, words::plain),
    key!(Passive "passive-counting" "WORD" "Count them in a row (row), within passive-window (window: Caddy, Traefik), or until passive-window was quiet (quiet: nginx)", passive.counting, words::one_of, words::plain),
    key!(Passive "passive-window" "TIME" "How long a failed attempt counts with window or quiet", passive.window, words::positive, words::time),
    key!(Passive "passive-on" "WORD" "Which attempts have failed: connect (no connection), broken (or no response), 5xx (or 500 to 599), gateway (or 502 to 504)", passive.on, words::one_of, words::plain),
    key!(Passive "passive-action" "WORD" "What they lead to: eject, or as HAProxy's on-error: fail-check, fastinter, sudden-death, mark-down", passive.action, words::one_of, words::plain),
    key!(Passive "passive-ejection" "TIME" "The first ejection", passive.ejection, words::positive, words::time),
    key!(Passive "passive-growth" "linear|none" "Whether the n-th ejection in a row lasts n times as long", passive.growth, words::one_of, words::plain),
    key!(Passive "passive-ejection-cap" "TIME" "No ejection lasts longer", passive.cap, words::positive, words::time),
    key!(Passive "passive-return" "WORD" "Who ends an ejection: time, trial (nginx: one request, then time again), check (Traefik: a passed check only) or forgotten (Caddy: as failures leave the window)", passive.back, words::one_of, words::plain),
    key!(Passive "passive-uneject" "on|off" "A passed check ends an ejection, too (Envoy)", passive.uneject, words::switch, words::switch_word),
    key!(Passive "passive-max-ejected" "SHARE" "Never more than this share of the routers is ejected at a time", passive.max_ejected, words::share, words::plain),
    key!(Passive "passive-least-ejected" "N" "But so many may be, whatever their share (Envoy: 1)", passive.least_ejected, words::number, words::plain),
    key!(Passive "panic-threshold" "SHARE|off" "Use all routers when a smaller share than this may be used; any share: when none may", panic_threshold, words::share_or_off, words::off_or),
    key!(Requests "balance" "WORD" "How the next router is chosen: round-robin or least-connections", balance, words::one_of, words::plain),
    key!(Requests "mode" "http|tcp" "Balance requests, or connections (bytes are relayed as they are)", mode, words::one_of, words::plain),
    key!(Requests "proxy-protocol" "off|v2" "mode=tcp: tell routers who the client is", proxy_protocol, words::one_of, words::plain),
    key!(Requests "on-failure" "WORD" "What a client sees when an attempt fails: its connection reset, an answer (502), or another router's answer (retry); mode=tcp: reset, close or retry-connect", on_failure, words::one_of, words::plain),
    key!(Requests "answer-refused" "ANSWER" "502, retry: what a client gets when no connection was made: 500 to 599, close or reset", answers.refused, words::answer, words::plain),
    key!(Requests "answer-connect-timeout" "ANSWER" "The same when making it took too long", answers.connect_timeout, words::answer, words::plain),
    key!(Requests "answer-reset" "ANSWER" "The same when the connection ended before a response", answers.reset, words::answer, words::plain),
    key!(Requests "answer-reused" "ANSWER" "The same when the request was not the first of its client's connection (HAProxy closes)", answers.reused, words::answer, words::plain),
    key!(Requests "answer-timeout" "ANSWER" "The same when the response took too long", answers.timeout, words::answer, words::plain),
    key!(Requests "answer-unrouted" "ANSWER" "The same when no router may be used", answers.unrouted, words::answer, words::plain),
    key!(Requests "open-connections" "WORD" "What happens to requests under way at a router that goes out of use: keep, close (HAProxy's shutdown-sessions) or reset (NLB)", open_connections, words::one_of, words::plain),
    key!(Requests "retries" "N" "Retries of one request at most", retry.retries, words::count, words::plain),
    key!(Requests "retry-on" "WORD" "What is retried: connect (no connection was made) or safe (and idempotent requests without a response)", retry.on, words::one_of, words::plain),
    key!(Requests "retry-to" "WORD" "Where: other (a router not tried yet), any (the next in turn) or same (HAProxy without redispatch)", retry.to, words::one_of, words::plain),
    key!(Requests "retry-delay" "TIME" "Wait before each retry (HAProxy without redispatch: 1s)", retry.delay, words::duration, words::time),
    key!(
        Requests "retry-jitter" "TIME" "And a random time below this, twice as long each time, at most ten times (Envoy's back-off)",
        retry.jitter,
        words::duration,
        words::time
    ),
    key!(Requests "retry-time" "TIME|off" "No retry starts later than this after the request came (Caddy's lb_try_duration)", retry.time, words::time_or_off, words::off_or_time),
    key!(Requests "retry-budget" "SHARE|off" "Retries are at most this share of the requests of the last ten seconds, and ten a second", retry.budget, words::share_or_off, words::off_or),
    key!(Requests "retry-breaker" "N|off" "Retries under way at a time", retry.breaker, words::count_or_off, words::off_or),
    key!(Requests "connect-timeout" "TIME" "An attempt may take this long to connect", connect_timeout, words::positive, words::time),
    key!(Requests "response-timeout" "TIME" "An attempt may take this long until the response begins", response_timeout, words::positive, words::time),
];

/// Every setting, in the order in which they are printed.
pub const TABLE: &[Key] = ALL;

/// Their names.
pub const KEYS: [&str; ALL.len()] = {
    let mut names = [""; ALL.len()];
    let mut i = 0;
    while i < names.len() {
        names[i] = ALL[i].name;
        i += 1;
    }
    names
};

fn set_interval(settings: &mut Settings, value: &str) -> Result<(), SettingError> {
    settings.check.interval = words::positive("interval", value)?;
    if settings.check.timeout_is_interval {
        settings.check.timeout = settings.check.interval;
    }
    Ok(())
}

fn interval_word(settings: &Settings) -> String {
    words::time(&settings.check.interval)
}

fn set_timeout(settings: &mut Settings, value: &str) -> Result<(), SettingError> {
    let check = &mut settings.check;
    check.timeout_is_interval = value == "interval";
    check.timeout = match check.timeout_is_interval {
        true => check.interval,
        false => words::positive("timeout", value)?,
    };
    Ok(())
}

fn timeout_word(settings: &Settings) -> String {
    match settings.check.timeout_is_interval {
        true => "interval".to_owned(),
        false => words::time(&settings.check.timeout),
    }
}
