use crate::engine::Site;
use crate::engine::haproxy::own::adopt;

const FILE: &str = "\
global
    maxconn 10
frontend web
    bind *:80
    default_backend apps
backend apps
    server one 192.0.2.1:80 check
";

/// The file with one more line in its last section, or one more section.
fn with(line: &str) -> Result<crate::engine::Adopted, String> {
    adopt(&format!("{FILE}{line}\n"), &Site::example())
}

/// The lines that the program would read.
fn live(text: &str) -> String {
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn what_leaves_the_machine_is_left_out_by_name() {
    for line in [
        "    dispatch 192.0.2.98:80",
        "    source 192.0.2.7 usesrc clientip",
        "    option transparent",
        "    option external-check",
        "    external-check command /bin/true",
        "    email-alert mailers them",
        "    filter spoe engine waf config /etc/spoe.cfg",
        "    http-request send-spoe-group waf all",
        "    http-request do-resolve(txn.ip,dns) hdr(Host),lower",
        "    http-request \"set-dst\" var(txn.ip)",
        "    tcp-request content do-resolve(txn.ip,dns) hdr(Host)",
        "    load-server-state-from-file global",
        "    log 192.0.2.9:514 local0",
        "mailers them\n    mailer one 192.0.2.9:25",
        "resolvers dns\n    nameserver one 192.0.2.9:53",
        "resolvers dns\n    parse-resolv-conf",
        "ring buffer\n    server log 192.0.2.9:514",
        "ring buffer\n    backing-file /var/lib/ring",
        "program agent\n    command /bin/agent",
        "acme letsencrypt\n    directory https://acme.example/directory",
        "global\n    external-check",
        "global\n    server-state-file /var/lib/state",
    ] {
        let adopted = with(line).unwrap_or_else(|why| panic!("{line}: {why}"));
        let gone = line.lines().last().unwrap().trim();
        assert!(!live(&adopted.text).contains(gone), "{line}: {}", adopted.text);
        let told = adopted.changes.iter().any(|change| change.contains(gone));
        assert!(told, "{line}: {:?}", adopted.changes);
    }
}

#[test]
fn what_cannot_be_left_out_is_refused_with_its_line() {
    for (line, why) in [
        (
            "global\n    lua-load /etc/x.lua",
            "line 9: `lua-load /etc/x.lua` runs a program",
        ),
        (
            "    \"dispatch\" 192.0.2.1:80",
            "line 8: `\"dispatch\" 192.0.2.1:80` begins with a word",
        ),
        (
            "    \"${WHAT}\" 192.0.2.1:80",
            "line 8: `\"${WHAT}\" 192.0.2.1:80` begins with a word",
        ),
        (
            "crt-store a\n    load crt a.pem ocsp-update on",
            "line 9: `load crt a.pem ocsp-update on` asks",
        ),
        (
            "    newer-than-us 192.0.2.1:80",
            "line 8: `newer-than-us 192.0.2.1:80` has an address of another machine, 192.0.2.1:80",
        ),
        (
            "    server two 192.0.2.2:80 \"${MORE[*]}\"",
            "line 8: `server two 192.0.2.2:80 \"${MORE[*]}\"` has words",
        ),
        (
            "    newer-than-us a.example:80",
            "line 8: `newer-than-us a.example:80` has",
        ),
        (
            "    newer-than-us ipv6@[2001:db8::1]:80",
            "line 8: `newer-than-us ipv6@",
        ),
    ] {
        let refused = with(line).unwrap_err();
        assert!(refused.starts_with(why), "{refused}");
    }
}

#[test]
fn what_only_compares_addresses_stays() {
    let named = FILE.replace(
        "server one 192.0.2.1:80",
        "server 192.0.2.1 192.0.2.1:80 cookie 192.0.2.1:80",
    );
    let text = adopt(&named.replace("apps", "apps.example:80"), &Site::example())
        .unwrap()
        .text;
    let server = "server 192.0.2.1 127.9.1.1:8081 cookie 192.0.2.1:80 check";
    assert!(text.contains(server), "{text}");
    for line in [
        "    http-check send meth GET uri /health hdr Host 192.0.2.1:80",
        "    acl here src 192.0.2.0/24 192.0.2.1",
        "    http-request deny if { src 192.0.2.1 }",
        "    option forwardfor except 192.0.2.1",
        "    tcp-request connection reject if { src 192.0.2.1 }",
        "    filter compression",
        "    stats uri /",
    ] {
        let text = with(line).unwrap().text;
        assert!(text.contains(&format!("{line}\n")), "{text}");
    }
}

#[test]
fn checks_go_where_routers_answer_them() {
    let adopted =
        with("    http-check connect addr 192.0.2.9 port 81 ssl sni a.example via-socks4 linger").unwrap();
    assert!(
        adopted.text.contains("    http-check connect linger\n"),
        "{}",
        adopted.text
    );
    let told = "line 8: http-check without addr 192.0.2.9 port 81 ssl sni a.example via-socks4: routers are checked where \
                they answer checks";
    assert!(
        adopted.changes.contains(&told.to_owned()),
        "{:?}",
        adopted.changes
    );
}

#[test]
fn a_servers_own_ways_out_are_left_out() {
    let line = "    server two 192.0.2.2:80 check socks4 192.0.2.3:1080 source 192.0.2.4 usesrc clientip \"resolvers\" dns \
                check-via-socks4 proto h2";
    let text = with(line).unwrap().text;
    let live = live(&text);
    assert!(
        live.contains("server two 127.9.1.2:8081 check addr 127.9.1.2 port 8080\n"),
        "{text}"
    );
    assert!(!live.contains("192.0.2."), "{text}");
    // Agents are asked even of servers that are disabled.
    let line = "backend other\n    default-server agent-check agent-addr 192.0.2.9 agent-port 9\n    server a 192.0.2.5:80";
    let text = with(line).unwrap().text;
    assert!(
        text.contains("    default-server\n    server a 127.0.0.1:80 disabled\n"),
        "{text}"
    );
}

#[test]
fn peers_go_with_the_references_to_them() {
    let adopted = with(
        "    stick-table type ip size 1k expire 1m peers mypeers store conn_cur\npeers mypeers\n    peer me 192.0.2.1:1024",
    )
    .unwrap();
    assert!(
        adopted
            .text
            .contains("    stick-table type ip size 1k expire 1m store conn_cur\n"),
        "{}",
        adopted.text
    );
    let told = "line 8: stick-table without peers mypeers: peers are other machines";
    assert!(
        adopted.changes.contains(&told.to_owned()),
        "{:?}",
        adopted.changes
    );
}

#[test]
fn names_of_sockets_are_never_bound() {
    for name in [
        "/run/haproxy/u.sock",
        "unix@/run/u.sock",
        "\"/run/u.sock\"",
        "abns@edge",
        "fd@7",
        "rhttp@a/b",
    ] {
        let more = FILE.replace("    bind *:80\n", &format!("    bind {name}\n    bind *:80\n"));
        let adopted = adopt(&more, &Site::example()).unwrap();
        let live = live(&adopted.text);
        assert!(!live.contains(name.trim_matches('"')), "{live}");
        assert!(live.contains("    bind 127.9.0.2:8000\n"), "{live}");
        let told = format!("line 4: `bind {name}` left out: ");
        assert!(
            adopted.changes.iter().any(|change| change.starts_with(&told)),
            "{:?}",
            adopted.changes
        );
        let only = FILE.replace("bind *:80", &format!("bind {name}"));
        let refused = adopt(&only, &Site::example()).unwrap_err();
        let why = format!("line 4: no bind for the lab's clients: `bind {name}` cannot be one; add");
        assert!(refused.starts_with(&why), "{refused}");
    }
    let mixed = FILE.replace("*:80", "/run/u.sock,:80");
    let text = adopt(&mixed, &Site::example()).unwrap().text;
    assert!(text.contains("    bind 127.9.0.2:8000\n"), "{text}");
    let address = FILE.replace("*:80", "ipv4@192.0.2.1:80");
    let text = adopt(&address, &Site::example()).unwrap().text;
    assert!(text.contains("    bind 127.9.0.2:8000\n"), "{text}");
}

#[test]
fn added_routers_are_like_a_server_that_has_its_share() {
    let mut site = Site::example();
    site.routers.push(crate::engine::Seat {
        name: "router-3".into(),
        ..site.routers[1].clone()
    });
    let text = format!("{FILE}    server two 192.0.2.2:80 weight 3 backup\n");
    let adopted = adopt(&text, &site).unwrap();
    assert!(
        adopted
            .text
            .contains("    server router-3 127.9.1.2:8081 check addr"),
        "{}",
        adopted.text
    );
    assert!(
        adopted
            .changes
            .iter()
            .any(|change| change == "backend apps: router-3 added, like one"),
        "{:?}",
        adopted.changes
    );
}

#[test]
fn without_a_default_the_first_backend_that_a_rule_names_is_taken_and_that_is_told() {
    let own = FILE.replace("default_backend apps", "use_backend apps if { path / }")
        + "backend b\n    server b 192.0.2.2:80\n";
    let adopted = adopt(&own, &Site::example()).unwrap();
    assert!(
        adopted.text.contains("server one 127.9.1.1:8081 check"),
        "{}",
        adopted.text
    );
    assert!(adopted.changes[0].starts_with("line 5: there is no default_backend, so backend apps has"));
}
