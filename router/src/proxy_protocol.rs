//! PURE: the PROXY protocol's version 2, by which a balancer that relays bytes says who its client is.
//!
//! 12 bytes of signature; version and command; family and transport; the length of what follows (big endian):
//! addresses, then extensions (TLVs), which are skipped. Source: HAProxy's `doc/proxy-protocol.txt`, §2.2.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The first thing on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// The sender speaks for itself, as for a health check.
    Local,
    /// It relays for somebody it does not name, or of a kind that has no TCP address.
    Unspecified,
    /// It relays for `source`, who had connected to `destination`.
    Tcp {
        source: SocketAddr,
        destination: SocketAddr,
    },
}

/// Why a connection does not begin with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    #[error("not the signature of PROXY protocol v2")]
    Signature,
    #[error("version and command {0:#04x}: expected 0x20 (LOCAL) or 0x21 (PROXY)")]
    Command(u8),
    #[error("family and transport {0:#04x} do not exist")]
    Family(u8),
    #[error("{0} bytes: too few for its addresses")]
    Short(usize),
    #[error("{0} bytes: more than {MAX}")]
    Long(usize),
}

/// The longest header that is taken, extensions included: several times what TLS details need.
pub const MAX: usize = 4096;

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, command, family, length.
const FIXED: usize = 16;
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;

/// Reads a header from the front of `bytes`, and how many bytes it takes; `None`: more must come.
pub fn parse(bytes: &[u8]) -> Result<Option<(Header, usize)>, Wrong> {
    // As soon as it cannot be one: a client that speaks HTTP would wait for us to say so.
    let seen = bytes.len().min(SIGNATURE.len());
    if bytes[..seen] != SIGNATURE[..seen] {
        return Err(Wrong::Signature);
    }
    let local = match bytes.get(12) {
        None => return Ok(None),
        Some(&LOCAL) => true,
        Some(&PROXY) => false,
        Some(other) => return Err(Wrong::Command(*other)),
    };
    let Some(&[family, high, low]) = bytes.get(13..FIXED) else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let addresses = match family {
        // What a LOCAL header says of addresses counts for nothing.
        _ if local => 0,
        TCP4 => 12,
        TCP6 => 36,
        // UNSPEC, UDP and Unix sockets: a receiver that does not serve them takes the connection as it is.
        0x00 | 0x12 | 0x22 | 0x31 | 0x32 => 0,
        other => return Err(Wrong::Family(other)),
    };
    if length < addresses {
        return Err(Wrong::Short(length));
    }
    let end = FIXED + length;
    if end > MAX {
        return Err(Wrong::Long(end));
    }
    let Some(block) = bytes.get(FIXED..end) else {
        return Ok(None);
    };
    let header = match (local, addresses) {
        (true, _) => Header::Local,
        (false, 12) => tcp(block, |ip: [u8; 4]| Ipv4Addr::from(ip).into()),
        (false, 36) => tcp(block, |ip: [u8; 16]| Ipv6Addr::from(ip).into()),
        (false, _) => Header::Unspecified,
    };
    Ok(Some((header, end)))
}

/// Source and destination, then their ports. `block` is long enough.
fn tcp<const N: usize>(block: &[u8], ip: fn([u8; N]) -> IpAddr) -> Header {
    let address = |nth: usize| {
        let (mut octets, mut port) = ([0; N], [0; 2]);
        octets.copy_from_slice(&block[nth * N..][..N]);
        port.copy_from_slice(&block[2 * N + nth * 2..][..2]);
        SocketAddr::new(ip(octets), u16::from_be_bytes(port))
    };
    Header::Tcp {
        source: address(0),
        destination: address(1),
    }
}

impl Header {
    /// Appends it as it travels. Addresses of different families go as IPv6.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&SIGNATURE);
        let (source, destination) = match *self {
            Header::Local => return out.extend_from_slice(&[LOCAL, 0, 0, 0]),
            Header::Unspecified => return out.extend_from_slice(&[PROXY, 0, 0, 0]),
            Header::Tcp { source, destination } => (source, destination),
        };
        match (source.ip(), destination.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                out.extend_from_slice(&[PROXY, TCP4, 0, 12]);
                out.extend_from_slice(&from.octets());
                out.extend_from_slice(&to.octets());
            }
            (from, to) => {
                out.extend_from_slice(&[PROXY, TCP6, 0, 36]);
                for ip in [from, to] {
                    let ip = match ip {
                        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                        IpAddr::V6(ip) => ip,
                    };
                    out.extend_from_slice(&ip.octets());
                }
            }
        }
        out.extend_from_slice(&source.port().to_be_bytes());
        out.extend_from_slice(&destination.port().to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let length = u16::try_from(block.len()).unwrap().to_be_bytes();
        let fixed = [command, family, length[0], length[1]];
        [&SIGNATURE[..], &fixed, block].concat()
    }

    const FOUR: [u8; 12] = [192, 0, 2, 7, 127, 0, 0, 1, 0xDB, 0xA2, 0x1F, 0x91];

    fn four() -> Header {
        Header::Tcp {
            source: "192.0.2.7:56226".parse().unwrap(),
            destination: "127.0.0.1:8081".parse().unwrap(),
        }
    }

    fn six() -> Header {
        Header::Tcp {
            source: "[2001:db8::7]:1".parse().unwrap(),
            destination: "[::1]:65535".parse().unwrap(),
        }
    }

    #[test]
    fn a_header_is_what_the_specification_says() {
        // Written out once, byte by byte.
        let whole = b"\x0D\x0A\x0D\x0A\x00\x0D\x0A\x51\x55\x49\x54\x0A\x21\x11\x00\x0C\xC0\x00\x02\x07\x7F\x00\x00\x01\xDB\xA2\x1F\x91";
        assert_eq!(parse(whole), Ok(Some((four(), 28))));
        let mut written = Vec::new();
        four().write(&mut written);
        assert_eq!(written, whole);
        // What follows is not looked at; extensions are skipped.
        let more = [&whole[..], b"GET / HTTP/1.1\r\n"].concat();
        assert_eq!(parse(&more), Ok(Some((four(), 28))));
        let tlv = bytes(0x21, 0x11, &[&FOUR[..], &[0x04, 0, 3, 1, 2, 3]].concat());
        assert_eq!(parse(&tlv), Ok(Some((four(), 34))));
    }

    #[test]
    fn what_is_written_is_read_and_every_cut_of_it_waits_for_more() {
        let mixed = Header::Tcp {
            source: "192.0.2.7:9".parse().unwrap(),
            destination: "[::1]:80".parse().unwrap(),
        };
        for header in [Header::Local, Header::Unspecified, four(), six(), mixed] {
            let mut written = Vec::new();
            header.write(&mut written);
            let (read, length) = parse(&written).unwrap().unwrap();
            assert_eq!(length, written.len());
            match header == mixed {
                true => assert!(format!("{read:?}").contains("[::ffff:192.0.2.7]:9")),
                false => assert_eq!(read, header),
            }
            for cut in 0..written.len() {
                assert_eq!(parse(&written[..cut]), Ok(None), "{header:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn nobody_is_named_by_local_by_unspec_and_by_what_is_not_tcp() {
        assert_eq!(parse(&bytes(0x20, 0x11, &FOUR)), Ok(Some((Header::Local, 28))));
        assert_eq!(parse(&bytes(0x20, 0xFF, &[1])), Ok(Some((Header::Local, 17))));
        for family in [0x00, 0x12, 0x22, 0x31, 0x32] {
            let header = bytes(0x21, family, &[7; 20]);
            assert_eq!(parse(&header), Ok(Some((Header::Unspecified, 36))));
        }
    }

    #[test]
    fn what_is_wrong_is_wrong_at_its_first_byte() {
        assert_eq!(parse(b"G"), Err(Wrong::Signature));
        assert_eq!(parse(b"PROXY TCP4 192.0.2.7"), Err(Wrong::Signature));
        assert_eq!(parse(b"\r\n\r\n\0\r\nQUIT\r"), Err(Wrong::Signature));
        for command in [0x11, 0x22, 0x2F, 0x31] {
            let cut = [&SIGNATURE[..], &[command]].concat();
            assert_eq!(parse(&cut), Err(Wrong::Command(command)));
        }
        for family in [0x01, 0x10, 0x13, 0x41, 0xFF] {
            assert_eq!(parse(&bytes(0x21, family, &FOUR)), Err(Wrong::Family(family)));
        }
        assert_eq!(parse(&bytes(0x21, 0x11, &FOUR[..11])), Err(Wrong::Short(11)));
        assert_eq!(parse(&bytes(0x21, 0x21, &[0; 35])), Err(Wrong::Short(35)));
        // Before its bytes have come.
        let long = bytes(0x21, 0x11, &[0; MAX - FIXED + 1]);
        assert_eq!(parse(&long[..FIXED]), Err(Wrong::Long(MAX + 1)));
        let longest = bytes(0x21, 0x11, &[0; MAX - FIXED]);
        assert_eq!(parse(&longest).unwrap().unwrap().1, MAX);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_take_more_than_there_are(tail: Vec<u8>) {
            let bytes = [&SIGNATURE[..], &tail].concat();
            if let Ok(Some((_, taken))) = parse(&bytes) {
                proptest::prop_assert!(taken <= bytes.len());
            }
        }
    }
}
