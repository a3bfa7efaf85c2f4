//! What the data thread knows of the routers: the table in force, what is in flight, what is still to be told.

use super::super::judge::Judge;
use super::super::shares::Shares;
use super::super::table::Table;
use super::Ticket;
use crate::core::{BackendId, Picker, RetryGate};
use arc_swap::{ArcSwap, Cache};
use rand_chacha::ChaCha8Rng;
use router::clock::Timestamp;
use std::sync::Arc;

pub(super) struct State {
    pub published: Cache<Arc<ArcSwap<Table>>, Arc<Table>>,
    /// The table in force here.
    pub table: Arc<Table>,
    /// Counts what is in flight, and picks unless the table has shares.
    pub picker: Picker,
    pub shares: Shares,
    pub retries: RetryGate,
    /// Of the waits before retries.
    pub random: ChaCha8Rng,
    /// Per backend: what is still to be told about its last change.
    pub pending: Vec<Pending>,
    pub judge: Judge,
    /// Backends that wait for a request to try them, and the number of that trial.
    pub trials: Vec<(BackendId, u32)>,
    /// Per backend: its last trial that has got its request.
    pub tried: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pending {
    Nothing,
    /// Not usable any more, and attempts are in flight.
    Quiet,
    /// Usable again since then, and no attempt started since has succeeded.
    Readmission(Timestamp),
    /// Usable again; the attempt started then was the first to succeed.
    Readmitted(Timestamp),
}

impl State {
    /// Who chooses for that request.
    pub fn picker(&mut self, ticket: &Ticket) -> &mut Picker {
        self.shares.picker(ticket.share).unwrap_or(&mut self.picker)
    }

    /// Has the pickers choose among those in use and those on trial.
    pub fn aim(&mut self) {
        let on_trial = |usable: &[BackendId]| {
            let mut all = usable.to_vec();
            all.extend(self.trials.iter().map(|(backend, _)| *backend));
            all.sort();
            all.dedup();
            all
        };
        let balance = self.table.settings.balance;
        self.picker.update(balance, &on_trial(&self.table.usable));
        self.shares
            .update(balance, self.table.shares.iter().map(|usable| on_trial(usable)));
    }

    /// Whether the request that goes to `backend` tries it; the next one does not.
    pub fn try_out(&mut self, backend: BackendId) -> bool {
        let place = self.trials.iter().position(|(on_trial, _)| *on_trial == backend);
        let Some(place) = place else { return false };
        let (_, number) = self.trials.swap_remove(place);
        self.tried[backend.index()] = number;
        self.aim();
        self.judge.trying(backend);
        true
    }
}
