//! What a test of a lab's page begins with: a browser, a lab, and the lab's page in a tab.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "only tests use it")]

#[path = "browser.rs"]
pub mod browser;
#[path = "lab_page.rs"]
pub mod lab_page;

use crate::support::{Lab, Place};
use browser::Browser;
use lab_page::LabPage;

pub struct Scene {
    pub browser: Browser,
    pub place: Place,
}

/// A window stays open for two to four seconds, and is over long before the router is back.
pub const SLOW: &str = "--interval 2s --timeout 1s --fall 2 --restart-delay 8s --rate 50";
/// That of a killed router is over within two seconds, and the router stays dead until somebody starts it again.
pub const FAST: &str = "--interval 1s --timeout 1s --fall 2 --restart-delay 10m --rate 100";

impl Scene {
    /// `None` where there is no browser, see [`Browser::for_test`].
    pub fn set() -> Option<Scene> {
        Some(Scene {
            browser: Browser::for_test(&[])?,
            place: Place::new(),
        })
    }

    /// A lab, and its page as soon as that shows it.
    pub fn up(&self, flags: &str) -> (Lab<'_>, LabPage) {
        let lab = self.place.lab(flags);
        let page = LabPage::open(&self.browser, &url(&lab));
        (lab, page)
    }
}

/// The URL that lets a browser act, as `ps` tells it.
pub fn url(lab: &Lab<'_>) -> String {
    lab.ps()["lab"]["page"].as_str().unwrap().to_owned()
}

/// Where the page is, without what lets a browser act.
pub fn origin(url: &str) -> &str {
    url.split_once("/#").map_or(url, |(origin, _)| origin)
}
