use super::super::adopt;
use super::*;
use crate::engine::Adopted;

/// A file with more in its `http`, in its location, and at its top.
fn with(http: &str, location: &str, top: &str) -> Result<Adopted, String> {
    let text = format!(
        "{top}\nhttp {{\n  upstream shop {{ server 192.0.2.1:80; }}\n  {http}\n  server {{\n    listen 80;\n    \
         location / {{ {location} }}\n  }}\n}}\n"
    );
    adopt(&text, &Site::example())
}

fn told(adopted: &Adopted, what: &str) {
    let told = adopted.changes.iter().any(|change| change.contains(what));
    assert!(told, "{what}: {:?}", adopted.changes);
}

#[test]
fn what_does_not_lead_to_an_upstream_answers_502() {
    for location in [
        "proxy_pass http://192.0.2.98:80;",
        "proxy_pass http://127.0.0.1:3000/x;",
        "proxy_pass https://elsewhere.example$request_uri;",
        "proxy_pass http://unix:/run/app.sock;",
        "grpc_pass grpc://192.0.2.98:80;",
        "fastcgi_pass unix:/run/php.sock;",
        "uwsgi_pass 192.0.2.98:80;",
        "scgi_pass 192.0.2.98:80;",
        "memcached_pass 192.0.2.98:11211;",
        "brand_new_pass 192.0.2.98:80;",
    ] {
        let refused = location.contains('$');
        match with("", location, "") {
            Ok(adopted) => {
                assert!(
                    adopted.text.contains("location / { return 502; }"),
                    "{}",
                    adopted.text
                );
                told(
                    &adopted,
                    &format!("line 7: `{}` answers 502", location.trim_end_matches(';')),
                );
            }
            Err(why) => assert!(refused && why.starts_with("line 7: `proxy_pass"), "{why}"),
        }
    }
}

#[test]
fn where_a_variable_leads_is_refused_unless_it_is_a_path() {
    for to in [
        "http://$where",
        "$where",
        "http://shop$where",
        "http://shop.$host/",
        "http://${where}:80/",
    ] {
        let why = with("", &format!("proxy_pass {to};"), "").unwrap_err();
        assert_eq!(
            why,
            format!("line 7: `proxy_pass {to}` may lead to anybody: write the name of an `upstream` there")
        );
    }
    for to in ["http://shop", "http://Shop/a$b", "http://shop$request_uri"] {
        let adopted = with("", &format!("proxy_pass {to};"), "").unwrap();
        assert!(
            adopted.text.contains(&format!("proxy_pass {to};")),
            "{}",
            adopted.text
        );
    }
    let adopted = with("", "proxy_pass https://shop;", "").unwrap();
    assert!(
        adopted.text.contains("proxy_pass \"http://shop\";"),
        "{}",
        adopted.text
    );
}

#[test]
fn other_ways_out_and_other_files_are_left_out_by_name() {
    for http in [
        "resolver 192.0.2.53;",
        "ssl_stapling on;",
        "ssl_stapling_responder http://ocsp.example/;",
        "proxy_bind 192.0.2.7;",
        "auth_request /auth;",
        "mirror /copy;",
        "dav_methods PUT;",
        "proxy_store /var/www;",
    ] {
        let adopted = with(http, "", "").unwrap();
        assert!(!adopted.text.contains(http), "{}", adopted.text);
        told(
            &adopted,
            &format!("line 4: `{}` is left out", http.trim_end_matches(';')),
        );
    }
    for top in [
        "stream { upstream a { server 192.0.2.9:1; } server { listen 1; proxy_pass a; access_log /a; } }",
        "load_module modules/ngx_http_js_module.so;",
        "lock_file /run/lock/nginx.lock;",
    ] {
        let adopted = with("", "", top).unwrap();
        let name = top.split(' ').next().unwrap();
        assert!(
            !adopted.text.contains("192.0.2.") && !adopted.text.contains(top),
            "{}",
            adopted.text
        );
        told(&adopted, &format!("line 1: `{name} "));
    }
    let adopted = with("proxy_cache_path /var/cache/a keys_zone=a:1m;", "", "").unwrap();
    assert!(
        adopted
            .text
            .contains("proxy_cache_path \"/run/lab/lb/cache-1\" keys_zone=a:1m;")
    );
    let adopted = with(
        "access_log syslog:server=192.0.2.9 combined; error_log syslog:server=192.0.2.9;",
        "",
        "",
    )
    .unwrap();
    assert!(!adopted.text.contains("192.0.2.9"), "{}", adopted.text);
    // Words of data are no directives.
    let map = "map $uri $a { resolver 1; mirror 2; }";
    assert!(with(map, "", "").unwrap().text.contains(map));
}

#[test]
fn code_is_refused() {
    for http in ["js_import a.js;", "perl_modules a;", "init_by_lua_file a.lua;"] {
        let why = with(http, "", "").unwrap_err();
        assert!(why.starts_with("line 4: `") && why.contains("runs code"), "{why}");
    }
}

#[test]
fn included_text_counts() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("site.conf"),
        "\nserver { listen 80; location / { proxy_pass http://192.0.2.8; } }",
    )
    .unwrap();
    let mut site = Site::example();
    site.own = Some(dir.path().join("nginx.conf"));
    let text = "http { upstream a { server 192.0.2.1; } include *.conf; }";
    let adopted = adopt(text, &site).unwrap();
    assert!(!adopted.text.contains("192.0.2."), "{}", adopted.text);
    told(&adopted, "line 2 of ");
    told(&adopted, "`include *.conf` is read into it");
}

#[test]
fn a_host_that_routers_do_not_know_is_told_with_what_to_add() {
    let adds = "sends `Host: shop`, which the lab's routers answer 404: add `proxy_set_header Host $host;`";
    told(&with("", "proxy_pass http://shop;", "").unwrap(), adds);
    let inherits = "proxy_set_header X a; proxy_pass http://shop;";
    told(&with("proxy_set_header Host $host;", inherits, "").unwrap(), adds);
    for (http, location) in [
        ("proxy_set_header host $host;", "proxy_pass http://shop;"),
        ("", "proxy_set_header Host $http_host; proxy_pass http://shop;"),
    ] {
        let adopted = with(http, location, "").unwrap();
        assert!(
            !adopted.changes.iter().any(|change| change.contains(adds)),
            "{:?}",
            adopted.changes
        );
    }
}

#[test]
fn servers_that_are_down_or_spare_are_no_models() {
    let mut site = Site::example();
    site.routers.push(site.routers[1].clone());
    let text = "http { upstream a { server b:1 down; server c:1 max_fails=7; server d:1 backup resolve; } server { listen 1; } }";
    let text = adopt(text, &site).unwrap().text;
    assert_eq!(text.matches(":8081 max_fails=7;").count(), 2, "{text}");
    assert!(
        text.contains(":8081 backup;") && !text.contains(" down"),
        "{text}"
    );
}
