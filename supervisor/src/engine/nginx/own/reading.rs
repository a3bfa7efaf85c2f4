//! PURE: what a configuration says of failed attempts and requests, as settings: theory and trials go by them.

use super::super::tokens::Directive;
use std::time::Duration;

type Reading = (Vec<(&'static str, String)>, Vec<String>);

/// Settings, and what theory has no words for. Where servers or locations differ, the first counts.
pub(super) fn reading(http: &Directive) -> Reading {
    let below = http.below();
    let first = |name: &str| below.iter().find(|each| each.name == name);
    let mut settings = Vec::new();
    let mut beyond = Vec::new();
    let mut set = |key, word: &str| settings.push((key, word.to_owned()));
    let group = first("upstream").map(|group| group.below()).unwrap_or_default();
    let server = group.iter().find(|each| each.name == "server");
    let option = |name: &str| -> Option<String> {
        let words = server?.arguments.iter().skip(1);
        let mut found = words.filter_map(|word| word.text.strip_prefix(name)?.strip_prefix('='));
        found.next().map(str::to_owned)
    };
    let fails = option("max_fails").unwrap_or_else(|| "1".to_owned());
    let quiet = option("fail_timeout")
        .as_deref()
        .and_then(time)
        .unwrap_or(Duration::from_secs(10));
    match fails.as_str() {
        "0" => beyond.push("max_fails=0 (nothing ever takes a router out)".to_owned()),
        fails => set("passive-failures", fails),
    }
    let quiet = format!("{}ms", quiet.as_millis().max(1));
    set("passive-window", &quiet);
    set("passive-ejection", &quiet);
    for (key, word) in super::super::NGINX {
        set(key, word);
    }
    let tried = first("proxy_next_upstream");
    match tried.is_some_and(|each| each.argument(0) == "off") {
        true => set("on-failure", "502"),
        false => {
            set("on-failure", "retry");
            set("retry-budget", "off");
            set("retry-breaker", "off");
        }
    }
    if let Some(tries) =
        first("proxy_next_upstream_tries").and_then(|each| each.argument(0).parse::<u32>().ok())
        && tries > 1
    {
        set("retries", &(tries - 1).to_string());
    }
    for (key, name) in [
        ("connect-timeout", "proxy_connect_timeout"),
        ("response-timeout", "proxy_read_timeout"),
    ] {
        let said = first(name).and_then(|each| time(each.argument(0)));
        let time = said.unwrap_or(Duration::from_secs(60));
        set(key, &format!("{}ms", time.as_millis().max(1)));
    }
    if group.iter().any(|each| each.name == "least_conn") {
        set("balance", "least-connections");
    }
    for name in ["ip_hash", "hash", "random"] {
        if group.iter().any(|each| each.name == name) {
            beyond.push(name.to_owned());
        }
    }
    (settings, beyond)
}

/// `30`, `30s`, `500ms`, `1m30s`: nginx's times; seconds without a unit.
fn time(text: &str) -> Option<Duration> {
    let (mut total, mut rest) = (Duration::ZERO, text);
    while !rest.is_empty() {
        let digits = rest
            .find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(rest.len());
        let count: u32 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest
            .find(|letter: char| letter.is_ascii_digit())
            .unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "ms" => Duration::from_millis(1),
            "" | "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(3_600),
            "d" => Duration::from_secs(86_400),
            _ => return None,
        };
        rest = &rest[letters..];
        total += unit.checked_mul(count)?;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::super::super::tokens::parse;
    use super::*;

    fn read(text: &str) -> (lb_sim::core::Settings, Vec<String>) {
        let directives = parse(text).unwrap();
        let (words, beyond) = reading(&directives[0]);
        let mut settings = lb_sim::core::Settings::default();
        for (key, word) in words {
            settings.set(key, &word).unwrap();
        }
        settings.consistent().unwrap();
        (settings, beyond)
    }

    #[test]
    fn what_is_not_said_is_nginxs_default() {
        let (settings, beyond) = read("http { upstream a { server b; } server { listen 1; } }");
        assert_eq!(settings.passive.failures, 1);
        assert_eq!(settings.passive.ejection, Duration::from_secs(10));
        assert_eq!(settings.connect_timeout, Duration::from_secs(60));
        assert_eq!(settings.on_failure, lb_sim::core::OnFailure::Retry);
        assert!(beyond.is_empty());
    }

    #[test]
    fn what_is_said_counts() {
        let (settings, beyond) = read(
            "http { upstream a { ip_hash; server b max_fails=3 fail_timeout=1m30s; } proxy_next_upstream off; \
             proxy_read_timeout 1500ms; server { listen 1; } }",
        );
        assert_eq!(settings.passive.failures, 3);
        assert_eq!(settings.passive.window, Duration::from_secs(90));
        assert_eq!(settings.response_timeout, Duration::from_millis(1_500));
        assert_eq!(settings.on_failure, lb_sim::core::OnFailure::BadGateway);
        assert_eq!(beyond, ["ip_hash"]);
    }
}
