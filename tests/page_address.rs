//! Where a lab's page is, and that a browser is shown it.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use serde_json::Value;
use std::time::Duration;
use support::Place;
use support::page::Page;

#[test]
fn it_can_be_moved_and_switched_off_and_makes_way_for_others() {
    let place = Place::new();
    let off = place.up(&["--rate", "5", "--page", "off"]);
    assert_eq!(off.ps()["lab"]["page"], Value::Null);
    assert!(
        off.heard.iter().any(|line| line.trim() == "page      off"),
        "{:?}",
        off.heard
    );
    let moved = place.up(&["--lab", "moved", "--rate", "5", "--page", "127.0.0.1:0"]);
    let page = Page::at(&place.json(&["ps", "--lab", "moved"]));
    let port = page.address.split_once(':').unwrap().1;
    assert_eq!(
        page.ask("GET /", &[("Host", &format!("localhost:{port}"))], "").0,
        200
    );

    let taken = place.run(&["--lab", "third", "up", "--page", &page.address]);
    assert_eq!(taken.status.code(), Some(2));
    let words = support::stderr(&taken);
    assert!(words.contains(&format!("(pid {})", moved.pid())), "{words}");
    assert!(words.contains("`--page ADDR` moves it"), "{words}");

    // Nobody asked for that port, so another one does.
    let taken = |net: u8| {
        Some((
            net,
            std::net::TcpListener::bind(format!("127.{net}.0.1:8080")).ok()?,
        ))
    };
    let (net, _other) = (211..=250).find_map(taken).unwrap();
    let net = net.to_string();
    let mut aside = place.up(&["--lab", "aside", "--rate", "5", "--net", &net]);
    let ps = place.json(&["ps", "--lab", "aside"]);
    assert_eq!(Page::at(&ps).address, format!("127.{net}.0.1:8081"));
    let said = aside.wait_for("why", |line| line.contains("the page is at port 8081"));
    assert!(said.contains(&format!("(pid {})", std::process::id())), "{said}");
}

#[test]
fn a_browser_is_shown_the_page_and_outlives_the_lab_without_its_command_line_telling_the_token() {
    let place = Place::new();
    let [who, told, bin] = ["who", "told", "bin"].map(|name| place.path().join(name));
    std::fs::create_dir(&bin).unwrap();
    for pipe in [&who, &told] {
        nix::unistd::mkfifo(pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    }
    let [said, shown] = [&who, &told].map(|pipe| pipe.display());
    let script = format!("echo $$ > {said}\ncat \"$1\" > {shown}\nexec sleep 600\n");
    support::script(&bin.join("xdg-open"), &script);
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let environment = [
        ("PATH", path.as_str()),
        ("DISPLAY", ":9"),
        ("WAYLAND_DISPLAY", ""),
    ];
    let mut lab = place.up_in(&environment, &["--rate", "5", "--open"]);
    let pid: u32 = std::fs::read_to_string(&who).unwrap().trim().parse().unwrap();
    let browser = support::watch(pid).unwrap();
    let page = Page::of(&lab);
    let shown = std::fs::read_to_string(&told).unwrap();
    assert!(
        shown.contains(&format!("url=http://{}/#token={}", page.address, page.token)),
        "{shown}"
    );
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    assert!(!String::from_utf8_lossy(&line).contains(&page.token));
    lab.signal(nix::sys::signal::Signal::SIGINT);
    assert_eq!(lab.exit_code(), Some(130));
    assert!(
        !support::all_end_within(&[browser], Duration::from_millis(300)),
        "it was ended with the lab"
    );
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(pid as i32),
        nix::sys::signal::Signal::SIGKILL,
    )
    .unwrap();

    let nowhere = [("DISPLAY", ""), ("WAYLAND_DISPLAY", "")];
    let mut alone = place.up_in(&nowhere, &["--rate", "5", "--open"]);
    alone.wait_for("why", |line| {
        line.contains("no browser was opened: this terminal has no display")
    });
}
