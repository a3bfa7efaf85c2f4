//! The browser that the tests of the page look through: it acts as a person and notices what a page complains of.

#[path = "support/browser.rs"]
mod browser;

use browser::site::{Body, Site};
use browser::{Browser, Screen};
use std::time::Duration;

/// Longer than anything takes on a loaded machine, and never waited for when all is well.
const BOUND: Duration = Duration::from_secs(120);

const PAGE: &str = r#"<!doctype html><meta http-equiv="content-security-policy" content="script-src 'self' 'unsafe-inline'">
<button id=b onclick="this.textContent = 'pressed'">press</button><input id=i value=old><p id=p></p>
<div style="position:fixed;top:0;right:0;width:50px;height:50px"><button id=covered>x</button></div>
<div style="position:fixed;top:0;right:0;width:50px;height:50px;z-index:1"></div>
<script>i.onchange = () => setTimeout(() => p.textContent = i.value, 50);
addEventListener('pointermove', e => e.buttons && (document.body.dataset.x = e.clientX))</script>"#;

fn site() -> Site {
    Site::serve("127.0.0.1", |path| match path {
        "/" => Some(("text/html", Body::Whole(PAGE.into()))),
        _ => None,
    })
}

#[test]
fn it_acts_as_a_person() {
    let Some(browser) = Browser::for_test(&[]) else {
        return;
    };
    let page = browser.page();
    page.tolerate("favicon.ico");
    page.goto(&site().url("/"));
    page.click("#b");
    assert_eq!(page.eval::<String>("b.textContent"), "pressed");
    page.type_into("#i", "new");
    let text: String = page.wait_for("the text", "p.textContent == 'new' && p.textContent", BOUND);
    assert_eq!(text, "new");
    page.drag((100.0, 300.0), (140.0, 300.0), 4);
    assert_eq!(page.eval::<String>("document.body.dataset.x"), "140");
    page.eval::<()>("document.activeElement.blur()");
    assert!(page.tab_to("#covered", 5));
    page.set_screen(Screen::PHONE.dark());
    assert!(page.eval::<bool>("matchMedia('(prefers-color-scheme: dark)').matches"));
    let covered = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| page.click("#covered")));
    assert!(
        covered.is_err(),
        "what lies under something else cannot be pressed"
    );
}

#[test]
fn a_tab_behind_another_is_hidden_until_it_comes_to_the_front() {
    let Some(browser) = Browser::for_test(&[]) else {
        return;
    };
    let first = browser.page();
    first.wait_for::<bool>("shown", "!document.hidden", BOUND);
    let second = browser.page();
    second.wait_for::<bool>("shown", "!document.hidden", BOUND);
    first.wait_for::<bool>("hidden", "document.hidden", BOUND);
    first.to_front();
    first.wait_for::<bool>("shown again", "!document.hidden", BOUND);
    second.wait_for::<bool>("hidden", "document.hidden", BOUND);
}

#[test]
fn it_notices_what_a_page_complains_of() {
    let Some(browser) = Browser::for_test(&[]) else {
        return;
    };
    let (site, other) = (site(), site());
    let page = browser.page().unjudged();
    page.tolerate("favicon.ico");
    page.goto(&site.url("/"));
    assert_eq!(page.complaints(), Vec::<String>::new());
    let noticed = |js: &str, words: &str| {
        let _: serde_json::Value = page.eval(js);
        page.wait_for_complaint(words);
    };
    noticed(
        "setTimeout(() => { throw new Error('thrown') }), 0",
        "exception: Error: thrown",
    );
    noticed("console.error('said', 1), 0", r#"console: "said" 1"#);
    noticed(
        &format!("fetch('{}').catch(() => 0)", other.url("/")),
        "a request to another origin",
    );
    noticed(
        &format!(
            "document.head.appendChild(Object.assign(document.createElement('script'), {{src: '{}'}})), 0",
            other.url("/x.js")
        ),
        "Content Security Policy",
    );
    noticed("fetch('/nothing').then(() => 0)", "404");
}

#[test]
fn nothing_is_left_of_it() {
    let Some(browser) = Browser::for_test(&[]) else {
        return;
    };
    let profile = browser.profile().to_owned();
    let page = browser.page();
    let processes = browser.processes();
    assert!(processes.len() > 2, "{processes:?}");
    drop(page);
    drop(browser);
    assert!(!profile.exists());
    // A zombie that nobody has taken yet has no command line.
    let line = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let left: Vec<String> = processes
        .iter()
        .map(line)
        .filter(|line| line.contains("chrom"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}
