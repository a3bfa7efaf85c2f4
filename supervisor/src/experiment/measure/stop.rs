//! PURE: the last attempt at a victim.
//!
//! It is known where the balancer tells of every attempt and has said that none is under way there any more. It is also
//! the last that failed, or of which its client despaired, where all that was sent was lost. A router that hung may have answered later attempts when it ran
//! again; and a balancer that leaves some attempts out (HAProxy) tells of a last one that need not be
//! the last: that is a lower bound, and no `t_stop`.

use super::Strike;
use super::join::{Joined, Spell};
use router::clock::Timestamp;
use router::record::{Event, Fault, Record};

/// Its start; `None`: not known, `Some(None)`: there was none. It was out of use from `down` on.
pub(super) fn last_attempt(
    records: &[Record],
    strike: &Strike<'_>,
    spell: &Spell,
    down: Option<Timestamp>,
    attempts: Option<&Joined>,
) -> Option<Option<Timestamp>> {
    let teller = strike.teller;
    if !teller.attempts || !teller.every_attempt {
        return None;
    }
    let mute = strike.fault.fails_all() || strike.fault == Fault::Hang && spell.over.is_none();
    match down.and_then(|down| said_quiet(records, spell, down)) {
        // A retry at the same router may come after the balancer has said so.
        Some(quiet) => Some(quiet.max(attempts.and_then(|attempts| attempts.last_failed))),
        None => attempts.and_then(Joined::last_in_vain).filter(|_| mute).map(Some),
    }
}

/// Start of the last attempt there, in the balancer's own words; `Some(None)`: it says that there never was one.
fn said_quiet(records: &[Record], spell: &Spell, down: Timestamp) -> Option<Option<Timestamp>> {
    records.iter().find_map(|record| match &record.event {
        Event::Quiet {
            router,
            last_attempt_ns: last,
        } if *router == spell.router && record.at >= down => {
            Some(*last).filter(|last| spell.over.is_none_or(|over| last.is_none_or(|last| last <= over)))
        }
        _ => None,
    })
}
