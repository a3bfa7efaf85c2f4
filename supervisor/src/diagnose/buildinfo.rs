//! PURE: what the Go linker leaves in a binary: the compiler's version and the modules.
//!
//! Source of the format: Go's `debug/buildinfo`. Since 1.18 both strings stand behind the header, each with its length as
//! a varint; before, two pointers to string headers stand there, which need the program's segments.

use memchr::memmem::Finder;
use std::io;

/// What the binary says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildInfo {
    /// `go1.21.13`, or `devel …`.
    pub go: String,
    /// The package of `main`.
    pub path: Option<String>,
    /// Path and version of the main module.
    pub module: Option<(String, String)>,
    pub dependencies: Vec<(String, String)>,
    /// `-trimpath`, `vcs.revision` and the like.
    pub settings: Vec<(String, String)>,
}

/// Bytes that can be read at any place: a file, or a slice.
pub trait Bytes {
    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize>;
}

const MAGIC: &[u8] = b"\xff Go buildinf:";
const HEADER: usize = 32;
/// Longest version, and longest list of modules, that are believed.
const LONGEST_VERSION: u64 = 1 << 10;
const LONGEST_MODULES: u64 = 1 << 22;
const CHUNK: usize = 1 << 18;

/// Looks through the whole binary; `None`: no Go linker made it.
pub fn read(binary: &dyn Bytes) -> io::Result<Option<BuildInfo>> {
    let finder = Finder::new(MAGIC);
    let mut buffer = vec![0; CHUNK];
    let mut base = 0;
    loop {
        let filled = fill(binary, base, &mut buffer)?;
        // Programs that read build infos have the magic as a constant, too: the first that makes sense counts.
        for at in finder.find_iter(&buffer[..filled]) {
            if let Some(info) = decode(binary, base + at as u64)? {
                return Ok(Some(info));
            }
        }
        if filled < CHUNK {
            return Ok(None);
        }
        base += (CHUNK - MAGIC.len()) as u64;
    }
}

fn decode(binary: &dyn Bytes, at: u64) -> io::Result<Option<BuildInfo>> {
    let mut header = [0; HEADER];
    if fill(binary, at, &mut header)? < HEADER {
        return Ok(None);
    }
    let (pointer, flags) = (header[14], header[15]);
    let strings = if flags & 2 != 0 {
        inline(binary, at + HEADER as u64)?
    } else if pointer == 4 || pointer == 8 {
        pointed(binary, &header, pointer, flags & 1 != 0)?
    } else {
        None
    };
    Ok(strings.and_then(|(go, modules)| parse(&go, &modules)))
}

/// Both strings, each behind its length.
fn inline(binary: &dyn Bytes, at: u64) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    let Some((go, after)) = counted(binary, at, LONGEST_VERSION)? else {
        return Ok(None);
    };
    let modules = counted(binary, after, LONGEST_MODULES)?.map_or(Vec::new(), |(modules, _)| modules);
    Ok(Some((go, modules)))
}

fn counted(binary: &dyn Bytes, at: u64, longest: u64) -> io::Result<Option<(Vec<u8>, u64)>> {
    let mut prefix = [0; 10];
    let read = fill(binary, at, &mut prefix)?;
    let mut length = 0u64;
    for (index, byte) in prefix[..read].iter().enumerate().take(5) {
        length |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let start = at + index as u64 + 1;
            return Ok(exactly(binary, start, length, longest)?.map(|bytes| (bytes, start + length)));
        }
    }
    Ok(None)
}

/// Both strings through pointers to their headers, in a program's memory as ELF maps it.
fn pointed(
    binary: &dyn Bytes,
    header: &[u8; HEADER],
    size: u8,
    big: bool,
) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    let Some(segments) = Segments::read(binary)? else {
        return Ok(None);
    };
    let size = usize::from(size);
    let string = |place: &[u8], longest| -> io::Result<Option<Vec<u8>>> {
        let Some(at) = segments.offset(number(place, big)) else {
            return Ok(None);
        };
        let Some(pair) = exactly(binary, at, 2 * size as u64, 16)? else {
            return Ok(None);
        };
        let (data, length) = (number(&pair[..size], big), number(&pair[size..], big));
        match segments.offset(data) {
            Some(at) => exactly(binary, at, length, longest),
            None => Ok(None),
        }
    };
    let go = string(&header[16..16 + size], LONGEST_VERSION)?;
    let modules = string(&header[16 + size..16 + 2 * size], LONGEST_MODULES)?.unwrap_or_default();
    Ok(go.map(|go| (go, modules)))
}

/// Where a program's memory lies in its file: address, length, offset of each loaded segment.
struct Segments(Vec<(u64, u64, u64)>);

impl Segments {
    fn read(binary: &dyn Bytes) -> io::Result<Option<Segments>> {
        let mut head = [0; 64];
        if fill(binary, 0, &mut head)? < 52 || !head.starts_with(b"\x7fELF") {
            return Ok(None);
        }
        let (wide, big) = (head[4] == 2, head[5] == 2);
        let field = |bytes: &[u8], at: usize, size: usize| number(&bytes[at..at + size], big);
        let (table, entry, count) = if wide {
            (field(&head, 32, 8), field(&head, 54, 2), field(&head, 56, 2))
        } else {
            (field(&head, 28, 4), field(&head, 42, 2), field(&head, 44, 2))
        };
        let mut segments = Vec::new();
        for index in 0..count {
            let Some(at) = table.checked_add(index * entry) else {
                break;
            };
            let Some(bytes) = exactly(binary, at, if wide { 56 } else { 32 }, 56)? else {
                break;
            };
            const LOAD: u64 = 1;
            if field(&bytes, 0, 4) == LOAD {
                segments.push(if wide {
                    (field(&bytes, 16, 8), field(&bytes, 32, 8), field(&bytes, 8, 8))
                } else {
                    (field(&bytes, 8, 4), field(&bytes, 16, 4), field(&bytes, 4, 4))
                });
            }
        }
        Ok(Some(Segments(segments)))
    }

    fn offset(&self, address: u64) -> Option<u64> {
        let inside = self
            .0
            .iter()
            .find(|(start, length, _)| address.checked_sub(*start).is_some_and(|within| within < *length));
        inside.and_then(|(start, _, offset)| offset.checked_add(address - start))
    }
}

fn parse(go: &[u8], modules: &[u8]) -> Option<BuildInfo> {
    let go = String::from_utf8(go.to_vec()).ok()?;
    if !(go.starts_with("go1.") || go.starts_with("devel ")) {
        return None;
    }
    let mut info = BuildInfo {
        go,
        path: None,
        module: None,
        dependencies: Vec::new(),
        settings: Vec::new(),
    };
    // Sixteen bytes that are no text stand before and after.
    let text = match modules.len() {
        length if length >= 33 && modules[length - 17] == b'\n' => &modules[16..length - 16],
        _ => &[][..],
    };
    for line in String::from_utf8_lossy(text).lines() {
        let mut fields = line.split('\t');
        let kind = fields.next();
        let name = fields.next().unwrap_or_default().to_owned();
        let version = fields.next().unwrap_or_default().to_owned();
        match kind {
            Some("path") => info.path = Some(name),
            Some("mod") => info.module = Some((name, version)),
            Some("dep") => info.dependencies.push((name, version)),
            Some("build") => {
                let (name, value) = name.split_once('=').unwrap_or((&name, ""));
                info.settings.push((name.to_owned(), value.to_owned()));
            }
            _ => {}
        }
    }
    Some(info)
}

fn number(bytes: &[u8], big: bool) -> u64 {
    let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
    if big {
        bytes.iter().fold(0, add)
    } else {
        bytes.iter().rev().fold(0, add)
    }
}

/// `None`: the file ends before, or the length cannot be.
fn exactly(binary: &dyn Bytes, at: u64, length: u64, longest: u64) -> io::Result<Option<Vec<u8>>> {
    if length > longest {
        return Ok(None);
    }
    let mut bytes = vec![0; length as usize];
    Ok((fill(binary, at, &mut bytes)? == bytes.len()).then_some(bytes))
}

fn fill(binary: &dyn Bytes, at: u64, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < into.len() {
        let Some(at) = at.checked_add(filled as u64) else {
            break;
        };
        match binary.read_at(at, &mut into[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

impl Bytes for &[u8] {
    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let from = usize::try_from(at)
            .ok()
            .and_then(|at| self.get(at..))
            .unwrap_or_default();
        let length = from.len().min(into.len());
        into[..length].copy_from_slice(&from[..length]);
        Ok(length)
    }
}

#[cfg(unix)]
impl Bytes for std::fs::File {
    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        match std::os::unix::fs::FileExt::read_at(self, into, at) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => self.read_at(at, into),
            // An offset beyond what a file can have.
            Err(e) if e.kind() == io::ErrorKind::InvalidInput => Ok(0),
            result => result,
        }
    }
}

#[cfg(test)]
mod tests;
