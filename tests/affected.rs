//! Versions are judged by what is known, and what is not known is said.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use serde_json::{Value, json};
use support::{Place, stderr};

/// The words, and the exit status.
fn affected(place: &Place, arguments: &[&str]) -> (String, i32) {
    let output = place.run(&[&["affected"], arguments].concat());
    (
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr),
        output.status.code().unwrap(),
    )
}

#[test]
fn answers_and_exit_codes() {
    let place = Place::new();
    for (arguments, status, words) in [
        (
            &["--product", "tas", "--version", "2.11.40"][..],
            0,
            "fixed versions is not known here",
        ),
        (
            &["--product", "tas", "--version", "v2.11.40-build.5"],
            0,
            "yes: affected",
        ),
        (&["--product", "tas", "--version", "2.11.35"], 1, "2.11.36"),
        (
            &["--product", "isolation-segment", "--version", "2.11.35"],
            0,
            "Isolation Segment",
        ),
        (
            &["--product", "tas", "--version", "2.12.40"],
            3,
            "does not name this line",
        ),
        (&["--product", "tas", "--version", "5.0.0"], 3, "unknown"),
        (
            &["--routing-release", "0.280.0"],
            3,
            "tell --go or --gorouter-binary",
        ),
        (&["--routing-release", "0.280.0", "--go", "1.21.3"], 0, "0.288.0"),
        (&["--routing-release", "0.288.0"], 1, "workaround"),
        (&["--go", "go1.23.1"], 1, "CL 567216"),
        (
            &["--product", "tas", "--version", "2.11.40", "--go", "1.23.1"],
            1,
            "no: not affected",
        ),
        (
            &["--product", "tas", "--version", "banana"],
            2,
            "`banana` is not a version: expected numbers such as 2.11.40",
        ),
        (&["--product", "tas", "--version", ""], 2, "is not a version"),
        (&["--go", "1.21garbage"], 2, "is not a version"),
        (
            &["--product", "pas", "--version", "2.11.40"],
            2,
            "isolation-segment",
        ),
        (&["--product", "tas"], 2, "--version"),
        (&["--version", "2.11.40"], 2, "--product"),
        (&[], 2, "required"),
    ] {
        let (said, code) = affected(&place, arguments);
        assert_eq!(code, status, "{arguments:?}: {said}");
        assert!(
            said.split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .contains(words),
            "{arguments:?}: {said}"
        );
        let wide = said.lines().any(|line| line.chars().count() > 80);
        assert!(status == 2 || !wide, "{said}");
    }
}

#[test]
fn a_binary_tells_its_compiler() {
    let place = Place::new();
    let modules = "path\tcode.cloudfoundry.org/gorouter\nmod\tcode.cloudfoundry.org\t(devel)\t\ndep\tgithub.com/urfave/negroni\tv1.0.0\n";
    let modules = [&[1; 16][..], modules.as_bytes(), &[2; 16]].concat();
    let binary = |go: &str| {
        let length = |length: usize| [length as u8 | 0x80, (length >> 7) as u8];
        let strings = [
            &length(go.len())[..],
            go.as_bytes(),
            &length(modules.len()),
            &modules,
        ]
        .concat();
        [
            &[0; 64][..],
            b"\xff Go buildinf:\x08\x02",
            &[0; 16],
            &strings,
            &[0; 64],
        ]
        .concat()
    };
    let path = place.path().join("gorouter");
    for (go, arguments, status) in [
        ("go1.21.13", &["--routing-release", "0.287.0"][..], 0),
        ("go1.21.13", &[], 3),
        ("go1.23.1", &[], 1),
        ("devel go1.22-abcdef", &[], 3),
    ] {
        std::fs::write(&path, binary(go)).unwrap();
        let arguments = [
            &["affected", "--json", "--gorouter-binary", "gorouter"],
            arguments,
        ]
        .concat();
        let output = place.run(&arguments);
        assert_eq!(
            output.status.code(),
            Some(status),
            "{go} {arguments:?}: {}",
            stderr(&output)
        );
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["schema"], "resetlab.affected.v1");
        assert_eq!(document["binary"]["go"], go);
        assert_eq!(document["binary"]["path"], "code.cloudfoundry.org/gorouter");
        assert_eq!(
            document["binary"]["dependencies"],
            json!([{ "path": "github.com/urfave/negroni", "version": "v1.0.0" }])
        );
    }
    let mode = nix::sys::stat::Mode::from_bits_truncate(0o600);
    nix::unistd::mkfifo(&place.path().join("fifo"), mode).unwrap();
    for (file, content, words) in [
        ("fifo", None, "fifo: is no regular file"),
        ("/dev/zero", None, "/dev/zero: is no regular file"),
        ("script", Some("#!/bin/sh\n"), "script: no Go program"),
        ("empty", Some(""), "empty: no Go program"),
        ("missing", None, "missing: No such file"),
        (".", None, ".: is a directory"),
    ] {
        if let Some(content) = content {
            std::fs::write(place.path().join(file), content).unwrap();
        }
        let (said, status) = affected(&place, &["--gorouter-binary", file]);
        assert_eq!(status, 2, "{said}");
        assert!(said.contains(words), "{said}");
    }
}
