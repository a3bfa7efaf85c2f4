//! PURE: versions as people and programs write them.

use std::fmt;

/// Numbers, compared one by one: `2.11.40`, `v0.287.0`, `go1.21.13`, `2.11.40-build.5`, `1.23rc1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub numbers: Vec<u64>,
    /// What came after the numbers, such as `-build.5` or `rc1`.
    pub suffix: String,
}

impl Version {
    /// Two to four numbers.
    pub fn parse(text: &str) -> Result<Version, String> {
        let refused = || format!("`{text}` is not a version: expected numbers such as 2.11.40");
        let body = text.strip_prefix("go").or(text.strip_prefix('v')).unwrap_or(text);
        let end = body
            .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .unwrap_or(body.len());
        let (numbers, suffix) = body.split_at(end);
        let numbers: Result<Vec<u64>, _> = numbers.split('.').map(str::parse).collect();
        let numbers = numbers.map_err(|_| refused())?;
        let release = ["-", "+", " ", "rc", "beta"]
            .iter()
            .any(|begin| suffix.starts_with(begin));
        let plain = suffix
            .chars()
            .all(|letter| letter.is_ascii_graphic() || letter == ' ');
        if !(2..=4).contains(&numbers.len()) || !(suffix.is_empty() || release && suffix.len() > 1 && plain) {
            return Err(refused());
        }
        Ok(Version {
            numbers,
            suffix: suffix.to_owned(),
        })
    }

    /// Something that came before the release that its numbers name.
    pub fn is_early(&self) -> bool {
        let suffix = self.suffix.trim_start_matches('-').to_ascii_lowercase();
        const EARLY: [&str; 6] = ["rc", "beta", "alpha", "pre", "dev", "snapshot"];
        EARLY.iter().any(|begin| suffix.starts_with(begin))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.numbers.iter().map(u64::to_string).collect();
        write!(f, "{}{}", numbers.join("."), self.suffix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_write_them() {
        for (text, numbers) in [
            ("2.11.40", &[2, 11, 40][..]),
            ("v0.287.0", &[0, 287, 0]),
            ("go1.21.13", &[1, 21, 13]),
            ("1.23", &[1, 23]),
            ("2.11.40-build.5", &[2, 11, 40]),
            ("go1.22.1 X:nocoverageredesign", &[1, 22, 1]),
            ("1.23rc1", &[1, 23]),
        ] {
            assert_eq!(
                Version::parse(text).map(|version| version.numbers),
                Ok(numbers.to_vec()),
                "{text}"
            );
        }
        for text in [
            "",
            "2",
            "v",
            "2.11.",
            ".1",
            "2..1",
            "2.11.x",
            "two",
            "2.11.40garbage",
            "1.2.3.4.5",
            "2.-1",
            "99999999999999999999.1",
            "2.11-",
            "devel",
        ] {
            assert!(Version::parse(text).is_err(), "{text}");
        }
        assert_eq!(
            Version::parse("v2.11.40-build.5").map(|version| version.to_string()),
            Ok("2.11.40-build.5".to_owned())
        );
    }
}
