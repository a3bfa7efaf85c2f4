//! Was it this bug? Logs are judged by what their frames prove, whatever happened to them on the way.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "support/dumps.rs"]
mod dumps;
mod support;

use dumps::{LOGS, diagnose, gzip, judge, path, text};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Output, Stdio};
use support::{Place, stderr};

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
