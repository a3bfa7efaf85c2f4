//! Where the next request goes. Every operation but a change of what may be used takes constant time.

use super::{BackendId, Balance, RetryTo};

const NONE: u32 = u32::MAX;

/// Chooses among the usable backends and counts what is in flight at all of them.
#[derive(Clone, Debug, Default)]
pub struct Picker {
    least_connections: bool,
    /// In order of their numbers.
    usable: Vec<BackendId>,
    /// Round robin: the place in `usable` whose turn it is.
    turn: usize,
    last: Option<BackendId>,
    nodes: Vec<Node>,
    /// Least connections: the usable backends with `n` requests in flight, longest-waiting first, at `levels[n]`.
    levels: Vec<Level>,
    /// No lower level has a backend.
    lowest: usize,
}

#[derive(Clone, Debug)]
struct Node {
    in_flight: u32,
    linked: bool,
    before: u32,
    after: u32,
}

#[derive(Clone, Copy, Debug)]
struct Level {
    head: u32,
    tail: u32,
}

impl Picker {
    pub fn new(balance: Balance, usable: &[BackendId]) -> Picker {
        let mut picker = Picker::default();
        picker.update(balance, usable);
        picker
    }

    /// What may be picked from now on, in order of the backends' numbers. Counts and the turn are kept.
    pub fn update(&mut self, balance: Balance, usable: &[BackendId]) {
        self.least_connections = balance == Balance::LeastConnections;
        self.usable = usable.to_vec();
        let next = self
            .last
            .map_or(0, |last| usable.partition_point(|id| *id <= last));
        self.turn = if next < usable.len() { next } else { 0 };
        let most = usable.last().map_or(0, |id| id.index() + 1);
        self.nodes.resize(self.nodes.len().max(most), Node::new());
        self.levels.clear();
        self.lowest = 0;
        for node in &mut self.nodes {
            node.linked = false;
        }
        if self.least_connections {
            for id in usable {
                self.link(id.0);
            }
            self.seek_lowest();
        }
    }

    /// The backend for the next request; `None` when none is usable. Count it with [`Picker::started`].
    pub fn pick(&mut self) -> Option<BackendId> {
        let picked = if self.least_connections {
            let level = self.levels.get(self.lowest)?;
            (level.head != NONE).then_some(BackendId(level.head))?
        } else {
            let picked = *self.usable.get(self.turn)?;
            self.turn = if self.turn + 1 < self.usable.len() {
                self.turn + 1
            } else {
                0
            };
            picked
        };
        self.last = Some(picked);
        Some(picked)
    }

    /// For a retry: none of `tried` as long as there is another. Nobody's turn passes by it: a failed backend would
    /// otherwise come round sooner than its share.
    pub fn pick_other(&mut self, tried: &[BackendId]) -> Option<BackendId> {
        let other = if self.least_connections {
            let mut levels = self.levels.iter().skip(self.lowest);
            levels.find_map(|level| {
                let follow = |id: &u32| Some(self.nodes[*id as usize].after).filter(|id| *id != NONE);
                std::iter::successors(Some(level.head).filter(|id| *id != NONE), follow)
                    .map(BackendId)
                    .find(|id| !tried.contains(id))
            })
        } else {
            let (before, from) = self.usable.split_at(self.turn.min(self.usable.len()));
            let mut turns = from.iter().chain(before);
            turns.find(|id| !tried.contains(id)).copied()
        };
        other.or_else(|| self.pick())
    }

    /// Where a retry goes that may go `to`, after attempts at `tried`.
    pub fn pick_again(&mut self, to: RetryTo, tried: &[BackendId]) -> Option<BackendId> {
        match to {
            RetryTo::Other => self.pick_other(tried),
            RetryTo::Any => self.pick(),
            // Whatever is believed of it meanwhile: HAProxy keeps the server it has assigned.
            RetryTo::Same => tried.last().copied(),
        }
    }

    /// Requests in flight at a backend, usable or not.
    pub fn in_flight(&self, backend: BackendId) -> u32 {
        self.nodes.get(backend.index()).map_or(0, |node| node.in_flight)
    }

    /// A request was sent to `backend`.
    pub fn started(&mut self, backend: BackendId) {
        self.recount(backend, 1);
    }

    /// A request to `backend` is over. Every `started` has one.
    pub fn ended(&mut self, backend: BackendId) {
        self.recount(backend, -1);
    }

    fn recount(&mut self, backend: BackendId, change: i32) {
        let Some(node) = self.nodes.get_mut(backend.index()) else {
            return;
        };
        let linked = node.linked;
        if linked {
            self.unlink(backend.0);
        }
        let node = &mut self.nodes[backend.index()];
        node.in_flight = node.in_flight.saturating_add_signed(change);
        let level = node.in_flight as usize;
        if linked {
            self.link(backend.0);
            self.lowest = self.lowest.min(level);
            self.seek_lowest();
        }
    }

    /// At most one step per `started`: the backend that left the lowest level went to the next one.
    fn seek_lowest(&mut self) {
        while self.lowest + 1 < self.levels.len() && self.levels[self.lowest].head == NONE {
            self.lowest += 1;
        }
    }

    fn link(&mut self, id: u32) {
        let count = self.nodes[id as usize].in_flight as usize;
        if self.levels.len() <= count {
            self.levels.resize(
                count + 1,
                Level {
                    head: NONE,
                    tail: NONE,
                },
            );
        }
        let level = &mut self.levels[count];
        let before = std::mem::replace(&mut level.tail, id);
        if before == NONE {
            level.head = id;
        } else {
            self.nodes[before as usize].after = id;
        }
        let node = &mut self.nodes[id as usize];
        (node.linked, node.before, node.after) = (true, before, NONE);
    }

    fn unlink(&mut self, id: u32) {
        let Node {
            in_flight,
            before,
            after,
            ..
        } = self.nodes[id as usize];
        let level = &mut self.levels[in_flight as usize];
        match before {
            NONE => level.head = after,
            before => self.nodes[before as usize].after = after,
        }
        match after {
            NONE => level.tail = before,
            after => self.nodes[after as usize].before = before,
        }
        self.nodes[id as usize].linked = false;
    }
}

impl Node {
    fn new() -> Node {
        Node {
            in_flight: 0,
            linked: false,
            before: NONE,
            after: NONE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ids(numbers: &[u32]) -> Vec<BackendId> {
        numbers.iter().copied().map(BackendId).collect()
    }

    fn picks(picker: &mut Picker, n: usize) -> Vec<u32> {
        (0..n).map(|_| picker.pick().unwrap().0).collect()
    }

    #[test]
    fn round_robin_takes_turns_and_keeps_its_place_when_one_leaves() {
        let mut picker = Picker::new(Balance::RoundRobin, &ids(&[0, 1, 2, 3]));
        assert_eq!(picks(&mut picker, 6), [0, 1, 2, 3, 0, 1]);
        picker.update(Balance::RoundRobin, &ids(&[0, 1, 3]));
        assert_eq!(picks(&mut picker, 4), [3, 0, 1, 3]);
        picker.update(Balance::RoundRobin, &ids(&[0, 1, 2, 3]));
        assert_eq!(picks(&mut picker, 2), [0, 1]);
    }

    #[test]
    fn nothing_usable_picks_nothing() {
        for balance in [Balance::RoundRobin, Balance::LeastConnections] {
            assert_eq!(Picker::new(balance, &[]).pick(), None);
        }
    }

    #[test]
    fn a_retry_goes_elsewhere_as_long_as_there_is_an_elsewhere() {
        for balance in [Balance::RoundRobin, Balance::LeastConnections] {
            let mut picker = Picker::new(balance, &ids(&[0, 1, 2]));
            let first = picker.pick().unwrap();
            let second = picker.pick_other(&[first]).unwrap();
            let third = picker.pick_other(&[first, second]).unwrap();
            let mut all = vec![first.0, second.0, third.0];
            all.sort();
            assert_eq!(all, [0, 1, 2]);
            assert!(picker.pick_other(&[first, second, third]).is_some());
        }
    }

    proptest! {
        #[test]
        fn least_connections_picks_a_least_loaded_usable_backend(
            steps in proptest::collection::vec((0u8..8, 0u32..6), 1..400)
        ) {
            let mut usable = ids(&[0, 1, 2, 3, 4, 5]);
            let mut picker = Picker::new(Balance::LeastConnections, &usable);
            let mut model = [0u32; 6];
            for (step, n) in steps {
                match step {
                    0 => {
                        let id = BackendId(n);
                        match usable.binary_search(&id) {
                            Ok(place) => { usable.remove(place); }
                            Err(place) => usable.insert(place, id),
                        }
                        picker.update(Balance::LeastConnections, &usable);
                    }
                    1..=3 => if model[n as usize] > 0 {
                        model[n as usize] -= 1;
                        picker.ended(BackendId(n));
                    },
                    _ => match picker.pick() {
                        None => prop_assert!(usable.is_empty()),
                        Some(picked) => {
                            let least = usable.iter().map(|id| model[id.index()]).min();
                            prop_assert!(usable.contains(&picked));
                            prop_assert_eq!(Some(model[picked.index()]), least);
                            model[picked.index()] += 1;
                            picker.started(picked);
                        }
                    },
                }
                for (i, count) in model.iter().enumerate() {
                    prop_assert_eq!(picker.in_flight(BackendId(i as u32)), *count);
                }
            }
        }

        #[test]
        fn round_robin_shares_evenly(n in 1u32..20, rounds in 1usize..5) {
            let all: Vec<_> = (0..n).map(BackendId).collect();
            let mut picker = Picker::new(Balance::RoundRobin, &all);
            let mut counts = vec![0; n as usize];
            for _ in 0..rounds * n as usize {
                counts[picker.pick().unwrap().index()] += 1;
            }
            prop_assert!(counts.iter().all(|count| *count == rounds));
        }
    }
}
