//! Where `/metrics` is served.

use std::net::SocketAddr;
use std::str::FromStr;

/// Beside the control socket, which always serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsAt {
    /// 127.k.0.1:9100 of the lab's network, if that is free.
    Lab,
    /// There or nowhere; loopback.
    At(SocketAddr),
    Off,
}

impl FromStr for MetricsAt {
    type Err = String;
    fn from_str(word: &str) -> Result<MetricsAt, String> {
        let expected = || {
            format!("metrics cannot be `{word}`: expected a loopback address such as 127.0.0.1:9100, or off")
        };
        if word == "off" {
            return Ok(MetricsAt::Off);
        }
        let address: SocketAddr = word.parse().map_err(|_| expected())?;
        // It tells everybody who can connect what runs here.
        if address.ip().is_loopback() {
            Ok(MetricsAt::At(address))
        } else {
            Err(expected())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_and_off() {
        assert_eq!("off".parse(), Ok(MetricsAt::Off));
        assert!("[::1]:9100".parse::<MetricsAt>().is_ok());
        for wrong in ["0.0.0.0:9100", "127.0.0.1", "localhost:9100", ""] {
            assert!(
                wrong
                    .parse::<MetricsAt>()
                    .unwrap_err()
                    .contains("expected a loopback address"),
                "{wrong}"
            );
        }
    }
}
