//! The access log, field for field.

use super::process::{Router, application, exchange, routes, unused};
use super::{HELLO, ask, get, is_uuid, production};

/// A line with everything that differs from run to run taken out, and checked on the way.
fn shape(line: &str) -> String {
    let mut out = Vec::new();
    for word in line.trim_end().split(' ') {
        let (name, value) = word.split_once(':').unwrap_or(("", word));
        out.push(match name {
            _ if word.starts_with('[') => {
                assert!(
                    word.len() == "[2026-11-23T06:05:07.601320022Z]".len() && word.ends_with("Z]"),
                    "{word}"
                );
                "[TIME]".to_owned()
            }
            "vcap_request_id" => {
                assert!(is_uuid(value.trim_matches('"')), "{word}");
                "vcap_request_id:\"UUID\"".to_owned()
            }
            "response_time" | "gorouter_time" | "dial_time" | "backend_time" if value != "\"-\"" => {
                let (seconds, digits) = value.split_once('.').unwrap();
                assert!(seconds.parse::<u32>().is_ok() && digits.len() == 6, "{word}");
                format!("{name}:T")
            }
            "\"127.0.0.1" => "\"ADDRESS\"".to_owned(),
            _ => word.to_owned(),
        });
    }
    out.join(" ")
}

#[test]
fn lines() {
    // It says that it closes: else the POST might be given to a connection that is about to end, and must fail then.
    let (address, _heard) =
        application("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
    let named = routes("app.test", &[address]) + "app = \"1111\"\ninstance_ids = [\"inst-19001\"]\n";
    let table = [named, routes("dead.test", &[unused()])].concat();
    let plain = "vcap_request_id:\"UUID\" response_time:T gorouter_time:T";
    let dead = "endpoint_failure (dial tcp 127.66.6.6:1: connect: connection refused)";
    let full = "GET /hello?x=1 HTTP/1.1\r\nHost: app.test\r\nUser-Agent: curl/7.88.1\r\nReferer: http://a/\r\n\
                x-resetlab-request: 7\r\nX-Forwarded-For: 10.0.0.1\r\nConnection: close\r\n\r\n";
    let post = "POST /up HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc";
    let rows = |details: [&str; 2]| {
        let [ok, failed] = details;
        [
            (
                "one line",
                full.to_owned(),
                format!(
                    "app.test - [TIME] \"GET /hello?x=1 HTTP/1.1\" 200 0 5 \"http://a/\" \"curl/7.88.1\" \"ADDRESS\" \
                     \"ADDRESS\" x_forwarded_for:\"10.0.0.1, 127.0.0.1\" x_forwarded_proto:\"http\" {plain} \
                     app_id:\"1111\" app_index:\"0\" instance_id:\"inst-19001\"{ok} x_cf_routererror:\"-\" \
                     x_resetlab_request:\"7\""
                ),
            ),
            (
                "request bytes",
                post.to_owned(),
                format!(
                    "app.test - [TIME] \"POST /up HTTP/1.1\" 200 3 5 \"-\" \"-\" \"ADDRESS\" \"ADDRESS\" \
                     x_forwarded_for:\"127.0.0.1\" x_forwarded_proto:\"http\" {plain} app_id:\"1111\" app_index:\"0\" \
                     instance_id:\"inst-19001\"{ok} x_cf_routererror:\"-\" x_resetlab_request:\"-\""
                ),
            ),
            (
                "dead backend",
                get("dead.test", ""),
                format!(
                    "dead.test - [TIME] \"GET / HTTP/1.1\" 502 0 67 \"-\" \"-\" \"ADDRESS\" \"127.66.6.6:1\" \
                     x_forwarded_for:\"127.0.0.1\" x_forwarded_proto:\"http\" {plain} app_id:\"-\" app_index:\"-\" \
                     instance_id:\"-\"{failed} x_cf_routererror:\"{dead}\" x_resetlab_request:\"-\""
                ),
            ),
        ]
    };
    let router = Router::start_with(&table, &production(&[]));
    run(router, &rows(["", ""]));
    let times = " dns_time:0.000000 dial_time:T tls_time:0.000000 backend_time:T";
    let ok = format!(" failed_attempts:0 failed_attempts_time:\"-\"{times}");
    let router = Router::start_with(&table, &production(&["--enable-attempts-details"]));
    let none = " dns_time:\"-\" dial_time:\"-\" tls_time:\"-\" backend_time:\"-\"";
    let mut rows = rows([&ok, ""]).to_vec();
    let (_, request, _) = rows.pop().unwrap();
    run(router_with_line(router, &request, none), &rows);
}

/// A failed attempt with its details, whose time is one.
fn router_with_line(mut router: Router, request: &str, none: &str) -> Router {
    exchange(router.traffic, request);
    let line = router.stdout_line();
    let (_, after) = line
        .split_once(" failed_attempts:1 failed_attempts_time:0.")
        .unwrap_or_else(|| panic!("{line}"));
    assert!(after[6..].starts_with(none), "{line}");
    router
}

fn run(mut router: Router, rows: &[(&str, String, String)]) {
    for (fact, request, line) in rows {
        exchange(router.traffic, request);
        assert_eq!(shape(&router.stdout_line()), *line, "{fact}");
    }
}

#[test]
fn what_is_in_it_and_what_not() {
    let (address, _heard) = application(HELLO);
    let mut router = Router::start_with(&routes("app.test", &[address]), &production(&[]));
    // Checks of the health port are not; what cannot be read is not, either.
    exchange(router.health, &get("lb", ""));
    exchange(router.traffic, "nonsense\r\n\r\n");
    ask(router.traffic, &get("nope.test", "X-Forwarded-For: 10.0.0.1\r\n"));
    let line = shape(&router.stdout_line());
    assert_eq!(
        line,
        "nope.test - [TIME] \"GET / HTTP/1.1\" 404 0 61 \"-\" \"-\" \"ADDRESS\" \"-\" x_forwarded_for:\"10.0.0.1\" \
         x_forwarded_proto:\"-\" vcap_request_id:\"UUID\" response_time:T gorouter_time:T app_id:\"-\" app_index:\"-\" \
         instance_id:\"-\" x_cf_routererror:\"unknown_route\" x_resetlab_request:\"-\""
    );
    // deprecated-semicolon-params
    ask(router.traffic, &get("app.test", "").replace("GET /", "GET /?a;b"));
    assert!(
        router
            .stdout_line()
            .contains(" x_cf_routererror:\"deprecated-semicolon-params\" ")
    );
    // A check on the main port is.
    ask(
        router.traffic,
        &get("app.test", "User-Agent: HTTP-Monitor/1.1\r\n"),
    );
    assert!(
        router
            .stdout_line()
            .contains("\" 200 0 3 \"-\" \"HTTP-Monitor/1.1\" ")
    );
}
