//! Balancing connections: who gets one, and what its client sees when it fails. Bytes are relayed as they are.
//!
//! An attempt is a connection to a router. FIN and RST stay apart: a FIN is passed on as a FIN, each direction by
//! itself; a RST of the router becomes what `on-failure` says, a RST of the client goes on to the router. What
//! `open-connections` ends is recorded as an attempt that was cut, or reset before a byte had come: what its client sees.

use super::relay::{Relay, Verdict};
use super::sever::{Hold, Severs};
use super::traffic::{Driver, Ended, Target, Ticket, Traffic};
use crate::core::{BackendId, OnFailure, OpenConnections, ProxyProtocol, Settings};
use router::clock::{self, Timestamp};
use router::proxy::Sever;
use router::proxy_protocol::Header;
use router::record::Cause;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWriteExt, Interest, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;

/// Connections at a time; more wait in the listener's backlog.
const MAX_CONNECTIONS: usize = 10_000;

/// A listener that fails for want of descriptors or memory is asked again after this.
const BACK_OFF: Duration = Duration::from_millis(50);

/// A client that is closed in order gets this long to read it, and may send this much meanwhile: closing with unread
/// bytes would send a RST.
const LINGER_TIME: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 64 << 20;

/// Accepts and relays until dropped. Needs a `LocalSet`.
pub async fn serve(listener: TcpListener, traffic: Rc<Traffic>, severs: Rc<Severs>) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
        match listener.accept().await {
            Ok((client, peer)) => {
                let connection = Connection::new(client, peer, traffic.clone(), severs.clone());
                tokio::task::spawn_local(async move {
                    connection.run().await;
                    drop(place);
                });
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections");
                clock::until(clock::now() + BACK_OFF).await;
            }
        }
    }
}

/// Connections carry on as they began, unless their router goes out of use; nothing is kept for the next ones.
pub struct Follower(pub Rc<Severs>);

impl Driver for Follower {
    fn settings(&self, _: &Settings) {}

    fn out_of_use(&self, backend: BackendId, open: OpenConnections) {
        match open {
            OpenConnections::Keep => {}
            OpenConnections::Close => self.0.sever(backend, Sever::Close),
            OpenConnections::Reset => self.0.sever(backend, Sever::Reset),
        }
    }
}

/// One client's.
struct Connection {
    client: TcpStream,
    peer: SocketAddr,
    traffic: Rc<Traffic>,
    severs: Rc<Severs>,
}

/// A connection to a router.
struct Connected {
    router: TcpStream,
    started: Timestamp,
    hold: Hold,
}

/// What the client is to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The end it has seen, or caused.
    Its,
    /// That it failed.
    Failed,
    Severed(Sever),
}

/// The settings a connection began with.
struct Rules {
    on_failure: OnFailure,
    connect_timeout: Duration,
    response_timeout: Duration,
    proxy_protocol: ProxyProtocol,
}

impl Connection {
    fn new(client: TcpStream, peer: SocketAddr, traffic: Rc<Traffic>, severs: Rc<Severs>) -> Connection {
        let _ = client.set_nodelay(true);
        Connection {
            client,
            peer,
            traffic,
            severs,
        }
    }

    async fn run(mut self) {
        let now = clock::now();
        let (mut ticket, target) = self.traffic.begin(None, Some(self.peer.port()), now);
        let rules = self.traffic.settings(|settings| Rules {
            on_failure: settings.on_failure,
            connect_timeout: settings.connect_timeout,
            response_timeout: settings.response_timeout,
            proxy_protocol: settings.proxy_protocol,
        });
        let end = match target {
            None => End::Failed,
            Some(target) => match self.connect(&mut ticket, target, now, &rules).await {
                Err(end) => end,
                Ok(connected) => self.relay(connected, &mut ticket, &rules).await,
            },
        };
        self.traffic.dropped(ticket);
        match (end, rules.on_failure) {
            // In order: the FIN went out already, or goes with the socket.
            (End::Its, _) => {}
            (End::Severed(Sever::Close), _) | (End::Failed, OnFailure::Close) => linger(self.client).await,
            (End::Failed | End::Severed(Sever::Reset), _) => drop(self.client.set_zero_linger()),
        }
    }

    /// A connection to the target, or where that is allowed to another router.
    async fn connect(
        &self,
        ticket: &mut Ticket,
        mut target: Target,
        mut started: Timestamp,
        rules: &Rules,
    ) -> Result<Connected, End> {
        loop {
            let hold = self.severs.hold(target.backend);
            let dialed = hold.during(dial(target.addr, started + rules.connect_timeout));
            let (failed, severed) = match dialed.await {
                Ok(Ok(router)) => {
                    return Ok(Connected {
                        router,
                        started,
                        hold,
                    });
                }
                Ok(Err(cause)) => (cause, None),
                Err(how) => (Cause::Reset, Some(how)),
            };
            let ended = clock::now();
            let attempt = Ended {
                severed: severed.is_some(),
                ..attempt(started, ended, Err(failed))
            };
            self.traffic.ended(ticket, &attempt);
            if let Some(how) = severed {
                return Err(End::Severed(how));
            }
            if rules.on_failure != OnFailure::RetryConnect {
                return Err(End::Failed);
            }
            (target, started) = self.again(ticket, ended).await?;
        }
    }

    /// Where and when the next attempt starts, once it is time.
    async fn again(&self, ticket: &mut Ticket, failed: Timestamp) -> Result<(Target, Timestamp), End> {
        let start = self.traffic.may_retry(ticket, failed).ok_or(End::Failed)?;
        let mut now = failed;
        if start > now {
            tokio::select! {
                biased;
                // A RST. Who has only said all still wants an answer.
                _ = self.client.ready(Interest::ERROR) => return Err(End::Its),
                () = clock::until(start) => now = clock::now(),
            }
        }
        let target = self.traffic.retry(ticket, now).ok_or(End::Failed)?;
        Ok((target, now))
    }

    async fn relay(&mut self, connected: Connected, ticket: &mut Ticket, rules: &Rules) -> End {
        let Connected {
            mut router,
            started,
            hold,
        } = connected;
        let mut first = Vec::new();
        if rules.proxy_protocol == ProxyProtocol::V2
            && let Ok(destination) = self.client.local_addr()
        {
            let source = self.peer;
            Header::Tcp { source, destination }.write(&mut first);
        }
        let mut relay = Relay::new(&mut self.client, &mut router, first, rules.response_timeout);
        let verdict = hold.during(relay.run()).await;
        let (result, end) = match verdict {
            Ok(Verdict::Closed) => (Ok(()), End::Its),
            // The client has its FIN.
            Ok(Verdict::Failed(Cause::Eof)) => (Err(Cause::Eof), End::Its),
            Ok(Verdict::Failed(cause)) => (Err(cause), End::Failed),
            Ok(Verdict::ClientGone) => {
                let _ = router.set_zero_linger();
                (Err(Cause::ClientGone), End::Its)
            }
            Err(how) => (Err(relay.cut_off()), End::Severed(how)),
        };
        let attempt = Ended {
            severed: verdict.is_err(),
            ..attempt(started, clock::now(), result)
        };
        self.traffic.ended(ticket, &attempt);
        end
    }
}

fn attempt(started: Timestamp, ended: Timestamp, result: Result<(), Cause>) -> Ended {
    Ended {
        started,
        ended,
        reused: false,
        severed: false,
        status: None,
        result,
    }
}

async fn dial(address: SocketAddr, deadline: Timestamp) -> Result<TcpStream, Cause> {
    let socket = match address.is_ipv4() {
        true => TcpSocket::new_v4(),
        false => TcpSocket::new_v6(),
    };
    let connecting = socket.map_err(|error| cause(&error))?.connect(address);
    let stream = tokio::select! {
        biased;
        connected = connecting => connected.map_err(|error| cause(&error))?,
        () = clock::until(deadline) => return Err(Cause::ConnectTimeout),
    };
    let _ = stream.set_nodelay(true);
    // On loopback a connection to a dead ephemeral port can meet itself.
    if stream.local_addr().is_ok_and(|local| local == address) {
        let _ = stream.set_zero_linger();
        return Err(Cause::Refused);
    }
    Ok(stream)
}

/// Local trouble (no descriptor, no port) counts as refused, as it does for requests.
fn cause(error: &io::Error) -> Cause {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Cause::Reset,
        io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Cause::ConnectTimeout
        }
        _ => Cause::Refused,
    }
}

/// Closes with a FIN, whatever the client has sent.
async fn linger(mut client: TcpStream) {
    if client.shutdown().await.is_err() {
        return;
    }
    let mut left = LINGER_BYTES;
    let drained = poll_fn(|cx| {
        let mut bytes = [0; 16 * 1024];
        while left > 0 {
            let mut room = ReadBuf::new(&mut bytes);
            match Pin::new(&mut client).poll_read(cx, &mut room) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !room.filled().is_empty() => {
                    left = left.saturating_sub(room.filled().len());
                }
                Poll::Ready(_) => break,
            }
        }
        Poll::Ready(())
    });
    tokio::select! {
        () = drained => {}
        () = clock::until(clock::now() + LINGER_TIME) => {}
    }
}
