//! Balancing connections: who gets one, and what its client sees when it fails. Bytes are relayed as they are.
//!
//! An attempt is a connection to a router. FIN and RST stay apart: a FIN is passed on as a FIN, each direction by
//! itself; a RST of the router becomes what `on-failure` says, a RST of the client goes on to the router.

use super::relay::{Relay, Verdict};
use super::traffic::{Driver, Ended, Target, Ticket, Traffic};
use crate::core::{BackendId, OnFailure, ProxyProtocol, Settings};
use router::clock::{self, Timestamp};
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
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
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
pub async fn serve(listener: TcpListener, traffic: Rc<Traffic>) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
        match listener.accept().await {
            Ok((client, peer)) => {
                let connection = Connection::new(client, peer, traffic.clone());
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

/// Connections carry on as they began; nothing is kept for the next ones.
pub struct Follower;

impl Driver for Follower {
    fn settings(&self, _: &Settings) {}
    fn out_of_use(&self, _: BackendId) {}
}

/// One client's.
struct Connection {
    client: TcpStream,
    peer: SocketAddr,
    traffic: Rc<Traffic>,
}

/// The settings a connection began with.
struct Rules {
    on_failure: OnFailure,
    connect_timeout: Duration,
    response_timeout: Duration,
    proxy_protocol: ProxyProtocol,
}

impl Connection {
    fn new(client: TcpStream, peer: SocketAddr, traffic: Rc<Traffic>) -> Connection {
        let _ = client.set_nodelay(true);
        Connection {
            client,
            peer,
            traffic,
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
        let failed = match target {
            None => true,
            Some(target) => match self.connect(&mut ticket, target, now, &rules).await {
                None => true,
                Some((router, started)) => self.relay(router, &mut ticket, started, &rules).await,
            },
        };
        self.traffic.dropped(ticket);
        match rules.on_failure {
            // In order: the FIN went out already, or goes with the socket.
            _ if !failed => {}
            OnFailure::Close => linger(self.client).await,
            _ => drop(self.client.set_zero_linger()),
        }
    }

    /// A connection to the target, or where that is allowed to another router; and when its attempt began.
    async fn connect(
        &self,
        ticket: &mut Ticket,
        mut target: Target,
        mut started: Timestamp,
        rules: &Rules,
    ) -> Option<(TcpStream, Timestamp)> {
        loop {
            let cause = match dial(target.addr, started + rules.connect_timeout).await {
                Ok(router) => return Some((router, started)),
                Err(cause) => cause,
            };
            let ended = clock::now();
            self.traffic.ended(ticket, &attempt(started, ended, Err(cause)));
            if rules.on_failure != OnFailure::RetryConnect {
                return None;
            }
            target = self.traffic.again(ticket, ended)?;
            started = ended;
        }
    }

    /// True: the client is to see that it failed.
    async fn relay(
        &mut self,
        mut router: TcpStream,
        ticket: &mut Ticket,
        started: Timestamp,
        rules: &Rules,
    ) -> bool {
        let mut first = Vec::new();
        if rules.proxy_protocol == ProxyProtocol::V2
            && let Ok(destination) = self.client.local_addr()
        {
            let source = self.peer;
            Header::Tcp { source, destination }.write(&mut first);
        }
        let relay = Relay::new(&mut self.client, &mut router, first, rules.response_timeout);
        let verdict = relay.run().await;
        let (result, failed) = match verdict {
            Verdict::Closed => (Ok(()), false),
            // The client has its FIN.
            Verdict::Failed(Cause::Eof) => (Err(Cause::Eof), false),
            Verdict::Failed(cause) => (Err(cause), true),
            Verdict::ClientGone => {
                let _ = router.set_zero_linger();
                (Err(Cause::ClientGone), false)
            }
        };
        self.traffic
            .ended(ticket, &attempt(started, clock::now(), result));
        failed
    }
}

fn attempt(started: Timestamp, ended: Timestamp, result: Result<(), Cause>) -> Ended {
    Ended {
        started,
        ended,
        reused: false,
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
