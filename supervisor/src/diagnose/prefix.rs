//! PURE: what collectors of logs put before, around and into the lines of a process, taken away again.
//!
//! Known: RFC 3164 and 5424 syslog, rsyslog's `#011` and `#012`, journald, `cf logs`, `bosh ssh`, docker and kubernetes
//! (JSON and CRI), docker-compose, klog, ANSI colours, NULs that `copytruncate` leaves; and what people do to a log: `grep
//! -n` and `-H`, `cat -n`, `> ` of a mail, a dump in one line with `\n` for its ends.

use super::dump::Line;
use super::record::Record;
use super::stamp;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A line as the process wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bare<'a> {
    /// Tells processes apart that write into one log: everything before the line but the time. 0: nothing was there.
    pub source: u64,
    pub time: Option<&'a str>,
    pub text: &'a str,
    pub line: Line<'a>,
    /// White space stood before it.
    pub indented: bool,
}

/// More parts than any collector puts before a line.
const PARTS: usize = 12;

/// The lines of one line: rsyslog and JSON records may hold many.
pub fn lines(line: &str, mut each: impl FnMut(Bare)) {
    let line = line.trim_end_matches(['\r', '\n', '\0']);
    let plain;
    let line = if line.contains('\x1b') {
        plain = without_colours(line);
        &plain
    } else {
        line
    };
    if let Some(record) = Record::of(line) {
        for text in record.text.split('\n') {
            let inner = strip(text);
            each(Bare {
                source: record.source ^ inner.source,
                time: inner.time.or(record.time.as_deref()),
                ..inner
            });
        }
        return;
    }
    if !line.contains("#01") {
        let first = strip(line);
        match first.line {
            Line::Head(text) if text.contains(r"\ngoroutine ") => {
                let text = first.text.replace(r"\t", "\t");
                parts(&first, text.split(r"\n"), each);
            }
            Line::Noise => match beside(first.text) {
                Some(call) => parts(&first, call.into_iter(), each),
                None => each(first),
            },
            _ => each(first),
        }
        return;
    }
    // The prefix stands before the first of them only.
    let text = line.replace("#015", "").replace("#011", "\t");
    let mut lines = text.split("#012");
    let first = strip(lines.next().unwrap_or_default());
    each(first);
    parts(&first, lines, each);
}

/// Many lines that came behind one prefix.
fn parts<'a>(first: &Bare, parts: impl Iterator<Item = &'a str>, mut each: impl FnMut(Bare)) {
    for text in parts {
        each(Bare {
            text,
            line: Line::of(text),
            indented: text.starts_with(junk),
            ..*first
        });
    }
}

/// A call and its place in one line.
fn beside(text: &str) -> Option<[&str; 2]> {
    let (call, place) = text.split_at(text.rfind(')')? + 1);
    let both = matches!(Line::of(call), Line::Function(_)) && matches!(Line::of(place), Line::Location(..));
    both.then_some([call, place])
}

/// Takes parts away from the left until a line of a dump is left, or nothing that is known.
fn strip(whole: &str) -> Bare<'_> {
    let mut hasher = None;
    let mut time = None;
    let mut rest = whole;
    let mut parts = 0;
    loop {
        let text = rest.trim_start_matches(junk);
        let line = Line::of(text);
        // `12-net/http.Header.Set(...)` looks like a call.
        let next = if parts == 0 && is_context(text) {
            numbered(text).map(|(name, after)| (Part::Name(name), after))
        } else if line == Line::Noise && parts < PARTS {
            next(text, time.is_some())
        } else {
            None
        };
        let Some((part, after)) = next else {
            return Bare {
                source: hasher.map_or(0, |hasher: DefaultHasher| hasher.finish() | 1),
                time,
                text,
                line,
                indented: text.len() < rest.len(),
            };
        };
        match part {
            Part::Time(stamp) => {
                time.get_or_insert(stamp);
            }
            Part::Name(name) => name.hash(hasher.get_or_insert_default()),
        }
        // One space belongs to what stood before it.
        rest = after.strip_prefix(' ').unwrap_or(after);
        parts += 1;
    }
}

/// What may stand before a line.
enum Part<'a> {
    Time(&'a str),
    Name(&'a str),
}

/// The leftmost part, and what follows it; `timed`: a time was there before it.
fn next(text: &str, timed: bool) -> Option<(Part<'_>, &str)> {
    if let Some((stamp, after)) = stamp::leading(text) {
        return Some((Part::Time(stamp), after.strip_prefix(':').unwrap_or(after)));
    }
    part(text, timed).map(|(name, after)| (Part::Name(name), after))
}

/// Whether the first line of a text is one of a dump.
pub fn has_dump(text: &str) -> bool {
    let first = text.split('\n').find(|line| !line.trim().is_empty());
    first.is_some_and(|line| strip(line).line != Line::Noise)
}

/// White space, NULs, byte order marks, and bytes that are no UTF-8.
pub fn junk(letter: char) -> bool {
    letter.is_whitespace() || letter.is_control() || "\u{feff}\u{fffd}".contains(letter)
}

/// One part that is not a time, and what follows it.
fn part(text: &str, timed: bool) -> Option<(&str, &str)> {
    if let Some(after) = text.strip_prefix('<') {
        // Syslog's priority, and RFC 5424's version. Its value belongs to the line, not to the process.
        let (priority, after) = after.split_once('>')?;
        let number = priority.len() <= 3 && priority.parse::<u16>().is_ok();
        return number.then_some(("", after.strip_prefix("1 ").unwrap_or(after)));
    }
    if let Some(after) = text.strip_prefix('>') {
        return Some(("", after));
    }
    if let Some(found) = numbered(text).or_else(|| klog(text)) {
        return Some(found);
    }
    if let Some(after) = text.strip_prefix('[') {
        let (group, after) = after.split_once(']')?;
        let sequence = group.contains("sequenceId");
        return (group.len() <= 200).then_some((if sequence { "" } else { group }, after));
    }
    let (word, after) = text.split_once(' ').unwrap_or((text, ""));
    let after = after.trim_start();
    let name = |word: &str| {
        let body = word.split('[').next().unwrap_or(word);
        !body.is_empty()
            && word.len() <= 255
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_./-[]@%".contains(&byte))
    };
    if let Some(after) = after.strip_prefix('|').filter(|_| name(word)) {
        return Some((word, after));
    }
    if ["OUT", "ERR", "stdout", "stderr"].contains(&word) {
        // kubernetes' CRI says F for a full line, P for a part of one.
        let after = after
            .strip_prefix("F ")
            .or(after.strip_prefix("P "))
            .unwrap_or(after);
        return Some((word, after));
    }
    if word.strip_suffix(':').is_some_and(name) {
        return Some((word, after));
    }
    if !timed || !name(word) {
        return None;
    }
    // RFC 3164: HOST TAG[PID]: …
    let (tag, message) = after.split_once(' ').unwrap_or((after, ""));
    if tag.strip_suffix(':').is_some_and(name) {
        return Some((&text[..text.len() - message.len()], message));
    }
    // RFC 5424: HOST APP PROCID MSGID, then `-` or `[structured data]`, which the next turn takes.
    let words: Vec<&str> = text.splitn(5, ' ').collect();
    let data = *words.get(4)?;
    if !words[..4].iter().all(|word| name(word))
        || !(data.starts_with('[') || data.starts_with("- ") || data == "-")
    {
        return None;
    }
    let identity = &text[..words[0].len() + words[1].len() + words[2].len() + 2];
    Some((identity, data.strip_prefix('-').unwrap_or(data)))
}

/// `12:`, `file:12:`, `12` and a tab; `grep -A` writes `12-` and `file-12-` before what follows a line it found.
fn numbered(text: &str) -> Option<(&str, &str)> {
    let number = |text: &str| {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        (1..=9).contains(&digits).then_some(digits)
    };
    if let Some(digits) = number(text) {
        let after = &text[digits..];
        return Some(("", after.strip_prefix([':', '-', '\t'])?));
    }
    let word = text.split([' ', '\t']).next()?;
    let mut marks = word.match_indices([':', '-']).take_while(|(at, _)| *at < 255);
    marks.find_map(|(at, mark)| {
        let after = &text[at + 1..];
        let after = after[number(after)?..].strip_prefix(mark)?;
        if number(after).is_some_and(|digits| after[digits..].starts_with(':')) {
            return None; // a compiler's line and column
        }
        // A host may have such a name, too.
        (at > 0
            && if mark == ":" {
                !text[..at].contains(':')
            } else {
                text[..at].contains(".log")
            })
        .then_some((&text[..at], after))
    })
}

/// What grep wrote before or after a line it found.
fn is_context(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let plain = digits > 0 && text[digits..].starts_with('-') && stamp::leading(text).is_none();
    plain
        || text
            .split(' ')
            .next()
            .is_some_and(|word| word.contains(".log-") && !word.starts_with('/'))
}

/// `E1123 06:43:14.123456    1234 file.go:12] `.
fn klog(text: &str) -> Option<(&str, &str)> {
    let (date, after) = text.strip_prefix(['I', 'W', 'E', 'F'])?.split_once(' ')?;
    let (head, after) = after.split_once("] ")?;
    let clock = head.as_bytes().get(2) == Some(&b':') && head.as_bytes().get(5) == Some(&b':');
    let date = date.len() == 4 && date.bytes().all(|byte| byte.is_ascii_digit());
    (date && clock && head.contains(".go:")).then_some(("", after))
}

/// Without CSI sequences: ESC [ parameters letter.
fn without_colours(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        if letter != '\x1b' {
            text.push(letter);
            continue;
        }
        let mut rest = letters.clone();
        if rest.next() == Some('[') {
            letters = rest;
            letters.by_ref().find(|letter| ('@'..='~').contains(letter));
        }
    }
    text
}

#[cfg(test)]
mod tests;
