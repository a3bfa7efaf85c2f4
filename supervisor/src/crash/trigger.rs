//! PURE: the kinds of requests that gorouter was seen to die of, or not.

use rand::Rng;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What is asked for, and when its client leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// Five 103 responses of 200 header fields; the client leaves within 10 ms
    #[default]
    EarlyHints,
    /// One bare 100 Continue; the client leaves within 5 ms, its body unsent
    Continue,
    /// One 103 response of 10 header fields; the client leaves within 10 ms
    OneHint,
}

impl Trigger {
    /// The request of one attempt to `host`, all that its client ever sends.
    pub fn request(self, host: &str) -> Vec<u8> {
        let (method, target, more) = match self {
            Trigger::EarlyHints => ("GET", "/?early-hints=5x200", ""),
            Trigger::Continue => ("POST", "/", "Expect: 100-continue\r\nContent-Length: 5\r\n"),
            Trigger::OneHint => ("GET", "/?early-hints=1x10", ""),
        };
        format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: resetlab-crash\r\n{more}\r\n")
            .into_bytes()
    }

    /// No client stays longer than that after its request.
    pub fn longest_stay(self) -> Duration {
        match self {
            Trigger::EarlyHints | Trigger::OneHint => Duration::from_millis(10),
            Trigger::Continue => Duration::from_millis(5),
        }
    }

    /// How long a client stays, to the nanosecond: from 0 to [`Trigger::longest_stay`], each as likely as any other.
    pub fn stay(self, dice: &mut impl Rng) -> Duration {
        // 53 random bits make a uniform number in [0, 1).
        let share = (dice.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        self.longest_stay().mul_f64(share)
    }

    pub fn word(self) -> &'static str {
        match self {
            Trigger::EarlyHints => "early-hints",
            Trigger::Continue => "continue",
            Trigger::OneHint => "one-hint",
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Trigger {
    type Err = String;
    fn from_str(word: &str) -> Result<Trigger, String> {
        let all = [Trigger::EarlyHints, Trigger::Continue, Trigger::OneHint];
        let found = all.into_iter().find(|trigger| trigger.word() == word);
        found.ok_or_else(|| "expected early-hints, continue or one-hint".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn stays_cover_their_range_evenly_and_finer_than_a_millisecond() {
        for (trigger, longest) in [
            (Trigger::EarlyHints, 10.0),
            (Trigger::Continue, 5.0),
            (Trigger::OneHint, 10.0),
        ] {
            let mut dice = ChaCha8Rng::seed_from_u64(7);
            let stays: Vec<f64> = (0..10_000)
                .map(|_| trigger.stay(&mut dice).as_secs_f64() * 1e3)
                .collect();
            let mut tenths = [0; 10];
            for stay in &stays {
                tenths[(stay / longest * 10.0) as usize] += 1;
            }
            // 1,000 in each tenth; the standard deviation is 30.
            assert!(
                tenths.iter().all(|n| (850..=1150).contains(n)),
                "{trigger} {tenths:?}"
            );
            assert!(stays.iter().any(|stay| *stay < 0.01), "{trigger}");
            assert!(stays.iter().any(|stay| stay.fract() > 0.0));
            let mut again = ChaCha8Rng::seed_from_u64(7);
            let first = trigger.stay(&mut again).as_secs_f64() * 1e3;
            assert_eq!(first, stays[0], "the same seed stays the same times");
        }
    }

    #[test]
    fn requests_are_whole_heads_and_what_continue_promises_it_never_sends() {
        let limits = router::http1::Limits::default();
        for (trigger, method, expects) in [
            (Trigger::EarlyHints, "GET", false),
            (Trigger::Continue, "POST", true),
            (Trigger::OneHint, "GET", false),
        ] {
            let request = trigger.request("app.test");
            let mut slots = router::http1::slots();
            let head = router::http1::RequestHead::parse(&request, &mut slots, &limits).unwrap();
            assert_eq!((head.method(), head.expects_continue()), (method, expects));
            assert_eq!(head.header("host"), Some(&b"app.test"[..]));
            assert!(head.keep_alive() && request.ends_with(b"\r\n\r\n"));
            let promised = head.header("content-length").is_some_and(|length| length != b"0");
            assert_eq!(promised, expects);
        }
    }

    #[test]
    fn a_word_means_the_same_everywhere() {
        for trigger in Trigger::value_variants() {
            let word = trigger.to_string();
            assert_eq!(word.parse(), Ok(*trigger));
            assert_eq!(serde_json::json!(trigger), word);
            let clap = trigger.to_possible_value().unwrap();
            assert_eq!(clap.get_name(), word);
        }
        assert!("103".parse::<Trigger>().unwrap_err().contains("early-hints"));
    }
}
