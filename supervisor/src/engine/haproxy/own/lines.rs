//! PURE: a configuration as sections, lines and words, each with its place in the text.

use std::ops::Range;

/// What kinds of section there are; a line that begins with one of them begins a section.
const KINDS: [&str; 19] = [
    "global",
    "defaults",
    "frontend",
    "backend",
    "listen",
    "peers",
    "mailers",
    "resolvers",
    "userlist",
    "cache",
    "program",
    "http-errors",
    "ring",
    "fcgi-app",
    "log-forward",
    "crt-store",
    "acme",
    "log-profile",
    "traces",
];

/// A section with its own first line.
#[derive(Debug)]
pub struct Section<'a> {
    /// Empty: what stands before the first one.
    pub kind: &'a str,
    pub name: &'a str,
    pub lines: Vec<Line<'a>>,
}

#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// From 1.
    pub number: usize,
    /// With its newline.
    pub text: &'a str,
    words: Vec<Range<usize>>,
}

pub fn sections(text: &str) -> Vec<Section<'_>> {
    let mut sections = vec![Section {
        kind: "",
        name: "",
        lines: Vec::new(),
    }];
    for (number, text) in (1..).zip(text.split_inclusive('\n')) {
        let line = Line {
            number,
            text,
            words: words(text),
        };
        if KINDS.contains(&line.word(0)) {
            let (kind, name) = (line.word(0), line.word(1));
            sections.push(Section {
                kind,
                name,
                lines: Vec::new(),
            });
        }
        if let Some(section) = sections.last_mut() {
            section.lines.push(line);
        }
    }
    sections
}

impl<'a> Line<'a> {
    /// As it is written, quotes included; empty: there is none.
    pub fn word(&self, at: usize) -> &'a str {
        self.words.get(at).map_or("", |range| &self.text[range.clone()])
    }

    /// Without the quotes around it.
    pub fn plain(&self, at: usize) -> &'a str {
        self.word(at).trim_matches(['"', '\''])
    }

    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Of words that come by name: the one after `name`.
    pub fn value(&self, name: &str) -> Option<&'a str> {
        let at = (1..self.len()).find(|at| self.word(*at) == name)?;
        Some(self.word(at + 1)).filter(|value| !value.is_empty())
    }

    /// All words, from the first to the last.
    pub fn body(&self) -> &'a str {
        match (self.words.first(), self.words.last()) {
            (Some(first), Some(last)) => &self.text[first.start..last.end],
            _ => "",
        }
    }

    /// The line with another body.
    pub fn with(&self, body: &str) -> String {
        match (self.words.first(), self.words.last()) {
            (Some(first), Some(last)) => {
                format!("{}{body}{}", &self.text[..first.start], &self.text[last.end..])
            }
            _ => self.text.to_owned(),
        }
    }

    /// The line with another word there.
    pub fn replace(&self, at: usize, word: &str) -> String {
        match self.words.get(at) {
            Some(range) => format!("{}{word}{}", &self.text[..range.start], &self.text[range.end..]),
            None => self.text.to_owned(),
        }
    }

    /// The line without its words from there on.
    pub fn cut(&self, at: usize) -> Line<'a> {
        let mut line = self.clone();
        line.words.truncate(at);
        // What follows the last word goes with those that are cut, but for the newline.
        let end = line.words.last().map_or(0, |last| last.end);
        line.text = &self.text[..end];
        line
    }
}

/// Blanks separate; quotes and backslashes protect; `#` ends the line.
fn words(text: &str) -> Vec<Range<usize>> {
    let (mut words, mut begun, mut quote) = (Vec::new(), None, None);
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match (quote, c) {
            (Some(q), _) if c == q => quote = None,
            (Some('\''), _) => {}
            (_, '\\') => {
                begun.get_or_insert(at);
                escaped = true;
            }
            (Some(_), _) => {}
            (None, '"' | '\'') => {
                begun.get_or_insert(at);
                quote = Some(c);
            }
            (None, '#') => {
                words.extend(begun.take().map(|from| from..at));
                return words;
            }
            (None, c) if c.is_whitespace() => words.extend(begun.take().map(|from| from..at)),
            (None, _) => {
                begun.get_or_insert(at);
            }
        }
    }
    words.extend(begun.map(|from| from..text.len()));
    words
}
