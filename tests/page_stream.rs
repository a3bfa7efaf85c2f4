//! What a page knows of its lab, whatever happens to the page, its tab or its connection.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/relay.rs"]
mod relay;
#[path = "support/scene.rs"]
mod scene;
mod support;

use relay::Relay;
use scene::browser::Browser;
use scene::lab_page::LabPage;
use scene::{SLOW, Scene, origin, url};
use serde_json::Value;
use support::{Place, process};

/// A page at an address of no lab's network: when its lab is killed, no lab of another test takes its place.
const ELSEWHERE: &str = "--page 127.255.0.1:0";

/// Closed windows, and outcomes, of the time before `until`, as a page knows them.
fn known(page: &LabPage, until: f64) -> (Vec<u64>, Vec<Value>) {
    page.eval(&format!(
        "[[...lab.history.outcomes(-1e9, {until})],
          [...lab.history.windows.values()].filter(it => !it.open && it.from < {until}).sort((a, b) => a.from - b.from)]"
    ))
}

fn ended(page: &LabPage) -> Value {
    page.until("the lab's end", "connection.dataset.is === 'ended'");
    page.assert_whole();
    page.eval("lab.history.totals")
}

#[test]
fn a_reload_in_an_open_window_loses_nothing() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let (mut lab, page) = scene.up(SLOW);
    lab.wait_for_check("router-1");
    page.act("kill router-1");
    page.window("router-1", "!it.open");
    page.until(
        "it is back",
        "lab.history.routers.get('router-1').belief.at(-1).belief === 'up'",
    );
    // It stays open until all that is to be seen of it was.
    scene.place.json(&["set", "interval=10m", "restart-delay=10m"]);
    page.act("kill router-2");
    // Of what is older than the death nothing is still on its way: the page has heard of requests that were sent later.
    let open = page.window("router-2", "it.open && it.window > 0");
    let until = (open["from"].as_f64().unwrap() / 100.0).floor() * 100.0 - 1000.0;
    let (before, next): (_, u64) = (known(&page, until), page.eval("lab.history.next"));
    page.reload();
    page.has_heard(next);
    assert_eq!(known(&page, until), before);
    let again = page.window("router-2", "true");
    assert_eq!(
        (&again["id"], &again["from"], &again["open"]),
        (&open["id"], &open["from"], &true.into())
    );
    // It may still act: the token has outlived the reload.
    page.act("drain router-4");
    page.until(
        "it drains",
        "lab.history.routers.get('router-4').truth.some(it => it.truth === 'draining')",
    );
    scene.place.json(&["set", "interval=500ms"]);
    page.window("router-2", "!it.open");
    lab.down();
    let totals = ended(&page);
    let words = format!(
        "{} requests sent, {} ok, {} lost",
        totals["sent"], totals["ok"], totals["lost"]
    );
    assert!(lab.heard.join("\n").contains(&words), "{words}");
}

#[test]
fn a_stream_cut_in_the_middle_goes_on_where_it_was() {
    let place = Place::new();
    let mut lab = place.lab(SLOW);
    lab.wait_for_check("router-2");
    let url = url(&lab);
    let address = origin(&url).trim_start_matches("http://").to_owned();
    let relay = Relay::to(address.parse().unwrap());
    let rules = format!("--host-resolver-rules=MAP {address} {}", relay.address);
    let Some(browser) = Browser::for_test(&[&rules]) else {
        return;
    };
    let page = LabPage::open(&browser, &url);
    page.tolerate("net::ERR_");
    page.eval::<()>(
        "(() => {
           const { history } = lab, apply = history.apply.bind(history);
           lab.heard = [];
           history.apply = frame => { const taken = apply(frame); if (taken) lab.heard.push(frame.seq); return taken; };
         })()",
    );
    page.act("kill router-2");
    page.window("router-2", "true");
    page.until("frames", "lab.heard.length > 3");
    assert!(relay.cut() > 0);
    page.until("it says so", "connection.dataset.is === 'reconnecting'");
    relay.mend();
    page.until("it hears again", "connection.dataset.is === 'live'");
    page.window("router-2", "!it.open");
    assert!(relay.cut() > 0);
    page.until("it says so again", "connection.dataset.is === 'reconnecting'");
    relay.mend();
    let after: u64 = page.eval("lab.history.next");
    page.until("it hears again", &format!("lab.history.next > {after} + 20"));
    let (heard, again): (Vec<u64>, u64) = page.eval("[lab.heard, lab.stream.malformed]");
    assert!(heard.windows(2).all(|two| two[1] == two[0] + 1), "{heard:?}");
    assert_eq!(again, 0);
    let resumed = relay.lines("last-event-id: ").len() + relay.lines("get /v1/live?after=").len();
    assert!(
        resumed >= 2,
        "it asked for what followed: {:?}",
        relay.lines("get ")
    );
    lab.down();
    ended(&page);
}

#[test]
fn tabs_know_the_same_and_one_that_was_hidden_catches_up() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let (mut lab, first) = scene.up(SLOW);
    lab.wait_for_check("router-2");
    let second = LabPage::open(&scene.browser, &url(&lab));
    first.until("it is hidden", "document.hidden");
    let drawn: String = first.eval("document.querySelector('.figure.lost .value').textContent");
    second.act("kill router-2");
    let window = second.window("router-2", "!it.open");
    lab.wait_for("the terminal's word", |line| {
        line.contains("router-2 reset window")
    });
    second.until(
        "it is back",
        "lab.history.routers.get('router-2').belief.at(-1).belief === 'up'",
    );
    first.to_front();
    first.until("it is seen", "!document.hidden");
    let caught = first.window("router-2", "!it.open");
    assert_eq!(caught["id"], window["id"]);
    first.until(
        "what is shown has caught up",
        &format!("document.querySelector('.figure.lost .value').textContent !== {drawn:?}"),
    );
    lab.down();
    let totals = [&first, &second].map(|page| (ended(page), known(page, 1e12)));
    assert_eq!(totals[0], totals[1]);
}

#[test]
fn another_lab_at_the_same_address_is_one_of_its_own_and_takes_no_orders_for_the_first() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let (mut first, page) = scene.up(&format!("{SLOW} {ELSEWHERE}"));
    first.wait_for_check("router-2");
    let before = url(&first);
    page.tolerate("net::ERR_");
    page.act("kill router-2");
    page.until(
        "its word",
        "document.querySelector('#log').innerText.includes('router-2')",
    );
    page.until("the command", "command.innerText.includes('kill router-2')");
    page.window("router-2", "!it.open");
    page.eval::<()>("lab.view.zoom(0, 1000)");
    first.kill_9();
    page.until("it tries", "connection.dataset.is === 'reconnecting'");
    let address = origin(&before).trim_start_matches("http://");
    let flags = format!("{SLOW} --page {address}");
    let second = scene.place.lab(&flags);
    page.until("it hears the other", "connection.dataset.is === 'live'");
    page.until(
        "it says so",
        "command.innerText.includes('This is another lab now')",
    );
    let (log, figures, live): (String, String, bool) = page.eval(
        "[document.querySelector('#log').innerText, document.querySelector('#whatif').innerText, lab.view.live]",
    );
    assert!(!log.contains("router-2"), "{log}");
    assert!(!figures.contains("router-2"), "{figures}");
    assert!(live);
    page.until(
        "looking only",
        "command.innerText.includes('Looking only') && document.querySelector('[aria-label=\"kill router-2\"]').disabled",
    );
    assert_eq!(support::process(&second.ps(), "router-2")["truth"], "up");
    // A reload does not make it that lab's; the URL of that one does.
    page.reload();
    page.until("looking only", "command.innerText.includes('Looking only')");
    page.retype(&url(&second));
    page.until(
        "it may act",
        "document.querySelector('[aria-label=\"kill router-2\"]')?.disabled === false",
    );
    page.act("kill router-2");
    page.until("it is done", "command.innerText.includes('kill router-2')");
}

#[test]
fn a_lab_that_stands_still_is_not_said_to_be_live_and_carries_out_nothing_that_came_meanwhile() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let (lab, page) = scene.up(SLOW);
    lab.wait_for_check("router-2");
    lab.signal(nix::sys::signal::Signal::SIGSTOP);
    let silent: u32 = page.value(
        "it says so",
        "Number(connection.innerText.match(/nothing heard for (\\d+) s/)?.[1])",
    );
    assert!(
        silent >= 3,
        "a frame comes once a second at least, and now none for {silent} s"
    );
    assert_eq!(page.eval::<String>("connection.dataset.is"), "silent");
    page.act("kill router-2");
    page.until(
        "no answer",
        "command.innerText.includes('kill router-2: no answer yet')",
    );
    page.tolerate("409");
    lab.signal(nix::sys::signal::Signal::SIGCONT);
    page.until("it goes on", "connection.dataset.is === 'live'");
    page.until(
        "what became of it",
        "command.dataset.is === 'failed' && command.innerText.includes('too late and was not carried out')",
    );
    assert_eq!(process(&lab.ps(), "router-2")["truth"], "up");
    // Frames that never came are said to be missing: at first by the gap, then by the number of the next frame.
    page.eval::<()>("void (lab.history.gap({ frames: 50, base: null }), lab.history.next -= 50)");
    page.until(
        "it counts them",
        "connection.innerText.includes('50 frames dropped')",
    );
}

#[test]
fn a_lab_that_was_killed_is_not_said_to_have_ended() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let (mut lab, page) = scene.up(&format!("{SLOW} {ELSEWHERE}"));
    page.tolerate("net::ERR_");
    lab.kill_9();
    page.until("it tries", "connection.dataset.is === 'reconnecting'");
    page.act("kill router-2");
    page.until(
        "why the order was not taken",
        "command.innerText.includes('the lab does not answer')",
    );
}
