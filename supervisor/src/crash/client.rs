//! One client: asks, stays for a moment, is gone.

use super::traffic::{Leave, Shared};
use crate::experiment::load::arrivals::{Arrivals, Schedule};
use crate::experiment::load::punctual::{Realtime, make_punctual};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use router::clock::{self, Timestamp};
use router::proxy_protocol::Header;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

pub(super) struct Client<'a> {
    shared: &'a Shared,
    request: Vec<u8>,
    dice: ChaCha8Rng,
    /// When it asks, if not one after the other.
    schedule: Option<Schedule>,
    scratch: Vec<u8>,
}

/// The host of the lab's route.
const HOST: &str = "app.test";
/// A router whose queue is full, or that stands still, gets this long to take a connection.
const CONNECT: Duration = Duration::from_millis(250);
/// Where nobody listens, it is not tried again before that.
const NOBODY: Duration = Duration::from_millis(5);

impl Client<'_> {
    /// Client `n` of them.
    pub fn new(shared: &Shared, n: u32) -> Client<'_> {
        let order = &shared.order;
        let mut dice = ChaCha8Rng::seed_from_u64(order.seed);
        dice.set_stream(u64::from(n));
        // Independent Poisson arrivals add up to Poisson arrivals.
        let schedule = order.rate.map(|rate| {
            let seed = order.seed.wrapping_mul(1_000_003).wrapping_add(u64::from(n));
            let mut schedule = Schedule::new(Arrivals::Poisson, seed);
            schedule.restart(clock::now(), rate / f64::from(order.clients));
            schedule
        });
        Client {
            shared,
            request: order.trigger.request(HOST),
            dice,
            schedule,
            scratch: vec![0; 64 * 1024],
        }
    }

    pub fn run(mut self) {
        make_punctual(Realtime::Off);
        while self.shared.goes_on(clock::now()) {
            if let Some(due) = self.schedule.as_mut().and_then(Schedule::advance) {
                self.pass(due);
                if self.shared.is_stopped() {
                    break;
                }
            }
            let sent = self.attempt();
            match self.shared.order.stay {
                _ if self.schedule.is_some() => {}
                _ if !sent => self.pass(clock::now() + NOBODY),
                // Its death may be on the way: another request would be one more than it took.
                Some(stay) => self.pass(clock::now() + stay),
                None => {}
            }
        }
        self.shared.left();
    }

    /// Lets the time pass, unless all is to end.
    fn pass(&self, deadline: Timestamp) {
        while clock::now() < deadline && !self.shared.is_stopped() {
            self.shared.wait(deadline);
        }
    }

    /// One attempt; false: nothing could be sent.
    fn attempt(&mut self) -> bool {
        // Before connecting: a connection that asks for nothing is no attempt.
        if !self.shared.claim() {
            return false;
        }
        let Some(mut stream) = self.ask() else {
            self.shared.unclaim();
            return false;
        };
        let trigger = self.shared.order.trigger;
        let stay = self.shared.order.stay;
        let stay = stay.unwrap_or_else(|| trigger.stay(&mut self.dice));
        self.stay(&mut stream, clock::now() + stay);
        if self.shared.order.leave == Leave::Reset {
            let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
        true
    }

    /// A connection over which the request has been sent.
    fn ask(&self) -> Option<TcpStream> {
        let mut stream = TcpStream::connect_timeout(&self.shared.order.target, CONNECT).ok()?;
        stream.set_nonblocking(true).ok()?;
        let said = match self.introduction(&stream) {
            Some(introduction) => [introduction, self.request.clone()].concat(),
            None => self.request.clone(),
        };
        // So few bytes fit into an empty socket buffer, or the connection is broken.
        let sent = stream.write(&said).ok()?;
        (sent == said.len()).then_some(stream)
    }

    /// What comes before the request where that is wanted.
    fn introduction(&self, stream: &TcpStream) -> Option<Vec<u8>> {
        if !self.shared.order.introduced {
            return None;
        }
        let (source, destination) = (stream.local_addr().ok()?, stream.peer_addr().ok()?);
        let mut bytes = Vec::new();
        Header::Tcp { source, destination }.write(&mut bytes);
        Some(bytes)
    }

    /// Waits without listening, as a client that is about to leave does: woken by each response it would take the
    /// processor from the router that is in the middle of writing it. What came is taken at the end: bytes that nobody
    /// had read would turn a FIN into a RST.
    fn stay(&mut self, stream: &mut TcpStream, leaves: Timestamp) {
        self.pass(leaves);
        while matches!(stream.read(&mut self.scratch), Ok(1..)) {}
    }
}
