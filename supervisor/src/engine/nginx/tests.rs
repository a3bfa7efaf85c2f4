use super::*;

/// What nginx can do, nearest to the defaults.
fn expressible_settings() -> Settings {
    "detector=passive passive-failures=2 passive-counting=quiet passive-window=10s passive-ejection=10s passive-on=broken \
     passive-growth=none passive-return=trial passive-max-ejected=100% on-failure=502 answer-connect-timeout=504 \
     answer-unrouted=502 connect-timeout=250ms response-timeout=3s"
        .parse()
        .unwrap()
}

#[test]
fn passive_settings_are_max_fails_and_fail_timeout_of_each_router() {
    let text = Nginx
        .configuration(&Site::example(), &expressible_settings())
        .unwrap();
    for line in [
        "    server 127.9.1.1:8081 max_fails=2 fail_timeout=10s;\n",
        "    server 127.9.1.2:8081 max_fails=2 fail_timeout=10s;\n",
        "    listen 127.9.0.2:8000;\n",
        "      proxy_next_upstream off;\n",
        "      proxy_connect_timeout 250ms;\n",
        "      proxy_read_timeout 3000ms;\n",
        "pid \"/run/lab/lb/nginx.pid\";\n",
        "  proxy_temp_path \"/run/lab/lb/temp-proxy\";\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
}

#[test]
fn retries_are_tries_of_other_routers() {
    let mut settings = expressible_settings();
    for (key, word) in [
        ("on-failure", "retry"),
        ("retries", "2"),
        ("retry-time", "1500ms"),
        ("retry-budget", "off"),
        ("retry-breaker", "off"),
        ("balance", "least-connections"),
    ] {
        settings.set(key, word).unwrap();
    }
    let text = Nginx.configuration(&Site::example(), &settings).unwrap();
    for line in [
        "      proxy_next_upstream error timeout;\n",
        "      proxy_next_upstream_tries 3;\n",
        "      proxy_next_upstream_timeout 1500ms;\n",
        "    least_conn;\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
}

#[test]
fn every_setting_that_it_cannot_have_is_refused_by_its_name() {
    for (key, word) in [
        ("interval", "1s"),
        ("fall", "3"),
        ("schedule", "end"),
        ("healthy-status", "200"),
        ("detector", "poll"),
        ("detector", "passive+sentinel"),
        ("passive-counting", "row"),
        ("passive-window", "11s"),
        ("passive-on", "5xx"),
        ("passive-action", "mark-down"),
        ("passive-growth", "linear"),
        ("passive-return", "time"),
        ("passive-uneject", "on"),
        ("passive-max-ejected", "50%"),
        ("panic-threshold", "50%"),
        ("on-failure", "reset"),
        ("answer-refused", "503"),
        ("answer-unrouted", "503"),
        ("open-connections", "close"),
    ] {
        let mut settings = expressible_settings();
        settings.set(key, word).unwrap();
        let refused = Nginx.configuration(&Site::example(), &settings).unwrap_err();
        let keys: Vec<_> = refused.iter().map(|each| each.key).collect();
        assert_eq!(keys, [key], "{refused:?}");
    }
    let mut settings = expressible_settings();
    settings.set("passive-ejection", "1500ms").unwrap();
    settings.set("passive-window", "1500ms").unwrap();
    let refused = Nginx.configuration(&Site::example(), &settings).unwrap_err();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].key, "passive-ejection");
}

#[test]
fn retry_settings_count_only_where_something_is_retried() {
    let mut settings = expressible_settings();
    settings.set("retry-on", "connect").unwrap();
    Nginx.configuration(&Site::example(), &settings).unwrap();
    settings.set("on-failure", "retry").unwrap();
    let refused = Nginx.configuration(&Site::example(), &settings).unwrap_err();
    let keys: Vec<_> = refused.iter().map(|each| each.key).collect();
    assert_eq!(keys, ["retry-on", "retry-budget", "retry-breaker"]);
}

#[test]
fn its_version_is_what_it_prints() {
    assert_eq!(Nginx.version("nginx version: nginx/1.22.1\n").unwrap(), "1.22.1");
    assert_eq!(Nginx.version("sh: nginx: not found\n"), None);
}
