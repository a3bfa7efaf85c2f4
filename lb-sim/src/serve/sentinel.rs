//! One idle connection to a router's traffic port: the kernel closes a dead process's sockets at once, so its end
//! comes within milliseconds of a crash.

use crate::core::{BackendId, ProxyProtocol, Settings};
use router::clock::{self, Timestamp};
use router::proxy_protocol::Header;
use std::io::ErrorKind;
use std::net::SocketAddr;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::{AbortHandle, spawn_local};

/// The end of a sentinel connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    pub backend: BackendId,
    number: u64,
}

/// A backend's sentinel: at most one connection at a time, renewed not too often.
#[derive(Default)]
pub struct Sentinel {
    task: Option<AbortHandle>,
    /// Of the present connection; the end of an earlier one is no news.
    number: u64,
    renew_at: Timestamp,
}

impl Sentinel {
    /// Holds a connection to `target`; its end is sent to `losses`.
    pub fn hold(
        &mut self,
        backend: BackendId,
        target: SocketAddr,
        settings: &Settings,
        losses: &UnboundedSender<Loss>,
    ) {
        if self.task.is_some() {
            return;
        }
        let not_before = clock::now().max(self.renew_at);
        self.renew_at = not_before + settings.sentinel_renew;
        let (losses, proxy_protocol) = (losses.clone(), settings.proxy_protocol);
        self.number += 1;
        let number = self.number;
        let task = spawn_local(async move {
            watch(target, proxy_protocol, not_before).await;
            // The receiver lives as long as this thread.
            let _ = losses.send(Loss { backend, number });
        });
        self.task = Some(task.abort_handle());
    }

    /// Whether it is the present connection that has ended.
    pub fn ended(&mut self, loss: Loss) -> bool {
        self.task.take_if(|_| loss.number == self.number).is_some()
    }

    pub fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

/// Connects, not before `not_before`, and returns when that connection has ended or was refused. What the router
/// sends unasked is read and dropped. Drop it to close the connection.
async fn watch(target: SocketAddr, proxy_protocol: ProxyProtocol, not_before: Timestamp) {
    clock::until(not_before).await;
    let Ok(mut stream) = TcpStream::connect(target).await else {
        return;
    };
    // A connect to a free port of the ephemeral range can meet itself.
    if stream.local_addr().is_ok_and(|local| local == target) {
        return;
    }
    if proxy_protocol == ProxyProtocol::V2 {
        let mut header = Vec::new();
        Header::Local.write(&mut header);
        if stream.write_all(&header).await.is_err() {
            return;
        }
    }
    let mut dropped = [0; 1024];
    loop {
        if stream.readable().await.is_err() {
            return;
        }
        match stream.try_read(&mut dropped) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn ends_with_its_connection_and_not_before() {
        // Nobody else gets a port of this address while it is closed.
        let listener = TcpListener::bind("127.66.6.8:0").await.unwrap();
        let target = listener.local_addr().unwrap();
        for reset in [false, true] {
            let watching = watch(target, ProxyProtocol::V2, Timestamp(0));
            let mut watching = std::pin::pin!(watching);
            let accepted = async {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut header = [0; 16];
                tokio::io::AsyncReadExt::read_exact(&mut stream, &mut header)
                    .await
                    .unwrap();
                assert_eq!(header, *b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00");
                stream.write_all(b"unasked").await.unwrap();
                stream
            };
            let stream = tokio::select! {
                _ = &mut watching => panic!("ended before its connection"),
                stream = accepted => stream,
            };
            if reset {
                stream.set_zero_linger().unwrap();
            }
            drop(stream);
            watching.await;
        }
        drop(listener);
        watch(target, ProxyProtocol::Off, Timestamp(0)).await;
    }
}
