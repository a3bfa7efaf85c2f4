//! One tab: where it is, what it shows, and what it complains of.

use super::Screen;
use super::wire::{Event, PATIENCE, Wire};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
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
        page.ask("Page.setLifecycleEventsEnabled", json!({"enabled": true}));
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
        self.loaded(before, &answer["loaderId"]);
    }

    /// Tries to go there; the browser's word if it cannot.
    pub fn try_goto(&self, url: &str) -> Result<(), String> {
        let answer = self.ask("Page.navigate", json!({"url": url}));
        answer["errorText"]
            .as_str()
            .map_or(Ok(()), |error| Err(error.to_owned()))
    }

    pub fn reload(&self) {
        self.loads_again(|| drop(self.ask("Page.reload", json!({}))));
    }

    /// Does what has the page load itself again, and returns when it has.
    pub fn loads_again(&self, act: impl FnOnce()) {
        let before = self.wire.event_count();
        act();
        let arrived = self.event_after(before, "another document", |event| {
            event.method == "Page.frameNavigated" && event.params["frame"]["parentId"].is_null()
        });
        self.loaded(before, &arrived.params["frame"]["loaderId"]);
    }

    /// Returns when that document is: the end of an earlier one's loading may be heard as late as now.
    fn loaded(&self, from: usize, document: &Value) {
        self.event_after(from, "the page is loaded", |event| {
            event.method == "Page.lifecycleEvent"
                && event.params["name"] == "load"
                && event.params["loaderId"] == *document
        });
    }

    fn event_after(&self, from: usize, what: &str, fits: impl Fn(&Event) -> bool) -> Event {
        let event = self
            .wire
            .event_after(from, |event| event.session == self.session && fits(event));
        event.unwrap_or_else(|error| panic!("waited for: {what}; {error}"))
    }

    /// The value of an expression; a promise's when it is kept.
    pub fn eval<T: DeserializeOwned>(&self, js: &str) -> T {
        let value = self.try_eval(js).unwrap_or_else(|error| panic!("{js}\n{error}"));
        serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{js}\nis {value}: {error}"))
    }

    fn try_eval(&self, js: &str) -> Result<Value, String> {
        self.try_eval_within(PATIENCE, js)
    }

    fn try_eval_within(&self, patience: Duration, js: &str) -> Result<Value, String> {
        let params =
            json!({"expression": js, "awaitPromise": true, "returnByValue": true, "userGesture": true});
        let session = Some(self.session.as_str());
        let mut answer = self
            .wire
            .try_ask_within(patience, session, "Runtime.evaluate", params)?;
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

    /// The value of an expression as soon as it is true enough; looked at whenever the page changes or draws. Where the
    /// page loads itself again meanwhile, what is waited for may come in its new document.
    pub fn wait_for<T: DeserializeOwned>(&self, what: &str, js: &str, bound: Duration) -> T {
        let give_up = router::clock::now() + bound;
        loop {
            let left = give_up.since(router::clock::now());
            match self.try_eval_within(left + PATIENCE, &waiting(js, left)) {
                Ok(value) => {
                    return serde_json::from_value(value.clone())
                        .unwrap_or_else(|error| panic!("{what}: {js}\nis {value}: {error}"));
                }
                Err(error) if says_that_a_document_went(&error) && !left.is_zero() => {}
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

    /// Returns when it has complained with these words.
    pub fn wait_for_complaint(&self, words: &str) {
        self.event_after(0, &format!("a complaint: {words}"), |event| {
            complaint(event).is_some_and(|text| text.contains(words))
        });
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

/// A promise of the expression's value, kept as soon as that is true enough, and broken after that time.
fn waiting(js: &str, bound: Duration) -> String {
    format!(
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
    )
}

/// The browser's words for an expression whose document went away before it had a value.
fn says_that_a_document_went(error: &str) -> bool {
    [
        "Inspected target navigated or closed",
        "Execution context was destroyed",
        "Cannot find context with specified id",
        "Cannot find default execution context",
    ]
    .iter()
    .any(|words| error.contains(words))
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
