//! What a page's orders, keys and fields do when something is in their way.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/scene.rs"]
mod scene;
mod support;

use scene::lab_page::LabPage;
use scene::{Scene, url};

const CALM: &str = "--interval 300ms --timeout 300ms --restart-delay 2s --rate 50";

#[test]
fn a_token_that_is_not_taken_is_said_and_takes_no_field_away() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let lab = scene.place.lab(CALM);
    let url = url(&lab);
    let (origin, token) = url.split_once("#token=").unwrap();
    let wrong: String = token.chars().rev().collect();
    let page = LabPage::open(&scene.browser, &format!("{origin}#token={wrong}"));
    page.tolerate("403");
    page.eval::<()>("window.field = document.getElementById('set-interval'); undefined");
    page.type_into("#set-interval", "250ms");
    page.until(
        "the foot says it",
        "command.dataset.is === 'failed' && command.innerText.includes('token')",
    );
    page.until(
        "the field says it",
        "document.getElementById('set-interval-wrong').innerText.includes('token')",
    );
    let (same, focus, closed, others): (bool, bool, bool, u32) = page.eval(
        "[document.getElementById('set-interval') === field, document.activeElement === field, field.readOnly,
          document.querySelectorAll('#settings :is(input, select):enabled').length]",
    );
    assert_eq!(
        (same, focus, closed, others),
        (true, true, true, 1),
        "the field that has the focus is there, and nothing else can be set"
    );
    page.eval::<()>("field.blur()");
    page.until("it is as it was", "field.disabled && field.value === '300ms'");
    assert_eq!(lab.ps()["settings"]["interval"], "300ms");
}

#[test]
fn keys_of_one_sign_can_be_turned_off_for_good() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let lab = scene.place.lab(CALM);
    let url = url(&lab);
    let page = LabPage::open(&scene.browser, &url);
    let theme = |page: &LabPage| page.eval::<String>("look.textContent");
    page.eval::<()>("look.focus()");
    page.press("t");
    assert_eq!(theme(&page), "Theme: light");
    page.press("?");
    page.until("the list of keys", "document.querySelector('dialog.keys').open");
    page.click("dialog.keys input[type=checkbox]");
    page.press("Escape");
    page.until("it is closed", "!document.querySelector('dialog.keys').open");
    for reloaded in [false, true] {
        if reloaded {
            page.reload();
        }
        page.eval::<()>("look.focus()");
        page.press("t");
        page.press("?");
        assert_eq!(theme(&page), "Theme: light", "reloaded: {reloaded}");
        assert!(!page.eval::<bool>("document.querySelector('dialog.keys').open"));
    }
    page.click("#keys");
    page.until("the list of keys", "document.querySelector('dialog.keys').open");
    page.click("dialog.keys input[type=checkbox]");
    page.press("Escape");
    page.until("it is closed", "!document.querySelector('dialog.keys').open");
    page.press("t");
    assert_eq!(theme(&page), "Theme: dark");
}

#[test]
fn lines_that_come_while_somebody_reads_above_are_counted_and_bounded() {
    let Some(scene) = Scene::set() else {
        return;
    };
    let lab = scene.place.lab(CALM);
    let page = LabPage::open(&scene.browser, &url(&lab));
    // As a lab that has much to tell would send them.
    let tell = |many: u32| {
        page.eval::<()>(&format!(
            "(() => {{ const lines = Array.from({{length: {many}}}, (_, n) => ({{at: n, tone: 'plain', text: `line ${{n}}`}}));
               lab.history.log.push(...lines); lab.history.logged += lines.length; }})()"
        ));
    };
    let lines = "document.querySelectorAll('#log li').length";
    tell(600);
    page.until("lines", &format!("{lines} >= 399"));
    page.until("it is at the end", "document.querySelector('#log .newer').hidden");
    page.eval::<()>("document.querySelector('#log .scroll').scrollTop = 0; undefined");
    page.until(
        "it stands above",
        "document.querySelector('#log .scroll').scrollTop === 0",
    );
    for _ in 0..4 {
        tell(1000);
        page.until(
            "they are counted",
            "/\\d+ new lines below/.test(document.querySelector('#log .newer').textContent)",
        );
    }
    page.until(
        "all of them are counted",
        "document.querySelector('#log .newer').textContent.includes('4,0')",
    );
    assert!(page.eval::<u32>(lines) <= 800);
    page.click("#log .newer");
    page.until(
        "the newest",
        &format!("{lines} <= 400 && document.querySelector('#log li:last-child').innerText.length > 0"),
    );
}
