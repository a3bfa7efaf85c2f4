//! Whose turn it is to write to a client: the thread that passes interim responses on, or the one that answers.

use std::sync::atomic::{AtomicU8, Ordering};

/// Interim responses are written one after the other until the answer begins; never half of one before it.
#[derive(Default)]
pub(super) struct Turn(AtomicU8);

const FREE: u8 = 0;
const WRITING: u8 = 1;
const ANSWERED: u8 = 2;

impl Turn {
    /// An interim response begins. False: the answer has begun.
    pub fn begin(&self) -> bool {
        self.turn(FREE, WRITING)
    }

    /// It was written as a whole.
    pub fn over(&self) {
        self.turn(WRITING, FREE);
    }

    /// The answer begins. False: an interim response is in the way, and will not be completed for sure.
    pub fn end(&self) -> bool {
        self.turn(FREE, ANSWERED)
    }

    fn turn(&self, from: u8, to: u8) -> bool {
        let turned = self
            .0
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
        turned.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_writes_into_what_another_has_begun() {
        let turn = Turn::default();
        assert!(turn.begin() && !turn.end());
        turn.over();
        assert!(turn.begin());
        turn.over();
        assert!(turn.end() && !turn.begin());
    }
}
