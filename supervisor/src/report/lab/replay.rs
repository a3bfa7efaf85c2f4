//! PURE: a session that nobody ended, made of its records: the same [`Story`] hears them again.

use super::session::{Lab, Session};
use crate::experiment::healthy::Answers;
use crate::page::traffic::LoadCount;
use crate::story::Story;
use lb_sim::core::Settings;
use router::clock::Timestamp;
use router::record::{Event, Record};
use std::collections::BTreeSet;

/// Tells records once more.
pub struct Replay {
    /// Heard before the balancer had said what it is set to.
    early: Vec<Record>,
    told: Option<Told>,
}

struct Told {
    story: Story,
    settings: Settings,
    count: LoadCount,
    answers: Answers,
    late_ns: u64,
    /// Nothing that comes is of before.
    now: Timestamp,
    since: Timestamp,
    routers: u32,
    engine: (String, Option<String>),
    /// The load has ended, then, and what comes is the end of the lab.
    ending: Option<Timestamp>,
}

/// A balancer says what it is set to before that many records.
const EARLY: usize = 10_000;

/// `records` are those of a session from its beginning, in order of time as far as that is known. `None`: there are none.
pub fn replay(records: impl IntoIterator<Item = Record>) -> Option<Session> {
    let mut replay = Replay {
        early: Vec::new(),
        told: None,
    };
    for record in records {
        replay.on_record(record);
    }
    replay.session()
}

impl Replay {
    fn on_record(&mut self, record: Record) {
        if let Some(told) = &mut self.told {
            return told.on_record(&record);
        }
        let stated = matches!(record.event, Event::Settings { .. }) && record.from == "lb";
        self.early.push(record);
        if stated || self.early.len() == EARLY {
            self.begin();
        }
    }

    fn begin(&mut self) {
        let early = std::mem::take(&mut self.early);
        let Some(last) = early.last() else { return };
        let routers: BTreeSet<&str> = early
            .iter()
            .filter_map(|record| match &record.event {
                Event::Spawned { name, .. } if name.starts_with("router-") => Some(name.as_str()),
                _ => None,
            })
            .collect();
        let mut settings = Settings::default();
        if let Event::Settings { settings: stated } = &last.event
            && let Some(stated) = stated.as_object()
        {
            // What a newer balancer knows beyond our words is not ours to tell.
            let _ = settings.set_json(stated);
        }
        let routers = routers.len() as u32;
        let mut told = Told {
            story: Story::new(settings.clone(), routers),
            settings,
            count: LoadCount::default(),
            answers: Answers::default(),
            late_ns: 0,
            now: Timestamp::default(),
            since: last.at,
            routers,
            engine: ("lb-sim".to_owned(), None),
            ending: None,
        };
        early.iter().for_each(|record| told.on_record(record));
        self.told = Some(told);
    }

    fn session(mut self) -> Option<Session> {
        if self.told.is_none() {
            self.begin();
        }
        let mut told = self.told?;
        told.story.finish(told.ending.unwrap_or(told.now));
        let load = told.count.sum();
        let (engine, engine_version) = told.engine;
        let words = told.settings.words().into_iter();
        let mut session = Session {
            complete: false,
            lab: Some(Lab {
                name: String::new(),
                engine,
                engine_version,
                version: String::new(),
                command: String::new(),
                machine: None,
                started_wall: None,
                serving_since_ns: told.since,
                duration_s: told.now.since(told.since).as_secs_f64(),
                routers: Some(told.routers),
                rate: None,
                arrivals: None,
                slo: None,
                settings: Vec::new(),
                balancer: words.map(|(key, word)| (key.to_owned(), word)).collect(),
            }),
            ..Session::of(&told.story, load, told.late_ns)
        };
        session.load.healthy_ms = told.answers.healthy();
        Some(session)
    }
}

impl Told {
    fn on_record(&mut self, record: &Record) {
        self.now = self.now.max(record.at);
        // As the one who told it live was woken up.
        while let Some(due) = self.story.next_deadline().filter(|due| *due <= self.now) {
            self.story.on_deadline(due);
            if self.story.next_deadline() == Some(due) {
                break;
            }
        }
        self.count.on_record(record);
        self.answers.on_record(record);
        match &record.event {
            Event::Tick { late_p99_ns, .. } => self.late_ns = self.late_ns.max(*late_p99_ns),
            Event::Exited { name, .. } if name == "load" => self.ending = Some(record.at),
            Event::Spawned { name, .. } if name == "load" => self.ending = None,
            Event::Engine { engine, version, .. } => self.engine = (engine.clone(), Some(version.clone())),
            Event::Settings { settings } if record.from == "lb" => {
                if let Some(patch) = settings.as_object() {
                    let _ = self.settings.set_json(patch);
                }
            }
            _ => {}
        }
        match self.ending {
            Some(_) => self.story.join(record),
            None => drop(self.story.on_record(self.now, record)),
        }
    }
}
