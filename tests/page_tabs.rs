//! Many tabs of one browser on one lab: each of them lives, and an order is carried out at once or not at all.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/scene.rs"]
mod scene;
mod support;

use scene::lab_page::LabPage;
use scene::{Scene, url};
use serde_json::json;
use support::page::{Page, body_of};
use support::{Place, process};

const CALM: &str = "--interval 300ms --timeout 300ms --restart-delay 60s --rate 50";

#[test]
fn seven_tabs_show_the_lab_an_order_of_each_is_carried_out_and_all_hear_the_end() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let mut lab = scene.place.lab(CALM);
    lab.wait_for_check("router-4");
    let url = url(&lab);
    let tabs: Vec<LabPage> = (0..7).map(|_| LabPage::open(&scene.browser, &url)).collect();
    for (tab, router) in [(0, "router-2"), (6, "router-3")] {
        tabs[tab].act(&format!("kill {router}"));
        tabs[tab].until(
            "the order is done",
            &format!("command.dataset.is === 'done' && command.innerText.includes('kill {router}')"),
        );
        for tab in &tabs {
            let window = tab.window(router, "!it.open");
            assert_eq!(window["fault"], "kill", "{window}");
        }
    }
    for tab in &tabs {
        tab.assert_whole();
        // A tab that holds no connection asks once more when another one has told it of the end; the lab may be gone then.
        tab.tolerate("net::ERR_");
    }
    assert!(scene.place.run(&["down"]).status.success());
    assert_eq!(lab.exit_code(), Some(0));
    for tab in &tabs {
        tab.until("the lab's end", "connection.dataset.is === 'ended'");
        tab.assert_whole();
    }
}

#[test]
fn an_order_that_a_browser_kept_back_is_not_carried_out_when_it_comes() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let lab = scene.place.lab(CALM);
    lab.wait_for_check("router-2");
    let page = LabPage::open(&scene.browser, &url(&lab));
    // All connections that a browser opens to a lab.
    page.eval::<()>("window.held = Array.from({length: 5}, () => new EventSource('/v1/live')); undefined");
    page.until("they are held", "held.every(it => it.readyState === 1)");
    page.act("kill router-2");
    page.until(
        "it is in doubt",
        "command.innerText.includes('kill router-2: no answer yet')",
    );
    page.eval::<()>("held.forEach(it => it.close())");
    page.tolerate("409 (Conflict)");
    page.until(
        "the lab's word on it",
        "command.dataset.is === 'failed' && /too late and was not carried out/.test(command.innerText)",
    );
    assert_eq!(process(&lab.ps(), "router-2")["truth"], "up");
    // Given again it is.
    page.act("kill router-2");
    page.window("router-2", "it.fault === 'kill'");
}

#[test]
fn who_does_not_wait_hears_what_there_is_and_holds_nothing() {
    let place = Place::new();
    let lab = place.lab(CALM);
    let page = Page::of(&lab);
    let mut followed = page.live("/v1/live", "");
    followed.until("some frames", |frame| frame["seq"].as_u64() >= Some(2));
    let mut first = page.live("/v1/live?wait=false", "Connection: close\r\n");
    assert_eq!(first.event().unwrap().0, "hello");
    while first.event().is_some() {}
    followed.until("a later frame", |frame| {
        frame["seq"].as_u64() > first.seqs().last().copied()
    });
    let path = format!("/v1/live?wait=false&after={}", first.id);
    let mut second = page.live(&path, "Connection: close\r\n");
    let (name, frames) = second.event().unwrap();
    assert_eq!(name, "frames", "it has been greeted");
    assert_eq!(
        frames[0]["seq"].as_u64(),
        first.seqs().last().map(|last| last + 1)
    );
    // Another lab's reader is greeted.
    let mut stranger = page.live("/v1/live?wait=false&after=another.3", "Connection: close\r\n");
    assert_eq!(stranger.event().unwrap().0, "hello");

    let late = ("X-Resetlab-Before", "1");
    let origin = format!("http://{}", page.address);
    let fields = [
        ("Origin", origin.as_str()),
        ("Content-Type", "application/json"),
        ("X-Resetlab-Token", &page.token),
        late,
    ];
    let kill = json!({ "router": "router-1", "fault": "kill" }).to_string();
    let (status, answer) = page.ask("POST /v1/fault", &fields, &kill);
    assert_eq!(status, 409, "{answer}");
    assert!(
        body_of(&answer).contains("too late and was not carried out"),
        "{answer}"
    );
    assert_eq!(process(&lab.ps(), "router-1")["truth"], "up");
}
