//! Attempts in the eyes of passive detection: which of them failed, and which the control thread must hear of.

use super::traffic::Ended;
use crate::core::{BackendId, Heard, PassiveCounting, PassiveOn, PassiveReturn, PassiveSettings};
use router::clock::Timestamp;
use router::record::Cause;
use tokio::sync::mpsc::UnboundedSender;

/// Tells of every failure, and of those successes that may undo one: a healthy router costs no message.
pub struct Judge {
    seen: UnboundedSender<Seen>,
    /// Per backend: its latest failure, unless a success was told since.
    latest: Vec<Option<Timestamp>>,
}

/// What the control thread hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub backend: BackendId,
    pub heard: Heard,
}

impl Judge {
    pub fn new(seen: UnboundedSender<Seen>) -> Judge {
        Judge {
            seen,
            latest: Vec::new(),
        }
    }

    /// So many backends are known from now on.
    pub fn resize(&mut self, backends: usize) {
        self.latest.resize(backends, None);
    }

    /// The request that tries `backend` is on its way.
    pub fn trying(&self, backend: BackendId) {
        self.tell(backend, Heard::Trying);
    }

    /// An attempt has ended, that of a `trial` or another.
    pub fn ended(&mut self, backend: BackendId, attempt: &Ended, trial: bool, settings: &PassiveSettings) {
        let Some(failed) = failed(attempt, settings.on) else {
            return;
        };
        let latest = &mut self.latest[backend.index()];
        let undoes = |failure: &Timestamp| match settings.counting {
            PassiveCounting::Row => true,
            PassiveCounting::Window => settings.back == PassiveReturn::Check,
            PassiveCounting::Quiet => settings.quiet(*failure, attempt.ended),
        };
        if failed || trial || latest.as_ref().is_some_and(undoes) {
            *latest = failed.then_some(attempt.ended);
            self.tell(
                backend,
                match failed {
                    true => Heard::Failed { trial },
                    false => Heard::Succeeded { trial },
                },
            );
        }
    }

    fn tell(&self, backend: BackendId, heard: Heard) {
        // The receiver lives as long as the control thread, and this process not longer.
        let _ = self.seen.send(Seen { backend, heard });
    }
}

/// Whether it failed; `None`: it says nothing.
fn failed(attempt: &Ended, on: PassiveOn) -> Option<bool> {
    if attempt.severed || matches!(attempt.result, Err(Cause::Cut | Cause::ClientGone)) {
        return None;
    }
    let broken = attempt.result.is_err();
    match on {
        PassiveOn::Connect => match attempt.result {
            Err(Cause::Refused | Cause::ConnectTimeout) => Some(true),
            _ => (!attempt.reused).then_some(false),
        },
        PassiveOn::Broken => Some(broken),
        PassiveOn::Any5xx => Some(broken || matches!(attempt.status, Some(500 | 502..=504 | 506..=599))),
        PassiveOn::Gateway => Some(broken || matches!(attempt.status, Some(502..=504))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::sync::mpsc::unbounded_channel;

    fn attempt(result: Result<u16, Cause>) -> Ended {
        Ended {
            started: Timestamp(0),
            ended: Timestamp(0),
            reused: false,
            severed: false,
            status: result.ok(),
            result: result.map(drop),
        }
    }

    #[test]
    fn each_word_counts_more_than_the_one_before() {
        use PassiveOn::{Any5xx, Broken, Connect, Gateway};
        let all = |result| [Connect, Broken, Gateway, Any5xx].map(|on| failed(&attempt(result), on));
        let (yes, no) = (Some(true), Some(false));
        for cause in [Cause::Refused, Cause::ConnectTimeout] {
            assert_eq!(all(Err(cause)), [yes; 4], "{cause:?}");
        }
        for cause in [Cause::Reset, Cause::Eof, Cause::ResponseTimeout, Cause::Malformed] {
            assert_eq!(all(Err(cause)), [no, yes, yes, yes], "{cause:?}");
        }
        for (status, seen) in [
            (200, [no; 4]),
            (404, [no; 4]),
            (500, [no, no, no, yes]),
            (501, [no; 4]),
            (503, [no, no, yes, yes]),
            (505, [no; 4]),
            (599, [no, no, no, yes]),
        ] {
            assert_eq!(all(Ok(status)), seen, "{status}");
        }
        for cause in [Cause::Cut, Cause::ClientGone] {
            assert_eq!(all(Err(cause)), [None; 4], "{cause:?}");
        }
        let reused = Ended {
            reused: true,
            ..attempt(Ok(200))
        };
        assert_eq!(failed(&reused, Connect), None, "nobody has connected");
        let severed = Ended {
            severed: true,
            ..attempt(Err(Cause::Reset))
        };
        assert_eq!(failed(&severed, Any5xx), None);
    }

    #[test]
    fn successes_are_told_where_they_may_undo_a_failure() {
        let back = PassiveReturn::Check;
        let counting = |counting, back| PassiveSettings {
            counting,
            back,
            ..PassiveSettings::default()
        };
        // A failure, then a success at once, another, and one after the window.
        for (settings, told) in [
            (counting(PassiveCounting::Row, PassiveReturn::Time), "f+"),
            (counting(PassiveCounting::Window, PassiveReturn::Time), "f"),
            (counting(PassiveCounting::Window, back), "f+"),
            (counting(PassiveCounting::Quiet, PassiveReturn::Trial), "f+"),
        ] {
            let (seen, mut heard) = unbounded_channel();
            let mut judge = Judge::new(seen);
            judge.resize(1);
            let mut late = attempt(Ok(200));
            late.ended = Timestamp(0) + settings.window + Duration::from_secs(1);
            let attempts = [
                attempt(Err(Cause::Refused)),
                attempt(Ok(200)),
                attempt(Ok(200)),
                late,
                late,
            ];
            attempts
                .iter()
                .for_each(|attempt| judge.ended(BackendId(0), attempt, false, &settings));
            let mut words = String::new();
            while let Ok(seen) = heard.try_recv() {
                words.push(if seen.heard == (Heard::Failed { trial: false }) {
                    'f'
                } else {
                    '+'
                });
            }
            assert_eq!(words, told, "{settings:?}");
            judge.ended(BackendId(0), &late, true, &settings);
            assert_eq!(heard.try_recv().unwrap().heard, Heard::Succeeded { trial: true });
        }
    }
}
