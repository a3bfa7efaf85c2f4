//! The page of a lab in a real browser: what a person sees and does there.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/scene.rs"]
mod scene;
mod support;

use scene::lab_page::LabPage;
use scene::{FAST, SLOW, Scene};
use serde_json::Value;
use support::{Lab, process, stderr};

/// What stands beside the lane of router-2.
const HEAD: &str = "[...document.querySelectorAll('.lane-head')].find(it => it.querySelector('b').textContent === 'router-2')";

#[test]
fn a_router_is_killed_by_its_button_and_the_window_opens_and_closes() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let (mut lab, page) = scene.up(SLOW);
    lab.wait_for_check("router-2");
    // The window stays open until all that is to be seen of it was.
    scene.place.json(&["set", "interval=10m", "restart-delay=10m"]);
    page.act("kill router-2");
    let open = page.window("router-2", "it.open");
    assert_eq!(
        (&open["fault"], &open["t_detect_s"]),
        (&"kill".into(), &Value::Null),
        "{open}"
    );
    page.until(
        "the command to copy",
        "command.innerText.includes('kill router-2')",
    );
    page.until(
        "the words for who hears the page",
        "announcer.textContent.includes('router-2 is gone')",
    );
    page.until("the lane shows it", &format!("{HEAD}.hasAttribute('data-gap')"));
    page.until(
        "the chart says so",
        "/router-2: dead for [\\d.]+ s, believed (up|going down); \\d+ lost/.test(lanes.getAttribute('aria-label'))",
    );
    page.window("router-2", "it.open && it.window > 0");
    let seen: f64 = page.eval("lab.history.now");

    scene.place.json(&["set", "interval=500ms"]);
    let closed = page.window("router-2", "!it.open");
    assert_eq!(closed["id"], open["id"]);
    assert_eq!(closed["from"], open["from"]);
    let detected = closed["from"].as_f64().unwrap() + closed["t_detect_s"].as_f64().unwrap() * 1000.0;
    assert!(detected > seen, "{closed} was still open at {seen} ms");
    assert!(closed["window"].as_u64().unwrap() > 0, "{closed}");
    page.until(
        "the words for its end",
        "announcer.textContent.includes('router-2: the reset window is closed')",
    );
    page.until("the lane shows it", &format!("!{HEAD}.hasAttribute('data-gap')"));
    lab.wait_for("the terminal's word", |line| {
        line.contains("router-2 reset window")
    });
    page.act("restart router-2");
    page.until(
        "it is back",
        "lab.history.routers.get('router-2').truth.at(-1).truth === 'up'",
    );
    assert_eq!(process(&lab.ps(), "router-2")["restarts"], 1);
}

#[test]
fn page_and_terminal_have_the_same_figures() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let (mut lab, page) = scene.up(FAST);
    let (windows, totals) = lived_through(&mut lab, &page);
    let heard = lab.heard.join("\n");
    let says = |words: &str| assert!(heard.contains(words), "{words:?} is not in\n{heard}");
    says(&format!(
        "{} requests sent, {} ok, {} lost",
        totals["sent"], totals["ok"], totals["lost"]
    ));
    for window in windows {
        let seconds = |key: &str| format!("{:.3} s", window[key].as_f64().unwrap());
        let router = window["router"].as_str().unwrap();
        says(&format!(
            "  {router} {}: t_detect {} (predicted {}), t_stop {}, lost {} in flight + {} in the window",
            window["fault"].as_str().unwrap(),
            seconds("t_detect_s"),
            seconds("predicted_t_detect_s"),
            seconds("t_stop_s"),
            window["in_flight"],
            window["window"]
        ));
    }
}

#[test]
fn page_and_summary_have_the_same_figures() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let (mut lab, page) = scene.up(&format!("{FAST} --json"));
    let (windows, totals) = lived_through(&mut lab, &page);
    let last: Value = serde_json::from_str(lab.heard.last().unwrap()).unwrap();
    for key in ["sent", "ok", "lost", "by_outcome"] {
        assert_eq!(last["load"][key], totals[key], "{key}: {last}");
    }
    let told = last["windows"].as_array().unwrap();
    assert_eq!(told.len(), windows.len(), "{last}");
    for (window, told) in windows.iter().zip(told) {
        for key in ["router", "fault", "causes", "saved_by_retry", "detected_by"] {
            assert_eq!(window[key], told[key], "{key}: {told}");
        }
        for key in ["in_flight", "window", "by_outcome"] {
            assert_eq!(window[key], told["lost"][key], "{key}: {told}");
        }
        for key in ["t_detect_s", "predicted_t_detect_s", "t_stop_s"] {
            let [page, json] = [&window[key], &told[key]].map(|value| value.as_f64().unwrap());
            assert!(
                (page - json).abs() < 1e-6,
                "{key}: {page} on the page, {json} in JSON"
            );
        }
    }
}

/// A router is killed and another one hangs, both by their buttons, and then the lab ends: the windows and the totals
/// that its page has. Nobody brings either back before its window is closed.
fn lived_through(lab: &mut Lab<'_>, page: &LabPage) -> (Vec<Value>, Value) {
    for (router, fault, back) in [("router-2", "kill", "restart"), ("router-3", "hang", "resume")] {
        lab.wait_for_check(router);
        page.act(&format!("{fault} {router}"));
        page.window(router, "!it.open");
        page.act(&format!("{back} {router}"));
    }
    page.until(
        "both are back",
        "['router-2', 'router-3'].every(name => lab.history.routers.get(name).belief.at(-1).belief === 'up')",
    );
    lab.down();
    page.until(
        "the lab's end",
        "connection.dataset.is === 'ended' && connection.innerText.includes('the lab has ended')",
    );
    let live = "document.querySelectorAll('#settings :is(input, select):enabled, .whatif :is(input, select, button):enabled, .actions button:enabled').length";
    assert_eq!(page.eval::<u32>(live), 0, "nothing can be ordered any more");
    page.assert_whole();
    let shown: String = page.eval("document.querySelector('.figure.lost .value').textContent");
    let (windows, totals): (Vec<Value>, Value) =
        page.eval("[[...lab.history.windows.values()].sort((a, b) => a.from - b.from), lab.history.totals]");
    assert_eq!(
        shown.replace([',', ' ', '\u{202f}'], ""),
        totals["lost"].to_string()
    );
    assert_eq!(windows.len(), 2);
    (windows, totals)
}

#[test]
fn a_setting_is_changed_by_its_field() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let (lab, page) = scene.up(SLOW);
    let expected = "document.querySelector('.figure.kill .value').textContent";
    let before: String = page.eval(expected);
    page.type_into("#set-interval", "500ms");
    page.until("the lab has it", "lab.history.settings.interval === '500ms'");
    assert_eq!(setting(&lab, "interval"), "500ms");
    let after: String = page.value(
        "theory says otherwise",
        &format!("{expected} !== {before:?} && {expected}"),
    );
    let theory: Value = page.eval("lab.history.theory.kill.t_detect_s");
    assert_eq!(theory["mean"], 0.75, "500 ms × (2 − ½): {theory}");
    assert!(after.contains("0.75"), "{before} → {after}");
    page.until(
        "the command to copy",
        "command.innerText.includes('set interval=500ms')",
    );

    // What cannot be is refused beside the field, and nothing has changed.
    page.tolerate("409");
    page.tolerate("400");
    page.type_into("#set-interval", "500 parsecs");
    page.until(
        "why",
        "document.getElementById('set-interval-wrong').innerText.length > 10",
    );
    assert_eq!(setting(&lab, "interval"), "500ms");
    page.press("Escape");
    page.until(
        "what is in force again",
        "document.getElementById('set-interval').value === '500ms'",
    );

    // What is changed elsewhere is seen here.
    let set = scene.place.run(&["set", "fall=3"]);
    assert!(set.status.success(), "{}", stderr(&set));
    page.until(
        "the field follows",
        "document.getElementById('set-fall').value === '3'",
    );
}

#[test]
fn keys_that_walk_through_choices_apply_none_of_them_until_enter() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let (lab, page) = scene.up(SLOW);
    page.until(
        "the field",
        "document.getElementById('set-detector')?.value === 'poll'",
    );
    page.eval::<()>("document.getElementById('set-detector').focus()");
    for passed in ["passive", "sentinel"] {
        page.press("ArrowDown");
        page.until(
            "what is chosen",
            &format!("document.getElementById('set-detector').value === '{passed}'"),
        );
    }
    // A change that is ordered after the keys, and that the page has heard of: theirs would have been before it.
    let set = scene.place.run(&["set", "fall=4"]);
    assert!(set.status.success(), "{}", stderr(&set));
    page.until("a later change", "lab.history.settings.fall === 4");
    assert_eq!(setting(&lab, "detector"), "poll");
    page.press("Enter");
    page.until("what was meant", "lab.history.settings.detector === 'sentinel'");
    let changes: Vec<String> = page.eval("lab.history.settingsChanges.map(it => it.settings.detector)");
    assert!(
        !changes.iter().any(|detector| detector == "passive"),
        "{changes:?}"
    );
}

/// As `ps --json` has it.
fn setting(lab: &Lab<'_>, key: &str) -> String {
    lab.ps()["settings"][key].as_str().unwrap().to_owned()
}

#[test]
fn the_keyboard_is_enough() {
    let Some(scene) = Scene::set() else {
        return;
    };
    // It stays dead until it is started again.
    let (lab, page) = scene.up("--interval 300ms --timeout 300ms --restart-delay 10m --rate 100");
    lab.wait_for_check("router-3");
    assert!(
        page.tab_to("[aria-label='kill router-3']", 200),
        "Tab does not come to the button"
    );
    assert!(
        page.eval::<bool>("document.activeElement.matches(':focus-visible')"),
        "where it is can be seen"
    );
    page.press("Enter");
    page.window("router-3", "true");
    page.until(
        "its end",
        "document.querySelector('[aria-label=\"kill router-3\"]').getAttribute('aria-disabled') === 'true'",
    );
    assert!(
        page.eval::<bool>("document.activeElement.matches('[aria-label=\"kill router-3\"]')"),
        "the focus stays where it was"
    );
    // What the crosshair shows is not taken for what is: the buttons beside it act now.
    page.eval::<()>("lab.view.setCrosshair(100)");
    page.until(
        "what was, named so",
        "[...document.querySelectorAll('.lane-head[data-then] .lane-is')].some(it => it.textContent === 'at 0.1 s: up')",
    );
    page.eval::<()>("lab.view.setCrosshair(null)");
    page.until(
        "what is",
        "document.querySelector('.lane-head[data-then]') === null",
    );
    // Whoever acted goes on from where he stood, although that button has nothing to do now.
    page.press("Tab");
    let next: String = page.eval("document.activeElement.outerHTML");
    assert!(next.contains("router-3") || next.contains("router-4"), "{next}");
    assert!(
        page.tab_to("[aria-label='restart router-3']", 200),
        "Tab does not come to the button"
    );
    page.press("Enter");
    page.until(
        "it is back",
        "lab.history.routers.get('router-3').truth.at(-1).truth === 'up'",
    );
}
