use super::*;

/// As found in production, with what a lab cannot have.
pub const OWN: &str = "\
# our edge
global
    log /dev/log local0
    log 10.1.1.9:514 local1 notice   # the collector
    chroot /var/lib/haproxy
    user haproxy
    group haproxy
    daemon
    maxconn 2000
    stats socket /run/haproxy/admin.sock mode 660 level admin
    stats timeout 30s
    spread-checks 5

defaults
    log global
    mode http
    option httplog
    timeout connect 500ms
    timeout client 30s
    timeout server 10s
    retries 2
    option redispatch
    default-server inter 700ms fastinter 150 fall 4 rise 3

frontend web
    bind *:80
    bind :443 ssl crt /etc/haproxy/site.pem
    acl is_api path_beg /api   \\
        # not the rest
    http-request deny if { path -i \"/admin panel\" }
    use_backend api if is_api
    default_backend apps

backend api
    server api1 api.internal:8443 ssl verify none check

backend apps
    balance roundrobin
    option httpchk GET /healthz HTTP/1.1
    http-check expect status 200-299
    cookie SRV insert indirect
    server app1 10.0.0.11:8080 check cookie a1
    server app2 10.0.0.12:8080 check cookie a2 ssl verify none

listen stats
    bind *:8404
    stats enable
    stats uri /stats
";

#[test]
fn servers_and_binds_become_the_labs_and_what_cannot_be_is_left_out_by_name() {
    let mut site = Site::example();
    let mut third = site.routers[1].clone();
    third.name = "router-3".into();
    third.traffic.set_ip([127, 9, 1, 3].into());
    third.health.set_ip([127, 9, 1, 3].into());
    site.routers.push(third);
    let adopted = adopt(OWN, &site).unwrap();
    insta::assert_snapshot!(format!("{}\n----\n{}", adopted.text, adopted.changes.join("\n")));
    let changed = adopted
        .text
        .lines()
        .zip(OWN.lines())
        .filter(|(new, old)| new != old)
        .count();
    assert!(changed >= 14, "{changed}");
}

#[test]
fn what_it_says_of_checks_is_read_as_settings() {
    let adopted = adopt(OWN, &Site::example()).unwrap();
    let mut settings = lb_sim::core::Settings::default();
    for (key, word) in &adopted.settings {
        settings
            .set(key, word)
            .unwrap_or_else(|e| panic!("{key}={word}: {e}"));
    }
    settings.consistent().unwrap();
    let words: std::collections::BTreeMap<_, _> = settings.words().into_iter().collect();
    for (key, word) in [
        ("interval", "700ms"),
        ("fall-interval", "150ms"),
        ("fall", "4"),
        ("rise", "3"),
        ("timeout", "interval"),
        ("spread", "5%"),
        ("connect-timeout", "500ms"),
        ("response-timeout", "10s"),
        ("on-failure", "retry"),
        ("retries", "2"),
        ("retry-to", "other"),
        ("healthy-status", "200-299"),
        ("check", "http"),
    ] {
        assert_eq!(words[key], word, "{key}");
    }
    assert_eq!(adopted.beyond, crate::engine::Beyond::default());
    let odd = OWN
        .replace("balance roundrobin", "balance source")
        .replace("cookie a1", "cookie a1 inter 3s");
    let beyond = adopt(&odd, &Site::example()).unwrap().beyond;
    assert_eq!(beyond.detection, ["servers with different inter"]);
    assert_eq!(beyond.losses, ["balance source"]);
    let limited = OWN
        .replace("default-server inter", "default-server maxconn 50 inter")
        .replace("cookie a1", "cookie a1 weight 5");
    let beyond = adopt(&limited, &Site::example()).unwrap().beyond;
    assert_eq!(beyond.detection, Vec::<String>::new());
    assert_eq!(
        beyond.losses,
        ["servers with different weight", "the server option maxconn"]
    );
}

#[test]
fn a_file_without_a_backend_says_what_was_expected() {
    for text in [
        "",
        "global\n    daemon\n",
        "frontend a\n    bind :80\n    default_backend gone\n",
    ] {
        let error = adopt(text, &Site::example()).unwrap_err();
        assert!(
            error.contains("no backend that traffic reaches: expected a frontend"),
            "{error}"
        );
    }
    let listen = "listen all\n    bind :80\n    server a 10.0.0.1:80";
    let text = adopt(listen, &Site::example()).unwrap().text;
    assert!(text.contains("bind 127.9.0.2:8000\n"), "{text}");
    assert!(
        text.ends_with("    server router-2 127.9.1.2:8081 addr 127.9.1.2 port 8080\n"),
        "{text}"
    );
}

#[test]
fn what_routers_do_not_speak_is_no_default_either() {
    let own = OWN.replace("default-server inter", "default-server ssl verify none inter");
    let text = adopt(&own, &Site::example()).unwrap().text;
    assert!(
        text.contains("    default-server inter 700ms fastinter 150 fall 4 rise 3\n"),
        "{text}"
    );
}

#[test]
fn words_are_haproxys() {
    let line = |text| lines::sections(text).remove(0).lines.remove(0);
    let words = |text| {
        let line: Line<'_> = line(text);
        (0..line.len())
            .map(|at| line.word(at).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(words("  a \"b c\" d\\ e # f\n"), ["a", "\"b c\"", "d\\ e"]);
    assert_eq!(words("a 'b # \\' c"), ["a", "'b # \\'", "c"]);
    assert_eq!(words("# all\n"), Vec::<String>::new());
}
