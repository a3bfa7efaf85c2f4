//! What a log is written in, told by how it begins: plain text, gzip, UTF-16; archives are named and not read.

use flate2::bufread::GzDecoder;
use std::io::{self, BufRead, BufReader, Cursor, Read};

/// Enough to know an archive by.
const BEGIN: usize = 512;
const BUFFER: usize = 1 << 16;
/// A rotated log may be compressed again by whoever sent it.
const LAYERS: u32 = 3;

/// The text in it. Errors: an archive or a compression that is not read here, by its name and what to type first.
pub fn text<'a>(input: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    layer(Box::new(input), LAYERS)
}

fn layer<'a>(input: Box<dyn Read + 'a>, layers: u32) -> io::Result<Box<dyn Read + 'a>> {
    let mut input = BufReader::with_capacity(BUFFER, input);
    let begin = peek(&mut input)?;
    let unread = |name: &str, first: &str| {
        let words = format!("is {name}, which is not read here: {first} first");
        Err(io::Error::new(io::ErrorKind::InvalidData, words))
    };
    let kind = Kind::of(&begin);
    let whole = Cursor::new(begin).chain(input);
    match kind {
        Kind::Plain => Ok(Box::new(whole)),
        Kind::Gzip if layers == 0 => unread("gzip within gzip many times", "`gunzip` it"),
        Kind::Gzip => layer(
            Box::new(Members::new(BufReader::with_capacity(BUFFER, whole))),
            layers - 1,
        ),
        Kind::Utf16 { big } => Ok(Box::new(Utf16::new(BufReader::with_capacity(BUFFER, whole), big))),
        Kind::Other(name, first) => unread(name, first),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Gzip,
    Utf16 {
        big: bool,
    },
    /// Its name, and what unpacks it.
    Other(&'static str, &'static str),
}

impl Kind {
    /// Sources: each format's own description; tar's magic stands in its first header.
    fn of(begin: &[u8]) -> Kind {
        const OTHERS: [(&[u8], &str, &str); 7] = [
            (b"\xfd7zXZ\0", "xz", "`xz -dc` it"),
            (b"PK\x03\x04", "a zip archive", "`unzip` it"),
            (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it"),
            (b"\x28\xb5\x2f\xfd", "zstd", "`zstd -dc` it"),
            (b"\x04\x22\x4d\x18", "lz4", "`lz4 -dc` it"),
            (b"\x1f\x9d", "compress (.Z)", "`zcat` it"),
            (b"\x1f\xa0", "compress (.Z)", "`zcat` it"),
        ];
        if let Some((_, name, first)) = OTHERS.iter().find(|(magic, ..)| begin.starts_with(magic)) {
            return Kind::Other(name, first);
        }
        if begin.starts_with(b"BZh") && begin.get(4..10) == Some(b"1AY&SY") {
            return Kind::Other("bzip2", "`bzip2 -dc` it");
        }
        if begin.get(257..262) == Some(b"ustar") {
            return Kind::Other("a tar archive", "`tar xf` it");
        }
        match begin {
            [0x1f, 0x8b, ..] => Kind::Gzip,
            [0xff, 0xfe, ..] => Kind::Utf16 { big: false },
            [0xfe, 0xff, ..] => Kind::Utf16 { big: true },
            _ => Kind::Plain,
        }
    }
}

/// The first bytes; a pipe may give one at a time.
fn peek(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut begin = Vec::new();
    while begin.len() < BEGIN {
        let buffer = match input.fill_buf() {
            Ok(buffer) => buffer,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            // What has been read is worth reading; the error comes again.
            Err(_) if !begin.is_empty() => break,
            Err(e) => return Err(e),
        };
        if buffer.is_empty() {
            break;
        }
        let taken = buffer.len().min(BEGIN - begin.len());
        begin.extend_from_slice(&buffer[..taken]);
        input.consume(taken);
    }
    Ok(begin)
}

/// The members of a gzip file, one after the other; zeros may stand behind them, as on a tape.
struct Members<R: BufRead> {
    now: Option<GzDecoder<R>>,
    failed: Option<(io::ErrorKind, String)>,
}

impl<R: BufRead> Members<R> {
    fn new(input: R) -> Members<R> {
        Members {
            now: Some(GzDecoder::new(input)),
            failed: None,
        }
    }

    /// Whether another member follows.
    fn next(&mut self) -> io::Result<bool> {
        let Some(decoder) = self.now.take() else {
            return Ok(false);
        };
        let mut input = decoder.into_inner();
        loop {
            let buffer = input.fill_buf()?;
            let Some(zeros) = buffer.iter().position(|byte| *byte != 0) else {
                let all = buffer.len();
                if all == 0 {
                    return Ok(false);
                }
                input.consume(all);
                continue;
            };
            input.consume(zeros);
            self.now = Some(GzDecoder::new(input));
            return Ok(true);
        }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if let Some((kind, words)) = &self.failed {
            return Err(io::Error::new(*kind, words.clone()));
        }
        loop {
            let Some(decoder) = &mut self.now else {
                return Ok(0);
            };
            match decoder.read(into) {
                Ok(0) if !into.is_empty() => {
                    if !self.next()? {
                        return Ok(0);
                    }
                }
                Err(e) if e.kind() != io::ErrorKind::Interrupted => {
                    let words = format!("broken gzip, read as far as it goes: {e}");
                    self.failed = Some((e.kind(), words.clone()));
                    return Err(io::Error::new(e.kind(), words));
                }
                result => return result,
            }
        }
    }
}

/// UTF-16 → UTF-8; what is no UTF-16 becomes the replacement character.
struct Utf16<R: BufRead> {
    input: R,
    big: bool,
    /// The first half of a pair.
    high: Option<u16>,
    odd: Option<u8>,
    ready: Vec<u8>,
    given: usize,
}

impl<R: BufRead> Utf16<R> {
    fn new(input: R, big: bool) -> Utf16<R> {
        Utf16 {
            input,
            big,
            high: None,
            odd: None,
            ready: Vec::new(),
            given: 0,
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        let buffer = self.input.fill_buf()?;
        let taken = buffer.len();
        let bytes = self.odd.take().into_iter().chain(buffer.iter().copied());
        let bytes: Vec<u8> = bytes.collect();
        let mut units: Vec<u16> = self.high.take().into_iter().collect();
        let pairs = bytes.chunks_exact(2);
        self.odd = pairs.remainder().first().copied();
        units.extend(pairs.map(|pair| {
            let pair = [pair[0], pair[1]];
            if self.big {
                u16::from_be_bytes(pair)
            } else {
                u16::from_le_bytes(pair)
            }
        }));
        if taken > 0 {
            self.high = units.pop_if(|unit| (0xd800..0xdc00).contains(unit));
        }
        self.ready = String::from_utf16_lossy(&units).into_bytes();
        self.given = 0;
        self.input.consume(taken);
        Ok(())
    }
}

impl<R: BufRead> Read for Utf16<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.given == self.ready.len() {
            let ended = self.input.fill_buf()?.is_empty();
            if ended && self.high.is_none() {
                return Ok(0);
            }
            self.fill()?;
        }
        let length = into.len().min(self.ready.len() - self.given);
        into[..length].copy_from_slice(&self.ready[self.given..self.given + length]);
        self.given += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> io::Result<String> {
        let mut all = String::new();
        text(bytes)?.read_to_string(&mut all)?;
        Ok(all)
    }

    #[test]
    fn text_is_found_in_its_layers() {
        let words = "fatal error\u{1f600}\ngoroutine é\n".repeat(300);
        let units = |order: fn(u16) -> [u8; 2]| -> Vec<u8> {
            "\u{feff}"
                .encode_utf16()
                .chain(words.encode_utf16())
                .flat_map(order)
                .collect()
        };
        let half = words.find('\n').unwrap();
        let members = [
            gzip(&words.as_bytes()[..half]),
            vec![0; 40],
            gzip(&words.as_bytes()[half..]),
            vec![0; 100_000],
        ];
        for bytes in [
            words.clone().into_bytes(),
            gzip(words.as_bytes()),
            gzip(&gzip(words.as_bytes())),
            members.concat(),
            units(u16::to_le_bytes),
            units(u16::to_be_bytes),
            gzip(&units(u16::to_le_bytes)),
        ] {
            assert_eq!(read(&bytes).unwrap().trim_start_matches('\u{feff}'), words);
        }
        for bytes in ["", "f", "BZh is how it began", "PK"] {
            assert_eq!(read(bytes.as_bytes()).unwrap(), bytes);
        }
    }

    #[test]
    fn what_is_not_read_is_named() {
        let mut tar = vec![0; 1024];
        tar[..4].copy_from_slice(b"logs");
        tar[257..262].copy_from_slice(b"ustar");
        for (bytes, name) in [
            (b"\xfd7zXZ\0rest".to_vec(), "is xz"),
            (b"PK\x03\x04rest".to_vec(), "`unzip` it first"),
            (b"BZh91AY&SYrest".to_vec(), "is bzip2"),
            (b"\x28\xb5\x2f\xfdrest".to_vec(), "is zstd"),
            (tar.clone(), "`tar xf` it first"),
            (gzip(&tar), "`tar xf` it first"),
            (gzip(&gzip(&gzip(&gzip(b"x")))), "gzip within gzip"),
            ([gzip(b"x"), b"junk".to_vec()].concat(), "broken gzip"),
        ] {
            let error = read(&bytes).unwrap_err().to_string();
            assert!(error.contains(name), "{name}: {error}");
        }
    }
}
