//! What a log does not tell is not told: damaged evidence, other programs, contradictions, words that could not be read.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "support/dumps.rs"]
mod dumps;
mod support;

use dumps::{LOGS, judge, path, text};
use serde_json::{Value, json};
use std::process::Stdio;
use support::{Place, stderr};

#[test]
fn what_is_missing_is_not_taken_for_another_cause() {
    const WRONG: &str = "The article's fix will not mend it";
    let place = Place::new();
    let article = text(LOGS[0].0);
    let real = text(LOGS[1].0);
    let trace = &real[real.find("fatal error").unwrap()..];
    let first = |text: &str, lines: usize| text.split_inclusive('\n').take(lines).collect::<String>();
    let without = |line: &str| trace.replacen(line, "", 1);
    let frame = trace.lines().find(|line| line.contains("HandleError")).unwrap();
    for log in [
        first(&article, 1),
        first(trace, 3),
        first(trace, 7),
        // One frame lost: the next one is not the culprit.
        without(&format!("{frame}\n")),
        format!(
            "{}panic: other\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:5 +0x1d\n",
            first(trace, 7)
        ),
    ] {
        let (status, file) = judge(&place, log.as_bytes());
        assert_eq!(
            (status, &file["verdict"]),
            (1, &json!("other-crash")),
            "{log}: {file}"
        );
        assert_eq!(file["crashes"][0]["undecided"], true, "{log}: {file}");
        let words = String::from_utf8(place.run(&["diagnose", "log"]).stdout).unwrap();
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(!words.contains(WRONG), "{words}");
        assert!(
            words.contains("neither proves the article's bug nor rules it out"),
            "{words}"
        );
        assert!(words.contains("What would tell: the whole log"), "{words}");
    }
    for (name, verdict, _, log) in dumps::OTHERS {
        let open = [
            "the message without frames",
            "cut before the frame that decides",
            "the frames without the message",
        ];
        std::fs::write(place.path().join("log"), log).unwrap();
        let words = String::from_utf8(place.run(&["diagnose", "log"]).stdout).unwrap();
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(
            words.contains(WRONG),
            verdict == "other-crash" && !open.contains(&name),
            "{name}: {words}"
        );
    }
}

#[test]
fn the_same_race_in_another_program_is_not_gorouters() {
    const HOOK: &str = "fatal error: concurrent map writes\n\ngoroutine 7 [running]:\nnet/http/httputil.(*ReverseProxy).ServeHTTP.func2(0x67, 0xc0)\n\t/usr/local/go/src/net/http/httputil/reverseproxy.go:460 +0x45\nnet/http.(*persistConn).readResponse(0xc0)\n\t/usr/local/go/src/net/http/transport.go:2333 +0x1c7\nnet/http.(*persistConn).readLoop(0xc0)\n\t/usr/local/go/src/net/http/transport.go:2133 +0x3b0\ncreated by net/http.(*Transport).dialConn in goroutine 570\n";
    let traefik = "\ngoroutine 1 [select]:\ngithub.com/traefik/traefik/v2/pkg/server.(*Server).Wait(...)\n\t/go/src/github.com/traefik/traefik/pkg/server/server.go:80\n";
    let health = "\ngoroutine 5 [select]:\ncode.cloudfoundry.org/gorouter/common/health.(*Health).Run(0xc0)\n\t/var/vcap/data/compile/routing-api/src/code.cloudfoundry.org/gorouter/common/health/health.go:8 +0x1\n";
    let routing_api = "\ngoroutine 1 [select]:\nmain.main()\n\t/var/vcap/data/compile/routing-api/src/code.cloudfoundry.org/routing-api/cmd/routing-api/main.go:55 +0x17\n";
    let gorouter = "\ngoroutine 1 [select]:\nmain.main()\n\t/var/vcap/data/compile/gorouter/src/code.cloudfoundry.org/gorouter/main.go:55 +0x17\n";
    let library =
        "\ngoroutine 9 [select]:\ngithub.com/nats-io/nats%2ego.(*Conn).readLoop(0xc0)\n\t/v/nats.go:8 +0x1\n";
    let place = Place::new();
    for (others, status, verdict, program, headline) in [
        (
            traefik.to_owned(),
            1,
            "other-crash",
            json!("other"),
            "other-crash: a Go program died",
        ),
        (
            format!("{health}{routing_api}"),
            1,
            "other-crash",
            json!("other"),
            "other-crash: a Go program died",
        ),
        (
            format!("{health}{gorouter}"),
            0,
            "variant",
            json!("gorouter"),
            "variant: gorouter died",
        ),
        (
            library.to_owned(),
            0,
            "variant",
            Value::Null,
            "variant: a Go program that forwards 1xx",
        ),
        (
            String::new(),
            0,
            "variant",
            Value::Null,
            "variant: a Go program that forwards 1xx",
        ),
    ] {
        let (code, file) = judge(&place, format!("{HOOK}{others}").as_bytes());
        let crash = &file["crashes"][0];
        assert_eq!(
            (code, &crash["verdict"]),
            (status, &json!(verdict)),
            "{others}: {file}"
        );
        assert_eq!(crash["program"], program, "{others}");
        let words = String::from_utf8(place.run(&["diagnose", "log"]).stdout).unwrap();
        assert!(words.starts_with(headline), "{others}: {words}");
        let elsewhere = words.contains("golang/go#65123");
        assert_eq!(elsewhere, verdict == "other-crash", "{others}: {words}");
    }
}

#[test]
fn paths_that_contradict_the_frames_are_told() {
    let place = Place::new();
    for (go, contradicts) in [
        ("1.19", "1xx responses: Go 1.20"),
        ("1.21", ""),
        ("1.23", "has the fix"),
    ] {
        for (log, verdict, _) in [LOGS[1], LOGS[2]] {
            let other = text(log).replace("golang-1.21-linux", &format!("golang-{go}-linux"));
            let (status, file) = judge(&place, other.as_bytes());
            let crash = &file["crashes"][0];
            assert_eq!(
                (status, &crash["verdict"], &crash["go"]),
                (0, &json!(verdict), &json!(go))
            );
            let notes = crash["notes"].to_string();
            assert_eq!(
                notes.contains("contradict"),
                !contradicts.is_empty(),
                "{go}: {notes}"
            );
            assert!(notes.contains(contradicts), "{go}: {notes}");
        }
    }
}

/// `say` is shared: what it must do is the same for each verb.
#[test]
fn output_that_cannot_be_written_is_trouble() {
    let place = Place::new();
    let log = path(LOGS[0].0);
    for arguments in [
        &["diagnose", &log][..],
        &["diagnose", "--json", &log],
        &["affected", "--go", "1.21.3", "--routing-release", "0.280.0"],
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = place
            .command(arguments)
            .stdout(full)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(
            stderr(&output).contains("cannot write the output: No space left"),
            "{}",
            stderr(&output)
        );
        // A reader that went away is none.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = place
            .command(arguments)
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap();
        assert_eq!(
            (output.status.code(), stderr(&output).as_str()),
            (Some(0), ""),
            "{arguments:?}"
        );
    }
}

#[test]
fn folded_lines_are_put_together() {
    let place = Place::new();
    let folded = |log: &str, width: usize, at_spaces: bool| {
        let mut text = String::new();
        for line in log.replace('\t', "        ").lines() {
            let mut rest = line;
            while rest.len() > width {
                let space = rest[..width]
                    .rfind(' ')
                    .filter(|at| at_spaces && !rest[..*at].trim().is_empty());
                let (now, later) = rest.split_at(space.map_or(width, |at| at + 1));
                text += &format!("{now}\n");
                rest = later;
            }
            text += &format!("{rest}\n");
        }
        text
    };
    for width in [80, 100, 120, 132] {
        for at_spaces in [false, true] {
            for (log, verdict, variant) in LOGS {
                let (status, file) = judge(&place, folded(&text(log), width, at_spaces).as_bytes());
                let crash = &file["crashes"][0];
                assert_eq!(
                    (status, &crash["verdict"], &crash["variant"]),
                    (0, &json!(verdict), &json!(variant)),
                    "{log}, {width}, {at_spaces}: {file}"
                );
            }
        }
    }
}

#[test]
fn words_in_lines_that_could_not_be_read_are_told() {
    let place = Place::new();
    let url = "GET /?q=fatal error: concurrent map writes HTTP/1.1\n";
    for (log, lines) in [
        (format!("hello\n{url}{url}"), 2),
        ("hello\n@@ goroutine 617 [running]: @@\n".to_owned(), 1),
        ("hello\nthe words goroutine 617 was [running]\n".to_owned(), 0),
    ] {
        let (status, file) = judge(&place, log.as_bytes());
        assert_eq!((status, &file["verdict"]), (1, &json!("none")), "{log}");
        let words = String::from_utf8(place.run(&["diagnose", "log"]).stdout).unwrap();
        if lines == 0 {
            assert_eq!(file["unread"], Value::Null);
            assert!(words.starts_with("none: no Go program died"), "{words}");
        } else {
            assert_eq!(
                (&file["unread"]["lines"], &file["unread"]["line"]),
                (&json!(lines), &json!(2))
            );
            assert!(
                words.starts_with("none: no Go program is shown to have died"),
                "{words}"
            );
        }
    }
}
