//! PURE: what a router is, whatever the balancer believes, by the records of a lab.

use crate::fleet::Truth;
use router::record::{Event, Fault, Record};

/// All that it can be.
pub const TRUTHS: [Truth; 8] = [
    Truth::Starting,
    Truth::Up,
    Truth::Slow,
    Truth::Erroring,
    Truth::Silent,
    Truth::Hung,
    Truth::Draining,
    Truth::Dead,
];

/// What has been done to one router, and what it said.
#[derive(Clone, Debug, Default)]
pub struct Condition {
    life: Life,
    hung: bool,
    draining: bool,
    behaviour: Option<Fault>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Life {
    #[default]
    Starting,
    Ready,
    Dead,
}

impl Condition {
    /// A router that has been ready for as long as anybody listens.
    pub fn ready() -> Condition {
        Condition {
            life: Life::Ready,
            ..Condition::default()
        }
    }

    pub fn truth(&self) -> Truth {
        match (self.life, self.hung, self.draining, self.behaviour) {
            (Life::Dead, ..) => Truth::Dead,
            (_, true, ..) => Truth::Hung,
            (Life::Starting, ..) => Truth::Starting,
            (_, _, true, _) => Truth::Draining,
            (.., Some(Fault::Silent)) => Truth::Silent,
            (.., Some(Fault::Error | Fault::Cut)) => Truth::Erroring,
            (.., Some(Fault::Slow)) => Truth::Slow,
            (..) => Truth::Up,
        }
    }

    /// What is wrong with it while it lives.
    pub fn fault(&self) -> Option<Fault> {
        match self.truth() {
            Truth::Hung => Some(Fault::Hang),
            Truth::Draining => Some(Fault::Drain),
            Truth::Silent | Truth::Erroring | Truth::Slow => self.behaviour,
            _ => None,
        }
    }

    /// To take it out of use now is a mistake. A slow router is one that answers.
    pub fn deserves_use(&self) -> bool {
        matches!(self.truth(), Truth::Up | Truth::Slow)
    }

    /// Takes a record that is [about](subject) this router.
    pub fn on_record(&mut self, record: &Record) {
        match &record.event {
            Event::Spawned { .. } => *self = Condition::default(),
            Event::Ready { .. } => self.life = Life::Ready,
            Event::Death { .. } | Event::Exited { .. } => self.life = Life::Dead,
            Event::Drain { .. } => self.draining = true,
            Event::Fault { fault, .. } => match fault {
                Fault::Hang => self.hung = true,
                Fault::Drain => self.draining = true,
                fault if fault.is_behaviour() => self.behaviour = Some(*fault),
                _ => {} // its death tells
            },
            Event::Healed { .. } => self.behaviour = None,
            Event::Resumed { .. } => self.hung = false,
            _ => {}
        }
    }
}

/// The process whose condition a record changes, if it changes one.
pub fn subject(record: &Record) -> Option<&str> {
    match &record.event {
        Event::Spawned { name, .. } | Event::Exited { name, .. } => Some(name),
        Event::Ready { .. } | Event::Drain { .. } => Some(&record.from),
        Event::Death { router, .. }
        | Event::Fault { router, .. }
        | Event::Healed { router, .. }
        | Event::Resumed { router, .. } => Some(router),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::clock::Timestamp;

    #[test]
    fn a_fault_inside_a_hang_is_there_again_after_it() {
        let mut condition = Condition::ready();
        let mut now = |text: &str| {
            let event: Event = serde_json::from_str(text).unwrap();
            let (at, from) = (Timestamp(0), "router-1".to_owned());
            condition.on_record(&Record { at, from, event });
            condition.truth()
        };
        let fault =
            |fault| format!(r#"{{"event":"fault","router":"router-1","incarnation":1,"fault":"{fault}"}}"#);
        assert_eq!(now(&fault("silent")), Truth::Silent);
        assert_eq!(now(&fault("hang")), Truth::Hung);
        let resumed = r#"{"event":"resumed","router":"router-1","incarnation":1}"#;
        assert_eq!(now(resumed), Truth::Silent);
        let healed = r#"{"event":"healed","router":"router-1","incarnation":1,"fault":"silent"}"#;
        assert_eq!(now(healed), Truth::Up);
        assert_eq!(now(&fault("drain")), Truth::Draining);
        let death = r#"{"event":"death","router":"router-1","incarnation":1,"stamp":"exit"}"#;
        assert_eq!(now(death), Truth::Dead);
        assert_eq!(
            now(r#"{"event":"spawned","name":"router-1","pid":1,"incarnation":2}"#),
            Truth::Starting
        );
    }
}
