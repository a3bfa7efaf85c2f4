//! PURE: what HAProxy cannot do, by the name of the setting.

use crate::engine::program::{Demands, Ignored, Inexpressible};
use lb_sim::core::{Answer, Balance, Check, Mode, OnFailure, PassiveAction, PassiveOn, RetryTo, Settings};
use std::time::Duration;

/// What HAProxy waits before it tries the same server again, or a shorter `timeout connect`.
pub const TURN_AROUND: Duration = Duration::from_secs(1);

/// Whether a server fails over to another try.
pub fn retries(settings: &Settings) -> bool {
    matches!(settings.on_failure, OnFailure::Retry | OnFailure::RetryConnect)
}

/// All that cannot be, or nothing.
pub fn met(settings: &Settings) -> Result<(), Vec<Inexpressible>> {
    let mut demands = Demands::new(settings);
    checks(settings, &mut demands);
    passive(settings, &mut demands);
    requests(settings, &mut demands);
    demands.end()
}

/// What is accepted and not obeyed, as far as it was measured.
pub fn ignored(version: &str, settings: &Settings) -> Option<Ignored> {
    let ignored = version.starts_with("2.6.") && !settings.check.timeout_is_interval;
    ignored.then(|| Ignored {
        key: "timeout",
        why: format!(
            "HAProxy {version} was measured to let a check of a hung router last for the interval, whatever `timeout check` \
             says"
        ),
        instead: "interval",
    })
}

fn checks(settings: &Settings, demands: &mut Demands<'_>) {
    let check = &settings.check;
    demands.only(
        "schedule",
        &["end"],
        "it counts the interval from the end of a check; set schedule=end",
    );
    demands.only(
        "jitter",
        &["0ns", "0s"],
        "its gaps vary by a share of the interval, not by a time; set jitter=0s, and spread=10% for such gaps",
    );
    let whole = check.spread.0.is_multiple_of(100);
    demands.demand(
        whole,
        "spread",
        "spread-checks is in whole percent; set spread=10%",
    );
    let fast = check.fall_interval.map(humantime::format_duration);
    let fast = fast.map_or_else(|| "interval".to_owned(), |fast| fast.to_string());
    let equal = check.fall_interval == check.rise_interval;
    demands.demand(
        equal,
        "rise-interval",
        &format!("its fastinter is both the fall-interval and the rise-interval; set rise-interval={fast}"),
    );
    demands.only(
        "no-traffic-interval",
        &["off"],
        "it checks alike without traffic; set no-traffic-interval=off",
    );
    demands.only(
        "counting",
        &["consecutive"],
        "it counts checks in a row; set counting=consecutive",
    );
    demands.only(
        "overlap",
        &["off"],
        "it never checks a server twice at a time; set overlap=off",
    );
    demands.only("initial", &["up"], "its servers start up; set initial=up");
    demands.only(
        "first-check",
        &["spread"],
        "it spreads the first checks over the interval; set first-check=spread",
    );
    demands.only(
        "first-result",
        &["decides"],
        "the first check of a server decides by itself; set first-result=decides",
    );
    demands.only(
        "down-at-once",
        &["never"],
        "every failed check counts once; set down-at-once=never",
    );
    demands.only("probers", &["1"], "one process checks once; set probers=1");
    demands.only(
        "agreement",
        &["each"],
        "there is nobody to agree with; set agreement=each",
    );
    let (path, status) = (
        check.path.contains(['"', '\'', '\\', '#', '$']),
        check.check == Check::Http,
    );
    demands.demand(
        !(path && status),
        "path",
        "its quoting would change it; choose a path without quotes, \\, # and $",
    );
    for (key, time) in [
        ("interval", Some(check.interval)),
        ("fall-interval", check.fall_interval),
        ("down-interval", check.down_interval),
        ("timeout", Some(check.timeout)),
        ("connect-timeout", Some(settings.connect_timeout)),
        ("response-timeout", Some(settings.response_timeout)),
    ] {
        let whole = time.is_none_or(|time| time.subsec_nanos().is_multiple_of(1_000_000));
        demands.demand(
            whole,
            key,
            "it counts in milliseconds; set a whole number of them",
        );
    }
}

fn passive(settings: &Settings, demands: &mut Demands<'_>) {
    let detectors = settings.detectors;
    if detectors.sentinel || detectors.notice {
        demands.refuse(
            "detector",
            "it hears of a death by checks and by failed attempts only; set detector=poll",
        );
    }
    demands.only(
        "panic-threshold",
        &["off"],
        "it never sends requests to servers that are down; set panic-threshold=off",
    );
    if !detectors.passive {
        return;
    }
    demands.only(
        "passive-counting",
        &["row"],
        "its error-limit counts errors in a row; set passive-counting=row",
    );
    let on = matches!(settings.passive.on, PassiveOn::Connect | PassiveOn::Any5xx);
    demands.demand(
        on,
        "passive-on",
        "it can observe layer4 (connect) or layer7 (5xx); set passive-on=connect or passive-on=5xx",
    );
    let action = settings.passive.action != PassiveAction::Eject;
    demands.demand(
        action,
        "passive-action",
        "it has no ejection for a time; set passive-action=fail-check, fastinter, sudden-death or mark-down",
    );
    let layer7 = settings.mode == Mode::Tcp && settings.passive.on == PassiveOn::Any5xx;
    demands.demand(
        !layer7,
        "passive-on",
        "mode=tcp has no layer7 to observe; set passive-on=connect",
    );
}

fn requests(settings: &Settings, demands: &mut Demands<'_>) {
    match settings.on_failure {
        OnFailure::Reset => {
            let instead = match settings.mode {
                Mode::Http => "it answers 502, 503 or 504; set on-failure=502",
                Mode::Tcp => "it closes the client's connection in order; set on-failure=close",
            };
            demands.refuse("on-failure", instead);
            // What it takes to do so is refused in the same round.
            if settings.mode == Mode::Http {
                answers(settings, demands);
            }
        }
        OnFailure::BadGateway | OnFailure::Retry => answers(settings, demands),
        OnFailure::Close | OnFailure::RetryConnect => {}
    }
    demands.only(
        "open-connections",
        &["keep", "close"],
        "it can leave sessions alone or shut them down; set open-connections=keep or close",
    );
    if !retries(settings) {
        return;
    }
    demands.only(
        "retry-budget",
        &["off"],
        "it has no budget of retries; set retry-budget=off",
    );
    demands.only(
        "retry-breaker",
        &["off"],
        "it has no limit of retries at a time; set retry-breaker=off",
    );
    demands.only(
        "retry-time",
        &["off"],
        "it counts retries and not their time; set retry-time=off",
    );
    demands.only(
        "retry-to",
        &["other", "same"],
        "it tries the same server again, or after a redispatch another; set retry-to=other",
    );
    let waits = settings.retry.to == RetryTo::Same || settings.balance != Balance::RoundRobin;
    let delay = match waits {
        true => TURN_AROUND.min(settings.connect_timeout),
        false => Duration::ZERO,
    };
    let why = format!(
        "it waits {delay:?} there (the same server, and any balance but round-robin: 1s or the connect-timeout if that \
         is shorter; a redispatched round-robin: not at all); set retry-delay={delay:?}"
    );
    demands.demand(settings.retry.delay == delay, "retry-delay", &why);
    demands.only(
        "retry-jitter",
        &["0s", "0ns"],
        "it does not wait at random; set retry-jitter=0s",
    );
}

fn answers(settings: &Settings, demands: &mut Demands<'_>) {
    let has = settings.answers;
    for (key, answer, its) in [
        ("answer-refused", has.refused, Answer::Status(503)),
        ("answer-connect-timeout", has.connect_timeout, Answer::Status(503)),
        ("answer-reset", has.reset, Answer::Status(502)),
        ("answer-reused", has.reused, Answer::Close),
        ("answer-timeout", has.timeout, Answer::Status(504)),
        ("answer-unrouted", has.unrouted, Answer::Status(503)),
    ] {
        demands.demand(
            answer == its,
            key,
            &format!("it answers {its} there; set {key}={its}"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub const FITS: &str = "schedule=end timeout=interval first-result=decides on-failure=502 answer-refused=503 \
        answer-connect-timeout=503 answer-reused=close";

    fn refused(words: &str) -> Vec<&'static str> {
        let settings: Settings = format!("{FITS} {words}").parse().unwrap();
        let refused = met(&settings).err().unwrap_or_default();
        refused.into_iter().map(|each| each.key).collect()
    }

    #[test]
    fn what_it_can_do_is_not_refused() {
        for words in [
            "",
            "mode=tcp on-failure=close proxy-protocol=v2",
            "mode=tcp on-failure=retry-connect retry-budget=off retry-breaker=off retry-on=connect",
            "fall-interval=100ms rise-interval=100ms down-interval=3s spread=20%",
            "detector=passive passive-on=5xx passive-action=mark-down",
            "on-failure=retry retry-budget=off retry-breaker=off retry-to=same retry-delay=1s",
            "open-connections=close balance=least-connections check=tcp",
        ] {
            assert_eq!(refused(words), Vec::<&str>::new(), "{words}");
        }
    }

    #[test]
    fn whoever_does_all_that_a_refusal_says_is_not_refused_again() {
        for preset in lb_sim::presets::all() {
            let mut settings = preset.settings.clone();
            let mut open = Vec::new();
            for refused in met(&settings).err().unwrap_or_default() {
                let said = refused
                    .why
                    .split("; set ")
                    .nth(1)
                    .and_then(|said| said.split([',', ' ', ';']).next());
                match said.and_then(|said| said.split_once('=')) {
                    Some((key, word)) => settings.set(key, word).unwrap(),
                    // "set both to the same": left to whoever reads it.
                    None => open.push(refused.key),
                }
            }
            let again = met(&settings).err().unwrap_or_default();
            let mut again = again.iter().map(|refused| refused.key);
            assert!(
                again.all(|key| open.contains(&key)),
                "{}: {:?}",
                preset.name,
                met(&settings)
            );
        }
    }

    #[test]
    fn a_version_that_was_measured_to_ignore_the_timeout_is_told_so() {
        let settings: Settings = "timeout=200ms".parse().unwrap();
        let found = ignored("2.6.12", &settings).unwrap();
        assert!(
            found
                .warning()
                .ends_with("says: the lab reckons with timeout=interval")
        );
        assert!(found.refused().why.ends_with("says; set timeout=interval"));
        assert_eq!(ignored("3.2.1", &settings), None);
        assert_eq!(ignored("2.6.12", &"timeout=interval".parse().unwrap()), None);
    }

    #[test]
    fn every_setting_that_it_cannot_have_is_named() {
        for (words, keys) in [
            ("jitter=1s", vec!["jitter"]),
            ("schedule=start counting=cumulative", vec!["schedule", "counting"]),
            ("fall-interval=100ms", vec!["rise-interval"]),
            ("interval=1500us", vec!["interval", "timeout"]),
            ("detector=sentinel", vec!["detector"]),
            ("detector=passive", vec!["passive-on", "passive-action"]),
            ("on-failure=reset", vec!["on-failure"]),
            ("answer-timeout=502", vec!["answer-timeout"]),
            (
                "on-failure=retry retry-to=any retry-time=1s",
                vec!["retry-budget", "retry-breaker", "retry-time", "retry-to"],
            ),
            (
                "on-failure=retry retry-budget=off retry-breaker=off retry-to=same",
                vec!["retry-delay"],
            ),
            (
                "initial=down first-check=now probers=2",
                vec!["initial", "first-check", "probers"],
            ),
            (
                "panic-threshold=50% open-connections=reset",
                vec!["panic-threshold", "open-connections"],
            ),
        ] {
            assert_eq!(refused(words), keys, "{words}");
        }
    }
}
