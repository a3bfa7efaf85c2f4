//! One tab: where it is, what it shows, and what it complains of.

use super::Screen;
use super::wire::{Event, Wire};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// A tab. When it is dropped, what it complained of on its console (exceptions, errors, what its Content-Security-Policy
/// refused) and what it asked of others than its own origin fails the test.
pub struct Page {
    pub(super) wire: Rc<Wire>,
    target: String,
    pub(super) session: String,
    tolerated: RefCell<Vec<String>>,
    judged: Cell<bool>,
}

impl Page {
    pub(super) fn new(wire: Rc<Wire>, target: String, session: String) -> Page {
        let page = Page {
            wire,
            target,
            session,
            tolerated: RefCell::default(),
            judged: Cell::new(true),
        };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            page.ask(&format!("{domain}.enable"), json!({}));
        }
        page.set_screen(Screen::DESK);
        page
    }

    pub fn ask(&self, method: &str, params: Value) -> Value {
        self.wire.ask(Some(&self.session), method, params)
    }

    /// Goes there and returns when it is loaded.
    pub fn goto(&self, url: &str) {
        let before = self.wire.event_count();
        let answer = self.ask("Page.navigate", json!({"url": url}));
        assert!(answer["errorText"].is_null(), "{url}: {}", answer["errorText"]);
        self.loaded_after(before);
    }

    /// Tries to go there; the browser's word if it cannot.
    pub fn try_goto(&self, url: &str) -> Result<(), String> {
        let answer = self.ask("Page.navigate", json!({"url": url}));
        answer["errorText"]
            .as_str()
            .map_or(Ok(()), |error| Err(error.to_owned()))
    }

    pub fn reload(&self) {
        let before = self.wire.event_count();
        self.ask("Page.reload", json!({}));
        self.loaded_after(before);
    }

    /// Runs what leads to another page, and returns when that is there.
    pub fn leave(&self, js: &str) {
        let before = self.wire.event_count();
        self.eval::<()>(js);
        self.loaded_after(before);
    }

    fn loaded_after(&self, event: usize) {
        let is_load = |event: &Event| event.session == self.session && event.method == "Page.loadEventFired";
        self.wire.event_after(event, is_load);
    }

    /// The value of an expression; a promise's when it is kept.
    pub fn eval<T: DeserializeOwned>(&self, js: &str) -> T {
        let value = self.try_eval(js).unwrap_or_else(|error| panic!("{js}\n{error}"));
        serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{js}\nis {value}: {error}"))
    }

    fn try_eval(&self, js: &str) -> Result<Value, String> {
        let params =
            json!({"expression": js, "awaitPromise": true, "returnByValue": true, "userGesture": true});
        let mut answer = self
            .wire
            .try_ask(Some(&self.session), "Runtime.evaluate", params)?;
        let thrown = &answer["exceptionDetails"];
        if !thrown.is_null() {
            let text = [
                &thrown["exception"]["description"],
                &thrown["exception"]["value"],
                &thrown["text"],
            ];
            let text = text.into_iter().find_map(Value::as_str).unwrap_or_default();
            return Err(text.to_owned());
        }
        Ok(answer["result"]["value"].take())
    }

    /// The value of an expression as soon as it is true enough; looked at whenever the page changes or draws.
    pub fn wait_for<T: DeserializeOwned>(&self, what: &str, js: &str, bound: Duration) -> T {
        let waiting = format!(
            "new Promise((done, fail) => {{
               let value, frame, last = 'false';
               const holds = () => {{ try {{ value = ({js}); }} catch (error) {{ value = false; last = String(error); }} return value; }};
               const end = () => {{ seen.disconnect(); clearTimeout(late); clearInterval(hidden); cancelAnimationFrame(frame); }};
               const look = () => holds() && (end(), done(value), true);
               const seen = new MutationObserver(look);
               const late = setTimeout(() => {{ end(); fail(last); }}, {});
               // No frames are drawn of a hidden tab.
               const hidden = setInterval(() => document.hidden && look(), 100);
               const draw = () => look() || (frame = requestAnimationFrame(draw));
               seen.observe(document, {{subtree: true, childList: true, attributes: true, characterData: true}});
               draw();
             }})",
            bound.as_millis()
        );
        match self.try_eval(&waiting) {
            Ok(value) => serde_json::from_value(value.clone())
                .unwrap_or_else(|error| panic!("{what}: {js}\nis {value}: {error}")),
            Err(error) => panic!(
                "waited for: {what} ({js}), in vain: {error}; the console: {:?}; the page:\n{}",
                self.complaints(),
                self.try_eval("document.body.innerText")
                    .unwrap_or_default()
                    .as_str()
                    .unwrap_or_default()
            ),
        }
    }

    pub fn set_screen(&self, screen: Screen) {
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": screen.width, "height": screen.height, "deviceScaleFactor": screen.scale, "mobile": screen.phone}),
        );
        self.ask(
            "Emulation.setTouchEmulationEnabled",
            json!({"enabled": screen.phone}),
        );
        let scheme = if screen.dark { "dark" } else { "light" };
        self.emulate("screen", &[("prefers-color-scheme", scheme)]);
    }

    /// As on paper.
    pub fn print_media(&self) {
        self.emulate("print", &[]);
    }

    fn emulate(&self, media: &str, features: &[(&str, &str)]) {
        let features: Vec<Value> = features
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        self.ask(
            "Emulation.setEmulatedMedia",
            json!({"media": media, "features": features}),
        );
    }

    /// In front of the other tabs.
    pub fn to_front(&self) {
        self.ask("Page.bringToFront", json!({}));
    }

    /// Whether anything reaches it.
    pub fn set_offline(&self, offline: bool) {
        let none =
            json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        self.ask("Network.emulateNetworkConditions", none);
    }

    /// A picture of what can be seen; `whole`: of all of it.
    pub fn screenshot(&self, path: &Path, whole: bool) {
        self.capture(path, json!({"format": "png", "captureBeyondViewport": whole}));
    }

    /// A picture of a stretch of it, as wide as the window: from where, and how high.
    pub fn screenshot_stretch(&self, path: &Path, top: u32, height: u32) {
        let width: u32 = self.eval("innerWidth");
        let clip = json!({"x": 0, "y": top, "width": width, "height": height, "scale": 1});
        self.capture(
            path,
            json!({"format": "png", "captureBeyondViewport": true, "clip": clip}),
        );
    }

    fn capture(&self, path: &Path, params: Value) {
        let answer = self.ask("Page.captureScreenshot", params);
        std::fs::write(path, base64(answer["data"].as_str().unwrap())).unwrap();
    }

    /// Complaints with these words are part of the test.
    pub fn tolerate(&self, words: &str) {
        self.tolerated.borrow_mut().push(words.to_owned());
    }

    /// Not judged when it is dropped.
    pub fn unjudged(self) -> Page {
        self.judged.set(false);
        self
    }

    /// What the console has of errors, and what was asked of others.
    pub fn complaints(&self) -> Vec<String> {
        // An answer comes after the events of before it.
        let _ = self.try_eval("0");
        let own = self.wire.events(|event| event.session == self.session);
        let tolerated = self.tolerated.borrow();
        let all = own.iter().filter_map(complaint);
        all.filter(|text| !tolerated.iter().any(|words| text.contains(words)))
            .collect()
    }

    /// What it asked for: URLs.
    pub fn requests(&self) -> Vec<String> {
        let asked =
            |event: &Event| event.session == self.session && event.method == "Network.requestWillBeSent";
        let url = |event: Event| {
            event.params["request"]["url"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        self.wire.events(asked).into_iter().map(url).collect()
    }
}

impl Page {
    /// What it was answered: method and URL of each request, and the status; 0 where it was not sent, or not answered.
    pub fn answers(&self) -> Vec<(String, u16)> {
        let _ = self.try_eval("0");
        let of = |method: &str| {
            self.wire
                .events(|event| event.session == self.session && event.method == method)
        };
        let answered = of("Network.responseReceived");
        let status = |id: &Value| {
            let answer = answered.iter().find(|event| event.params["requestId"] == *id);
            answer
                .and_then(|event| event.params["response"]["status"].as_u64())
                .unwrap_or(0)
        };
        let each = |event: Event| {
            let request = &event.params["request"];
            let name = format!("{} {}", request["method"].as_str()?, request["url"].as_str()?);
            Some((name, status(&event.params["requestId"]) as u16))
        };
        of("Network.requestWillBeSent")
            .into_iter()
            .filter_map(each)
            .collect()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if std::thread::panicking() || !self.judged.get() {
            return;
        }
        let complaints = self.complaints();
        let _ = self
            .wire
            .try_ask(None, "Target.closeTarget", json!({"targetId": self.target}));
        assert!(complaints.is_empty(), "the page complained: {complaints:#?}");
    }
}

/// An error in words, whoever noticed it.
fn complaint(event: &Event) -> Option<String> {
    let params = &event.params;
    match event.method.as_str() {
        "Runtime.exceptionThrown" => {
            let details = &params["exceptionDetails"];
            let text = details["exception"]["description"]
                .as_str()
                .or(details["text"].as_str());
            Some(format!("exception: {}", text.unwrap_or_default()))
        }
        "Log.entryAdded" if params["entry"]["level"] == "error" => {
            let entry = &params["entry"];
            Some(format!(
                "{}: {} {}",
                entry["source"].as_str().unwrap_or_default(),
                entry["text"].as_str().unwrap_or_default(),
                entry["url"].as_str().unwrap_or_default()
            ))
        }
        "Runtime.consoleAPICalled" if params["type"] == "error" || params["type"] == "assert" => {
            let words: Vec<String> = params["args"]
                .as_array()?
                .iter()
                .map(|word| word["value"].to_string())
                .collect();
            Some(format!("console: {}", words.join(" ")))
        }
        "Network.requestWillBeSent" => {
            let (url, page) = (
                params["request"]["url"].as_str()?,
                params["documentURL"].as_str()?,
            );
            (origin(url) != origin(page)).then(|| format!("a request to another origin: {url}"))
        }
        _ => None,
    }
}

/// `http://127.1.0.1:8080`; `None` for what is not on a network: `data:`, `blob:`, `about:`.
fn origin(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let start = url.len() - rest.len();
    Some(&url[..rest.find('/').map_or(url.len(), |end| start + end)])
}

fn base64(text: &str) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u32> = text
        .bytes()
        .filter(|c| *c != b'=')
        .map(|c| u32::from(digit(c)))
        .collect();
    let group = |four: &[u32]| {
        let bits = four
            .iter()
            .enumerate()
            .fold(0, |bits, (n, digit)| bits | digit << (18 - 6 * n));
        bits.to_be_bytes()[1..four.len()].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}
