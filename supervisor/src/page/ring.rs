//! PURE: the last hour of frames, written once for all readers, and the state before it.
//!
//! A frame of 50 routers that are checked each 100 ms, under 500 requests a second, takes 2.7 kB: a full ring of 64 MiB
//! holds 42 minutes of such a lab, and the program has grown by 72 MB with it (`tests/page_memory.rs` measures that). Labs
//! with less to tell keep their hour, in less.

use super::frame::{Base, Frame, Lane, Totals};
use serde::Deserialize;
use std::collections::VecDeque;

/// Frames by their `seq`, without gaps.
#[derive(Debug)]
pub struct Ring {
    /// Before the oldest kept frame.
    base: Base,
    kept: VecDeque<Kept>,
    /// What all kept ones take of memory.
    bytes: usize,
    next: u64,
    limits: Limits,
}

/// What is kept; the newest frame always is.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub ms: f64,
    /// Of memory, not of JSON alone.
    pub bytes: usize,
}

/// What a reader gets from its cursor on.
#[derive(Debug, PartialEq)]
pub enum Piece {
    /// A JSON array of frames, the last of which is `last`.
    Frames {
        array: String,
        last: u64,
    },
    /// So many frames are not kept any more.
    Missed(u64),
    Nothing,
}

/// Most frames change nothing but totals, which their JSON has: an hour of them is its JSON and little more.
#[derive(Debug)]
struct Kept {
    t: f64,
    json: Box<str>,
    /// What else changes the base.
    change: Option<Box<Frame>>,
}

/// What is read of a frame's JSON again.
#[derive(Deserialize)]
struct Told {
    totals: Option<Totals>,
}

/// What an allocator adds to a piece of memory, at most.
const ALLOCATED: usize = 24;

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            ms: 3_600_000.0,
            bytes: 64 << 20,
        }
    }
}

impl Ring {
    /// `base`: the state before the first frame.
    pub fn new(base: Base, limits: Limits) -> Ring {
        Ring {
            base,
            kept: VecDeque::new(),
            bytes: 0,
            next: 0,
            limits,
        }
    }

    pub fn base(&self) -> &Base {
        &self.base
    }

    /// The oldest frame that is kept, or the next.
    pub fn first(&self) -> u64 {
        self.next - self.kept.len() as u64
    }

    pub fn next(&self) -> u64 {
        self.next
    }

    /// Takes the next frame.
    pub fn push(&mut self, mut frame: Frame) {
        debug_assert_eq!(frame.seq, self.next, "frames come without gaps");
        let Ok(json) = serde_json::to_string(&frame) else {
            return; // its maps have words as keys: cannot be
        };
        let oldest = frame.t - self.limits.ms;
        self.next = frame.seq + 1;
        // These are in the JSON, and no part of a state or read again.
        (frame.checks, frame.out, frame.attempts) = Default::default();
        (frame.latency, frame.log, frame.totals) = Default::default();
        let rest = Frame {
            seq: frame.seq,
            t: frame.t,
            ..Frame::default()
        };
        let kept = Kept {
            t: frame.t,
            json: json.into(),
            change: (frame != rest).then(|| Box::new(frame)),
        };
        self.bytes += kept.bytes();
        self.kept.push_back(kept);
        while self.kept.len() > 1
            && self
                .kept
                .front()
                .is_some_and(|kept| kept.t < oldest || self.bytes > self.limits.bytes)
        {
            if let Some(kept) = self.kept.pop_front() {
                self.bytes -= kept.bytes();
                self.base.apply(kept.frame());
            }
        }
    }

    /// Frames from `cursor` on, in about as many bytes as `most`, at least one.
    pub fn read(&self, cursor: u64, most: usize) -> Piece {
        let Some(skip) = cursor.checked_sub(self.first()) else {
            return Piece::Missed(self.first() - cursor);
        };
        let mut array = String::from("[");
        let mut last = None;
        for (seq, kept) in (cursor..).zip(self.kept.iter().skip(skip as usize)) {
            if last.is_some() {
                if array.len() + kept.json.len() + 2 > most {
                    break;
                }
                array.push(',');
            }
            array.push_str(&kept.json);
            last = Some(seq);
        }
        array.push(']');
        match last {
            Some(last) => Piece::Frames { array, last },
            None => Piece::Nothing,
        }
    }
}

impl Kept {
    /// What it takes of memory; words in a change are about as long as they are in JSON, and lie in pieces.
    fn bytes(&self) -> usize {
        let json = self.json.len() + ALLOCATED;
        let change = self.change.as_ref();
        size_of::<Kept>() + json + change.map_or(0, |_| size_of::<Frame>() + 2 * json)
    }

    /// As much of its frame as changes the base.
    fn frame(self) -> Frame {
        let told = serde_json::from_str::<Told>(&self.json).ok();
        let mut frame = self.change.map_or_else(Frame::default, |change| *change);
        frame.t = self.t;
        frame.totals = told.and_then(|told| told.totals);
        frame
    }
}

impl Base {
    /// The state after `frame`.
    pub fn apply(&mut self, frame: Frame) {
        self.t = frame.t;
        for change in frame.truth {
            let lane = self.routers.entry(change.router).or_insert_with(Lane::starting);
            (lane.truth, lane.truth_since) = (change.truth, change.at);
        }
        for change in frame.belief {
            let lane = self.routers.entry(change.router).or_insert_with(Lane::starting);
            (lane.belief, lane.belief_since) = (change.belief, change.at);
        }
        for (router, present) in frame.members {
            let lane = self.routers.entry(router).or_insert_with(Lane::starting);
            lane.member = present;
        }
        for window in frame.windows {
            self.windows.retain(|known| known.id != window.id);
            self.windows.extend(Some(window).filter(|window| window.open));
        }
        self.totals = frame.totals.unwrap_or_else(|| std::mem::take(&mut self.totals));
        self.settings = frame.settings.unwrap_or_else(|| self.settings.take());
        self.preset = frame.preset.unwrap_or_else(|| std::mem::take(&mut self.preset));
        self.theory = frame.theory.or_else(|| self.theory.take());
    }
}

impl Lane {
    /// One that was not there before.
    fn starting() -> Lane {
        Lane {
            truth: "starting".to_owned(),
            truth_since: 0.0,
            belief: "up".to_owned(),
            belief_since: 0.0,
            member: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{BeliefChange, Totals, TruthChange};
    use super::*;
    use proptest::prelude::*;

    fn frame(seq: u64, router: u8, what: u8) -> Frame {
        let (router, at) = (format!("router-{}", router % 3), seq as f64 * 100.0);
        let mut frame = Frame {
            seq,
            t: at,
            ..Frame::default()
        };
        match what % 5 {
            0 => frame.truth.push(TruthChange {
                router,
                at,
                truth: format!("truth-{what}"),
                why: "kill".into(),
            }),
            1 => frame.belief.push(BeliefChange {
                router,
                at,
                belief: format!("belief-{what}"),
                by: "poll".into(),
                why: String::new(),
                until: None,
            }),
            2 => frame.members.push((router, what > 100)),
            3 => {
                frame.totals = Some(Totals {
                    sent: seq,
                    ..Totals::default()
                });
            }
            _ => frame.settings = Some(serde_json::json!({ "fall": what })),
        }
        frame
    }

    /// What a reader knows in the end, in words.
    fn all(base: &Base) -> String {
        serde_json::to_string(base).unwrap()
    }

    proptest! {
        #[test]
        fn base_and_kept_frames_are_all_frames(
            changes in proptest::collection::vec((any::<u8>(), any::<u8>()), 1..80),
            ms in 0.0..3000.0,
            bytes in 200usize..8000,
        ) {
            let mut ring = Ring::new(Base::default(), Limits { ms, bytes });
            let mut whole = Base::default();
            let mut frames = Vec::new();
            for (seq, (router, what)) in (0..).zip(&changes) {
                let next = frame(seq, *router, *what);
                frames.push(next.clone());
                whole.apply(next.clone());
                ring.push(next);
                let mut late = ring.base().clone();
                for frame in &frames[ring.first() as usize..] {
                    late.apply(frame.clone());
                }
                prop_assert_eq!(all(&late), all(&whole));
                prop_assert!(ring.bytes <= bytes || ring.kept.len() == 1);
            }
            // Read in small pieces it is the same frames, each once.
            let (mut cursor, mut read) = (ring.first(), Vec::<serde_json::Value>::new());
            while let Piece::Frames { array, last } = ring.read(cursor, 200) {
                read.extend(serde_json::from_str::<Vec<serde_json::Value>>(&array).unwrap());
                cursor = last + 1;
            }
            let kept = frames[ring.first() as usize..].iter();
            let kept: Vec<_> = kept.map(|frame| serde_json::to_value(frame).unwrap()).collect();
            prop_assert_eq!(read, kept);
        }
    }

    #[test]
    fn a_reader_that_is_too_late_hears_how_many_frames_it_missed() {
        let limits = Limits {
            ms: 250.0,
            bytes: 1 << 20,
        };
        let mut ring = Ring::new(Base::default(), limits);
        (0..10).for_each(|seq| ring.push(frame(seq, 0, 0)));
        assert_eq!((ring.first(), ring.next()), (7, 10));
        assert_eq!(ring.read(3, 1000), Piece::Missed(4));
        assert_eq!(ring.read(10, 1000), Piece::Nothing);
        assert_eq!(ring.base().t, 600.0);
    }
}
