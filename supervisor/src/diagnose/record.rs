//! PURE: a JSON object that carries what a process wrote.

use super::prefix;
use serde_json::{Map, Value};
use std::hash::{DefaultHasher, Hash, Hasher};

/// A line, or many.
pub struct Record {
    /// Tells processes apart; never 0.
    pub source: u64,
    pub time: Option<String>,
    pub text: String,
}

/// Where collectors put the line, the commonest first.
const TEXTS: [&str; 13] = [
    "log",
    "MESSAGE",
    "message",
    "msg",
    "line",
    "text",
    "textPayload",
    "@message",
    "_raw",
    "body",
    "event",
    "data",
    "Message",
];

/// Whoever wrote the record, in the words of docker, journald, kubernetes, fluentd.
const IDENTITIES: [&str; 14] = [
    "_HOSTNAME",
    "_PID",
    "stream",
    "container_id",
    "container_name",
    "pod_name",
    "pod",
    "host",
    "hostname",
    "source",
    "ident",
    "pid",
    "job",
    "instance",
];

impl Record {
    pub fn of(line: &str) -> Option<Record> {
        let line = line.trim_start_matches(prefix::junk);
        if !line.starts_with('{') {
            return None;
        }
        let fields: Map<String, Value> = serde_json::from_str(line).ok()?;
        // A name may mean something else here: the field that has a line of a dump is the one.
        let texts = || TEXTS.iter().filter_map(|name| fields.get(*name)?.as_str());
        let text = texts()
            .find(|text| prefix::has_dump(text))
            .or_else(|| texts().next())?;
        let mut hasher = DefaultHasher::new();
        let nested = fields.values().filter_map(Value::as_object);
        for fields in std::iter::once(&fields).chain(nested) {
            for name in IDENTITIES {
                if let Some(value) = fields.get(name) {
                    (name, value.to_string()).hash(&mut hasher);
                }
            }
        }
        let time = ["time", "timestamp", "@timestamp"]
            .iter()
            .find_map(|name| fields.get(*name)?.as_str());
        Some(Record {
            source: hasher.finish() | 1,
            time: time.map(str::to_owned),
            text: text.trim_end_matches('\n').to_owned(),
        })
    }
}
