//! PURE: which settings Envoy cannot have.

use super::super::{Demands, Inexpressible};
use lb_sim::core::{Mode, OnFailure, PassiveCounting, Settings, Share};

pub(super) fn expressible(settings: &Settings) -> Result<(), Vec<Inexpressible>> {
    let mut demands = Demands::new(settings);
    checks(settings, &mut demands);
    if settings.detectors.passive {
        passive(settings, &mut demands);
    }
    requests(settings, &mut demands);
    demands.end()
}

fn checks(settings: &Settings, demands: &mut Demands<'_>) {
    let check = &settings.check;
    demands.only(
        "counting",
        &["consecutive"],
        "one check that says the opposite forgets the others; set counting=consecutive",
    );
    demands.only(
        "schedule",
        &["end"],
        "it waits from the end of a check; set schedule=end",
    );
    demands.demand(
        check.spread == Share(0),
        "spread",
        "it only lengthens gaps; set spread=0% and jitter",
    );
    demands.demand(
        check.jitter.subsec_nanos().is_multiple_of(1_000_000),
        "jitter",
        "it counts milliseconds",
    );
    demands.only(
        "overlap",
        &["off"],
        "a router is checked once at a time; set overlap=off",
    );
    demands.only(
        "initial",
        &["down"],
        "a router is out of use until its first check passed; set initial=down",
    );
    demands.only(
        "first-check",
        &["now", "random"],
        "it checks at once, or at random within an interval; set first-check=now",
    );
    demands.only(
        "first-result",
        &["decides"],
        "the first check that passes is enough; set first-result=decides",
    );
    demands.only(
        "down-at-once",
        &["never", "status"],
        "refused checks are counted; set down-at-once=status",
    );
    demands.only("probers", &["1"], "it checks by itself; set probers=1");
    demands.demand(
        !settings.detectors.sentinel && !settings.detectors.notice,
        "detector",
        "it hears checks and failed attempts only; set detector=poll or passive",
    );
    demands.demand(
        settings.panic_threshold.is_none_or(whole),
        "panic-threshold",
        "it has whole percents",
    );
}

fn passive(settings: &Settings, demands: &mut Demands<'_>) {
    let passive = &settings.passive;
    demands.demand(
        passive.counting == PassiveCounting::Row,
        "passive-counting",
        "it counts in a row; set passive-counting=row",
    );
    demands.only(
        "passive-on",
        &["broken", "5xx", "gateway"],
        "what is no connection is counted with what is no response; set passive-on=broken",
    );
    demands.only(
        "passive-action",
        &["eject"],
        "it ejects; set passive-action=eject",
    );
    demands.only(
        "passive-return",
        &["time"],
        "an ejection ends by itself; set passive-return=time",
    );
    demands.demand(
        passive.cap >= passive.ejection,
        "passive-ejection-cap",
        "max_ejection_time cannot be below base_ejection_time; set it to passive-ejection at least",
    );
    demands.demand(
        whole(passive.max_ejected),
        "passive-max-ejected",
        "it has whole percents",
    );
    demands.only(
        "passive-least-ejected",
        &["0", "1"],
        "always_eject_one_host is one; set passive-least-ejected=1",
    );
}

fn requests(settings: &Settings, demands: &mut Demands<'_>) {
    demands.only(
        "proxy-protocol",
        &["off"],
        "its health checks would speak it, too; set proxy-protocol=off",
    );
    let tcp = settings.mode == Mode::Tcp;
    if tcp {
        demands.only(
            "on-failure",
            &["close"],
            "it closes the client's connection and never resets it; set on-failure=close",
        );
        demands.only(
            "open-connections",
            &["keep", "close"],
            "it keeps or closes them; set open-connections=close",
        );
        return;
    }
    demands.only(
        "on-failure",
        &["502", "retry"],
        "it answers its clients and never resets them; set on-failure=502",
    );
    let answers = [
        ("answer-refused", "503"),
        ("answer-connect-timeout", "503"),
        ("answer-reset", "503"),
        ("answer-reused", "503"),
        ("answer-timeout", "504"),
        ("answer-unrouted", "503"),
    ];
    for (key, word) in answers {
        demands.only(key, &[word], &format!("its answer is {word}; set {key}={word}"));
    }
    demands.only(
        "open-connections",
        &["keep"],
        "requests under way go on; set open-connections=keep",
    );
    if settings.on_failure != OnFailure::Retry {
        return;
    }
    demands.only(
        "retry-to",
        &["other", "any"],
        "it picks anew; set retry-to=other or any",
    );
    demands.demand(
        settings.retry.delay.is_zero(),
        "retry-delay",
        "its delay is random and grows; set retry-delay=0s and retry-jitter",
    );
    demands.demand(
        settings.retry.time.is_none(),
        "retry-time",
        "a limit of its own ends the request, too; set retry-time=off",
    );
    demands.only(
        "retry-budget",
        &["off"],
        "its budget is a share of the requests under way; set retry-budget=off and retry-breaker",
    );
}

fn whole(share: Share) -> bool {
    share.0.is_multiple_of(100)
}
