//! PURE: records and the story, made into a [`Frame`] each 100 ms.
//!
//! A frame that has nothing to say is made once a second all the same: it moves the page's clock.

use super::frame::{Base, Expected, Frame};
use super::lanes::Lanes;
use super::tale::Tale;
use super::traffic::Traffic;
use super::{ms, theory, word};
use crate::budget::{Budget, DAYS};
use crate::settings::{LabSettings, PresetNote};
use crate::story::{Line, Story};
use lb_sim::core::settings::KEYS;
use router::clock::Timestamp;
use router::record::{Event, ProbeResult, Record};
use serde_json::{Map, Value};
use std::time::Duration;

/// What a page is told of a lab.
pub struct Digest {
    since: Timestamp,
    /// In force now.
    settings: LabSettings,
    lanes: Lanes,
    traffic: Traffic,
    tale: Tale,
    /// The next one, as far as it is known.
    frame: Frame,
    next_seq: u64,
    last: Timestamp,
    /// A real load balancer tells of no check: their arrival at the routers does.
    real: bool,
    settings_changed: bool,
}

/// As long as nothing happens.
const QUIET: Duration = Duration::from_secs(1);

impl Digest {
    /// Of a lab that serves since `since` with router-1 … router-n.
    pub fn new(settings: LabSettings, since: Timestamp) -> Digest {
        Digest {
            since,
            lanes: Lanes::new(since, settings.routers),
            traffic: Traffic::new(
                since,
                Budget {
                    slo: settings.slo,
                    days: DAYS,
                    rate: settings.rate,
                },
            ),
            tale: Tale::new(since),
            frame: Frame::default(),
            next_seq: 0,
            last: since,
            real: false,
            settings_changed: false,
            settings,
        }
    }

    /// The state before any frame.
    pub fn base(&self) -> Base {
        Base {
            t: 0.0,
            routers: self.lanes.lanes(),
            totals: self.traffic.totals(),
            settings: theory::shown(&self.settings),
            preset: self.preset(),
            theory: Some(Expected::of(&self.settings)),
            windows: Vec::new(),
        }
    }

    /// What is in force now.
    pub fn settings(&self) -> &LabSettings {
        &self.settings
    }

    pub fn on_record(&mut self, record: &Record) {
        self.lanes.on_record(record, &mut self.frame);
        self.traffic.on_record(record);
        self.tale.on_record(record);
        match &record.event {
            Event::Probe {
                router,
                started_ns,
                result,
                ..
            }
            | Event::SentinelCheck {
                router,
                started_ns,
                result,
                ..
            } => self.checked(router, *started_ns, record.at, *result),
            Event::CheckSeen { status } if self.real => {
                let healthy = &self.settings.lb.check.healthy_status;
                // A connection that asks nothing has got all it wanted.
                let result = match status.is_none_or(|status| healthy.contains(status)) {
                    true => ProbeResult::Ok,
                    false => ProbeResult::Status,
                };
                self.checked(&record.from, record.at, record.at, result);
            }
            Event::Engine { .. } => self.real = true,
            Event::Settings { settings } => {
                if let Some(patch) = settings.as_object() {
                    self.on_settings(&record.from, patch);
                }
            }
            Event::Scaled { routers, .. } => {
                self.settings.routers = *routers;
                self.settings_changed = true;
            }
            _ => {}
        }
    }

    /// Takes what arrives while the lab stops: it completes figures. That routers end then is no death.
    pub fn join(&mut self, record: &Record) {
        self.traffic.on_record(record);
    }

    /// Lines that the story has told of a record, or of a deadline.
    pub fn on_lines(&mut self, lines: &[Line]) {
        self.tale.on_lines(lines);
    }

    /// What is known by `now` and was not told before.
    pub fn flush(&mut self, now: Timestamp, story: &Story) -> Option<Frame> {
        let mut frame = std::mem::take(&mut self.frame);
        if std::mem::take(&mut self.settings_changed) {
            frame.settings = Some(theory::shown(&self.settings));
            frame.preset = Some(self.preset());
            frame.theory = Some(Expected::of(&self.settings));
        }
        self.traffic.flush(&mut frame);
        self.tale.flush(now, story, &mut frame);
        if frame == Frame::default() && now < self.last + QUIET {
            return None;
        }
        self.last = now;
        (frame.seq, frame.t) = (self.next_seq, ms(self.since, now));
        self.next_seq += 1;
        Some(frame)
    }

    fn checked(&mut self, router: &str, started: Timestamp, ended: Timestamp, result: ProbeResult) {
        let (started, ended) = (ms(self.since, started), ms(self.since, ended));
        let check = (router.to_owned(), started, ended, word(&result));
        self.frame.checks.push(check);
    }

    fn on_settings(&mut self, from: &str, patch: &Map<String, Value>) {
        let before = self.settings.clone();
        if from == "lb" {
            // What a newer balancer knows beyond our words is not ours to tell.
            let ours = patch.iter().filter(|(key, _)| KEYS.contains(&key.as_str()));
            let ours: Map<String, Value> = ours.map(|(key, value)| (key.clone(), value.clone())).collect();
            let _ = self.settings.lb.set_json(&ours);
        } else {
            for (key, value) in patch {
                let word = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                // It is in force already.
                let _ = self.settings.set(from, key, &word);
            }
        }
        self.settings_changed |= self.settings != before;
    }

    fn preset(&self) -> String {
        PresetNote::new(&self.settings.preset, &self.settings.lb).to_string()
    }
}
