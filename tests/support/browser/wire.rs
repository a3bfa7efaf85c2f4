//! What is said to Chromium and what it says: JSON, each message ended by a zero byte.

use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// Longer than a browser takes for anything on a loaded machine, and never waited for when all is well.
pub const PATIENCE: Duration = Duration::from_secs(120);

pub struct Wire {
    to: RefCell<Box<dyn Write>>,
    from: Receiver<Value>,
    next_id: Cell<u64>,
    /// What happened, in its order, of all tabs.
    events: RefCell<Vec<Event>>,
    stderr: PathBuf,
}

#[derive(Clone, Debug)]
pub struct Event {
    pub session: String,
    pub method: String,
    pub params: Value,
}

impl Wire {
    pub fn new(to: impl Write + 'static, from: impl Read + Send + 'static, stderr: PathBuf) -> Wire {
        let (said, heard) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(from).split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).unwrap();
                if said.send(message).is_err() {
                    return;
                }
            }
        });
        Wire {
            to: RefCell::new(Box::new(to)),
            from: heard,
            next_id: Cell::new(1),
            events: RefCell::default(),
            stderr,
        }
    }

    /// The result of a command that has to succeed.
    pub fn ask(&self, session: Option<&str>, method: &str, params: Value) -> Value {
        let answer = self.try_ask(session, method, params);
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// The result of a command, or the browser's words why not.
    pub fn try_ask(&self, session: Option<&str>, method: &str, params: Value) -> Result<Value, String> {
        self.try_ask_within(PATIENCE, session, method, params)
    }

    /// The same of a command that may take a while of its own.
    pub fn try_ask_within(
        &self,
        patience: Duration,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<Value, String> {
        let id = self.next_id.replace(self.next_id.get() + 1);
        let mut message = json!({"id": id, "method": method, "params": params});
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        let sent = self.to.borrow_mut().write_all(&bytes);
        sent.map_err(|error| self.broken(&error.to_string()))?;
        let give_up = router::clock::now() + patience;
        loop {
            let mut message = self.next(give_up.since(router::clock::now()))?;
            match message["id"].as_u64() {
                Some(its) if its == id => {
                    let refused = message["error"]["message"].as_str().map(str::to_owned);
                    return refused.map_or_else(|| Ok(message["result"].take()), Err);
                }
                Some(_) => {}
                None => self.keep(message),
            }
        }
    }

    /// The first event after the `from`th that fits, waited for; an error says why it did not come.
    pub fn event_after(&self, from: usize, fits: impl Fn(&Event) -> bool) -> Result<Event, String> {
        let give_up = router::clock::now() + PATIENCE;
        let mut seen = from;
        loop {
            if let Some(event) = self.events.borrow()[seen..].iter().find(|event| fits(event)) {
                return Ok(event.clone());
            }
            seen = self.events.borrow().len();
            self.keep(self.next(give_up.since(router::clock::now()))?);
        }
    }

    /// Those so far that fit; `Wire::try_ask` has to be called before to hear of the latest.
    pub fn events(&self, fits: impl Fn(&Event) -> bool) -> Vec<Event> {
        let events = self.events.borrow();
        events.iter().filter(|event| fits(event)).cloned().collect()
    }

    pub fn event_count(&self) -> usize {
        self.events.borrow().len()
    }

    fn next(&self, patience: Duration) -> Result<Value, String> {
        self.from.recv_timeout(patience).map_err(|error| match error {
            RecvTimeoutError::Timeout => self.broken("it does not answer"),
            RecvTimeoutError::Disconnected => self.broken("it has ended"),
        })
    }

    fn keep(&self, mut message: Value) {
        if let Some(method) = message["method"].as_str().map(str::to_owned) {
            self.events.borrow_mut().push(Event {
                session: message["sessionId"].as_str().unwrap_or_default().to_owned(),
                method,
                params: message["params"].take(),
            });
        }
    }

    fn broken(&self, why: &str) -> String {
        let said = std::fs::read_to_string(&self.stderr).unwrap_or_default();
        format!("the browser: {why}; its stderr:\n{said}")
    }
}
