//! PURE: what a query asks the app for.

use std::time::Duration;

/// What a query asks for.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Wishes {
    pub delay: Duration,
    pub bytes: Option<u64>,
    pub early_hints: Option<EarlyHints>,
}

/// So many `103 Early Hints`, each with that many header fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EarlyHints {
    pub responses: u16,
    pub headers: u16,
}

/// The most that `?bytes=` may ask for.
const MAX_BYTES: u64 = 1 << 30;

/// The longest `?delay=`.
const MAX_DELAY: Duration = Duration::from_secs(3600);

/// As many header fields as routers and clients take in one head.
const MAX_HEADERS: u16 = 240;

const MAX_RESPONSES: u16 = 100;

impl Wishes {
    /// Unknown keys are ignored; a known key with a wrong value is an error for people.
    pub fn parse(query: &str) -> Result<Wishes, String> {
        let mut wishes = Wishes::default();
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match key {
                "delay" => {
                    wishes.delay = humantime::parse_duration(value)
                        .ok()
                        .filter(|delay| *delay <= MAX_DELAY)
                        .ok_or_else(|| {
                            format!("delay={value}: expected a duration up to 1h with its unit, such as 5ms")
                        })?;
                }
                "bytes" => {
                    let bytes = value.parse().ok().filter(|bytes| *bytes <= MAX_BYTES);
                    let wrong = || format!("bytes={value}: expected a number up to {MAX_BYTES}");
                    wishes.bytes = Some(bytes.ok_or_else(wrong)?);
                }
                "early-hints" => wishes.early_hints = Some(EarlyHints::parse(value)?),
                _ => {}
            }
        }
        Ok(wishes)
    }
}

impl EarlyHints {
    fn parse(value: &str) -> Result<EarlyHints, String> {
        let number = |word: &str, most: u16| word.parse().ok().filter(|number| (1..=most).contains(number));
        value
            .split_once('x')
            .and_then(|(responses, headers)| {
                Some(EarlyHints {
                    responses: number(responses, MAX_RESPONSES)?,
                    headers: number(headers, MAX_HEADERS)?,
                })
            })
            .ok_or_else(|| {
                format!(
                    "early-hints={value}: expected responses x header fields, such as 5x200, up to \
                     {MAX_RESPONSES}x{MAX_HEADERS}"
                )
            })
    }

    /// One of the responses, about 30 bytes a field. Names differ: in a map of header fields each is a key of its own.
    pub fn response(self) -> Vec<u8> {
        let mut response = b"HTTP/1.1 103 Early Hints\r\n".to_vec();
        for n in 1..=self.headers {
            response.extend_from_slice(format!("Link-{n:03}: </style-{n:03}.css>\r\n").as_bytes());
        }
        response.extend_from_slice(b"\r\n");
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_without_a_unit_says_what_was_expected() {
        let wishes = Wishes::parse("delay=5ms&bytes=7&early-hints=5x200&other").unwrap();
        assert_eq!(
            wishes,
            Wishes {
                delay: Duration::from_millis(5),
                bytes: Some(7),
                early_hints: Some(EarlyHints {
                    responses: 5,
                    headers: 200
                }),
            }
        );
        assert!(Wishes::parse("delay=5").unwrap_err().contains("with its unit"));
        assert!(Wishes::parse("bytes=-1").is_err());
        for wrong in ["5", "0x1", "1x0", "x", "101x1", "1x241", "-1x5"] {
            let error = Wishes::parse(&format!("early-hints={wrong}")).unwrap_err();
            assert!(error.contains("such as 5x200, up to 100x240"), "{error}");
        }
    }

    #[test]
    fn the_largest_hint_is_a_head_that_a_router_takes_and_its_names_differ() {
        let largest = EarlyHints {
            responses: 1,
            headers: MAX_HEADERS,
        };
        let response = largest.response();
        let limits = router::http1::Limits::default();
        let mut slots = router::http1::slots();
        let head = router::http1::ResponseHead::parse(&response, false, &mut slots, &limits).unwrap();
        assert_eq!(head.status(), 103);
        let text = String::from_utf8(response).unwrap();
        let lines: Vec<&str> = text.lines().skip(1).filter(|line| !line.is_empty()).collect();
        let names: std::collections::BTreeSet<&str> = lines
            .iter()
            .filter_map(|line| Some(line.split_once(": ")?.0))
            .collect();
        assert_eq!(names.len(), usize::from(MAX_HEADERS));
        assert!(lines.iter().all(|line| (20..=40).contains(&line.len())));
    }
}
