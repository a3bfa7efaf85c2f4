//! Where what `up` serves over TCP is found: `/metrics`, the page.

use std::fmt;
use std::net::SocketAddr;

/// Beside the control socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServedAt {
    /// At 127.k.0.1 of the lab's network and a port of its own, if that is free.
    Lab,
    /// There or nowhere; loopback.
    At(SocketAddr),
    Off,
}

impl ServedAt {
    /// The worth of setting `key`; `port` stands in the example of an error.
    pub fn parse(key: &str, word: &str, port: u16) -> Result<ServedAt, String> {
        let expected = || {
            format!("{key} cannot be `{word}`: expected a loopback address such as 127.0.0.1:{port}, or off")
        };
        if word == "off" {
            return Ok(ServedAt::Off);
        }
        let address: SocketAddr = word.parse().map_err(|_| expected())?;
        // It tells everybody who can connect what runs here.
        if address.ip().is_loopback() {
            Ok(ServedAt::At(address))
        } else {
            Err(expected())
        }
    }

    pub fn address(self) -> Option<SocketAddr> {
        match self {
            ServedAt::At(address) => Some(address),
            ServedAt::Lab | ServedAt::Off => None,
        }
    }
}

impl fmt::Display for ServedAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServedAt::Lab => f.write_str("at the lab's own network"),
            ServedAt::At(address) => write!(f, "{address}"),
            ServedAt::Off => f.write_str("off"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_and_off() {
        let parse = |word| ServedAt::parse("metrics", word, 9100);
        assert_eq!(parse("off"), Ok(ServedAt::Off));
        assert!(parse("[::1]:9100").is_ok());
        for wrong in ["0.0.0.0:9100", "127.0.0.1", "localhost:9100", ""] {
            assert!(
                parse(wrong).unwrap_err().contains("expected a loopback address"),
                "{wrong}"
            );
        }
    }
}
