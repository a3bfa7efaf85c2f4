//! PURE (but for [`said`]): the end of a process, in words.

use router::clock::Timestamp;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

/// How a process ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Exit {
    /// When it was reaped.
    pub at: Timestamp,
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub uptime: Duration,
    /// "exited 2 after 41 s: fatal error: concurrent map writes"
    pub words: String,
}

/// The end in words; `said` is what the process wrote about it last.
pub fn words(code: Option<i32>, signal: Option<i32>, uptime: Duration, said: Option<&str>) -> String {
    let how = match (code, signal) {
        (Some(code), _) => format!("exited {code}"),
        (None, Some(signal)) => format!("killed by {}", signal_name(signal)),
        (None, None) => "vanished".to_owned(),
    };
    // A process killed from outside had no chance to say why; its last log line would mislead.
    let explains = code.is_some_and(|code| code != 0) || matches!(signal, Some(4 | 6 | 7 | 8 | 11));
    match said {
        Some(said) if explains => format!("{how} after {}: {said}", span(uptime)),
        _ => format!("{how} after {}", span(uptime)),
    }
}

/// A duration for people: `250 ms`, `3.2 s`, `41 s`, `5 min 3 s`.
pub fn span(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match duration.as_secs() {
        0 => format!("{} ms", duration.as_millis()),
        1..10 => format!("{seconds:.1} s"),
        10..120 => format!("{seconds:.0} s"),
        s => format!("{} min {} s", s / 60, s % 60),
    }
}

/// The line that says most in what a process wrote to stderr since byte `from`: the last `fatal error:` or
/// `panic:`, otherwise the last line that is not empty.
pub fn said(stderr: &Path, from: u64) -> Option<String> {
    const MOST: u64 = 1 << 20;
    let mut file = std::fs::File::open(stderr).ok()?;
    file.seek(SeekFrom::Start(from)).ok()?;
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes).ok()?;
    telling_line(&String::from_utf8_lossy(&bytes))
}

fn telling_line(text: &str) -> Option<String> {
    let starts = |line: &&str| line.starts_with("fatal error:") || line.starts_with("panic:");
    let lines = || {
        text.lines()
            .map(str::trim_end)
            .filter(|line| !line.trim().is_empty())
    };
    let line = lines().rfind(starts).or_else(|| lines().next_back())?;
    const LONGEST: usize = 300;
    Some(line.trim().chars().take(LONGEST).flat_map(plain).collect())
}

/// Lines in which nothing is left that a terminal obeys.
pub fn harmless(text: &str) -> String {
    let lines = text
        .split('\n')
        .map(|line| line.chars().flat_map(plain).collect());
    lines.collect::<Vec<String>>().join("\n")
}

/// Nothing that a terminal obeys.
pub fn plain(letter: char) -> impl Iterator<Item = char> {
    let escaped = letter.is_control() && letter != '\t';
    let escape = escaped.then(|| letter.escape_default());
    escape.into_iter().flatten().chain((!escaped).then_some(letter))
}

fn signal_name(signal: i32) -> String {
    match nix::sys::signal::Signal::try_from(signal) {
        Ok(known) => known.as_str().to_owned(),
        Err(_) => format!("signal {signal}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_told_in_letters() {
        assert_eq!(harmless("a\n\u{7}b\n"), "a\n\\u{7}b\n");
        let said = telling_line("a\tb\u{1b}[2Jü\n");
        assert_eq!(said.as_deref(), Some("a\tb\\u{1b}[2Jü"));
    }

    #[test]
    fn a_crash_is_told_by_its_fatal_error_and_not_by_the_last_line_of_the_trace() {
        let trace = "log line\nfatal error: concurrent map writes\n\ngoroutine 52 [running]:\n\tmain.go:1\n";
        let said = telling_line(trace);
        assert_eq!(
            words(Some(2), None, Duration::from_secs(41), said.as_deref()),
            "exited 2 after 41 s: fatal error: concurrent map writes"
        );
    }

    #[test]
    fn a_kill_is_not_explained_by_an_unrelated_log_line() {
        assert_eq!(
            words(None, Some(9), Duration::from_millis(3210), Some("GET / 200")),
            "killed by SIGKILL after 3.2 s"
        );
        assert_eq!(
            words(Some(0), None, Duration::from_secs(303), None),
            "exited 0 after 5 min 3 s"
        );
        assert_eq!(
            words(
                Some(1),
                None,
                Duration::from_secs(0),
                telling_line("a\nb\n\n").as_deref()
            ),
            "exited 1 after 0 ms: b"
        );
    }
}
