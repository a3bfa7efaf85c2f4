//! A lab's page in a browser: opened, asked, and looked at.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "only tests use it")]

use super::browser::{Browser, Page};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;

/// Longer than anything takes on a loaded machine, and never waited for when all is well.
pub const BOUND: Duration = Duration::from_secs(120);

/// What every document of the page begins with.
const KNOWN: &str = "addEventListener('DOMContentLoaded', () => import('/main.js').then(
  ({ history, view, stream }) => { window.lab = { history, view, stream }; }))";

/// A page that shows a lab; what it knows is `lab.history`, `lab.view` and `lab.stream` in its expressions.
pub struct LabPage(Page);

impl std::ops::Deref for LabPage {
    type Target = Page;
    fn deref(&self) -> &Page {
        &self.0
    }
}

impl LabPage {
    /// In a new tab; returns when it shows the lab.
    pub fn open(browser: &Browser, url: &str) -> LabPage {
        let page = LabPage(browser.page());
        page.ask("Page.addScriptToEvaluateOnNewDocument", json!({"source": KNOWN}));
        page.goto(url);
        page.shows();
        page
    }

    pub fn reload(&self) {
        self.0.reload();
        self.shows();
    }

    /// Types the URL into the address bar of the tab that shows that address already.
    pub fn retype(&self, url: &str) {
        self.loads_again(|| self.eval(&format!("void (location.href = {url:?})")));
        self.shows();
    }

    fn shows(&self) {
        self.until(
            "it hears the lab",
            "lab.stream.state.is === 'live' && lab.history.totals !== null",
        );
        self.until(
            "the lanes are there",
            "document.querySelector('[aria-label=\"kill router-1\"]') !== null",
        );
    }

    pub fn until(&self, what: &str, js: &str) {
        self.value::<Value>(what, js);
    }

    pub fn value<T: DeserializeOwned>(&self, what: &str, js: &str) -> T {
        self.wait_for(what, js, BOUND)
    }

    /// Presses the button of that name as soon as it is there and does something.
    pub fn act(&self, name: &str) {
        let button = format!("[aria-label='{name}']");
        let able = format!("[aria-label=\"{name}\"]:enabled:not([aria-disabled=true])");
        self.until(name, &format!("document.querySelector('{able}') !== null"));
        self.click(&button);
    }

    /// The last window of a router, as soon as it fits.
    pub fn window(&self, router: &str, fits: &str) -> Value {
        self.value(
            &format!("a window of {router}: {fits}"),
            &format!(
                "[...lab.history.windows.values()].findLast(it => it.router === '{router}' && (it => {fits})(it))"
            ),
        )
    }

    /// Returns when it has heard the frame before `next`, and all before that.
    pub fn has_heard(&self, next: u64) {
        self.until("what was heard before", &format!("lab.history.next >= {next}"));
    }

    /// Nothing that the lab told was lost or counted twice: the outcomes by their times are the totals.
    pub fn assert_whole(&self) {
        let (sums, totals, dropped, holes): (Vec<u64>, Value, u64, Vec<Value>) = self.eval(
            "[[...lab.history.outcomes(-1e9, 1e9)], lab.history.totals, lab.history.dropped, lab.history.holes]",
        );
        assert_eq!((dropped, holes.len()), (0, 0), "{holes:?}");
        let (ok, lost) = (totals["ok"].as_u64().unwrap(), totals["lost"].as_u64().unwrap());
        assert_eq!((sums[0], sums[1..].iter().sum::<u64>()), (ok, lost), "{totals}");
    }
}
