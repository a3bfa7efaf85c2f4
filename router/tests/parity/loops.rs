//! A route that leads back to its router: found, answered, and the router goes on.

use super::process::{Router, application, binary, routes};
use super::{HELLO, ask, get, post, production};
use std::net::SocketAddr;

fn register(router: &Router, uri: &str, endpoint: SocketAddr) -> (String, String) {
    let (host, port) = (endpoint.ip(), endpoint.port());
    post(
        router.routes,
        "/register",
        &format!("{{\"host\": \"{host}\", \"port\": {port}, \"uris\": [\"{uri}\"]}}"),
    )
}

#[test]
fn its_own_address_is_refused_in_a_registration_and_in_a_file() {
    let router = Router::start_with(&routes("app.test", &[]), &production(&[]));
    let (status, said) = register(&router, "app.test", router.traffic);
    assert_eq!(status, "400 Bad Request");
    assert!(said.contains("is this router's own traffic address"), "{said}");

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("routes.toml");
    let own: SocketAddr = "127.66.6.7:8081".parse().unwrap();
    std::fs::write(&file, routes("app.test", &[own])).unwrap();
    let output = binary()
        .args([
            "--listen",
            "127.66.6.7:8081",
            "--health",
            "127.66.6.7:0",
            "--routes",
        ])
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("routes.toml:3: ")
            && said.contains("127.66.6.7:8081 is this router's own traffic address"),
        "{said}"
    );
}

#[test]
fn a_loop_of_several_routers_is_found_after_one_round_and_costs_nothing_but_that() {
    let (address, _heard) = application(HELLO);
    for size in [2, 3] {
        let table = [routes("loop.test", &[]), routes("app.test", &[address])].concat();
        let mut routers: Vec<Router> = (0..size)
            .map(|_| Router::start_with(&table, &production(&[])))
            .collect();
        for index in 0..size {
            let next = routers[(index + 1) % size].traffic;
            assert_eq!(register(&routers[index], "loop.test", next).0, "200 OK");
        }
        for _ in 0..20 {
            let answer = ask(routers[0].traffic, &get("loop.test", ""));
            assert_eq!(answer.start, "HTTP/1.1 508 Loop Detected");
            assert_eq!(
                answer.body,
                "508 Loop Detected: Requested route ('loop.test') leads back to this router.\n"
            );
            assert_eq!(answer.one("x-cf-routererror"), Some("routing_loop"));
        }
        // Each request came once to each router, and once more to the first.
        for (index, router) in routers.iter_mut().enumerate() {
            assert!(ask(router.traffic, &get("app.test", "")).body == "hello");
            let mut lines = 0;
            while !router.stdout_line().starts_with("app.test ") {
                lines += 1;
            }
            assert_eq!(
                lines,
                if index == 0 { 40 } else { 20 },
                "router {index} of {size}"
            );
        }
    }
}

#[test]
fn a_chain_is_no_loop() {
    let (address, _heard) = application(HELLO);
    let last = Router::start_with(&routes("app.test", &[address]), &production(&[]));
    let middle = Router::start_with(&routes("app.test", &[last.traffic]), &production(&[]));
    let first = Router::start_with(&routes("app.test", &[middle.traffic]), &production(&[]));
    assert_eq!(
        ask(
            first.traffic,
            &get("app.test", "x-resetlab-via: 0123456789abcdef\r\n")
        )
        .body,
        "hello"
    );
}
