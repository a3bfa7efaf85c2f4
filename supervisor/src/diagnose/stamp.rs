//! PURE: the times that logs put before their lines, as written: a log without year or zone has none here either.

/// A time at the beginning of a text: the time itself, and the text after it (and after the brackets around it).
pub fn leading(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('[').unwrap_or(text);
    let bracket = inner.len() < text.len();
    let length = iso(inner.as_bytes()).or_else(|| month_day(inner.as_bytes()))?;
    let after = &inner[length..];
    let after = if bracket { after.strip_prefix(']')? } else { after };
    Some((&inner[..length], after))
}

/// The first time anywhere in a text, between spaces, quotes or brackets.
pub fn within(text: &str) -> Option<&str> {
    let starts = text
        .char_indices()
        .filter(|(at, letter)| {
            (letter.is_ascii_digit() || letter.is_ascii_uppercase())
                && text[..*at]
                    .chars()
                    .next_back()
                    .is_none_or(|before| !before.is_alphanumeric())
        })
        .take(64);
    starts
        .filter_map(|(at, _)| leading(&text[at..]))
        .map(|(time, _)| time)
        .next()
}

/// `2026-11-23T06:05:07.601320022Z`, `2026/11/23 06:43:14`, `2026-11-23 06:43:14,123 +0000`: its length.
fn iso(text: &[u8]) -> Option<usize> {
    let mut at = digits(text, 0, 4)?;
    let dash = *text.get(at).filter(|byte| b"-/".contains(byte))?;
    at = digits(text, at + 1, 2)?;
    at = (text.get(at) == Some(&dash)).then_some(at)?;
    at = digits(text, at + 1, 2)?;
    at = text.get(at).filter(|byte| b"T ".contains(byte)).map(|_| at + 1)?;
    at = clock(text, at)?;
    if text.get(at) == Some(&b'Z') {
        return Some(at + 1);
    }
    if text.get(at).is_some_and(|byte| b"+-".contains(byte)) {
        let hour = digits(text, at + 1, 2)?;
        let minute = if text.get(hour) == Some(&b':') {
            hour + 1
        } else {
            hour
        };
        return Some(digits(text, minute, 2).unwrap_or(hour));
    }
    Some(at)
}

/// `Nov 23 06:43:14`, `Nov  3 2026 06:43:14.5`: its length.
fn month_day(text: &[u8]) -> Option<usize> {
    const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    MONTHS.chunks(3).find(|month| text.starts_with(month))?;
    let mut at = text[3..].iter().take_while(|byte| **byte == b' ').count() + 3;
    at = digits(text, at, 2).or_else(|| digits(text, at, 1))?;
    at = (text.get(at) == Some(&b' ')).then_some(at + 1)?;
    if let Some(year) = digits(text, at, 4).filter(|end| text.get(*end) == Some(&b' ')) {
        at = year + 1;
    }
    clock(text, at)
}

/// `06:43:14` with a fraction, which a comma may begin.
fn clock(text: &[u8], at: usize) -> Option<usize> {
    let mut at = digits(text, at, 2)?;
    for _ in 0..2 {
        at = (text.get(at) == Some(&b':')).then_some(at + 1)?;
        at = digits(text, at, 2)?;
    }
    let fraction = text.get(at).is_some_and(|byte| b".,".contains(byte));
    let length = text.get(at + 1..).map_or(0, |rest| {
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    });
    Some(if fraction && length > 0 {
        at + 1 + length
    } else {
        at
    })
}

fn digits(text: &[u8], at: usize, count: usize) -> Option<usize> {
    let part = text.get(at..at + count)?;
    part.iter().all(u8::is_ascii_digit).then_some(at + count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_taken_as_written() {
        for (text, time, after) in [
            (
                "2026/11/23 06:43:14 http: proxy",
                "2026/11/23 06:43:14",
                " http: proxy",
            ),
            (
                "[2026-11-23T06:05:07.601320022Z] x",
                "2026-11-23T06:05:07.601320022Z",
                " x",
            ),
            (
                "2026-11-23T06:05:07.6+01:00 x",
                "2026-11-23T06:05:07.6+01:00",
                " x",
            ),
            ("2026-11-23 06:05:07,123 x", "2026-11-23 06:05:07,123", " x"),
            ("Nov  3 06:43:14 host", "Nov  3 06:43:14", " host"),
            ("Nov 23 2026 06:43:14.25: x", "Nov 23 2026 06:43:14.25", ": x"),
        ] {
            assert_eq!(leading(text), Some((time, after)), "{text}");
        }
        for text in [
            "2026-11/23 06:43:14",
            "2026-11-23",
            "Nov",
            "Nov x 06:43:14",
            "[2026-11-23T06:05:07",
            "",
            "20é6-11",
        ] {
            assert_eq!(leading(text), None, "{text}");
        }
        assert_eq!(
            within(r#"{"timestamp":"2026-11-23T06:05:07Z"}"#),
            Some("2026-11-23T06:05:07Z")
        );
        assert_eq!(
            within("app.test - [2026-11-23T06:05:07Z] \"GET"),
            Some("2026-11-23T06:05:07Z")
        );
    }
}
