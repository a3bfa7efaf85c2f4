//! The role `app`: the demo application behind the routers, M instances in one process.
//!
//! Any path and method is answered 200 with a small text that names the instance. `?delay=5ms` answers later,
//! `?bytes=N` answers N bytes; `?early-hints=5x200` sends five `103 Early Hints` of 200 header fields each before the
//! answer; a request body is read to its end, after a `100 Continue` if its client waits for one, and its length is
//! named in the answer.
//! `{"cmd":"show"}` on the control socket tells what arrived, by method, and which request ids more than once.

mod ledger;
mod shared;
mod wishes;

use self::ledger::Ledger;
use self::shared::Shared;
use self::wishes::Wishes;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::{Request, Response, StatusCode, Version};
use router::clock;
use router::record::Event;
use router::worker::{Worker, WorkerArgs, answer_control, bind_control};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

/// Demo application: instances that answer every request
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Address of an instance; repeat for more instances
    #[arg(long, value_name = "ADDR", required = true)]
    pub listen: Vec<SocketAddr>,
    /// Time every answer takes, with its unit
    #[arg(long, value_name = "DURATION", default_value = "0ms", value_parser = humantime::parse_duration)]
    pub service_time: Duration,
    #[command(flatten)]
    pub worker: WorkerArgs,
}

/// Serves until SIGTERM. Exit code 2 when an address cannot be had.
pub fn run(args: Args) -> ExitCode {
    let attempt = || -> Result<(), Box<dyn std::error::Error>> {
        let worker = Worker::start(&args.worker, "app")?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        tokio::task::LocalSet::new().block_on(&runtime, serve(&args, &worker))?;
        // Requests in progress are cut: SIGTERM means now.
        runtime.shutdown_background();
        Ok(())
    };
    match attempt() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("app: {error}");
            ExitCode::from(2)
        }
    }
}

async fn serve(args: &Args, worker: &Worker) -> Result<(), Box<dyn std::error::Error>> {
    let stop = worker.terminated()?;
    let ledger = Arc::<Mutex<Ledger>>::default();
    let mut addresses = std::collections::BTreeMap::new();
    for (index, address) in args.listen.iter().enumerate() {
        let listener = router::listen::bind(*address, "--listen")?;
        let name = format!("{}-{}", worker.name, index + 1);
        addresses.insert(format!("http-{}", index + 1), listener.local_addr()?.to_string());
        tokio::spawn(instance(listener, name, args.service_time, ledger.clone()));
    }
    if let Some(path) = &worker.control {
        let answers = answer_control(bind_control(path)?, move |request| control(&request, &ledger));
        tokio::task::spawn_local(async move {
            if let Err(error) = answers.await {
                eprintln!("app: control socket: {error}");
            }
        });
        addresses.insert("control".to_owned(), path.display().to_string());
    }
    worker.events.emit(Event::Ready {
        pid: std::process::id(),
        addresses,
    });
    stop.await;
    Ok(())
}

fn control(request: &serde_json::Value, ledger: &Mutex<Ledger>) -> Result<serde_json::Value, String> {
    match request["cmd"].as_str() {
        Some("show") => Ok(ledger.lock().unwrap_or_else(PoisonError::into_inner).show()),
        _ => Err("expected \"cmd\": \"show\"".to_owned()),
    }
}

async fn instance(
    listener: tokio::net::TcpListener,
    name: String,
    service_time: Duration,
    ledger: Arc<Mutex<Ledger>>,
) {
    let name: Arc<str> = name.into();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors: others must end before this can go on.
            clock::until(clock::now() + Duration::from_millis(10)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (name, ledger) = (name.clone(), ledger.clone());
        let stream = Shared::new(stream);
        let connection = stream.clone();
        let service = hyper::service::service_fn(move |request| {
            count(&request, &ledger);
            answer(request, connection.clone(), name.clone(), service_time)
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .header_read_timeout(None)
            .half_close(true)
            .serve_connection(hyper_util::rt::TokioIo::new(stream), service);
        // A connection that breaks is the client's affair.
        tokio::spawn(async move { drop(connection.await) });
    }
}

fn count(request: &Request<Incoming>, ledger: &Mutex<Ledger>) {
    let id = request.headers().get(lb_sim::serve::http::REQUEST_HEADER);
    let id = id.and_then(|id| id.to_str().ok()?.trim().parse().ok());
    let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
    ledger.arrived(request.method().as_str(), id);
}

async fn answer(
    request: Request<Incoming>,
    connection: Shared,
    name: Arc<str>,
    service_time: Duration,
) -> Result<Response<Text>, Infallible> {
    let arrived = clock::now();
    let (head, mut body) = request.into_parts();
    let wishes = Wishes::parse(head.uri.query().unwrap_or(""));
    // HTTP/1.0 knows no interim responses.
    if let Ok(Wishes {
        early_hints: Some(hints),
        ..
    }) = wishes
        && head.version == Version::HTTP_11
    {
        let response = hints.response();
        for _ in 0..hints.responses {
            if connection.write_all(&response).await.is_err() {
                break; // the client is gone; hyper finds out, too
            }
        }
    }
    let mut received = 0;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => received += frame.data_ref().map_or(0, |data| data.len() as u64),
            // The client is gone; hyper drops the answer.
            Err(_) => break,
        }
    }
    let (status, body, delay) = match wishes {
        Err(wrong) => (
            StatusCode::BAD_REQUEST,
            Text::words(format!("{wrong}\n")),
            service_time,
        ),
        Ok(wishes) => {
            let path = head.uri.path();
            let words = format!("{name} {} {path} received {received} bytes\n", head.method);
            let body = wishes.bytes.map_or_else(|| Text::words(words), Text::filler);
            (StatusCode::OK, body, service_time + wishes.delay)
        }
    };
    if !delay.is_zero() {
        clock::until(arrived + delay).await;
    }
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(
        hyper::header::CONTENT_TYPE,
        hyper::header::HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    Ok(response)
}

/// A response body of known length, made while it is sent.
struct Text {
    words: Bytes,
    left: u64,
}

impl Text {
    fn words(words: String) -> Text {
        Text {
            left: words.len() as u64,
            words: words.into(),
        }
    }

    /// `left` bytes of lines of `x`.
    fn filler(left: u64) -> Text {
        let mut line = [b'x'; 64];
        line[63] = b'\n';
        Text {
            left,
            words: line.repeat(left.min(65_536).div_ceil(64) as usize).into(),
        }
    }
}

impl Body for Text {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let size = self.left.min(self.words.len() as u64);
        self.left -= size;
        Poll::Ready(Some(Ok(Frame::data(self.words.slice(..size as usize)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpStream;

    /// An instance that serves until the test is over.
    fn serve(ledger: &Arc<Mutex<Ledger>>) -> SocketAddr {
        let listener = router::listen::bind_std("127.0.0.1:0".parse().unwrap(), "--listen").unwrap();
        let address = listener.local_addr().unwrap();
        let counting = ledger.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                instance(listener, "app-1".into(), Duration::ZERO, counting).await;
            });
        });
        address
    }

    /// What comes up to and including `end`.
    fn read_up_to(client: &mut TcpStream, end: &str) -> String {
        let mut answer = Vec::new();
        while !answer.ends_with(end.as_bytes()) {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
        String::from_utf8(answer).unwrap()
    }

    #[test]
    fn early_hints_come_before_the_answer_to_each_request_of_a_connection() {
        let ledger = Arc::<Mutex<Ledger>>::default();
        let mut client = TcpStream::connect(serve(&ledger)).unwrap();
        let hint =
            "HTTP/1.1 103 Early Hints\r\nLink-001: </style-001.css>\r\nLink-002: </style-002.css>\r\n\r\n";
        for _ in 0..2 {
            client
                .write_all(b"GET /?early-hints=3x2 HTTP/1.1\r\nHost: app.test\r\n\r\n")
                .unwrap();
            let answer = read_up_to(&mut client, "received 0 bytes\n");
            let rest = answer
                .strip_prefix(&hint.repeat(3))
                .unwrap_or_else(|| panic!("{answer}"));
            assert!(rest.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        }
        client
            .write_all(b"GET /?early-hints=3x2 HTTP/1.0\r\nHost: app.test\r\n\r\n")
            .unwrap();
        let answer = read_up_to(&mut client, "received 0 bytes\n");
        assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
        assert_eq!(ledger.lock().unwrap().show()["by_method"]["GET"], 3);
    }

    #[test]
    fn a_client_that_expects_to_be_told_is_told_once_and_with_nothing_else() {
        let mut client = TcpStream::connect(serve(&Arc::default())).unwrap();
        client
            .write_all(
                b"POST / HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
            )
            .unwrap();
        assert_eq!(
            read_up_to(&mut client, "\r\n\r\n"),
            "HTTP/1.1 100 Continue\r\n\r\n"
        );
        client.write_all(b"hello").unwrap();
        let answer = read_up_to(&mut client, "received 5 bytes\n");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }

    #[test]
    fn instances_name_themselves_and_read_whole_bodies() {
        let ledger = Arc::<Mutex<Ledger>>::default();
        let address = serve(&ledger);
        let mut client = TcpStream::connect(address).unwrap();
        let body = vec![b'a'; 300_000];
        client
            .write_all(b"POST /up HTTP/1.1\r\nHost: app.test\r\nx-resetlab-request: 7\r\nContent-Length: 300000\r\n\r\n")
            .unwrap();
        client.write_all(&body).unwrap();
        client
            .write_all(b"GET /?bytes=100001 HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        assert!(
            answer.contains("app-1 POST /up received 300000 bytes\n"),
            "{}",
            &answer[..200]
        );
        assert!(answer.contains("content-length: 100001\r\n"));
        let (_, filler) = answer.rsplit_once("\r\n\r\n").unwrap();
        assert_eq!(filler.len(), 100_001);
        let shown = control(&serde_json::json!({"cmd": "show"}), &ledger).unwrap();
        assert_eq!(
            shown,
            serde_json::json!({"requests": 2, "by_method": {"GET": 1, "POST": 1}, "repeated": {"GET": 0, "POST": 0}})
        );
    }
}
