//! PURE: a limited number of places, and who makes way when all are taken.

use router::clock::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// Places by number; each has the `handle` that ends whoever has it.
#[derive(Debug)]
pub(super) struct Places<H> {
    limit: usize,
    /// Nobody makes way who has not been idle for so long: everybody has that to say what is wanted.
    patience: Duration,
    taken: BTreeMap<u64, Place<H>>,
    next: u64,
    turned_out: u64,
}

#[derive(Debug)]
struct Place<H> {
    /// Since then nothing has moved; `None`: something does.
    idle: Option<Timestamp>,
    /// In the middle of what must not be broken off.
    kept: bool,
    handle: H,
}

/// What came of asking for a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked<H> {
    /// Its number.
    Free(u64),
    /// Its number, and the handle of the one that makes way for it: the one idle longest.
    Instead(u64, H),
    /// Nobody makes way before that time, or before somebody leaves.
    Full(Option<Timestamp>),
}

impl<H> Places<H> {
    pub fn new(limit: usize, patience: Duration) -> Places<H> {
        Places {
            limit,
            patience,
            taken: BTreeMap::new(),
            next: 0,
            turned_out: 0,
        }
    }

    /// Asks for a place for somebody who is idle since `idle`.
    pub fn take(&mut self, now: Timestamp, idle: Option<Timestamp>, handle: H) -> Asked<H> {
        if self.taken.len() < self.limit {
            return Asked::Free(self.seat(idle, handle));
        }
        let idlers = self.taken.iter().filter(|(_, place)| !place.kept);
        let idlest = idlers
            .filter_map(|(number, place)| Some((place.idle?, *number)))
            .min();
        let Some((since, number)) = idlest else {
            return Asked::Full(None);
        };
        let due = since + self.patience;
        if now < due {
            return Asked::Full(Some(due));
        }
        match self.taken.remove(&number) {
            Some(place) => {
                self.turned_out += 1;
                Asked::Instead(self.seat(idle, handle), place.handle)
            }
            None => Asked::Full(None),
        }
    }

    /// Nothing has moved there since then; `None`: something does. Of a place that is nobody's any more, nothing is known.
    pub fn idle(&mut self, number: u64, since: Option<Timestamp>) {
        if let Some(place) = self.taken.get_mut(&number) {
            place.idle = since;
        }
    }

    /// Whether it is in the middle of what must not be broken off.
    pub fn keep(&mut self, number: u64, kept: bool) {
        if let Some(place) = self.taken.get_mut(&number) {
            place.kept = kept;
        }
    }

    pub fn leave(&mut self, number: u64) {
        self.taken.remove(&number);
    }

    pub fn limit(&self) -> usize {
        self.limit
    }

    pub fn len(&self) -> usize {
        self.taken.len()
    }

    /// How many have made way for others so far.
    pub fn turned_out(&self) -> u64 {
        self.turned_out
    }

    fn seat(&mut self, idle: Option<Timestamp>, handle: H) -> u64 {
        let number = self.next;
        self.next += 1;
        self.taken.insert(
            number,
            Place {
                idle,
                kept: false,
                handle,
            },
        );
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(100);

    fn ms(ms: u64) -> Timestamp {
        Timestamp(1_000_000_000 + ms * 1_000_000)
    }

    /// Three places, taken by `a`, `b` and `c` at 0, 10 and 20 ms.
    fn full() -> Places<char> {
        let mut places = Places::new(3, PATIENCE);
        for (name, at) in [('a', 0), ('b', 10), ('c', 20)] {
            let taken = places.take(ms(at), Some(ms(at)), name);
            assert!(matches!(taken, Asked::Free(_)), "{taken:?}");
        }
        places
    }

    #[test]
    fn the_one_idle_longest_makes_way_and_is_counted() {
        let mut places = full();
        places.idle(0, Some(ms(300)));
        assert_eq!(places.take(ms(500), Some(ms(500)), 'd'), Asked::Instead(3, 'b'));
        assert_eq!(places.take(ms(500), Some(ms(500)), 'e'), Asked::Instead(4, 'c'));
        assert_eq!(places.take(ms(500), Some(ms(500)), 'f'), Asked::Instead(5, 'a'));
        assert_eq!((places.len(), places.turned_out()), (3, 3));
        // What is still told of those who have gone concerns nobody.
        places.idle(0, Some(ms(0)));
        places.leave(1);
        assert_eq!(places.len(), 3);
    }

    #[test]
    fn nobody_makes_way_in_the_middle_of_an_order_or_while_something_moves_or_too_soon() {
        let mut places = full();
        assert_eq!(places.take(ms(99), Some(ms(99)), 'd'), Asked::Full(Some(ms(100))));
        places.keep(0, true);
        // An order is kept whatever has moved since.
        places.idle(0, Some(ms(0)));
        assert_eq!(places.take(ms(99), Some(ms(99)), 'd'), Asked::Full(Some(ms(110))));
        places.idle(1, None);
        places.idle(2, None);
        assert_eq!(places.take(ms(9999), None, 'd'), Asked::Full(None));
        places.keep(0, false);
        assert_eq!(places.take(ms(9999), None, 'd'), Asked::Instead(3, 'a'));
        places.leave(2);
        assert_eq!(places.take(ms(9999), None, 'e'), Asked::Free(4));
        assert_eq!(places.turned_out(), 1);
    }
}
