//! Listening sockets, and the sentence that says who has the port when it is taken.

use std::io;
use std::net::SocketAddr;

/// Connections the kernel completes before they are accepted (it caps this at `net.core.somaxconn`).
const BACKLOG: u32 = 4096;

/// Why a listener could not be opened, with what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {why}; `{flag} ADDR` moves it")]
pub struct ListenError {
    pub address: SocketAddr,
    pub why: String,
    /// The flag that moves this listener.
    pub flag: &'static str,
    #[source]
    pub source: io::Error,
}

/// Listens on `address`, non-blocking, with SO_REUSEADDR so that a restart does not wait for old connections.
/// `flag` is named in the error. Needs a tokio runtime; see [`bind_std`] for threads without one.
pub fn bind(address: SocketAddr, flag: &'static str) -> Result<tokio::net::TcpListener, ListenError> {
    let listener = bind_std(address, flag)?;
    tokio::net::TcpListener::from_std(listener).map_err(|e| explain(address, flag, e))
}

/// As [`bind`], for a listener that is handed to another runtime (`TcpListener::from_std`).
pub fn bind_std(address: SocketAddr, flag: &'static str) -> Result<std::net::TcpListener, ListenError> {
    open(address).map_err(|e| explain(address, flag, e))
}

/// An address that is ours and that refuses connections until [`Reserved::listen`].
pub struct Reserved {
    socket: socket2::Socket,
    /// The real port, where 0 was asked for.
    address: SocketAddr,
    flag: &'static str,
}

/// Takes `address` for a listener that is to come: who holds it is found out now, not then.
pub fn reserve(address: SocketAddr, flag: &'static str) -> Result<Reserved, ListenError> {
    let reserved = bound(address).and_then(|socket| {
        let real = socket.local_addr()?.as_socket().unwrap_or(address);
        Ok(Reserved {
            socket,
            address: real,
            flag,
        })
    });
    reserved.map_err(|e| explain(address, flag, e))
}

impl Reserved {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on connections are completed. Needs a tokio runtime.
    pub fn listen(self) -> Result<tokio::net::TcpListener, ListenError> {
        let Reserved {
            socket,
            address,
            flag,
        } = self;
        let listening = socket.listen(BACKLOG as i32);
        let listener = listening.and_then(|()| tokio::net::TcpListener::from_std(socket.into()));
        listener.map_err(|e| explain(address, flag, e))
    }
}

fn open(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = bound(address)?;
    socket.listen(BACKLOG as i32)?;
    Ok(socket.into())
}

fn bound(address: SocketAddr) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(address),
        socket2::Type::STREAM.nonblocking().cloexec(),
        None,
    )?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn explain(address: SocketAddr, flag: &'static str, source: io::Error) -> ListenError {
    let why = match (source.kind(), holder(address)) {
        (io::ErrorKind::AddrInUse, Some(holder)) => format!("taken by {holder}"),
        (io::ErrorKind::AddrInUse, None) => "taken by a process of another user".to_owned(),
        _ => source.to_string(),
    };
    ListenError {
        address,
        why,
        flag,
        source,
    }
}

/// Who listens on `address`, as "name (pid 123)"; `None` if /proc does not tell.
fn holder(address: SocketAddr) -> Option<String> {
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?
        + &std::fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
    let inodes: Vec<String> = table
        .lines()
        .filter_map(|line| listening_inode(line, address))
        .collect();
    let own = |inode: &String| format!("socket:[{inode}]");
    let links: Vec<String> = inodes.iter().map(own).collect();
    for process in std::fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = process
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let Ok(files) = std::fs::read_dir(process.path().join("fd")) else {
            continue;
        };
        for file in files.flatten() {
            let Ok(link) = std::fs::read_link(file.path()) else {
                continue;
            };
            if links.iter().any(|known| link.as_os_str() == known.as_str()) {
                let name = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
                return Some(format!("{} (pid {pid})", name.trim()));
            }
        }
    }
    None
}

/// The inode in a line of /proc/net/tcp if it is a listener (state 0A) that collides with `address`.
fn listening_inode(line: &str, address: SocketAddr) -> Option<String> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    let (host, port) = local.split_once(':')?;
    if *state != "0A" || u16::from_str_radix(port, 16).ok()? != address.port() {
        return None;
    }
    let any = host.bytes().all(|b| b == b'0');
    let same = match address {
        SocketAddr::V4(v4) => {
            let word = u32::from_ne_bytes(v4.ip().octets());
            v4.ip().is_unspecified() || u32::from_str_radix(host, 16).is_ok_and(|listed| listed == word)
        }
        SocketAddr::V6(_) => true,
    };
    (any || same).then(|| (*inode).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_names_its_holder_and_the_flag() {
        let first = bind_std("127.0.0.1:0".parse().unwrap(), "--listen").unwrap();
        let address = first.local_addr().unwrap();
        let error = bind_std(address, "--listen").unwrap_err().to_string();
        let pid = format!("(pid {})", std::process::id());
        assert!(
            error.contains(&pid) && error.contains("`--listen ADDR` moves it"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_reserved_address_refuses_until_it_listens_and_then_is_nobody_elses() {
        let reserved = reserve("127.0.0.1:0".parse().unwrap(), "--listen").unwrap();
        let address = reserved.address();
        let refused = std::net::TcpStream::connect(address).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let listener = reserved.listen().unwrap();
        assert_eq!(listener.local_addr().unwrap(), address);
        std::net::TcpStream::connect(address).unwrap();
        assert!(reserve(address, "--listen").is_err());
    }
}
