//! What the README promises of a live lab.

mod support;

use serde_json::Value;
use support::{Place, process, stderr};

/// No check of a living router takes two seconds, and no router is mistaken for a dead one.
const FAST: [&str; 8] = [
    "--interval",
    "200ms",
    "--timeout",
    "2s",
    "--restart-delay",
    "1500ms",
    "--rate",
    "100",
];

#[test]
fn a_death_is_told_measured_and_healed() {
    let place = Place::new();
    // A window in which every load generator sends something, also one that is held up.
    let mut lab = place.lab("--interval 600ms --timeout 3s --restart-delay 3s --rate 100");
    let banner = lab.heard.join("\n");
    assert!(
        banner.contains("A killed router is expected Down after 0.90 s (0.60 to 1.20)"),
        "{banner}"
    );

    lab.wait_for_check("router-2");
    let killed = place.run(&["kill", "router-2"]);
    assert!(killed.status.success(), "{}", stderr(&killed));
    // Some things are known later than others: also why it is dead, which is not waited for.
    lab.wait_for_all(&[
        ("the death", &["router-2 DEAD"]),
        ("a failed check", &["router-2 check failed 1/2 ("]),
        ("another", &["router-2 check failed 2/2 ("]),
        (
            "the prediction beside t_detect",
            &["router-2 DOWN: t_detect ", "(predicted "],
        ),
        ("the window", &["router-2 reset window", "in the window: reset"]),
        ("the balancer's second thought", &["router-2 UP: first request"]),
    ]);
    let checks = |line: &&String| line.contains("router-2 check failed ");
    for check in lab.heard.iter().filter(checks) {
        // One that meets it while it dies is not refused.
        let seen = ["(refused)", "(reset)", "(eof)"];
        assert!(seen.iter().any(|seen| check.contains(seen)), "{check}");
    }
    let exit = lab.reaped("router-2");
    assert!(exit.starts_with("killed by SIGKILL after"), "{exit}");
    let ps = lab.ps();
    assert_eq!(
        (
            process(&ps, "router-2")["restarts"].as_u64(),
            &process(&ps, "router-2")["truth"]
        ),
        (Some(1), &Value::from("up"))
    );

    let down = place.run(&["down"]);
    assert!(down.status.success(), "{}", stderr(&down));
    assert_eq!(
        place.processes(),
        Vec::<u32>::new(),
        "`down` returns when nothing is left"
    );
    assert_eq!(lab.exit_code(), Some(0));
    let last = lab.heard.join("\n");
    assert!(
        last.ends_with("nothing left running") && last.contains("router-2 kill: t_detect "),
        "{last}"
    );
}

#[test]
fn a_kill_by_hand_and_a_crash_are_told_as_what_they_were() {
    let place = Place::new();
    let mut lab = place.up(&FAST);
    let pid = process(&lab.ps(), "router-1")["pid"].as_i64().unwrap();
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(pid as i32),
        nix::sys::signal::Signal::SIGKILL,
    )
    .unwrap();
    lab.wait_for_all(&[
        ("the death", &["router-1 DEAD"]),
        ("the window", &["router-1 reset window"]),
    ]);
    let exit = lab.reaped("router-1");
    assert!(exit.starts_with("killed by SIGKILL after"), "{exit}");

    let crashed = place.json(&["crash", "router-3", "--sure"]);
    assert_eq!(crashed["incarnation"], 1);
    lab.wait_for_all(&[
        ("the death", &["router-3 DEAD"]),
        ("the window", &["router-3 reset window"]),
    ]);
    let (exit, message) = (lab.reaped("router-3"), crashed["message"].as_str().unwrap());
    assert!(
        exit.starts_with("exited 2 after") && exit.contains(message),
        "{exit}: {message}"
    );
    let logs = place.run(&["logs", "router-3"]);
    assert!(
        String::from_utf8_lossy(&logs.stdout).contains("goroutine "),
        "the trace is in its log"
    );
}

#[test]
fn a_hung_router_is_resumed_and_settings_change_while_it_runs() {
    let place = Place::new();
    let mut lab = place.up(&FAST);
    place.json(&["hang", "router-4"]);
    assert_eq!(process(&lab.ps(), "router-4")["truth"], "hung");
    lab.wait_for("the detection", |line| line.contains("router-4 DOWN: t_detect"));
    let set = place.json(&["set", "fall=3", "rate=50", "restart-delay=9s"]);
    assert_eq!(
        (&set["settings"]["fall"], &set["settings"]["rate"]),
        (&Value::from(3), &Value::from(50.0))
    );
    place.json(&["resume", "router-4"]);
    lab.wait_for("the readmission", |line| line.contains("router-4 UP"));
    lab.signal(nix::sys::signal::Signal::SIGINT);
    assert_eq!(lab.exit_code(), Some(130));
    assert_eq!(place.processes(), Vec::<u32>::new());
}

#[test]
fn events_are_a_stream_and_a_file() {
    let place = Place::new();
    let mut lab = place.up(&[&FAST[..], &["--json"]].concat());
    lab.wait_for("records on stdout", |line| line.contains(r#""event":"tick""#));
    let mut follow = place
        .command(&["events", "-f"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(follow.stdout.take().unwrap()));
    let header: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(header["schema"], "resetlab.events.v1");
    place.json(&["kill", "router-1"]);
    let death = lines
        .map_while(Result::ok)
        .find(|line| line.contains(r#""event":"death""#))
        .unwrap();
    assert!(
        death.contains(r#""router":"router-1""#) && death.contains(r#""stamp":"signal""#),
        "{death}"
    );

    place.json(&["down"]);
    follow.wait().unwrap();
    assert_eq!(lab.exit_code(), Some(0));
    let summary: Value = serde_json::from_str(lab.heard.last().unwrap()).unwrap();
    assert_eq!(
        (&summary["schema"], &summary["records_lost"]),
        (&"resetlab.summary.v1".into(), &0.into())
    );
    let run = std::fs::read_dir(place.path().join("resetlab-runs"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    for line in std::fs::read_to_string(run.join("events.ndjson"))
        .unwrap()
        .lines()
    {
        serde_json::from_str::<Value>(line).unwrap();
    }
}

#[test]
fn two_labs_do_not_notice_each_other() {
    let (place, other) = (Place::new(), Place::new());
    let _first = place.up(&["--rate", "20"]);
    let second = place.command(&["up"]).output().unwrap();
    assert_eq!(second.status.code(), Some(2));
    assert!(
        stderr(&second).contains(&format!("already running (pid {})", _first.pid())),
        "{}",
        stderr(&second)
    );
    let _named = place.up(&["--lab", "canary", "--rate", "20"]);
    let _elsewhere = other.up(&["--rate", "20"]);
    let unknown = place.run(&["--lab", "canari", "ps"]);
    assert_eq!(unknown.status.code(), Some(4));
    assert!(
        stderr(&unknown).contains("running: canary, default"),
        "{}",
        stderr(&unknown)
    );
    let urls = [
        place.json(&["ps"]),
        place.json(&["ps", "--lab", "canary"]),
        other.json(&["ps"]),
    ];
    let mut urls: Vec<&str> = urls.iter().map(|ps| ps["lab"]["url"].as_str().unwrap()).collect();
    urls.sort_unstable();
    urls.dedup();
    assert_eq!(urls.len(), 3);
}
