//! PURE: where one file of a log ends and the next goes on: their order, and a line that is cut in two.

use super::cause::Kind;
use super::dump::Line;
use super::{prefix, stamp};
use std::path::{Path, PathBuf};

/// Puts the files of one log oldest first, as `x.log.2.gz x.log.1 x.log`; the shell names them the other way round. They come
/// where the first of them was named, other files stay in their order.
pub fn oldest_first(files: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut logs: Vec<(PathBuf, Vec<(Age, PathBuf)>)> = Vec::new();
    for file in files {
        let (stem, age) = rotated(&file);
        match logs.iter_mut().find(|(known, _)| *known == stem) {
            Some((_, siblings)) => siblings.push((age, file)),
            None => logs.push((stem, vec![(age, file)])),
        }
    }
    let sorted = logs.into_iter().flat_map(|(_, mut siblings)| {
        siblings.sort_by_key(|(age, _)| *age);
        siblings
    });
    sorted.map(|(_, file)| file).collect()
}

/// Oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Age {
    /// logrotate's `dateext`: `x.log-20261123`.
    Date(u64),
    /// `x.log.3` is older than `x.log.2`.
    Turns(std::cmp::Reverse<u64>),
    /// Being written.
    Now,
}

/// The log that a file is of, and how old it is among its siblings.
fn rotated(file: &Path) -> (PathBuf, Age) {
    let whole = (file.to_owned(), Age::Now);
    let Some(name) = file.file_name().and_then(|name| name.to_str()) else {
        return whole;
    };
    let plain = name.strip_suffix(".gz").unwrap_or(name);
    let Some(at) = plain.rfind(['.', '-']).filter(|at| *at > 0) else {
        return (file.with_file_name(plain), Age::Now);
    };
    let (stem, suffix) = (&plain[..at], &plain[at + 1..]);
    let age = match suffix.parse::<u64>().ok().filter(|_| !suffix.starts_with('+')) {
        Some(date) if suffix.len() >= 8 => Age::Date(date),
        Some(turns) if plain[at..].starts_with('.') => Age::Turns(std::cmp::Reverse(turns)),
        _ => return (file.with_file_name(plain), Age::Now),
    };
    (file.with_file_name(stem), age)
}

/// Whether the first line of a file is the rest of the last one of the file before, which has no end.
pub fn goes_on(half: &[u8], first: &[u8]) -> bool {
    if first.is_empty() {
        return true;
    }
    if is_whole_message(half) {
        return false;
    }
    let alone = means(half);
    let second = String::from_utf8_lossy(first);
    let joined = means(&[half, first].concat());
    if alone {
        // `header.go:2` and `2 +0x170`; but the next process's first line is its own.
        return joined && !means(first) && stamp::leading(&second).is_none();
    }
    joined || (!means(first) && stamp::leading(&second).is_none())
}

/// Go says nothing behind these words.
fn is_whole_message(line: &[u8]) -> bool {
    let mut whole = false;
    prefix::lines(&String::from_utf8_lossy(line), |bare| {
        whole = matches!(bare.line, Line::Head(text) if Kind::of(text).is_map())
    });
    whole
}

/// Belongs to a dump.
fn means(line: &[u8]) -> bool {
    let mut means = false;
    prefix::lines(&String::from_utf8_lossy(line), |bare| {
        means |= !matches!(bare.line, Line::Noise | Line::Blank)
    });
    means
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_oldest_first() {
        for (given, expected) in [
            ("x.log x.log.1 x.log.2.gz", "x.log.2.gz x.log.1 x.log"),
            ("x.log.1 x.log.10 x.log.2 x.log", "x.log.10 x.log.2 x.log.1 x.log"),
            ("x.log.2.gz x.log.1 x.log", "x.log.2.gz x.log.1 x.log"),
            ("b a", "b a"),
            (
                "b.log a/x.log b.log.1 a/x.log.1",
                "b.log.1 b.log a/x.log.1 a/x.log",
            ),
            (
                "x.log x.log-20261124 x.log-20261123.gz",
                "x.log-20261123.gz x.log-20261124 x.log",
            ),
            ("router-2.log router-1.log", "router-2.log router-1.log"),
            ("- x -", "- - x"),
        ] {
            let files = oldest_first(given.split(' ').map(PathBuf::from).collect());
            let names: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
            assert_eq!(names.join(" "), expected, "{given}");
        }
    }

    #[test]
    fn a_line_goes_on_where_it_makes_sense() {
        for (half, first, expected) in [
            ("fatal error: concurrent map wri", "tes", true),
            ("goroutine 61", "7 [running]:", true),
            ("\t/go/header.go:2", "2 +0x170", true),
            ("\t/go/head", "er.go:22", true),
            ("net/http.Hea", "der.Set(...)", true),
            ("net/http.Header.Set(...)", "", true),
            (
                "Nov 23 06:43:14 host gorou",
                "ter[7]: net/http.Header.Set(...)",
                true,
            ),
            ("net/http.Header.Set(...)", "\t/go/header.go:22", false),
            ("panic: boom", "2026/11/23 06:43:14 started", false),
            ("fatal error: concurrent map writes", "started", false),
            ("exit status 2", "fatal error: concurrent map writes", false),
        ] {
            assert_eq!(
                goes_on(half.as_bytes(), first.as_bytes()),
                expected,
                "{half} | {first}"
            );
        }
    }
}
