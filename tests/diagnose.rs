//! Was it this bug? Logs are judged by what their frames prove, whatever happened to them on the way.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "support/dumps.rs"]
mod dumps;
mod support;

use dumps::{LOGS, path, text};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Output, Stdio};
use support::{Place, stderr};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The exit status and the document.
fn diagnose(place: &Place, files: &[&str]) -> (i32, Value) {
    let output = place.run(&[&["diagnose", "--json"], files].concat());
    let document = serde_json::from_slice(&output.stdout);
    (
        output.status.code().unwrap(),
        document.unwrap_or_else(|e| panic!("{e}: {}", stderr(&output))),
    )
}

/// Writes a log and has it judged.
fn judge(place: &Place, log: &[u8]) -> (i32, Value) {
    std::fs::write(place.path().join("log"), log).unwrap();
    let (status, document) = diagnose(place, &["log"]);
    (status, document["files"][0].clone())
}

fn piped(place: &Place, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = place
        .command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn the_articles_trace_and_the_real_logs() {
    let place = Place::new();
    for (log, verdict, variant) in LOGS {
        let (status, document) = diagnose(&place, &[&path(log)]);
        let crash = &document["files"][0]["crashes"][0];
        assert_eq!(
            (status, &document["schema"], &document["verdict"]),
            (0, &json!("resetlab.diagnose.v1"), &json!(verdict)),
            "{log}"
        );
        assert_eq!(
            document["files"][0]["crashes"].as_array().unwrap().len(),
            1,
            "{log}"
        );
        assert_eq!(
            (&crash["verdict"], &crash["variant"]),
            (&json!(verdict), &json!(variant)),
            "{log}"
        );
    }
    let (_, document) = diagnose(&place, &[&path(LOGS[0].0)]);
    let crash = &document["files"][0]["crashes"][0];
    assert_eq!(crash["time"], Value::Null);
    assert_eq!(crash["goroutine"], 3_061_391_056_u64);
    assert_eq!(
        (&crash["go"], &crash["truncated"]),
        (&json!("1.20"), &json!(true))
    );
    assert_eq!(
        crash["release"],
        "gorouter from 9b51fd8e (2023-05-19) to before b89b4d70 (2023-08-23)"
    );
    assert_eq!(
        crash["paths"],
        json!({
            "goroot": "/var/vcap/data/packages/golang-1.20-linux/52b7dfbcdc9e152c3a88836448f1dfe69abfc8d3",
            "gorouter": "/var/vcap/data/compile/gorouter/src/code.cloudfoundry.org/gorouter",
        })
    );
    let (_, document) = diagnose(&place, &[&path(LOGS[1].0)]);
    let crash = &document["files"][0]["crashes"][0];
    assert_eq!((&crash["goroutine"], &crash["line"]), (&json!(617), &json!(88)));
    assert_eq!(
        (&crash["time"], &crash["go"]),
        (&json!("2026/11/23 06:43:14"), &json!("1.21"))
    );
    assert_eq!(crash["message"], "fatal error: concurrent map writes");
    assert_eq!(crash["truncated"], false);
    assert_eq!(crash["release"], "as gorouter 93e8cb70 (routing-release 0.287.0)");
    let frames: Vec<&str> = crash["frames"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|frame| frame["function"].as_str())
        .collect();
    assert_eq!(
        frames,
        [
            "net/textproto.MIMEHeader.Set",
            "net/http.Header.Set",
            "code.cloudfoundry.org/gorouter/proxy/round_tripper.(*ErrorHandler).HandleError",
            "code.cloudfoundry.org/gorouter/proxy/round_tripper.(*roundTripper).RoundTrip",
        ]
    );
    assert_eq!(crash["frames"][3]["line"], 267);
}

#[test]
fn words_alone_are_not_the_bug() {
    let place = Place::new();
    for (name, verdict, cause, log) in dumps::OTHERS {
        let (status, file) = judge(&place, log.as_bytes());
        assert_eq!((status, &file["verdict"]), (1, &json!(verdict)), "{name}: {file}");
        let found = file["crashes"][0]["cause"].as_str().unwrap_or_default();
        assert!(found.contains(cause), "{name}: {found}");
    }
}

#[test]
fn other_stacks_of_the_same_race() {
    let place = Place::new();
    for (name, variant, log) in dumps::VARIANTS {
        let (status, file) = judge(&place, log.as_bytes());
        assert_eq!(
            (status, &file["verdict"]),
            (0, &json!("variant")),
            "{name}: {file}"
        );
        assert_eq!(file["crashes"][0]["variant"], json!(variant), "{name}");
    }
}

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

#[test]
fn damage_does_not_hide_it() {
    let place = Place::new();
    for (log, verdict, variant) in LOGS {
        let whole = text(log);
        for (damage, inflict) in dumps::DAMAGES {
            let (status, file) = judge(&place, &inflict(&whole));
            let crash = &file["crashes"][0];
            assert_eq!(
                (
                    status,
                    &file["verdict"],
                    &crash["variant"],
                    file["crashes"].as_array().unwrap().len()
                ),
                (0, &json!(verdict), &json!(variant), 1),
                "{log}, {damage}: {file}"
            );
        }
        let compressed = gzip(whole.as_bytes());
        let members = whole.split_at(whole.len() / 2);
        let members = [gzip(members.0.as_bytes()), gzip(members.1.as_bytes())].concat();
        let padded = [&compressed[..], &[0; 1000]].concat();
        let wide: Vec<u8> = format!("\u{feff}{whole}")
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        for bytes in [gzip(&compressed), compressed, members, padded, wide] {
            let (status, file) = judge(&place, &bytes);
            assert_eq!((status, &file["verdict"]), (0, &json!(verdict)), "{log}: {file}");
        }
    }
}

#[test]
fn many_logs_the_strongest_first() {
    let place = Place::new();
    std::fs::write(place.path().join("empty"), "").unwrap();
    std::fs::write(place.path().join("other"), dumps::OTHERS[0].3).unwrap();
    std::fs::write(place.path().join("both"), text(LOGS[2].0) + &text(LOGS[1].0)).unwrap();
    let (status, document) = diagnose(&place, &["empty", "other", &path(LOGS[3].0), "both"]);
    assert_eq!((status, &document["verdict"]), (0, &json!("match")));
    assert_eq!(
        document["deaths"],
        json!({ "match": 1, "variant": 2, "other-crash": 1 })
    );
    let verdicts: Vec<&Value> = document["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| &file["verdict"])
        .collect();
    assert_eq!(verdicts, ["match", "variant", "other-crash", "none"]);
    let both = &document["files"][0];
    assert_eq!(
        (&both["file"], &both["crashes"][0]["verdict"]),
        (&json!("both"), &json!("match"))
    );
    assert!(both["crashes"][0]["line"].as_u64() > both["crashes"][1]["line"].as_u64());
    let output = place.run(&["diagnose", "empty", "other", "both"]);
    let words = String::from_utf8(output.stdout).unwrap();
    assert!(words.starts_with("match: "), "{words}");
    assert!(
        words.contains("3 deaths (1 match, 1 variant, 1 other-crash) in 2 of 3 logs"),
        "{words}"
    );
    assert!(
        words.contains("0.288.0") && words.contains("298398") && words.contains("not known here"),
        "{words}"
    );
}

#[test]
fn a_trace_that_goes_on_in_the_next_log() {
    let place = Place::new();
    let whole = text(LOGS[1].0);
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    // Line 92 is the first frame: the proof is in the second log, the message in the first.
    std::fs::write(place.path().join("log.1"), lines[..92].concat()).unwrap();
    std::fs::write(place.path().join("log"), lines[92..].concat()).unwrap();
    let (status, document) = diagnose(&place, &["log.1", "log"]);
    let first = &document["files"][0];
    assert_eq!(
        (status, &first["file"], &first["verdict"]),
        (0, &json!("log.1"), &json!("match")),
        "{document}"
    );
    assert_eq!(first["crashes"][0]["notes"][0], "continues in the next file");
    assert_eq!(document["files"][1]["verdict"], "none");
    // The shell names the newest first.
    let (status, document) = diagnose(&place, &["log", "log.1"]);
    assert_eq!((status, &document["verdict"]), (0, &json!("match")), "{document}");
    std::fs::write(
        place.path().join("log.2.gz"),
        gzip(lines[..92].concat().as_bytes()),
    )
    .unwrap();
    std::fs::write(place.path().join("log.1"), &lines[92][..20]).unwrap();
    std::fs::write(place.path().join("log"), lines[92..].concat().split_off(20)).unwrap();
    let (status, document) = diagnose(&place, &["log", "log.1", "log.2.gz"]);
    assert_eq!((status, &document["verdict"]), (0, &json!("match")), "{document}");
    assert_eq!(document["files"][0]["file"], "log.2.gz");
    // In the wrong order, neither proves it.
    std::fs::write(place.path().join("a"), lines[..92].concat()).unwrap();
    std::fs::write(place.path().join("b"), lines[92..].concat()).unwrap();
    let (status, document) = diagnose(&place, &["b", "a"]);
    assert_eq!(
        (status, &document["verdict"]),
        (1, &json!("other-crash")),
        "{document}"
    );
    // Nor does a log that begins with something else.
    std::fs::write(place.path().join("b"), format!("hello\n{}", lines[92..].concat())).unwrap();
    assert_eq!(diagnose(&place, &["a", "b"]).0, 1);
}

#[test]
fn standard_input_is_a_log() {
    let place = Place::new();
    let log = std::fs::read(path(LOGS[1].0)).unwrap();
    for arguments in [
        &["diagnose"][..],
        &["diagnose", "-"],
        &["diagnose", "-", "--json"],
    ] {
        assert_eq!(
            piped(&place, arguments, &log).status.code(),
            Some(0),
            "{arguments:?}"
        );
        assert_eq!(
            piped(&place, arguments, b"").status.code(),
            Some(1),
            "{arguments:?}"
        );
    }
}

#[test]
fn logs_that_cannot_be_read_are_trouble_and_the_others_are_read() {
    let place = Place::new();
    let whole = std::fs::read(path(LOGS[1].0)).unwrap();
    std::fs::write(place.path().join("broken.gz"), &whole[..whole.len() - 500]).unwrap();
    std::fs::write(place.path().join("short.gz"), &whole[..12]).unwrap();
    std::fs::write(place.path().join("log.xz"), b"\xfd7zXZ\0\0\x04").unwrap();
    let mut tar = vec![0; 512];
    tar[257..262].copy_from_slice(b"ustar");
    std::fs::write(place.path().join("logs.tgz"), gzip(&tar)).unwrap();
    std::fs::create_dir(place.path().join("logs")).unwrap();
    for (file, words, verdict) in [
        ("logs", "logs: is a directory: name the logs in it", Value::Null),
        ("missing", "missing: No such file", Value::Null),
        (
            "broken.gz",
            "broken.gz: broken gzip, read as far as it goes",
            json!("match"),
        ),
        ("short.gz", "short.gz: broken gzip", Value::Null),
        (
            "log.xz",
            "log.xz: is xz, which is not read here: `xz -dc` it first",
            Value::Null,
        ),
        (
            "logs.tgz",
            "logs.tgz: is a tar archive, which is not read here: `tar xf` it first",
            Value::Null,
        ),
    ] {
        let output = place.run(&["diagnose", "--json", file]);
        assert_eq!(output.status.code(), Some(2), "{file}");
        assert!(stderr(&output).contains(words), "{file}: {}", stderr(&output));
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["verdict"], verdict, "{file}");
        // As grep: found elsewhere, and still trouble.
        let (status, document) = diagnose(&place, &[file, &path(LOGS[2].0)]);
        assert_eq!(status, 2, "{file}");
        assert_ne!(document["verdict"], Value::Null, "{file}");
    }
}

/// The lab's routers get no special case: their stderr is judged by the same frames.
#[test]
fn the_labs_own_crashes_are_the_bug() {
    let place = Place::new();
    let mut lab = place.up(&[
        "--json",
        "--routers",
        "2",
        "--rate",
        "50",
        "--restart-delay",
        "200ms",
    ]);
    let mut deaths = Vec::new();
    for with in ["early-hints", "continue", "early-hints", "continue"] {
        let crashed = place.json(&["crash", "router-2", "--sure", "--with", with]);
        deaths.push((crashed["message"].clone(), crashed["variant"].clone()));
        for event in ["exited", "ready"] {
            lab.wait_for(event, |line| {
                line.contains(&format!(r#""event":"{event}""#)) && line.contains(r#""router-2""#)
            });
        }
    }
    let logs = place.json(&["logs", "router-2"])["logs"].clone();
    let logs = logs
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|log| log["path"].as_str());
    let log = logs
        .into_iter()
        .find(|path| path.ends_with("stderr.log"))
        .unwrap();
    let (status, document) = diagnose(&place, &[log]);
    assert_eq!(status, 0, "{document}");
    let mut crashes = document["files"][0]["crashes"].as_array().unwrap().clone();
    crashes.sort_by_key(|crash| crash["line"].as_u64());
    let found: Vec<_> = crashes
        .iter()
        .map(|crash| (crash["message"].clone(), crash["variant"].clone()))
        .collect();
    assert_eq!(found, deaths, "{document}");
}
