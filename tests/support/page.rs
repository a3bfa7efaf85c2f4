//! A lab's page as a program asks for it: raw requests, and the stream of events.

use super::{Lab, Place};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A lab whose windows last less than half a second, and its page.
pub fn up(place: &Place) -> (Lab<'_>, Page) {
    let lab = place.lab("--interval 200ms --timeout 200ms --restart-delay 1s --rate 100");
    let page = Page::of(&lab);
    (lab, page)
}

/// Where a lab's page is.
pub struct Page {
    /// `127.1.0.1:8080`
    pub address: String,
    pub token: String,
}

/// A stream of server-sent events.
pub struct Live {
    lines: BufReader<TcpStream>,
    /// Of the last event that had one.
    pub id: String,
    pub frames: Vec<Value>,
}

impl Page {
    pub fn of(lab: &Lab) -> Page {
        Page::at(&lab.ps())
    }

    pub fn at(ps: &Value) -> Page {
        let url = ps["lab"]["page"].as_str().unwrap();
        let (address, token) = url
            .strip_prefix("http://")
            .unwrap()
            .split_once("/#token=")
            .unwrap();
        Page {
            address: address.to_owned(),
            token: token.to_owned(),
        }
    }

    /// Status and all of the answer.
    pub fn ask(&self, head: &str, fields: &[(&str, &str)], body: &str) -> (u16, String) {
        let mut stream = self.connect();
        let mut request = format!("{head} HTTP/1.1\r\n");
        if !fields.iter().any(|(name, _)| *name == "Host") {
            request += &format!("Host: {}\r\n", self.address);
        }
        for (name, value) in fields {
            request += &format!("{name}: {value}\r\n");
        }
        let length = body.len();
        request += &format!("Content-Length: {length}\r\nConnection: close\r\n\r\n{body}");
        // At once: what is refused by its head is not waited for to its end.
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        (answer[9..12].parse().unwrap(), answer)
    }

    pub fn get(&self, path: &str) -> (u16, String) {
        self.ask(&format!("GET {path}"), &[], "")
    }

    /// As the page itself does it.
    pub fn order(&self, what: &str, body: &Value) -> (u16, Value) {
        let origin = format!("http://{}", self.address);
        let fields = [
            ("Origin", origin.as_str()),
            ("Content-Type", "application/json"),
            ("X-Resetlab-Token", &self.token),
            ("Sec-Fetch-Site", "same-origin"),
        ];
        let (status, answer) = self.ask(&format!("POST /v1/{what}"), &fields, &body.to_string());
        (status, serde_json::from_str(body_of(&answer)).unwrap())
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    pub fn live(&self, path: &str, fields: &str) -> Live {
        self.try_live(path, fields)
            .unwrap_or_else(|refused| panic!("{path}: {refused}"))
    }

    /// The first line of the answer where it is no stream.
    pub fn try_live(&self, path: &str, fields: &str) -> Result<Live, String> {
        let mut stream = self.connect();
        let address = &self.address;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n{fields}\r\n").unwrap();
        let mut lines = BufReader::new(stream);
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        if !line.starts_with("HTTP/1.1 200") {
            return Err(line);
        }
        Ok(Live {
            lines,
            id: String::new(),
            frames: Vec::new(),
        })
    }
}

impl Live {
    /// The next event and its data; chunk sizes and header fields are skipped, since no line of an event looks like them.
    pub fn event(&mut self) -> Option<(String, Value)> {
        let (mut name, mut data) = (String::new(), String::new());
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if let Some(word) = line.strip_prefix("event: ") {
                name = word.trim().to_owned();
            } else if let Some(id) = line.strip_prefix("id: ") {
                self.id = id.trim().to_owned();
            } else if let Some(json) = line.strip_prefix("data: ") {
                data = json.to_owned();
            } else if line == "\n" && !data.is_empty() {
                let value: Value = serde_json::from_str(&data).unwrap();
                if name == "frames" {
                    self.frames.extend(value.as_array().unwrap().iter().cloned());
                }
                return Some((name, value));
            }
        }
    }

    /// Reads on until one of the frames so far fits.
    pub fn until(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let mut looked = 0;
        let give_up = router::clock::now() + Duration::from_secs(30);
        loop {
            if let Some(found) = self.frames[looked..].iter().find(|frame| fits(frame)) {
                return found.clone();
            }
            looked = self.frames.len();
            assert!(router::clock::now() < give_up, "waited for: {what}");
            self.event()
                .unwrap_or_else(|| panic!("the lab ended before: {what}"));
        }
    }

    /// `out`, added up.
    pub fn outcomes(&self) -> BTreeMap<String, u64> {
        let mut sum = BTreeMap::new();
        let buckets = self.frames.iter().filter_map(|frame| frame["out"].as_array());
        for (outcome, n) in buckets
            .flatten()
            .flat_map(|bucket| bucket[1].as_object().unwrap())
        {
            *sum.entry(outcome.clone()).or_default() += n.as_u64().unwrap();
        }
        sum
    }

    pub fn seqs(&self) -> Vec<u64> {
        self.frames
            .iter()
            .map(|frame| frame["seq"].as_u64().unwrap())
            .collect()
    }
}

pub fn body_of(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}
