use super::*;

const FILE: &str = r#"
user www-data;
worker_processes auto;
error_log /var/log/nginx/error.log;
http {
    include mime.types;   # beside this file
    access_log /var/log/nginx/access.log combined;
    upstream shop {
        least_conn;
        server 10.0.0.1:80 max_fails=3 fail_timeout=5s;
        server "10.0.0.2:80" weight=2;
        server 10.0.0.3:80 backup;
    }
    server {
        listen 80 default_server;
        listen [::]:80 default_server;
        location / { proxy_pass http://shop; }
    }
}
"#;

#[test]
fn servers_and_listeners_are_replaced_and_everything_else_stays() {
    let mut site = Site::example();
    site.own = Some("/etc/nginx/nginx.conf".into());
    let adopted = adopt(FILE, &site).unwrap();
    let text = adopted.text;
    for line in [
        "        server 127.9.1.1:8081 max_fails=3 fail_timeout=5s; server 127.9.1.2:8081 weight=2;\n",
        "        listen 127.9.0.2:8000 default_server;\n",
        "    include \"/etc/nginx/mime.types\";   # beside this file\n",
        "        least_conn;\n",
        "        location / { proxy_pass http://shop; }\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    let numbered = |text: &str, word: &str| text.lines().position(|line| line.contains(word)).unwrap();
    for word in ["least_conn", "mime.types", "location /"] {
        assert_eq!(numbered(&text, word), numbered(FILE, word), "{word}: {text}");
    }
    assert_eq!(text.lines().count(), FILE.lines().count());
    for gone in ["/var/log", "10.0.0.", "[::]", "www-data", "auto"] {
        assert!(!text.contains(gone), "{gone}{text}");
    }
    assert_eq!(
        adopted.changes,
        [
            "the 3 servers of `upstream shop` are the lab's 2 routers",
            "`listen 80` is `listen 127.9.0.2:8000 default_server;`",
            "`listen [::]:80` is left out",
            "line 17: `proxy_pass http://shop` sends `Host: shop`, which the lab's routers answer 404: add \
             `proxy_set_header Host $host;` beside it",
            "`worker_processes auto` is left out",
            "`user www-data` is left out",
            "it runs in the foreground with one worker and logs to the lab",
        ]
    );
}

#[test]
fn more_routers_than_servers_are_like_the_last_one() {
    let text = "http { upstream a { server b:1 max_fails=7; } server { listen 1; } }";
    let adopted = adopt(text, &Site::example()).unwrap().text;
    assert_eq!(adopted.matches(" max_fails=7;").count(), 2, "{adopted}");
}

#[test]
fn what_is_missing_is_said() {
    for (text, expected) in [
        ("events {}", "expected an `http { … }` block"),
        (
            "http { server { listen 1; } }",
            "expected an `upstream NAME { server …; }` block",
        ),
        (
            "http { upstream a { } server { listen 1; } }",
            "expected a `server …;` in `upstream a`",
        ),
        (
            "http { upstream a { server b; } }",
            "expected a `server { listen …; … }` block",
        ),
        (
            "http { upstream a { server b; } server { listen 1 ssl; } }",
            "expected plain HTTP",
        ),
        ("http {", "line 1: a `}` is missing"),
    ] {
        let wrong = adopt(text, &Site::example()).unwrap_err();
        assert!(wrong.starts_with(expected), "{wrong}");
    }
}
