use super::*;

/// Text, time and source of each.
fn all(line: &str) -> Vec<(String, Option<String>, u64)> {
    let mut all = Vec::new();
    lines(line, |bare| {
        all.push((bare.text.to_owned(), bare.time.map(str::to_owned), bare.source))
    });
    all
}

#[test]
fn every_collector_is_taken_off() {
    const HEAD: &str = "fatal error: concurrent map writes";
    const TIME: &str = "2026-11-23T06:43:14.5Z";
    for (line, time) in [
        (HEAD.to_owned(), None),
        (format!("{HEAD}\r\n"), None),
        (format!("\0\0\0{HEAD}"), None),
        (format!("\x1b[31m{HEAD}\x1b[0m"), None),
        (
            format!("Nov 23 06:43:14 host gorouter[1234]: {HEAD}"),
            Some("Nov 23 06:43:14"),
        ),
        (
            format!("<11>Nov 23 06:43:14 host gorouter: {HEAD}"),
            Some("Nov 23 06:43:14"),
        ),
        (format!("<11>1 {TIME} host gorouter 1234 - - {HEAD}"), Some(TIME)),
        (
            format!("<11>1 {TIME} host gorouter rs2 - [i@47450 d=\"x\"] {HEAD}"),
            Some(TIME),
        ),
        (format!("{TIME} host gorouter[1]: {HEAD}"), Some(TIME)),
        (format!("   {TIME} [RTR/1] ERR {HEAD}"), Some(TIME)),
        (format!("[gorouter/0af3] {HEAD}"), None),
        (format!("router/2a3b: stderr | {HEAD}"), None),
        (format!("gorouter-1  | {HEAD}"), None),
        (format!("{TIME} stderr F {HEAD}"), Some(TIME)),
        (
            format!(r#"{{"log":"{HEAD}\n","stream":"stderr","time":"{TIME}"}}"#),
            Some(TIME),
        ),
        (format!(r#"{{"MESSAGE":"{HEAD}","_PID":"7"}}"#), None),
        (format!("[{TIME}] {HEAD}"), Some(TIME)),
        (format!("88:{HEAD}"), None),
        (format!("gorouter.stderr.log:88:{HEAD}"), None),
        (format!("/var/log/g.log-89-{HEAD}"), None),
        (format!("    88\t{HEAD}"), None),
        (format!("> > {HEAD}"), None),
        (format!("E1123 06:43:14.123456    1234 main.go:12] {HEAD}"), None),
        (format!(r#"{{"level":"error","msg":"{HEAD}"}}"#), None),
        (format!(r#"{{"event":"log","body":"{HEAD}"}}"#), None),
    ] {
        let (text, found, _) = &all(&line)[0];
        assert_eq!((text.as_str(), found.as_deref()), (HEAD, time), "{line}");
    }
}

#[test]
fn processes_are_told_apart_and_times_do_not_count() {
    let source = |line: &str| all(line)[0].2;
    let at = |second: u32, tag: &str| source(&format!("Nov 23 06:43:{second:02} host {tag}: main.main()"));
    assert_eq!(at(14, "gorouter[1]"), at(15, "gorouter[1]"));
    assert_ne!(at(14, "gorouter[1]"), at(14, "gorouter[2]"));
    assert_ne!(source("a | main.main()"), source("b | main.main()"));
    assert_eq!(source("2026/11/23 06:43:14 main.main()"), 0);
}

#[test]
fn words_inside_a_line_stay_inside() {
    for line in [
        r#"app.test - [2026-11-23T06:05:07Z] "GET /?q=fatal error: concurrent map writes HTTP/1.1" 200 0"#,
        r#"{"log_level":3,"message":"upstream said: fatal error: concurrent map writes"}"#,
        r#"{"message":5,"log_level":"fatal error: concurrent map writes"}"#,
        "the log said \"fatal error: concurrent map writes\"",
    ] {
        for (text, ..) in all(line) {
            assert_eq!(Line::of(&text), Line::Noise, "{line}: {text}");
        }
    }
}

#[test]
fn one_line_may_hold_many() {
    let texts = |line: &str| all(line).into_iter().map(|(text, ..)| text).collect::<Vec<_>>();
    assert_eq!(
        texts(r"fatal error: x\n\ngoroutine 5 [running]:\nmain.f(...)\n\t/a.go:1"),
        [
            "fatal error: x",
            "",
            "goroutine 5 [running]:",
            "main.f(...)",
            "\t/a.go:1"
        ]
    );
    assert_eq!(
        texts("main.f(0x1) /a.go:1 +0x1"),
        ["main.f(0x1)", " /a.go:1 +0x1"]
    );
    assert_eq!(
        texts(
            "Nov 23 06:43:14 h g: fatal error: x#012#012goroutine 5 [running]:#012main.f(...)#012#011/a.go:1"
        ),
        [
            "fatal error: x",
            "",
            "goroutine 5 [running]:",
            "main.f(...)",
            "\t/a.go:1"
        ]
    );
    assert_eq!(
        texts(r#"{"log":"main.f(...)\n\t/a.go:1\n"}"#),
        ["main.f(...)", "/a.go:1"]
    );
}
