//! Real load balancers for tests: where they are, and what to do where they are not.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "only tests use it")]

use std::path::PathBuf;
use supervisor::engine::{Engine, Seat, Site, locate};

/// The program of a real load balancer. `None`: the test is skipped, with the reason on its output; where
/// `REQUIRE_PEERS=1` it fails instead.
pub fn find(engine: Engine) -> Option<PathBuf> {
    let program = engine.program()?;
    // Labs of tests do not hear of the caller's RESETLAB_ variables, see `Place::command`.
    let environment = |name: &str| std::env::var_os(name).filter(|_| !name.starts_with("RESETLAB_"));
    match locate::find(program, environment) {
        Ok(path) => Some(path),
        Err(missing) => {
            let required = std::env::var("REQUIRE_PEERS").is_ok_and(|value| value == "1");
            assert!(!required, "REQUIRE_PEERS=1, but {missing}");
            println!("skipped: {missing}");
            None
        }
    }
}

/// Three routers that nobody runs.
pub fn site(dir: &std::path::Path) -> Site {
    let seat = |n: u8| Seat {
        name: format!("router-{n}"),
        traffic: ([127, 47, 1, n], 8081).into(),
        health: ([127, 47, 1, n], 8080).into(),
    };
    Site {
        listen: ([127, 47, 0, 2], 8000).into(),
        routers: (1..=3).map(seat).collect(),
        dir: dir.to_owned(),
        sockets: dir.to_owned(),
        own: None,
    }
}

/// What the program says to a configuration; `None`: nothing against it. Its named pipe must be there and open.
#[expect(clippy::disallowed_methods, reason = "tests are people who type commands")]
pub fn judge(engine: Engine, path: &std::path::Path, text: &str, site: &Site) -> Option<String> {
    let program = engine.program().unwrap();
    std::fs::write(site.dir.join(program.file()), text).unwrap();
    if !site.log().exists() {
        nix::unistd::mkfifo(&site.log(), nix::sys::stat::Mode::S_IRWXU).unwrap();
    }
    // For reading and writing: whoever opens it to write finds a reader.
    let open = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(site.log());
    let output = std::process::Command::new(path)
        .args(program.check(site))
        .current_dir(&site.dir)
        .output()
        .unwrap();
    drop(open);
    let said = [output.stdout, output.stderr].concat();
    (!output.status.success()).then(|| String::from_utf8_lossy(&said).into_owned())
}

/// Ends a lab in order.
pub fn down(place: &crate::support::Place, lab: &mut crate::support::Lab<'_>) {
    let output = place.run(&["down"]);
    assert!(output.status.success(), "{}", crate::support::stderr(&output));
    assert_eq!(lab.exit_code(), Some(0));
}

/// The processes that it forked.
pub fn children(pid: u32) -> Vec<u32> {
    let proc = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = proc.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parent = |pid: &u32| -> Option<u32> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // `pid (name) state parent`; the name may have blanks.
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
    };
    pids.filter(|each| parent(each) == Some(pid)).collect()
}

/// `key=value` words as flags; what `more` says instead counts.
pub fn flags(usual: &str, more: &str) -> Vec<String> {
    let pairs = |words: &str| -> std::collections::BTreeMap<String, String> {
        let pairs = words.split_whitespace().map(|word| word.split_once('=').unwrap());
        pairs
            .map(|(key, word)| (key.to_owned(), word.to_owned()))
            .collect()
    };
    let mut words = pairs(usual);
    words.extend(pairs(more));
    words
        .into_iter()
        .flat_map(|(key, word)| [format!("--{key}"), word])
        .collect()
}
