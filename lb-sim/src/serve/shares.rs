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
