//! One health check on the wire: a fresh connection, one request, its answer.

use crate::core::{Check, CheckSettings, ProbeId};
use router::clock::{self, Timestamp};
use router::record::ProbeResult;
use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    pub probe: ProbeId,
    /// Just before the connect.
    pub started: Timestamp,
    pub ended: Timestamp,
    pub result: ProbeResult,
    /// The status of an HTTP answer.
    pub status: Option<u16>,
}

/// A health answer's head is small; more than this is not one.
const LONGEST_HEAD: usize = 16 * 1024;
const MOST_HEADERS: usize = 100;

/// Runs one check; has no timeout of its own: drop it when the balancer gives up. Writes the time of the connect to
/// `started`, so that a check that is given up has one too.
pub async fn run(
    probe: ProbeId,
    target: SocketAddr,
    settings: &CheckSettings,
    started: &Cell<Timestamp>,
) -> Ended {
    started.set(clock::now());
    let outcome = match settings.check {
        Check::Tcp => connect(target).await.map(|_| None),
        Check::Http => get(target, &settings.path).await,
    };
    let (result, status) = match outcome {
        Ok(None) => (ProbeResult::Ok, None),
        Ok(Some(status)) if settings.healthy_status.contains(status) => (ProbeResult::Ok, Some(status)),
        Ok(Some(status)) => (ProbeResult::Status, Some(status)),
        Err(error) => (class(&error), None),
    };
    Ended {
        probe,
        started: started.get(),
        ended: clock::now(),
        result,
        status,
    }
}

async fn connect(target: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(target).await?;
    // A connect to a free port of the ephemeral range can meet itself.
    if stream.local_addr()? == target {
        return Err(ErrorKind::ConnectionRefused.into());
    }
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The final status of `GET path`.
async fn get(target: SocketAddr, path: &str) -> io::Result<Option<u16>> {
    let mut stream = connect(target).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: resetlab-lb/{}\r\nAccept: */*\r\nConnection: close\r\n\r\n",
        env!("CARGO_PKG_VERSION")
    );
    // A server that answers and closes without reading may have reset the write; its answer counts.
    let written = stream.write_all(request.as_bytes()).await;
    let mut head = Vec::with_capacity(1024);
    loop {
        match stream.read_buf(&mut head).await {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) => return Err(written.err().unwrap_or(error)),
        }
        if let Some(status) = final_status(&mut head)? {
            return Ok(Some(status));
        }
        if head.len() > LONGEST_HEAD {
            return Err(ErrorKind::InvalidData.into());
        }
    }
}

/// The status once a head is complete; drops interim (1xx) answers from the front.
fn final_status(head: &mut Vec<u8>) -> io::Result<Option<u16>> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = response
            .parse(head)
            .map_err(|_| io::Error::from(ErrorKind::InvalidData))?;
        let httparse::Status::Complete(length) = parsed else {
            return Ok(None);
        };
        match response.code {
            Some(100..=199) => drop(head.drain(..length)),
            status => return Ok(status),
        }
    }
}

fn class(error: &io::Error) -> ProbeResult {
    match error.kind() {
        ErrorKind::UnexpectedEof => ProbeResult::Eof,
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => {
            ProbeResult::Reset
        }
        ErrorKind::TimedOut => ProbeResult::Timeout,
        ErrorKind::InvalidData => ProbeResult::Malformed,
        // Nobody there, whatever the network calls it.
        _ => ProbeResult::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::BackendId;
    use tokio::net::TcpListener;

    const PROBE: ProbeId = ProbeId {
        backend: BackendId(0),
        number: 1,
    };

    /// The result of a check whose server answers with `answer` and then does `end`.
    async fn result(answer: &'static [u8], end: fn(&TcpStream)) -> (ProbeResult, Option<u16>) {
        judged("200-399", answer, end).await
    }

    fn over(check: Check) -> CheckSettings {
        CheckSettings {
            check,
            ..CheckSettings::default()
        }
    }

    async fn judged(healthy: &str, answer: &'static [u8], end: fn(&TcpStream)) -> (ProbeResult, Option<u16>) {
        let settings = CheckSettings {
            healthy_status: healthy.parse().unwrap(),
            ..over(Check::Http)
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 512];
            let n = stream.read(&mut request).await.unwrap();
            assert!(request[..n].starts_with(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1:"));
            stream.write_all(answer).await.unwrap();
            end(&stream);
        };
        let started = Cell::new(Timestamp(0));
        let (ended, ()) = tokio::join!(run(PROBE, address, &settings, &started), server);
        assert!(ended.started <= ended.ended && ended.started == started.get());
        (ended.result, ended.status)
    }

    fn reset(stream: &TcpStream) {
        stream.set_zero_linger().unwrap();
    }

    #[tokio::test]
    async fn answers_are_told_apart() {
        let close = |_: &TcpStream| ();
        assert_eq!(
            result(b"HTTP/1.1 200 OK\r\n\r\n", close).await,
            (ProbeResult::Ok, Some(200))
        );
        assert_eq!(
            result(b"HTTP/1.1 302 Found\r\n\r\n", close).await,
            (ProbeResult::Ok, Some(302))
        );
        assert_eq!(
            result(b"HTTP/1.1 503 No\r\n\r\n", close).await,
            (ProbeResult::Status, Some(503))
        );
        let interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(result(interim, close).await, (ProbeResult::Ok, Some(204)));
        assert_eq!(
            result(b"SSH-2.0-OpenSSH\r\n\r\n", close).await,
            (ProbeResult::Malformed, None)
        );
        assert_eq!(
            result(b"HTTP/1.1 200 OK\r\nA: ", close).await,
            (ProbeResult::Eof, None)
        );
        assert_eq!(result(b"", close).await, (ProbeResult::Eof, None));
        assert_eq!(result(b"", reset).await, (ProbeResult::Reset, None));
    }

    #[tokio::test]
    async fn the_statuses_that_are_healthy_are_a_setting() {
        let close = |_: &TcpStream| ();
        for (healthy, found) in [
            ("200", ProbeResult::Status),
            ("200,404", ProbeResult::Ok),
            ("400-499", ProbeResult::Ok),
        ] {
            let seen = judged(healthy, b"HTTP/1.1 404 No\r\n\r\n", close).await;
            assert_eq!(seen, (found, Some(404)), "{healthy}");
        }
    }

    #[tokio::test]
    async fn an_open_port_is_enough_for_tcp_and_a_closed_one_is_refused() {
        // Nobody else gets a port of this address while it is closed.
        let listener = TcpListener::bind("127.66.6.7:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let started = Cell::new(Timestamp(0));
        assert_eq!(
            run(PROBE, address, &over(Check::Tcp), &started).await.result,
            ProbeResult::Ok
        );
        drop(listener);
        for check in [Check::Tcp, Check::Http] {
            assert_eq!(
                run(PROBE, address, &over(check), &started).await.result,
                ProbeResult::Refused
            );
        }
    }
}
