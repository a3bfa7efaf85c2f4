//! Requests dealt over several probers, each of which decides for its share where they may go.

use super::table::Table;
use crate::core::{BackendId, Picker};

/// One picker for each prober; none where all requests go by the same set.
#[derive(Default)]
pub struct Shares {
    pickers: Vec<Picker>,
    turn: usize,
}

impl Shares {
    pub fn new(table: &Table) -> Shares {
        let mut shares = Shares::default();
        shares.update(table);
        shares
    }

    /// What may be picked for each share from now on. Counts and turns are kept.
    pub fn update(&mut self, table: &Table) {
        self.pickers.resize(table.shares.len(), Picker::default());
        for (picker, usable) in self.pickers.iter_mut().zip(&table.shares) {
            picker.update(table.settings.balance, usable);
        }
    }

    /// Whose share the next request is.
    pub fn deal(&mut self) -> Option<usize> {
        if self.pickers.is_empty() {
            return None;
        }
        let turn = self.turn % self.pickers.len();
        self.turn = turn + 1;
        Some(turn)
    }

    /// Who picks for that share; `None` where that prober is no more.
    pub fn picker(&mut self, share: Option<usize>) -> Option<&mut Picker> {
        self.pickers.get_mut(share?)
    }

    /// A prober balances by what it has sent itself.
    pub fn started(&mut self, share: Option<usize>, backend: BackendId) {
        if let Some(picker) = self.picker(share) {
            picker.started(backend);
        }
    }

    pub fn ended(&mut self, share: Option<usize>, backend: BackendId) {
        if let Some(picker) = self.picker(share) {
            picker.ended(backend);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Settings;
    use std::sync::Arc;

    fn table(shares: &[&[u32]]) -> Table {
        let ids = |share: &&[u32]| share.iter().copied().map(BackendId).collect();
        Table {
            version: 0,
            settings: Settings::default(),
            members: Arc::new([]),
            usable: Vec::new(),
            shares: shares.iter().map(ids).collect(),
            since: Vec::new(),
        }
    }

    fn picks(shares: &mut Shares, n: usize) -> Vec<Option<u32>> {
        let mut pick = || {
            let share = shares.deal();
            let picked = shares.picker(share)?.pick()?;
            Some(picked.0)
        };
        (0..n).map(|_| pick()).collect()
    }

    #[test]
    fn requests_are_dealt_in_turn_and_go_where_their_prober_lets_them() {
        let mut shares = Shares::new(&table(&[&[0, 1], &[0], &[]]));
        let seen = picks(&mut shares, 6);
        assert_eq!(seen, [Some(0), Some(0), None, Some(1), Some(0), None]);
        // One prober less, and what was under way for it is nobody's.
        shares.update(&table(&[&[0, 1], &[1]]));
        shares.ended(Some(2), BackendId(0));
        assert_eq!(picks(&mut shares, 3), [Some(0), Some(1), Some(1)]);
        shares.update(&table(&[]));
        assert_eq!(shares.deal(), None);
    }
}
