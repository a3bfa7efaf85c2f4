//! Which backend wants attention next: a heap with one place per backend, so that a deadline can be moved or cancelled.

use super::BackendId;
use router::clock::Timestamp;

/// Children per node: half as deep as a binary heap, and the children share a cache line.
const ARITY: usize = 4;
const ABSENT: u32 = u32::MAX;

/// One deadline at most per backend. Ties go to the lower backend, so the order never depends on history.
#[derive(Clone, Debug, Default)]
pub struct Deadlines {
    heap: Vec<Entry>,
    /// Where each backend stands in `heap`, or `ABSENT`.
    place: Vec<u32>,
}

/// Time and backend in one number: compared without a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry(u128);

impl Entry {
    fn new(at: Timestamp, backend: BackendId) -> Entry {
        Entry(u128::from(at.0) << 32 | u128::from(backend.0))
    }

    fn at(self) -> Timestamp {
        Timestamp((self.0 >> 32) as u64)
    }

    fn backend(self) -> BackendId {
        BackendId(self.0 as u32)
    }
}

impl Deadlines {
    /// The earliest deadline.
    pub fn next(&self) -> Option<(Timestamp, BackendId)> {
        self.heap.first().map(|entry| (entry.at(), entry.backend()))
    }

    /// Sets or moves a backend's deadline; `None` cancels it.
    pub fn set(&mut self, backend: BackendId, at: Option<Timestamp>) {
        if backend.index() >= self.place.len() {
            self.place.resize(backend.index() + 1, ABSENT);
        }
        let place = self.place[backend.index()];
        match (at, place) {
            (None, ABSENT) => {}
            (None, place) => self.remove(place as usize),
            (Some(at), ABSENT) => {
                self.heap.push(Entry::new(at, backend));
                self.rise(self.heap.len() - 1);
            }
            (Some(at), place) => {
                let place = place as usize;
                let entry = Entry::new(at, backend);
                let earlier = entry < std::mem::replace(&mut self.heap[place], entry);
                if earlier {
                    self.rise(place)
                } else {
                    self.sink(place)
                }
            }
        }
    }

    fn remove(&mut self, place: usize) {
        let gone = self.heap.swap_remove(place);
        self.place[gone.backend().index()] = ABSENT;
        if let Some(moved) = self.heap.get(place).copied() {
            if moved < gone {
                self.rise(place)
            } else {
                self.sink(place)
            }
        }
    }

    /// Moves the entry at `place` towards the root until its parent is earlier.
    fn rise(&mut self, mut place: usize) {
        let entry = self.heap[place];
        while place > 0 {
            let parent = (place - 1) / ARITY;
            if self.heap[parent] < entry {
                break;
            }
            self.put(place, self.heap[parent]);
            place = parent;
        }
        self.put(place, entry);
    }

    /// Moves the entry at `place` away from the root until its children are later.
    fn sink(&mut self, mut place: usize) {
        let entry = self.heap[place];
        loop {
            let first = place * ARITY + 1;
            let child = match self.heap.get(first..) {
                // Two rounds of comparisons without a branch to guess wrong.
                Some([a, b, c, d, ..]) => {
                    let (left, right) = (usize::from(b < a), 2 + usize::from(d < c));
                    let children = [a, b, c, d];
                    first
                        + if children[right] < children[left] {
                            right
                        } else {
                            left
                        }
                }
                Some(rest) if !rest.is_empty() => {
                    let last = first + rest.len();
                    (first..last)
                        .min_by_key(|&child| self.heap[child])
                        .unwrap_or(first)
                }
                _ => break,
            };
            if entry < self.heap[child] {
                break;
            }
            self.put(place, self.heap[child]);
            place = child;
        }
        self.put(place, entry);
    }

    fn put(&mut self, place: usize, entry: Entry) {
        self.heap[place] = entry;
        self.place[entry.backend().index()] = place as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn the_next_deadline_is_the_least_of_a_plain_map(
            steps in proptest::collection::vec((0u32..40, proptest::option::weighted(0.8, 0u64..100)), 1..300)
        ) {
            let mut deadlines = Deadlines::default();
            let mut model = BTreeMap::new();
            for (backend, at) in steps {
                let (backend, at) = (BackendId(backend), at.map(Timestamp));
                deadlines.set(backend, at);
                match at {
                    Some(at) => model.insert(backend, at),
                    None => model.remove(&backend),
                };
                let least = model.iter().map(|(backend, at)| (*at, *backend)).min();
                prop_assert_eq!(deadlines.next(), least);
            }
        }
    }

    #[test]
    fn entries_leave_in_order_of_time_then_backend() {
        let mut deadlines = Deadlines::default();
        for (backend, at) in [(3, 7), (1, 7), (0, 9), (2, 1)] {
            deadlines.set(BackendId(backend), Some(Timestamp(at)));
        }
        let mut order = Vec::new();
        while let Some((_, backend)) = deadlines.next() {
            order.push(backend.0);
            deadlines.set(backend, None);
        }
        assert_eq!(order, [2, 1, 3, 0]);
    }
}
