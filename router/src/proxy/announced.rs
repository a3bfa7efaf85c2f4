//! The PROXY protocol header that a client connection begins with, if the settings ask for one.

use super::client::Client;
use super::gate::Phase;
use super::policy::Policy;
use crate::clock;
use crate::proxy_protocol::{self, Header};
use std::future::poll_fn;
use std::task::Poll;

impl<P: Policy> Client<P> {
    /// Waits for the header, as long as for a first request, and takes over whom it names. False: the connection ends.
    pub(super) async fn announced(&mut self) -> bool {
        if !self.settings.proxy_protocol {
            return true;
        }
        self.timer.set(self.idle_since + self.settings.idle_timeout);
        let mut begun = false;
        poll_fn(|cx| {
            loop {
                match proxy_protocol::parse(self.input.filled()) {
                    Ok(Some((header, length))) => {
                        if let Header::Tcp { source, .. } = header {
                            self.peer = source;
                        }
                        self.input.consume(length);
                        self.idle_since = clock::now();
                        return Poll::Ready(true);
                    }
                    Ok(None) => {}
                    Err(wrong) => {
                        tracing::debug!(client = %self.peer, %wrong, "no PROXY protocol header");
                        return Poll::Ready(false);
                    }
                }
                if !begun && !self.input.is_empty() {
                    begun = true;
                    self.timer.set(clock::now() + self.settings.header_timeout);
                }
                if !self.input.make_room(proxy_protocol::MAX) {
                    return Poll::Ready(false);
                }
                match self.input.poll_fill(cx, &mut self.stream) {
                    Poll::Ready(Ok(1..)) => {}
                    Poll::Ready(_) => return Poll::Ready(false),
                    Poll::Pending => break,
                }
            }
            if self.place.phase() == Phase::Draining && self.may_close() {
                return Poll::Ready(false);
            }
            self.poll_interrupt(cx).map(|_| false)
        })
        .await
    }
}
