//! The listening socket.

use std::io;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Connections the kernel holds for us: tokio's own default of 128 would be full, and the failure class of a stopped
/// process change, after 129 of them.
const BACKLOG: i32 = 1024;

/// Binds with SO_REUSEADDR. Call within a tokio runtime.
pub fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(addr),
        socket2::Type::STREAM.nonblocking().cloexec(),
        Some(socket2::Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}
