//! Response heads read on a thread of their own, as Go's transport reads them: the interim responses among them are
//! handed to an [`Interims`] there, while the thread that serves the request may be ending it for a reason of its own.
//!
//! Costs a connection a second descriptor and a request two wake-ups, so it is off unless an [`super::Engine`] is given
//! a [`HeadThread`]. Everything after the final head is read where the request is served.

use super::buffer::Buffer;
use super::turn::Turn;
use crate::clock;
use crate::http1::{self, HeadScan, Limits, ResponseHead};
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

/// Takes the interim responses of one request. Called on the [`HeadThread`].
pub trait Interims: Send + Sync {
    /// A 1xx (but no 101) has come; returns it as the client gets it.
    fn begin(&self, head: &ResponseHead<'_>) -> Vec<u8>;

    /// How long to stay between `begin` and writing.
    fn linger(&self) -> Duration {
        Duration::ZERO
    }

    /// It was written to the client, or could not be.
    fn end(&self);
}

/// The thread that reads heads.
pub struct HeadThread(mpsc::UnboundedSender<Connection>);

/// A connection to a backend whose heads are read on the [`HeadThread`]. Dropped, it is forgotten there, too.
pub(super) struct Heads {
    jobs: mpsc::UnboundedSender<Job>,
    /// The head that was asked for, until it is there.
    waiting: Option<Waiting>,
    /// Interim responses came before the last one.
    interims: bool,
}

/// What to read, and for whom.
pub(super) struct Request {
    pub interims: Arc<dyn Interims>,
    /// Where interim responses are written; `None`: HTTP/1.0 knows none.
    pub client: Option<Arc<socket2::Socket>>,
    /// It is a HEAD.
    pub to_head: bool,
    /// The client waits for `100 Continue`.
    pub expects: bool,
    pub limits: Limits,
}

struct Waiting {
    answer: oneshot::Receiver<Answer>,
    /// Ready, or closed, once the request body may be sent.
    go_on: Option<oneshot::Receiver<()>>,
    turn: Arc<Turn>,
    /// How the connection ended behind the bytes that were handed over.
    end: Option<io::Result<usize>>,
}

struct Connection {
    stream: std::net::TcpStream,
    jobs: mpsc::UnboundedReceiver<Job>,
}

struct Job {
    request: Request,
    buffer: Buffer,
    answer: oneshot::Sender<Answer>,
    go_on: Option<oneshot::Sender<()>>,
    turn: Arc<Turn>,
    /// An interim response has come.
    interims: bool,
}

/// The final head and what came behind it; or whatever came before the connection ended.
struct Answer {
    buffer: Buffer,
    /// Interim responses came before it.
    interims: bool,
    end: Option<io::Result<usize>>,
}

enum Next {
    /// Its length in the buffer, and the client's bytes.
    Interim(usize, Vec<u8>),
    /// The final head, or what is no head at all: whoever asked finds out.
    Final,
    Incomplete,
}

/// A backend that says neither `100 Continue` nor anything else gets the body after this time, as with Go's transport
/// (gorouter's ExpectContinueTimeout).
const EXPECT_CONTINUE: Duration = Duration::from_secs(1);

impl HeadThread {
    pub fn start() -> io::Result<HeadThread> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (connections, mut arriving) = mpsc::unbounded_channel::<Connection>();
        std::thread::Builder::new().name("heads".into()).spawn(move || {
            let local = tokio::task::LocalSet::new();
            local.block_on(&runtime, async {
                while let Some(connection) = arriving.recv().await {
                    tokio::task::spawn_local(connection.serve());
                }
            });
        })?;
        Ok(HeadThread(connections))
    }

    /// From now on heads of this connection can be read there. `None`: for want of descriptors they cannot.
    pub(super) fn watch(&self, stream: &TcpStream) -> Option<Heads> {
        let stream = socket2::SockRef::from(stream).try_clone().ok()?.into();
        let (jobs, arriving) = mpsc::unbounded_channel();
        self.0
            .send(Connection {
                stream,
                jobs: arriving,
            })
            .ok()?;
        Some(Heads {
            jobs,
            waiting: None,
            interims: false,
        })
    }
}

impl Heads {
    /// Has the next final head read into `buffer`.
    pub fn ask(&mut self, request: Request, buffer: Buffer) {
        let (answer, waiting) = oneshot::channel();
        let (go_on, going) = match request.expects {
            true => Some(oneshot::channel()).unzip(),
            false => (None, None),
        };
        let turn = Arc::<Turn>::default();
        self.waiting = Some(Waiting {
            answer: waiting,
            go_on: going,
            turn: Arc::clone(&turn),
            end: None,
        });
        // If the thread is gone, so is the sender of the answer: that is what the caller hears.
        let _ = self.jobs.send(Job {
            request,
            buffer,
            answer,
            go_on,
            turn,
            interims: false,
        });
    }

    /// A head was asked for and is not wholly handed over.
    pub fn reading(&self) -> bool {
        self.waiting.is_some()
    }

    /// As [`Buffer::poll_fill`], but `buffer` becomes what was read there.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>, buffer: &mut Buffer) -> Poll<io::Result<usize>> {
        let Some(waiting) = &mut self.waiting else {
            return Poll::Ready(Ok(0));
        };
        if let Some(end) = waiting.end.take() {
            self.waiting = None;
            return Poll::Ready(end);
        }
        let Ok(answer) = ready!(std::pin::Pin::new(&mut waiting.answer).poll(cx)) else {
            self.waiting = None;
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        };
        *buffer = answer.buffer;
        self.interims = answer.interims;
        match (buffer.filled().len(), answer.end) {
            (0, Some(end)) => {
                self.waiting = None;
                Poll::Ready(end)
            }
            (read, end) => {
                match end {
                    None => self.waiting = None,
                    Some(_) => waiting.end = end,
                }
                Poll::Ready(Ok(read))
            }
        }
    }

    /// Something of an answer has come before what was handed over.
    pub fn interims(&self) -> bool {
        self.interims
    }

    /// Ready when the body of a request that expects `100 Continue` may be sent: because that has come (`true`, once), or
    /// because it has not for too long.
    pub fn poll_go_on(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let Some(go_on) = self.waiting.as_mut().and_then(|waiting| waiting.go_on.as_mut()) else {
            return Poll::Ready(false);
        };
        let came = ready!(std::pin::Pin::new(go_on).poll(cx)).is_ok();
        self.waiting.as_mut().and_then(|waiting| waiting.go_on.take());
        Poll::Ready(came)
    }

    /// No interim response is written to the client from now on. False: one was cut in the middle.
    pub fn silence(&self) -> bool {
        self.waiting.as_ref().is_none_or(|waiting| waiting.turn.end())
    }
}

impl Connection {
    /// Reads a head for each job, until the connection is of no use to the other side or ends.
    async fn serve(mut self) {
        let Ok(mut stream) = TcpStream::from_std(self.stream) else {
            return;
        };
        while let Some(mut job) = self.jobs.recv().await {
            let end = job.read(&mut stream).await.err();
            let ended = end.is_some();
            let answer = Answer {
                buffer: job.buffer,
                interims: job.interims,
                end,
            };
            if job.answer.send(answer).is_err() || ended {
                return;
            }
        }
    }
}

impl Job {
    /// Until a whole final head is in the buffer, or something that is none. `Err`: the connection ended before.
    async fn read(&mut self, stream: &mut TcpStream) -> Result<(), io::Result<usize>> {
        let mut scan = HeadScan::new();
        loop {
            // Whoever asked has closed the connection under us: Go's transport does so before it lets the error be handled.
            if self.answer.is_closed() {
                return Err(Ok(0));
            }
            match self.next(&mut scan) {
                Next::Final => return Ok(()),
                Next::Interim(length, bytes) => {
                    self.pass_on(&bytes).await;
                    self.buffer.consume(length);
                    scan.reset();
                }
                Next::Incomplete if !self.buffer.make_room(self.request.limits.head_bytes) => return Ok(()),
                Next::Incomplete => match self.fill(stream).await {
                    Ok(1..) => {}
                    end => return Err(end),
                },
            }
        }
    }

    /// Reads once; nothing, if whoever asked has gone.
    async fn fill(&mut self, stream: &mut TcpStream) -> io::Result<usize> {
        let Job {
            buffer,
            go_on,
            answer,
            ..
        } = self;
        let expected = clock::now() + EXPECT_CONTINUE;
        let mut fill = std::pin::pin!(poll_fn(|cx| buffer.poll_fill(cx, stream)));
        loop {
            tokio::select! {
                biased;
                () = answer.closed() => return Ok(0),
                filled = &mut fill => return filled,
                () = clock::until(expected), if go_on.is_some() => *go_on = None,
            }
        }
    }

    /// What the buffer begins with. An interim response has begun to be passed on when this returns.
    fn next(&mut self, scan: &mut HeadScan) -> Next {
        let Request {
            interims,
            to_head,
            limits,
            ..
        } = &self.request;
        let range = match scan.response(self.buffer.filled(), limits) {
            _ if self.buffer.is_empty() => return Next::Incomplete,
            Ok(None) => return Next::Incomplete,
            Ok(Some(range)) => range,
            Err(_) => return Next::Final,
        };
        let end = range.end;
        let mut slots = http1::slots();
        let head = ResponseHead::parse(&self.buffer.filled()[range], *to_head, &mut slots, limits);
        let Some(head) = head
            .ok()
            .filter(|head| head.status() < 200 && head.status() != 101)
        else {
            return Next::Final;
        };
        // The body may be sent as soon as this is known, while the response is still on its way to the client.
        if head.status() == 100
            && let Some(go_on) = self.go_on.take()
        {
            let _ = go_on.send(());
        }
        self.interims = true;
        Next::Interim(end, interims.begin(&head))
    }

    async fn pass_on(&mut self, bytes: &[u8]) {
        let linger = self.request.interims.linger();
        if !linger.is_zero() {
            // Not only until whoever asked has gone: what it does about that comes a moment later.
            clock::until(clock::now() + linger).await;
        }
        if let Some(client) = self.request.client.clone()
            && self.turn.begin()
        {
            self.write(&client, bytes).await;
        }
        self.request.interims.end();
    }

    /// Gives the client all of `bytes`, or what it takes until it goes away.
    async fn write(&mut self, client: &socket2::Socket, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match client.send(bytes) {
                Ok(sent) => bytes = &bytes[sent..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let Ok(same) = client.try_clone().and_then(|c| TcpStream::from_std(c.into())) else {
                        return;
                    };
                    tokio::select! {
                        _ = same.writable() => {}
                        () = self.answer.closed() => return,
                    }
                }
                Err(_) => return,
            }
        }
        self.turn.over();
    }
}
