//! A request between two attempts, because its policy does not want the next at once.

use super::client::{Client, Interrupt};
use super::policy::{End, Policy};
use super::transfer::BULK;
use crate::clock::Timestamp;
use std::future::poll_fn;
use std::task::Poll;

impl<P: Policy> Client<P> {
    /// Waits for that time, as long as the client does. `Err`: it has gone, or we stop.
    pub(super) async fn wait(&mut self, until: Timestamp) -> Result<(), End> {
        self.timer.set(until);
        poll_fn(|cx| {
            // Room for more than a small body: behind what is not read, nobody hears the client leave.
            self.input.make_room(BULK);
            if self.poll_gone(cx).is_ready() {
                return Poll::Ready(Err(End::ClientGone));
            }
            self.poll_interrupt(cx).map(|interrupt| match interrupt {
                Interrupt::Deadline => Ok(()),
                Interrupt::Stopped | Interrupt::Severed(_) => Err(End::Cut),
            })
        })
        .await
    }
}
