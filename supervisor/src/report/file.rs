//! Files of a directory of results. Somebody may have put anything there: a pipe that never says a word, a device without
//! an end. Only regular files are read.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

/// Opens a regular file, without waiting for anybody who would write into another kind.
pub fn open(path: &Path) -> io::Result<File> {
    let flags = nix::fcntl::OFlag::O_NONBLOCK | nix::fcntl::OFlag::O_NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        return Ok(file);
    }
    let what = if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_char_device() || kind.is_block_device() {
        "a device"
    } else {
        "something else"
    };
    Err(io::Error::other(format!("it is no file, but {what}")))
}

/// All that a file has, unless it is longer than `most`; `None`: it is not there.
pub fn whole(path: &Path, most: u64) -> Result<Option<Vec<u8>>, Unread> {
    let Some(file) = there(path)? else {
        return Ok(None);
    };
    let size = file.metadata()?.len();
    if size > most {
        return Err(Unread::TooLarge(size));
    }
    let mut bytes = Vec::with_capacity(size as usize);
    file.take(most).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Its first line, or as much of it as `most` bytes; `None`: it is not there.
pub fn first_line(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = there(path)? else {
        return Ok(None);
    };
    let mut line = Vec::new();
    BufReader::new(file.take(most)).read_until(b'\n', &mut line)?;
    Ok(Some(line))
}

/// Why a file was not read.
#[derive(Debug)]
pub enum Unread {
    Io(io::Error),
    /// So many bytes.
    TooLarge(u64),
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Unread {
        Unread::Io(error)
    }
}

fn there(path: &Path) -> io::Result<Option<File>> {
    match open(path) {
        Ok(file) => Ok(Some(file)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        for (path, wanted) in [
            (fifo.as_path(), "it is no file, but a pipe"),
            (&link, "it is no file, but a device"),
            (dir.path(), "it is no file, but a directory"),
        ] {
            assert_eq!(open(path).unwrap_err().to_string(), wanted);
        }
        let file = dir.path().join("file");
        std::fs::write(&file, "x").unwrap();
        assert!(open(&file).is_ok());
    }
}
