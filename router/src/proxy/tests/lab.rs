//! A served engine with a scripted policy, and raw peers on both sides of it.

use crate::clock::Timestamp;
use crate::http1::{Encoding, Reject, RequestHead, ResponseHead, forward};
use crate::proxy::*;
use crate::record::Cause;
use bytes::BytesMut;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, oneshot};

pub const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
pub const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Bytes of a socket's buffer; the kernel doubles them.
const NARROW: usize = 64 * 1024;

pub struct Lab {
    pub addr: SocketAddr,
    pub policy: Rc<Script>,
    pub engine: Rc<Engine>,
    pub upstream: Upstream,
    backend: TcpListener,
    drain: Cell<Option<oneshot::Sender<()>>>,
    pub serving: tokio::task::JoinHandle<std::io::Result<()>>,
}

/// Runs `test` with the default settings of tests, changed by `change`: with heads read where requests are served, and
/// on a thread of their own. No peer may notice a difference.
pub fn lab_with(change: impl Fn(&mut Settings), test: impl AsyncFn(Lab)) {
    for elsewhere in [false, true] {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async {
            let mut settings = Settings::default();
            change(&mut settings);
            let lab = Lab::start(settings, elsewhere).await;
            tokio::time::timeout(Duration::from_secs(30), test(lab))
                .await
                .unwrap_or_else(|_| {
                    panic!("the test took more than 30 s, heads read elsewhere: {elsewhere}")
                });
        });
    }
}

pub fn lab(test: impl AsyncFn(Lab)) {
    lab_with(|_| {}, test);
}

/// Passes interim responses on as the engine does.
pub struct Plain;

impl Interims for Plain {
    fn begin(&self, head: &ResponseHead<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        forward::response(head, Encoding::Identity, forward::Persistence::Implicit, &mut out);
        out.extend_from_slice(b"\r\n");
        out
    }

    fn end(&self) {}
}

impl Lab {
    async fn start(settings: Settings, elsewhere: bool) -> Lab {
        let backend = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        // Clients come from 127.0.0.1: to this address, when it is closed, no socket can connect by meeting itself.
        let listener = bind("127.66.6.9:0".parse().unwrap()).unwrap();
        // Of loopback's megabytes nothing would ever be held back.
        let narrow = socket2::SockRef::from(&listener).set_send_buffer_size(NARROW);
        narrow.unwrap();
        let addr = listener.local_addr().unwrap();
        let upstream = Upstream {
            key: 7,
            addr: backend.local_addr().unwrap(),
        };
        let policy = Rc::new(Script::new(upstream));
        let heads = elsewhere.then(|| HeadThread::start().unwrap());
        let engine = Engine::with_heads(settings, heads);
        let (drain, drained) = oneshot::channel::<()>();
        let serving =
            tokio::task::spawn_local(serve(listener, Rc::clone(&policy), Rc::clone(&engine), async {
                let _ = drained.await;
            }));
        Lab {
            addr,
            policy,
            engine,
            upstream,
            backend,
            drain: Cell::new(Some(drain)),
            serving,
        }
    }

    /// A new client connection.
    pub async fn client(&self) -> Peer {
        let stream = TcpStream::connect(self.addr).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Peer {
            stream,
            buffer: BytesMut::new(),
        }
    }

    /// The same, and little fits in before it reads.
    pub async fn narrow_client(&self) -> Peer {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(NARROW as u32).unwrap();
        let stream = socket.connect(self.addr).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Peer {
            stream,
            buffer: BytesMut::new(),
        }
    }

    /// The next connection to the backend.
    pub async fn backend(&self) -> Peer {
        let (stream, _) = self.backend.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        Peer {
            stream,
            buffer: BytesMut::new(),
        }
    }

    /// No connection waits at the backend.
    pub fn no_backend(&self) -> bool {
        let waker = std::task::Waker::noop();
        self.backend
            .poll_accept(&mut std::task::Context::from_waker(waker))
            .is_pending()
    }

    /// A client that has sent `request`, and a backend that has read its head (returned as text).
    pub async fn request(&self, request: &str) -> (Peer, Peer, String) {
        let mut client = self.client().await;
        client.send(request).await;
        let mut backend = self.backend().await;
        let head = backend.head().await;
        (client, backend, head)
    }

    /// How the oldest request not yet asked for finished.
    pub async fn finish(&self) -> Finish {
        loop {
            if let Some(finish) = self.policy.finishes.borrow_mut().pop_front() {
                return finish;
            }
            self.policy.changed.notified().await;
        }
    }

    /// Results of all attempts so far.
    pub fn results(&self) -> Vec<Result<u16, Cause>> {
        self.policy
            .attempts
            .borrow()
            .iter()
            .map(|attempt| attempt.result)
            .collect()
    }

    /// Returns when a request is held.
    pub async fn held(&self) {
        while self.policy.holding.borrow().is_none() {
            self.policy.changed.notified().await;
        }
    }

    pub fn decide(&self, verdict: Verdict) {
        *self.policy.decided.borrow_mut() = Some(verdict);
        if let Some(waker) = self.policy.holding.take() {
            waker.wake();
        }
    }

    pub fn drain(&self) {
        drop(self.drain.take());
    }

    /// An address nobody listens at: below the ephemeral range, where no other test can get it.
    pub async fn dead_address(&self) -> SocketAddr {
        SocketAddr::from(([127, 66, 6, 6], 1))
    }
}

/// A policy that does what the test says and keeps what the engine says.
pub struct Script {
    pub verdict: RefCell<Verdict>,
    /// What ends a [`Verdict::Hold`], and whom to tell.
    pub decided: RefCell<Option<Verdict>>,
    pub holding: RefCell<Option<Waker>>,
    pub cuts: Cell<bool>,
    /// Used up in order; then 502.
    pub after_failure: RefCell<VecDeque<AfterFailure>>,
    pub clients: RefCell<Vec<SocketAddr>>,
    pub attempts: RefCell<Vec<Attempt>>,
    /// When the end of a wait was told.
    pub waited: RefCell<Vec<Timestamp>>,
    pub finishes: RefCell<VecDeque<Finish>>,
    pub refused: RefCell<Vec<Reject>>,
    pub changed: Notify,
}

impl Script {
    fn new(upstream: Upstream) -> Script {
        Script {
            verdict: RefCell::new(Verdict::Forward(upstream)),
            decided: RefCell::default(),
            holding: RefCell::default(),
            cuts: Cell::default(),
            after_failure: RefCell::default(),
            clients: RefCell::default(),
            attempts: RefCell::default(),
            waited: RefCell::default(),
            finishes: RefCell::default(),
            refused: RefCell::default(),
            changed: Notify::new(),
        }
    }
}

impl Script {
    fn next(&self) -> AfterFailure {
        self.after_failure
            .borrow_mut()
            .pop_front()
            .unwrap_or(AfterFailure::Reply(Reply::new(502)))
    }
}

impl Policy for Script {
    type Exchange = ();

    fn start(&self, _head: &RequestHead<'_>, client: SocketAddr, _now: Timestamp) -> ((), Verdict) {
        self.clients.borrow_mut().push(client);
        ((), self.verdict.borrow().clone())
    }

    fn interims(&self, _: &mut ()) -> Option<Arc<dyn Interims>> {
        Some(Arc::new(Plain))
    }

    fn poll_held(&self, (): &mut (), cx: &mut Context<'_>) -> Poll<Verdict> {
        *self.holding.borrow_mut() = Some(cx.waker().clone());
        self.changed.notify_one();
        self.decided
            .borrow_mut()
            .take()
            .map_or(Poll::Pending, Poll::Ready)
    }

    fn cuts(&self, (): &()) -> bool {
        self.cuts.get()
    }

    fn omits(&self, (): &(), name: &str) -> bool {
        name.eq_ignore_ascii_case("x-omitted")
    }

    fn request_headers(&self, (): &mut (), out: &mut Vec<u8>) {
        out.extend_from_slice(b"x-lab: up\r\n");
        let failed = self
            .attempts
            .borrow()
            .iter()
            .filter(|attempt| attempt.result.is_err())
            .count();
        if failed > 0 {
            out.extend_from_slice(format!("x-failed: {failed}\r\n").as_bytes());
        }
    }

    fn attempt_ended(&self, (): &mut (), attempt: &Attempt) -> AfterFailure {
        self.attempts.borrow_mut().push(*attempt);
        self.changed.notify_one();
        if attempt.result.is_ok() || attempt.result == Err(Cause::ClientGone) {
            return AfterFailure::Reset;
        }
        self.next()
    }

    fn waited(&self, (): &mut (), now: Timestamp) -> AfterFailure {
        self.waited.borrow_mut().push(now);
        self.next()
    }

    fn response_headers(&self, (): &mut (), _status: u16, out: &mut Vec<u8>) {
        out.extend_from_slice(b"x-lab: down\r\n");
    }

    fn finished(&self, (): (), end: &Finish) {
        self.finishes.borrow_mut().push_back(*end);
        self.changed.notify_one();
    }

    fn refused(&self, _client: SocketAddr, reject: Reject) {
        self.refused.borrow_mut().push(reject);
    }
}

/// A raw connection.
pub struct Peer {
    pub stream: TcpStream,
    /// Read but not yet asked for.
    buffer: BytesMut,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    Fin,
    Rst,
}

impl Peer {
    pub fn of(stream: std::net::TcpStream) -> Peer {
        stream.set_nonblocking(true).unwrap();
        Peer {
            stream: TcpStream::from_std(stream).unwrap(),
            buffer: BytesMut::new(),
        }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Everything up to and including `end`.
    pub async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = memchr::memmem::find(&self.buffer, end.as_bytes()) {
                let found = self.buffer.split_to(at + end.len());
                return String::from_utf8(found.into()).unwrap();
            }
            let read = self.stream.read_buf(&mut self.buffer).await;
            assert!(
                matches!(read, Ok(1..)),
                "{read:?} before {end:?}, after {:?}",
                String::from_utf8_lossy(&self.buffer)
            );
        }
    }

    pub async fn head(&mut self) -> String {
        self.until("\r\n\r\n").await
    }

    pub async fn exactly(&mut self, bytes: usize) -> Vec<u8> {
        while self.buffer.len() < bytes {
            let read = self.stream.read_buf(&mut self.buffer).await;
            assert!(matches!(read, Ok(1..)), "{read:?} before {bytes} bytes");
        }
        self.buffer.split_to(bytes).into()
    }

    /// All that comes, and how it ended.
    pub async fn rest(&mut self) -> (String, Closed) {
        let closed = loop {
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(0) => break Closed::Fin,
                Ok(_) => {}
                Err(_) => break Closed::Rst,
            }
        };
        let rest = std::mem::take(&mut self.buffer);
        (String::from_utf8(rest.into()).unwrap(), closed)
    }

    /// Ends the sending side.
    pub async fn fin(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Ends with RST.
    pub fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }
}
