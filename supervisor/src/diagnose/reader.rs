//! The I/O of it: files and pipes → blocks of whole lines. Memory: one block, however long a line is.

use super::scanner::Scanner;
use super::{Crash, encoding};
use memchr::{memchr, memrchr};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Of a longer line only this much is looked at.
const LONGEST: usize = 1 << 20;

/// Reads one log to its end, `-` from standard input, and gives the deaths as they are found, so that a log may hold any
/// number. What could be read before an error has been read.
pub fn read(path: &Path, scanner: &mut Scanner, found: &mut dyn FnMut(Crash)) -> io::Result<()> {
    if path.as_os_str() == "-" {
        return pour(io::stdin().lock(), scanner, found);
    }
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            "is a directory: name the logs in it",
        ));
    }
    pour(file, scanner, found)
}

/// Reads bytes in any [`encoding`].
pub fn pour(input: impl Read, scanner: &mut Scanner, found: &mut dyn FnMut(Crash)) -> io::Result<()> {
    blocks(encoding::text(input)?, scanner, found)
}

fn blocks(mut input: impl Read, scanner: &mut Scanner, found: &mut dyn FnMut(Crash)) -> io::Result<()> {
    let mut buffer = vec![0; LONGEST];
    let mut filled = 0;
    // In a line whose beginning has been given already.
    let mut within = false;
    loop {
        let read = match input.read(&mut buffer[filled..]) {
            Ok(read) => read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => {
                scanner.block(&buffer[..if within { 0 } else { filled }]);
                return Err(e);
            }
        };
        let mut searched = filled;
        filled += read;
        if within {
            let Some(end) = memchr(b'\n', &buffer[..filled]) else {
                if read == 0 {
                    return Ok(());
                }
                filled = 0;
                continue;
            };
            buffer.copy_within(end + 1..filled, 0);
            filled -= end + 1;
            within = false;
            searched = 0;
        }
        let lines = match memrchr(b'\n', &buffer[searched..filled]) {
            Some(end) => searched + end + 1,
            None if read == 0 => filled,
            None if filled == LONGEST => {
                within = true;
                filled
            }
            None => 0,
        };
        if read == 0 {
            scanner.rest(&buffer[..lines]);
        } else {
            scanner.block(&buffer[..lines]);
        }
        scanner.found().into_iter().for_each(&mut *found);
        buffer.copy_within(lines..filled, 0);
        filled -= lines;
        if read == 0 {
            return Ok(());
        }
    }
}
