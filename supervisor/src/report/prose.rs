//! PURE: sentences of a report: what is typed stands between back-ticks, and a figure keeps its unit.

/// Text, or a word that is typed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span<'a> {
    pub text: &'a str,
    pub code: bool,
}

/// Splits at back-ticks. An odd one out is a back-tick.
pub fn spans(text: &str) -> Vec<Span<'_>> {
    let mut spans = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('`') {
        let Some(length) = rest[open + 1..].find('`').filter(|length| *length > 0) else {
            break;
        };
        let close = open + 1 + length;
        spans.push(Span {
            text: &rest[..open],
            code: false,
        });
        spans.push(Span {
            text: &rest[open + 1..close],
            code: true,
        });
        rest = &rest[close + 1..];
    }
    spans.push(Span {
        text: rest,
        code: false,
    });
    spans.retain(|span| !span.text.is_empty());
    spans
}

/// Text in which nothing is left that a terminal or a browser obeys, or that turns the order of reading around: a name
/// may come from anywhere.
pub fn harmless(text: &str) -> String {
    let obeyed = |c: char| {
        c.is_control() && !matches!(c, '\n' | '\t')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|c| if obeyed(c) { char::REPLACEMENT_CHARACTER } else { c })
        .collect()
}

/// Units that must not begin a line.
const UNITS: [&str; 9] = ["s", "ms", "µs", "min", "h", "%", "kB", "MB", "checks/s"];

impl Span<'_> {
    /// The text, with no break between a figure and its unit.
    pub fn bound(&self) -> String {
        if self.code {
            return self.text.to_owned();
        }
        let mut bound = String::with_capacity(self.text.len());
        for (index, word) in self.text.split(' ').enumerate() {
            if index > 0 {
                let figure = bound.ends_with(|c: char| c.is_ascii_digit());
                let bare = word.trim_end_matches(['.', ',', ';', ':', ')', '?', '!']);
                bound.push(if figure && UNITS.contains(&bare) {
                    '\u{a0}'
                } else {
                    ' '
                });
            }
            bound.push_str(word);
        }
        bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_words_stand_between_back_ticks() {
        let span = |text, code| Span { text, code };
        assert_eq!(
            spans("set `fall=2` now"),
            [span("set ", false), span("fall=2", true), span(" now", false)]
        );
        assert_eq!(spans("an odd ` one"), [span("an odd ` one", false)]);
        assert_eq!(spans("`` a"), [span("`` a", false)]);
    }

    #[test]
    fn nothing_is_left_that_is_obeyed() {
        assert_eq!(
            harmless("a\u{1b}[31mb\u{202e}c\u{9b}\n\td\u{0}"),
            "a�[31mb�c�\n\td�"
        );
    }

    #[test]
    fn a_figure_keeps_its_unit() {
        let bound = |text| Span { text, code: false }.bound();
        assert_eq!(
            bound("3.0 s (at most 4 s), 95 % of 20 kills"),
            "3.0\u{a0}s (at most 4\u{a0}s), 95\u{a0}% of 20 kills"
        );
        assert_eq!(
            Span {
                text: "sleep 3 s",
                code: true
            }
            .bound(),
            "sleep 3 s"
        );
    }
}
