//! The words of settings, there and back.

use super::*;

fn error(text: &str) -> String {
    text.parse::<Settings>().unwrap_err().to_string()
}

#[test]
fn words_round_trip() {
    let text = "interval=1500ms timeout=2s fall=3 rise=1 schedule=end jitter=250us check=tcp path=/up \
                detector=passive+sentinel passive-failures=3 passive-ejection=10s passive-ejection-cap=1m \
                passive-max-ejected=33.3% sentinel-renew=5ms balance=least-connections mode=tcp \
                proxy-protocol=v2 on-failure=close retries=2 retry-budget=off retry-breaker=7 \
                connect-timeout=1s response-timeout=1m fall-interval=100ms down-interval=3s rise-interval=200ms \
                no-traffic-interval=1m counting=cumulative spread=50% overlap=on initial=down first-check=random \
                first-result=decides down-at-once=status+refused probers=6 agreement=4 healthy-status=200-299,404 \
                passive-counting=quiet passive-window=7s passive-on=connect passive-action=sudden-death \
                passive-growth=none passive-return=trial passive-uneject=on passive-least-ejected=1 \
                panic-threshold=50% answer-refused=503 answer-connect-timeout=504 answer-reset=close \
                answer-reused=reset answer-timeout=502 answer-unrouted=502 open-connections=reset retry-on=connect \
                retry-to=same retry-delay=1s retry-jitter=25ms retry-time=2s";
    let settings: Settings = text.parse().unwrap();
    assert_eq!(settings.to_string().parse::<Settings>().unwrap(), settings);
    let defaults = Settings::default().words();
    let unchanged: Vec<_> = settings
        .words()
        .into_iter()
        .filter(|word| defaults.contains(word))
        .collect();
    let wanted = ["timeout", "connect-timeout"];
    assert!(
        unchanged.iter().all(|(key, _)| wanted.contains(key)),
        "{unchanged:?}"
    );
    let json = serde_json::to_string(&settings).unwrap();
    assert!(
        json.starts_with(r#"{"interval":"1500ms","fall-interval":"100ms","#) && json.contains(r#""fall":3"#),
        "{json}"
    );
    assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), settings);
}

#[test]
fn what_cannot_be_says_what_and_what_was_expected() {
    assert_eq!(
        error("timeout=0s"),
        "timeout cannot be `0s`: expected a duration from 1ms to 1day, such as 500ms or 2s"
    );
    assert_eq!(
        error("fall=0"),
        "fall cannot be `0`: expected a whole number from 1 to 1000"
    );
    assert_eq!(
        error("rise=0"),
        "rise cannot be `0`: expected a whole number from 1 to 1000"
    );
    assert!(error("interval=0ms").starts_with("interval cannot be `0ms`"));
    assert!(
        error("interval=5").ends_with("expected a duration with a unit, such as 500ms or 2s"),
        "{}",
        error("interval=5")
    );
    assert_eq!(
        error("schedule=daily"),
        "schedule cannot be `daily`: expected start, end, batch, batch-by-state or deadline"
    );
    assert_eq!(
        error("on-failure=503"),
        "on-failure cannot be `503`: expected reset, 502, retry (mode=http), close or retry-connect (mode=tcp)"
    );
    assert!(error("fal=3").starts_with("unknown setting `fal`: expected one of interval, fall-interval"));
    assert!(error("interval").contains("expected KEY=VALUE"));
    assert!(error("path=health").contains("starts with /"));
    assert_eq!(
        error("detector=gossip"),
        "detector cannot be `gossip`: expected poll, passive, sentinel, notice, or several joined by +"
    );
    assert!(error("retry-budget=120%").contains("a share from 0% to 100%, such as 20%, or off"));
    assert!(error("mode=tcp on-failure=502").contains("needs mode=http"));
    assert!(error("on-failure=close").contains("needs mode=tcp"));
    assert!(error("proxy-protocol=v2").contains("needs mode=tcp"));
}

#[test]
fn a_timeout_that_is_the_interval_follows_it() {
    let mut settings: Settings = "timeout=interval interval=1s".parse().unwrap();
    assert_eq!(settings.check.timeout, Duration::from_secs(1));
    assert_eq!(settings.to_string().parse::<Settings>().unwrap(), settings);
    settings.set("timeout", "300ms").unwrap();
    settings.set("interval", "2s").unwrap();
    assert_eq!(settings.check.timeout, Duration::from_millis(300));
}

#[test]
fn no_more_checkers_can_agree_than_there_are() {
    assert!(error("probers=3 agreement=4").starts_with("agreement cannot be more than probers"));
    assert!("probers=3 agreement=3".parse::<Settings>().is_ok());
}

#[test]
fn a_patch_with_one_bad_value_changes_nothing() {
    let mut settings = Settings::default();
    let patch = serde_json::json!({"interval": "500ms", "timeout": "0s"});
    assert!(settings.set_json(patch.as_object().unwrap()).is_err());
    assert_eq!(settings, Settings::default());
    let patch = serde_json::json!({"interval": "500ms", "fall": 3, "on-failure": 502});
    settings.set_json(patch.as_object().unwrap()).unwrap();
    assert_eq!(
        (settings.check.fall, settings.on_failure),
        (3, OnFailure::BadGateway)
    );
}

#[test]
fn fields_are_validated_like_words() {
    let mut settings = Settings::default();
    assert_eq!(settings.validate(), Ok(()));
    settings.check.fall = 0;
    assert!(
        settings
            .validate()
            .unwrap_err()
            .to_string()
            .starts_with("fall cannot be `0`")
    );
}
