//! The engine without file descriptors to spare. A process of its own, because the limit is the process's.

use router::clock::Timestamp;
use router::http1::RequestHead;
use router::proxy::{AfterFailure, Attempt, Engine, Policy, Reply, Settings, Verdict, bind, serve};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

struct Hello;

impl Policy for Hello {
    type Exchange = ();
    fn start(&self, _head: &RequestHead<'_>, _client: SocketAddr, _now: Timestamp) -> ((), Verdict) {
        ((), Verdict::Reply(Reply::new(200).body("hello")))
    }
    fn attempt_ended(&self, (): &mut (), _attempt: &Attempt) -> AfterFailure {
        AfterFailure::Reset
    }
}

/// CPU time of this process.
fn cpu() -> Duration {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID)
        .expect("Linux has it")
        .into()
}

fn ask(mut stream: &std::net::TcpStream) -> std::io::Result<usize> {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")?;
    let mut answer = [0; 1024];
    let read = stream.read(&mut answer)?;
    assert!(answer[..read].ends_with(b"hello"));
    Ok(read)
}

#[test]
fn connections_wait_without_spinning_until_descriptors_come_free() {
    let (started, address) = std::sync::mpsc::channel();
    let (go, gone) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
            started.send(listener.local_addr().unwrap()).unwrap();
            // All clients are in the backlog, and the limit is set, before the first is accepted.
            gone.await.unwrap();
            serve(
                listener,
                Rc::new(Hello),
                Engine::new(Settings::default()),
                std::future::pending(),
            )
            .await
            .unwrap();
        });
    });
    let address = address.recv().unwrap();
    let clients: Vec<_> = (0..40)
        .map(|_| std::net::TcpStream::connect(address).unwrap())
        .collect();
    for client in &clients {
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    }
    let in_use = std::fs::read_dir("/proc/self/fd").unwrap().count() as u64;
    let limit = nix::sys::resource::Resource::RLIMIT_NOFILE;
    let (_, hard) = nix::sys::resource::getrlimit(limit).unwrap();
    nix::sys::resource::setrlimit(limit, in_use + 8, hard).unwrap();
    go.send(()).unwrap();

    // The first are served while the rest cannot be accepted.
    ask(&clients[0]).unwrap();
    let before = cpu();
    clients[39]
        .set_read_timeout(Some(Duration::from_millis(400)))
        .unwrap();
    let waited = ask(&clients[39]).unwrap_err();
    // Interrupted: this process was stopped meanwhile.
    assert!(
        matches!(waited.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        "{waited}"
    );
    let spent = cpu() - before;
    assert!(
        spent < Duration::from_millis(200),
        "{spent:?} of CPU time while it could do nothing"
    );
    ask(&clients[0]).unwrap();

    // Every client that leaves makes room for the next.
    let last = clients.into_iter().next_back().unwrap();
    last.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut answer = [0; 1024];
    let read = (&last).read(&mut answer).unwrap();
    assert!(answer[..read].ends_with(b"hello"));
}
