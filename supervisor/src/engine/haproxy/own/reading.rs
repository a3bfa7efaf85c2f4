//! PURE: what a configuration says of checks and requests, in the words of settings, so that theory speaks of it.

use super::lines::{Line, Section};

use crate::engine::Beyond;

/// Settings, and what theory has no words for.
type Read = (Vec<(&'static str, String)>, Beyond);

/// Server options that make another check decide.
const CHECKED_ELSEWHERE: [&str; 2] = ["track", "agent-check"];
/// Server options that change who is sent what in ways that no setting has.
const SENT_ELSEWHERE: [&str; 4] = ["slowstart", "maxconn", "minconn", "backup"];

pub fn read(sections: &[Section<'_>], reached: usize) -> Read {
    let Some(backend) = sections.get(reached) else {
        return Read::default();
    };
    let defaults = sections[..reached]
        .iter()
        .rfind(|section| section.kind == "defaults");
    let mut beyond = Beyond::default();
    // The backend's own line wins over that of its defaults.
    let scope = || {
        defaults
            .into_iter()
            .chain([backend])
            .flat_map(|section| section.lines.iter())
    };
    let last = |first: &str, second: &str| {
        scope().rfind(|line| line.word(0) == first && (second.is_empty() || line.word(1) == second))
    };
    let on = |name: &str| {
        last("option", name).is_some() && last("no", "option").is_none_or(|line| line.word(2) != name)
    };
    let timeout = |name: &str| last("timeout", name).and_then(|line| time(line.word(2)));
    let servers: Vec<&Line<'_>> = backend
        .lines
        .iter()
        .filter(|line| line.word(0).starts_with("server"))
        .collect();
    let option = |name: &str| {
        let default = scope()
            .filter(|line| line.word(0) == "default-server")
            .filter_map(|line| line.value(name))
            .next_back();
        let own: Vec<Option<&str>> = servers.iter().map(|line| line.value(name).or(default)).collect();
        let same = own.iter().all(|value| *value == own[0]);
        (own.first().copied().flatten(), same)
    };
    let mut words: Vec<(&'static str, String)> = [
        ("schedule", "end"),
        ("counting", "consecutive"),
        ("initial", "up"),
        ("first-check", "spread"),
        ("first-result", "decides"),
        ("down-at-once", "never"),
        ("jitter", "0s"),
        ("answer-refused", "503"),
        ("answer-connect-timeout", "503"),
        ("answer-reset", "502"),
        ("answer-reused", "close"),
        ("answer-timeout", "504"),
        ("answer-unrouted", "503"),
        ("retry-budget", "off"),
        ("retry-breaker", "off"),
        ("retry-time", "off"),
    ]
    .map(|(key, word)| (key, word.to_owned()))
    .to_vec();
    let mut of_servers = |key: &'static str, name: &str, otherwise: Option<&str>, unit: bool| {
        let (value, same) = option(name);
        if !same {
            beyond.detection.push(format!("servers with different {name}"));
        }
        let word = value.and_then(|value| if unit { time(value) } else { Some(value.to_owned()) });
        words.extend(word.or(otherwise.map(str::to_owned)).map(|word| (key, word)));
    };
    of_servers("interval", "inter", Some("2s"), true);
    of_servers("fall", "fall", Some("3"), false);
    of_servers("rise", "rise", Some("2"), false);
    of_servers("fall-interval", "fastinter", Some("interval"), true);
    of_servers("rise-interval", "fastinter", Some("interval"), true);
    of_servers("down-interval", "downinter", Some("interval"), true);
    of_servers("passive-failures", "error-limit", None, false);
    words.push((
        "timeout",
        timeout("check").unwrap_or_else(|| "interval".to_owned()),
    ));
    words.extend(timeout("connect").map(|time| ("connect-timeout", time)));
    words.extend(timeout("server").map(|time| ("response-timeout", time)));
    checks(&scope, &servers, &mut words, &mut beyond.detection);
    if let Some(spread) = sections
        .iter()
        .flat_map(|section| &section.lines)
        .find(|line| line.word(0) == "spread-checks")
    {
        words.push(("spread", format!("{}%", spread.word(1))));
    }
    let (observe, _) = option("observe");
    if let Some(layer) = observe {
        words.push(("detector", "passive".to_owned()));
        words.push(("passive-counting", "row".to_owned()));
        words.push((
            "passive-on",
            if layer == "layer4" { "connect" } else { "5xx" }.to_owned(),
        ));
        let (action, _) = option("on-error");
        words.push(("passive-action", action.unwrap_or("fail-check").to_owned()));
        if option("error-limit").0.is_none() {
            words.push(("passive-failures", "10".to_owned()));
        }
    }
    if !option("weight").1 {
        beyond.losses.push("servers with different weight".to_owned());
    }
    if option("on-marked-down").0 == Some("shutdown-sessions") {
        words.push(("open-connections", "close".to_owned()));
    }
    let tcp = last("mode", "").is_some_and(|line| line.word(1) == "tcp");
    let balance = last("balance", "").map_or("roundrobin", |line| line.word(1));
    match balance {
        "roundrobin" | "static-rr" => words.push(("balance", "round-robin".to_owned())),
        "leastconn" => words.push(("balance", "least-connections".to_owned())),
        other => beyond.losses.push(format!("balance {other}")),
    }
    let retries = last("retries", "").map_or("3", |line| line.word(1));
    let moves = on("redispatch");
    words.extend(tcp.then(|| ("mode", "tcp".to_owned())));
    match (retries, tcp) {
        ("0", false) => words.push(("on-failure", "502".to_owned())),
        ("0", true) => words.push(("on-failure", "close".to_owned())),
        (retries, tcp) => {
            words.push((
                "on-failure",
                if tcp { "retry-connect" } else { "retry" }.to_owned(),
            ));
            words.push(("retries", retries.to_owned()));
            words.push(("retry-to", if moves { "other" } else { "same" }.to_owned()));
            words.push(("retry-delay", if moves { "0s" } else { "1s" }.to_owned()));
            let broken = last("retry-on", "").is_some_and(|line| {
                (1..line.len()).any(|at| !["conn-failure", "none"].contains(&line.word(at)))
            });
            words.push(("retry-on", if broken { "safe" } else { "connect" }.to_owned()));
        }
    }
    let has = |name: &str| {
        let has = |line: &Line<'_>| (1..line.len()).any(|at| line.word(at) == name);
        scope().filter(|line| line.word(0).contains("server")).any(has)
    };
    let named = |names: &[&str]| -> Vec<String> {
        let names = names.iter().filter(|name| has(name));
        names.map(|name| format!("the server option {name}")).collect()
    };
    beyond.detection.extend(named(&CHECKED_ELSEWHERE));
    beyond.losses.extend(named(&SENT_ELSEWHERE));
    (words, beyond)
}

/// What a check asks, and what it takes for healthy.
fn checks<'a, I: Iterator<Item = &'a Line<'a>>>(
    scope: &impl Fn() -> I,
    servers: &[&Line<'_>],
    words: &mut Vec<(&'static str, String)>,
    beyond: &mut Vec<String>,
) {
    let checked = |line: &Line<'_>| (1..line.len()).any(|at| line.word(at) == "check");
    let by_default = scope().any(|line| line.word(0) == "default-server" && checked(line));
    if !by_default && !servers.iter().all(|line| checked(line)) {
        beyond.push("servers without `check`".to_owned());
    }
    let http = scope().any(|line| line.word(0) == "option" && line.word(1) == "httpchk");
    words.push(("check", if http { "http" } else { "tcp" }.to_owned()));
    for line in scope() {
        match (line.word(0), line.word(1)) {
            (
                "option",
                "tcp-check" | "external-check" | "ssl-hello-chk" | "mysql-check" | "redis-check" | "smtpchk",
            ) => {
                beyond.push(format!("option {}", line.word(1)));
            }
            ("http-check", "expect") if line.word(2) == "status" => {
                words.push(("healthy-status", line.word(3).to_owned()));
            }
            ("http-check", "expect" | "connect" | "disable-on-404") => {
                beyond.push(format!("http-check {}", line.word(1)));
            }
            _ => {}
        }
    }
}

/// `2s`, `500ms`, `2000` (milliseconds), `1m`, `250us`.
fn time(word: &str) -> Option<String> {
    let unit = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
    let (number, unit) = word.split_at(unit);
    number.parse::<u64>().ok()?;
    Some(match unit {
        "" => format!("{number}ms"),
        "d" => format!("{number}day"),
        "us" | "ms" | "s" | "m" | "h" => word.to_owned(),
        _ => return None,
    })
}
