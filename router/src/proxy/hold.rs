//! A request that its policy is not ready to decide about.

use super::client::Client;
use super::exchange::After;
use super::policy::{End, Policy, Verdict};
use super::running::Running;
use super::settings::ClientEof;
use super::timer::NEVER;
use super::transfer::BULK;
use crate::clock;
use std::future::poll_fn;
use std::task::Poll;

impl<P: Policy> Client<P> {
    /// Waits for another verdict than [`Verdict::Hold`], as long as the client does. `Err`: it has gone, or we stop.
    pub(super) async fn hold(
        &mut self,
        mut eof: ClientEof,
        mut running: Running<P>,
    ) -> Result<(Running<P>, Verdict), After> {
        self.timer.set(NEVER);
        let held = poll_fn(|cx| {
            loop {
                match running.poll_held(cx) {
                    Poll::Ready(Verdict::Hold(next)) => eof = next,
                    Poll::Ready(verdict) => return Poll::Ready(Ok(verdict)),
                    Poll::Pending => break,
                }
            }
            // Room for more than a small body: behind what is not read, nobody hears the client leave.
            self.input.make_room(BULK);
            if self.poll_gone(cx).is_ready() || (self.eof && eof == ClientEof::Abort) {
                return Poll::Ready(Err(End::ClientGone));
            }
            self.poll_interrupt(cx).map(|_| Err(End::Cut))
        })
        .await;
        match held {
            Ok(verdict) => Ok((running, verdict)),
            Err(end) => {
                running.finish(end, clock::now());
                Err(After::Close)
            }
        }
    }
}
