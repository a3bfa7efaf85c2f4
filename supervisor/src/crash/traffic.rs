//! Clients that leave in the middle of an answer, a thread each: what they wait for is finer than tokio's timers, and a
//! supervisor that is busy must not make them late.

use super::client::Client;
use super::{CrashRate, Plan, Trigger};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeSpec;
use router::clock::{self, Timestamp};
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// What is sent where, by how many.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    pub target: SocketAddr,
    pub trigger: Trigger,
    pub clients: u32,
    /// Requests a second of all clients together, whatever became of those before; `None`: each client begins its next
    /// one when it has left.
    pub rate: Option<f64>,
    pub leave: Leave,
    /// The target wants to be told who its clients are: PROXY protocol, version 2.
    pub introduced: bool,
    /// Every client stays this long, and away as long; `None`: as long as [`Trigger::stay`] has it.
    pub stay: Option<Duration>,
    /// So many requests at most.
    pub attempts: u64,
    /// No request is begun after that.
    pub until: Option<Timestamp>,
    /// The same seed draws the same stays.
    pub seed: u64,
}

/// How a client goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// With a FIN, as by closing: gorouter takes that for leaving.
    Close,
    /// With a RST. A balancer may take a FIN for a client that has said all and still listens (lb-sim does, as most
    /// proxies do), and would not tell the router.
    Reset,
}

/// Clients at work. Dropping it ends them.
pub struct Traffic(Arc<Shared>);

pub(super) struct Shared {
    pub order: Order,
    /// Readable for good once the clients are to end.
    ended: EventFd,
    stopped: AtomicBool,
    /// Requests sent.
    attempts: AtomicU64,
    /// Clients that have not ended.
    running: AtomicU32,
    over: Notify,
}

/// As many as killed the real one.
const CLIENTS: u32 = 8;
/// At [`CrashRate::MOST`] a second each client begins one in 16 ms on average.
const AMBIENT_CLIENTS: u32 = 16;
/// A router that has withstood for this long withstands.
const PATIENCE: Duration = Duration::from_secs(60);
/// With both writers waiting for each other, the client has to stay until the first interim response is there.
const SURE_STAY: Duration = Duration::from_millis(100);

impl Order {
    /// At a router itself until it dies. With a number of attempts that somebody asked for, that is the only limit.
    pub fn at_router(target: SocketAddr, plan: &Plan, seed: u64, now: Timestamp) -> Order {
        Order {
            target,
            trigger: plan.trigger,
            clients: if plan.sure { 1 } else { CLIENTS },
            rate: None,
            leave: Leave::Close,
            introduced: false,
            stay: plan.sure.then_some(SURE_STAY),
            attempts: plan.limit(),
            until: plan.attempts.is_none().then_some(now + PATIENCE),
            seed,
        }
    }

    /// Through a balancer, until stopped.
    pub fn at_balancer(target: SocketAddr, rate: &CrashRate, seed: u64) -> Order {
        Order {
            target,
            trigger: rate.trigger,
            clients: AMBIENT_CLIENTS,
            rate: Some(rate.per_second),
            leave: Leave::Reset,
            introduced: false,
            stay: None,
            attempts: u64::MAX,
            until: None,
            seed,
        }
    }
}

impl Traffic {
    pub fn start(order: Order) -> io::Result<Traffic> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let shared = Arc::new(Shared {
            order,
            ended: EventFd::from_value_and_flags(0, flags)?,
            stopped: AtomicBool::new(false),
            attempts: AtomicU64::new(0),
            running: AtomicU32::new(order.clients),
            over: Notify::new(),
        });
        // Dropped on an error, it ends those that have been started.
        let traffic = Traffic(shared);
        for n in 0..order.clients {
            let shared = traffic.0.clone();
            std::thread::Builder::new()
                .name(format!("crash-{n}"))
                .spawn(move || Client::new(&shared, n).run())?;
        }
        Ok(traffic)
    }

    /// Requests sent so far.
    pub fn attempts(&self) -> u64 {
        self.0.attempts.load(Ordering::Relaxed)
    }

    /// All clients have ended: nothing more is sent.
    pub fn is_over(&self) -> bool {
        self.0.running.load(Ordering::Acquire) == 0
    }

    /// Resolves when it is over. For one caller.
    pub fn over(&self) -> impl Future<Output = ()> + Send + use<> {
        let shared = self.0.clone();
        async move { shared.over.notified().await }
    }

    /// Nothing more is begun; what is under way is left within a moment.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::Release);
        let _ = self.0.ended.write(1); // it can only fail by being readable already
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    /// Takes one of the attempts that are left.
    pub fn claim(&self) -> bool {
        let most = self.order.attempts;
        let more = |begun: u64| (begun < most).then_some(begun + 1);
        let claimed = self
            .attempts
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        claimed.is_ok()
    }

    /// Gives one back: its request could not be sent.
    pub fn unclaim(&self) {
        self.attempts.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether to begin another one.
    pub fn goes_on(&self, now: Timestamp) -> bool {
        !self.stopped.load(Ordering::Acquire)
            && self.attempts.load(Ordering::Relaxed) < self.order.attempts
            && self.order.until.is_none_or(|until| now < until)
    }

    /// Waits until `deadline`, but not when all is to end, and not through a signal.
    pub fn wait(&self, deadline: Timestamp) {
        let left = TimeSpec::from_duration(deadline.since(clock::now()));
        let mut ended = [PollFd::new(self.ended.as_fd(), PollFlags::POLLIN)];
        let _ = ppoll(&mut ended, Some(left), None); // an error is a signal: the caller asks the clock
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// A client has ended.
    pub fn left(&self) {
        if self.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.over.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{ErrorKind, Read};
    use std::net::TcpListener;
    use std::sync::mpsc;

    fn order(target: SocketAddr) -> Order {
        let until = clock::now() + Duration::from_secs(30);
        Order {
            until: Some(until),
            ..Order::at_router(target, &Plan::default(), 7, clock::now())
        }
    }

    /// How much was said on a connection, and how it ended; `None`: it has begun to be said.
    type Said = Option<(usize, Option<ErrorKind>)>;

    /// Answers nothing; tells of each connection.
    fn listen() -> (SocketAddr, mpsc::Receiver<Said>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (to, ends) = mpsc::channel();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let to = to.clone();
                std::thread::spawn(move || {
                    let mut said = Vec::new();
                    if matches!(stream.peek(&mut [0]), Ok(1)) {
                        let _ = to.send(None);
                    }
                    let end = stream.read_to_end(&mut said).err().map(|error| error.kind());
                    let _ = to.send(Some((said.len(), end)));
                });
            }
        });
        (address, ends)
    }

    #[tokio::test]
    async fn so_many_attempts_are_made_each_a_whole_request_on_a_connection_of_its_own() {
        for (leave, end) in [
            (Leave::Close, None),
            (Leave::Reset, Some(ErrorKind::ConnectionReset)),
        ] {
            let (target, ends) = listen();
            let traffic = Traffic::start(Order {
                attempts: 40,
                leave,
                ..order(target)
            })
            .unwrap();
            traffic.over().await;
            assert!(traffic.is_over());
            assert_eq!(traffic.attempts(), 40);
            let whole = Trigger::EarlyHints.request("app.test").len();
            let seen: Vec<_> = ends.iter().flatten().take(40).collect();
            assert!(
                seen.iter().all(|seen| *seen == (whole, end)),
                "{leave:?} {seen:?}"
            );
        }
    }

    #[tokio::test]
    async fn clients_that_stay_are_ended_at_once_and_where_nobody_listens_nothing_counts() {
        let (target, ends) = listen();
        let traffic = Traffic::start(Order {
            stay: Some(Duration::from_secs(3600)),
            ..order(target)
        })
        .unwrap();
        // One that was stopped before it had asked would never come.
        let all = CLIENTS as usize;
        assert_eq!(ends.iter().filter(Option::is_none).take(all).count(), all);
        assert_eq!(traffic.attempts(), u64::from(CLIENTS));
        assert!(!traffic.is_over());
        let over = traffic.over();
        drop(traffic);
        over.await;
        assert_eq!(ends.iter().flatten().take(all).count(), all);

        // Below the ephemeral range, where no other test can get it.
        let nobody = SocketAddr::from(([127, 66, 6, 6], 1));
        let traffic = Traffic::start(Order {
            until: Some(clock::now() + Duration::from_millis(30)),
            ..order(nobody)
        })
        .unwrap();
        traffic.over().await;
        assert_eq!(traffic.attempts(), 0);
    }
}
