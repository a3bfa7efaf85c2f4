//! Files that people name.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// No configuration is longer.
const MOST: u64 = 8 << 20;

/// What a regular file holds: a device never ends, and a pipe may never begin.
pub fn read(path: &Path) -> io::Result<String> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other(
            "expected a regular file, not a directory, a pipe or a device",
        ));
    }
    let mut text = String::new();
    File::open(path)?.take(MOST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MOST {
        return Err(io::Error::other("expected a file of at most 8 MB"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_not_end_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.cfg");
        std::fs::write(&path, "text").unwrap();
        assert_eq!(read(&path).unwrap(), "text");
        File::create(&path).unwrap().set_len(MOST + 1).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("at most 8 MB"));
        let pipe = dir.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for path in [pipe.as_path(), Path::new("/dev/zero"), dir.path()] {
            assert!(read(path).unwrap_err().to_string().contains("a regular file"));
        }
    }
}
