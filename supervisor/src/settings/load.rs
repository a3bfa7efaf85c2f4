//! The settings of the load by their words.

pub use crate::experiment::load::{Connection, Method};

use super::LabSettings;
use crate::experiment::load::MAX_BODY;
use clap::ValueEnum;

pub const KEYS: [&str; 5] = ["arrivals", "method", "body-bytes", "request-path", "connection"];

impl LabSettings {
    /// Sets one of [`KEYS`]; the error says what was expected.
    pub(super) fn set_load(&mut self, key: &str, word: &str) -> Result<(), String> {
        match key {
            "arrivals" => self.arrivals = choice(key, word)?,
            "method" => self.method = choice(key, word)?,
            "connection" => self.connection = Some(choice(key, word)?),
            "body-bytes" => {
                let bytes = word.parse().ok().filter(|bytes| *bytes <= MAX_BODY);
                let expected = format!("expected a number of bytes from 0 to {MAX_BODY}, such as 300000");
                self.body_bytes = bytes.ok_or_else(|| format!("{key} cannot be `{word}`: {expected}"))?;
            }
            _ => {
                let path = word.starts_with('/') && word.bytes().all(|byte| byte.is_ascii_graphic());
                let expected = "expected visible ASCII characters without blanks from /, such as /items?id=7";
                path.then(|| word.clone_into(&mut self.request_path))
                    .ok_or_else(|| format!("{key} cannot be `{word}`: {expected}"))?;
            }
        }
        Ok(())
    }

    /// Whether what the load sends can be sent.
    pub(super) fn consistent_load(&self) -> Result<(), String> {
        if self.body_bytes > 0 && self.method == Method::Get {
            return Err("body-bytes needs method=post: a GET is sent without a body".to_owned());
        }
        Ok(())
    }
}

/// The word of a choice.
pub fn word(choice: &impl ValueEnum) -> String {
    let value = choice.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

fn choice<C: ValueEnum>(key: &str, word: &str) -> Result<C, String> {
    C::from_str(word, true).map_err(|_| {
        let words: Vec<String> = C::value_variants().iter().map(self::word).collect();
        format!("{key} cannot be `{word}`: expected {}", words.join(" or "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_live_on_unless_they_are_what_is_balanced() {
        let mut settings = LabSettings::default();
        assert_eq!(settings.connection(), Connection::KeepAlive);
        settings.set("a test", "mode", "tcp").unwrap();
        assert_eq!(settings.connection(), Connection::PerRequest);
        settings.set("a test", "connection", "keep-alive").unwrap();
        assert_eq!(settings.connection(), Connection::KeepAlive);
    }

    #[test]
    fn every_word_reaches_the_load_or_says_what_was_expected() {
        let mut settings = LabSettings::default();
        let words = [
            ("method", "post"),
            ("body-bytes", "300000"),
            ("request-path", "/items?id=7"),
        ];
        for (key, word) in words {
            settings.set("a test", key, word).unwrap();
        }
        assert_eq!(settings.consistent_load(), Ok(()));
        let flags = settings.load_plan().flags;
        for flag in [
            ("method", "post"),
            ("body-bytes", "300000"),
            ("path", "/items?id=7"),
        ] {
            assert!(flags.contains(&(flag.0, flag.1.to_owned())), "{flags:?}");
        }
        settings.set("a test", "method", "get").unwrap();
        assert!(settings.consistent_load().unwrap_err().contains("method=post"));
        let mut refused = |key: &str, word: &str| settings.set("a test", key, word).unwrap_err().problem;
        assert_eq!(
            refused("method", "put"),
            "method cannot be `put`: expected get or post"
        );
        assert_eq!(
            refused("connection", "often"),
            "connection cannot be `often`: expected keep-alive or per-request"
        );
        assert!(refused("body-bytes", "1MB").contains("a number of bytes"));
        assert!(refused("request-path", "items").contains("from /"));
    }
}
