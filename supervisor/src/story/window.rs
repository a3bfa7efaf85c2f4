//! PURE: one reset window, and what it cost.

use super::Tone;
use super::words::{counts, requests, seconds};
use router::clock::Timestamp;
use router::record::{Cause, Detector, Fault, Outcome, Stamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// A process that ended by itself is reaped within this.
const REAPING: Duration = Duration::from_millis(100);

/// How a window began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Began {
    /// The router went while the balancer used it.
    #[default]
    Went,
    /// It went while it was out of use: there was nothing to notice, only what was in flight to lose.
    OutOfUse,
    /// The balancer took it back into use although it could not serve.
    TakenBack,
}

/// A fault that is being told, from the moment it took effect.
#[derive(Clone, Debug)]
pub(super) struct Window {
    /// The moment it went: of the hang, when it hung before it died.
    pub death: Timestamp,
    pub began: Began,
    pub fault: Fault,
    /// What it looks like to a health check: refused as by a kill, or silent as by a hang; `None`: healthy.
    pub looks: Option<Fault>,
    pub stamp: Stamp,
    /// The moment that its DEAD line names.
    pub told_at: Timestamp,
    pub detected: Option<Timestamp>,
    pub detected_by: Option<Detector>,
    /// What polling alone was to take.
    pub predicted: Option<Duration>,
    /// The settings are not those of the death any more.
    pub reset: bool,
    /// Another fault came upon it that checks see otherwise.
    pub crossed: bool,
    /// Start of the last attempt there, from the balancer's `quiet`.
    pub last_attempt: Option<Timestamp>,
    /// The balancer has nothing in flight there, or what it has will not be told as such.
    pub quiet: bool,
    /// It has said which attempt was its last there, or that there was none.
    pub said: bool,
    /// It is leaving and not gone yet: what it may still cost is not known.
    pub leaving: bool,
    /// Ready, or running, or healed again; or it is no member any more.
    pub over: Option<Timestamp>,
    /// When another fault, which checks see, came upon this one, which they do not.
    pub until: Option<(Timestamp, Fault)>,
    /// The fleet has let it go.
    pub removed: bool,
    /// Tell the death by then, with or without its reason.
    pub reason_due: Option<Timestamp>,
    /// Tell what it cost.
    pub report_due: Option<Timestamp>,
}

/// What a window cost.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowReport {
    pub router: String,
    pub fault: Fault,
    pub stamp: Stamp,
    /// When the window began: the death, or when the balancer took the router back into use.
    pub death: Timestamp,
    pub began: Began,
    /// `None`: the balancer never took it out of use, or had done so before.
    pub t_detect: Option<Duration>,
    pub detected_by: Option<Detector>,
    /// By the phase of the checks; `None` also when something else than polling noticed.
    pub predicted: Option<Duration>,
    /// Ready, running or healed again before the lab ended; or taken out of the fleet.
    pub over: bool,
    /// It ended with another fault, which checks see and this one they do not.
    pub until: Option<Fault>,
    /// Taken out of the fleet in this window.
    pub removed: bool,
    /// Still open when the lab ended, so long after it began: what it would have cost is not known.
    pub open_for: Option<Duration>,
    /// An attempt was started there after the death; `None`: the balancer does not tell.
    pub attempted: Option<bool>,
    /// 0 if no attempt was started after the death. `None` if the balancer has not said which one was the last, or did not
    /// use the router anyway. That an attempt failed then does not tell: later ones may have ended well, or are in no log.
    pub t_stop: Option<Duration>,
    /// The balancer tells of its failed attempts.
    pub told: bool,
    pub lost: Lost,
    /// Lost requests without a failed attempt: their clients gave up first.
    pub gave_up: u64,
    /// Requests with a failed attempt there that were answered after a retry.
    pub saved: u64,
    /// Why attempts failed, also those that the client got over.
    pub causes: BTreeMap<Cause, u64>,
    /// So many of these attempts nobody saw: the balancer told how often it had tried again.
    pub reckoned: u64,
}

/// Requests that a death cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Started before the death.
    pub in_flight: u64,
    /// Started after it.
    pub window: u64,
    pub by_outcome: BTreeMap<Outcome, u64>,
}

impl Window {
    pub fn new(death: Timestamp, fault: Fault, stamp: Stamp) -> Window {
        Window {
            death,
            began: Began::Went,
            fault,
            looks: Some(if fault == Fault::Hang {
                Fault::Hang
            } else {
                Fault::Kill
            }),
            stamp,
            told_at: death,
            detected: None,
            detected_by: None,
            predicted: None,
            reset: false,
            crossed: false,
            last_attempt: None,
            quiet: false,
            said: false,
            leaving: fault == Fault::Drain,
            over: None,
            until: None,
            removed: false,
            reason_due: None,
            report_due: None,
        }
    }

    /// What failed before is not its. An exit is stamped at reaping, when the sockets are closed already.
    pub fn earliest(&self) -> Timestamp {
        match self.stamp {
            Stamp::Exit => self.death - REAPING,
            Stamp::Signal | Stamp::Crash => self.death,
        }
    }

    /// Nobody knows yet what it will cost.
    pub fn is_open(&self) -> bool {
        self.over.is_none() && self.report_due.is_none()
    }

    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.reason_due.into_iter().chain(self.report_due).min()
    }

    /// The balancer has said which attempt was its last there, or that there was none.
    pub fn is_quiet(&mut self, last_attempt: Option<Timestamp>, due: Timestamp) {
        self.last_attempt = last_attempt;
        (self.quiet, self.said) = (true, true);
        self.settle(due);
    }

    /// Its router leaves the fleet: nothing is started there any more.
    pub fn is_removed(&mut self, at: Timestamp, due: Timestamp) {
        self.removed = self.detected.is_none() && self.began != Began::OutOfUse;
        self.over.get_or_insert(at);
        (self.quiet, self.leaving) = (true, false);
        self.report_due.get_or_insert(due);
    }

    /// What it cost is known at `due`, unless it may cost more.
    pub fn settle(&mut self, due: Timestamp) {
        if self.quiet && !self.leaving {
            self.report_due = Some(due);
        }
    }
}

impl Lost {
    pub(super) fn add(&mut self, outcome: Outcome, in_flight: bool) {
        *self.by_outcome.entry(outcome).or_default() += 1;
        match in_flight {
            true => self.in_flight += 1,
            false => self.window += 1,
        }
    }

    pub fn total(&self) -> u64 {
        self.in_flight + self.window
    }
}

impl WindowReport {
    /// What cost nobody a request is no bad news; that nobody noticed it is a warning, unless it only drained.
    pub(super) fn tone(&self) -> Tone {
        let unnoticed = self.t_detect.is_none() && self.began != Began::OutOfUse && !self.removed;
        match self.lost.total() {
            0 if unnoticed && self.fault != Fault::Drain => Tone::Warning,
            0 => Tone::Plain,
            _ => Tone::Bad,
        }
    }

    /// The window in one line, for the end.
    pub fn summary(&self) -> String {
        let detect = match self.t_detect {
            None if self.began == Began::OutOfUse => "was out of use already".to_owned(),
            None if self.removed => "taken out of the fleet before anybody noticed".to_owned(),
            Some(t) => format!("t_detect {}{}", seconds(t), super::words::by(self.detected_by)),
            None if self.over => match self.until {
                Some(fault) => format!("not noticed before {}", went(fault)),
                None => "the balancer never noticed".to_owned(),
            },
            None => "not noticed yet when the lab ended".to_owned(),
        };
        let open = self.open_for.map_or(String::new(), |so_far| {
            format!(", still open when the lab ended, {} so far", seconds(so_far))
        });
        let predicted = self
            .predicted
            .map_or(String::new(), |t| format!(" (predicted {})", seconds(t)));
        let stop = match (self.t_stop, self.attempted) {
            (_, Some(false)) => "no attempt there".to_owned(),
            (Some(t_stop), _) => format!("t_stop {}", seconds(t_stop)),
            (None, _) => "t_stop not told".to_owned(),
        };
        let Lost {
            in_flight, window, ..
        } = self.lost;
        let saved = saved(self.saved);
        let fault = super::words::word(self.fault);
        let again = match self.began {
            Began::TakenBack => ", taken back into use",
            Began::Went | Began::OutOfUse => "",
        };
        format!(
            "{} {fault}{again}: {detect}{predicted}{open}, {stop}, lost {in_flight} in flight + {window} in the window{saved}",
            self.router
        )
    }
}

/// The sentence after the router's name.
impl fmt::Display for WindowReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = match self.began {
            Began::TakenBack => "it was used again",
            Began::Went | Began::OutOfUse => "it went",
        };
        match (self.t_detect, self.t_stop) {
            (None, _) if self.began == Began::OutOfUse => write!(f, "was out of use already: ")?,
            (None, _) if self.removed => write!(f, "left the fleet before the balancer had noticed: ")?,
            (None, _) => match self.until {
                Some(fault) => write!(f, "was not noticed before {}: ", went(fault))?,
                None => write!(f, "is back; the balancer never noticed: ")?,
            },
            (Some(_), _) if self.attempted == Some(false) => {
                write!(f, "reset window: no attempt there after {since}, ")?;
            }
            (Some(_), Some(t_stop)) => {
                let t_stop = seconds(t_stop);
                write!(f, "reset window: last attempt {t_stop} after {since} (t_stop), ")?;
            }
            (Some(_), None) => {
                write!(
                    f,
                    "reset window: the balancer has not told which attempt was its last there (t_stop); meanwhile "
                )?;
            }
        }
        let lost = &self.lost;
        write!(f, "{} lost", requests(lost.total()))?;
        if lost.total() > 0 {
            write!(
                f,
                ", {} in flight + {} in the window: {}",
                lost.in_flight,
                lost.window,
                counts(&lost.by_outcome)
            )?;
        }
        if self.gave_up > 0 {
            write!(
                f,
                ", {} without a failed attempt: clients gave up first",
                self.gave_up
            )?;
        }
        write!(f, "{}", saved(self.saved))?;
        if !self.causes.is_empty() {
            write!(f, " (attempts: {}", counts(&self.causes))?;
            if self.reckoned > 0 {
                write!(f, "; {} of them {RECKONED}", self.reckoned)?;
            }
            write!(f, ")")?;
        }
        Ok(())
    }
}

/// A router that suffers it keeps clients waiting: one may despair before the balancer does, and no attempt failed then.
pub(super) fn keeps_waiting(fault: Fault) -> bool {
    matches!(fault, Fault::Hang | Fault::Silent | Fault::Slow)
}

/// What came upon it.
fn went(fault: Fault) -> &'static str {
    match fault {
        Fault::Kill => "it was killed",
        Fault::Crash => "it crashed",
        Fault::Stop => "it was stopped",
        Fault::Drain => "it drained",
        Fault::Hang => "it hung",
        Fault::Silent => "it was silent",
        Fault::Error => "it answered 5xx",
        Fault::Cut => "it cut responses",
        Fault::Slow => "it was slow",
    }
}

/// How attempts are known that are in no line of a log.
pub const RECKONED: &str = "reckoned from log lines, which name only how often a request was tried again";

fn saved(saved: u64) -> String {
    match saved {
        0 => String::new(),
        n => format!(", {n} saved by retry"),
    }
}
