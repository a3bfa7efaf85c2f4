//! A real browser without a screen: starts Chromium, looks at pages as a person would, and takes all of it away again.
//!
//! It is spoken to over `--remote-debugging-pipe`: no port that somebody else could use, and the end of the pipe ends
//! the browser, whatever becomes of who started it.
#![allow(dead_code, reason = "each user uses a part of it")]
#![allow(clippy::unwrap_used, reason = "only tests and scripts use it")]

#[path = "browser/chromium.rs"]
mod chromium;
#[path = "browser/eyes.rs"]
mod eyes;
#[path = "browser/hands.rs"]
mod hands;
#[path = "browser/page.rs"]
mod page;
#[path = "browser/site.rs"]
pub mod site;
#[path = "browser/wire.rs"]
mod wire;

pub use chromium::NoBrowser;
pub use page::Page;

use serde_json::json;
use std::path::Path;
use std::rc::Rc;
use wire::Wire;

/// A running Chromium with a profile of its own.
pub struct Browser {
    // Spoken to before `chromium` is ended.
    wire: Rc<Wire>,
    chromium: chromium::Chromium,
}

/// How large a window is, and whose.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    pub width: u32,
    pub height: u32,
    pub dark: bool,
    pub phone: bool,
    /// Pixels a CSS pixel.
    pub scale: f64,
}

impl Browser {
    pub fn start() -> Result<Browser, NoBrowser> {
        Browser::with(&[])
    }

    /// With more flags than the usual ones.
    pub fn with(flags: &[&str]) -> Result<Browser, NoBrowser> {
        let (chromium, wire) = chromium::Chromium::start(flags)?;
        Ok(Browser {
            wire: Rc::new(wire),
            chromium,
        })
    }

    /// For a test: `None` where there is no browser, with the reason on its output; where `REQUIRE_PEERS=1` it fails
    /// instead.
    pub fn for_test(flags: &[&str]) -> Option<Browser> {
        match Browser::with(flags) {
            Ok(browser) => Some(browser),
            Err(missing) => {
                let required = std::env::var("REQUIRE_PEERS").is_ok_and(|value| value == "1");
                assert!(!required, "REQUIRE_PEERS=1, but {missing}");
                println!("skipped: {missing}");
                None
            }
        }
    }

    pub fn profile(&self) -> &Path {
        self.chromium.profile()
    }

    pub fn processes(&self) -> Vec<u32> {
        self.chromium.processes()
    }

    /// A new tab, in front of the others.
    pub fn page(&self) -> Page {
        let target = self
            .wire
            .ask(None, "Target.createTarget", json!({"url": "about:blank"}));
        let id = target["targetId"].as_str().unwrap().to_owned();
        let attached = json!({"targetId": id, "flatten": true});
        let session = self.wire.ask(None, "Target.attachToTarget", attached);
        Page::new(
            Rc::clone(&self.wire),
            id,
            session["sessionId"].as_str().unwrap().to_owned(),
        )
    }
}

impl Screen {
    pub const DESK: Screen = Screen {
        width: 1280,
        height: 800,
        dark: false,
        phone: false,
        scale: 1.0,
    };
    pub const PHONE: Screen = Screen {
        width: 390,
        height: 844,
        phone: true,
        ..Screen::DESK
    };

    pub fn dark(self) -> Screen {
        Screen { dark: true, ..self }
    }
}
