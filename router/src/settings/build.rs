//! PURE: which gorouter it is, by the versions it is made of.

use std::fmt;

/// A build of gorouter. Versions are compared number by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// The compiler: `[1, 21, 13]`.
    pub go: Vec<u64>,
    pub routing_release: Vec<u64>,
}

impl Build {
    /// Whether the interim-response hook and the error handler may write one map at the same time: interim responses
    /// are forwarded since Go 1.20; Go 1.23 (CL 567216) and routing-release 0.288 each mended it.
    pub fn has_header_race(&self) -> bool {
        self.go.as_slice() >= &[1, 20][..]
            && self.go.as_slice() < &[1, 23][..]
            && self.routing_release.as_slice() < &[0, 288][..]
    }
}

impl Default for Build {
    /// The newest pair with the bug that was measured.
    fn default() -> Build {
        Build {
            go: vec![1, 21, 13],
            routing_release: vec![0, 287, 0],
        }
    }
}

/// `Go 1.21.13, routing-release 0.287.0`
impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (go, release) = (Dotted(&self.go), Dotted(&self.routing_release));
        write!(f, "Go {go}, routing-release {release}")
    }
}

/// A Go version, with or without `go` before it. A pre-release (`go1.23rc1`) counts as its release: it is built of
/// the same branch, after the changes that count here.
pub(super) fn go(word: &str) -> Option<Vec<u64>> {
    let word = word.strip_prefix("go").unwrap_or(word);
    let release = ["rc", "beta"]
        .iter()
        .find_map(|kind| {
            let (release, number) = word.split_once(kind)?;
            number.parse::<u16>().is_ok().then_some(release)
        })
        .unwrap_or(word);
    // No gorouter was built with anything older; 0.288 here would be the other flag's.
    numbers(release).filter(|version| version[0] >= 1)
}

/// A version of routing-release, with or without `v` before it.
pub(super) fn routing_release(word: &str) -> Option<Vec<u64>> {
    numbers(word.strip_prefix('v').unwrap_or(word))
}

/// Two to four numbers with dots between.
fn numbers(word: &str) -> Option<Vec<u64>> {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let parts = word
        .split('.')
        .map(|part| part.parse().ok().filter(|_| digits(part)));
    let parts: Vec<u64> = parts.collect::<Option<_>>()?;
    (2..=4).contains(&parts.len()).then_some(parts)
}

/// `1.21.13`
pub(super) struct Dotted<'a>(pub &'a [u64]);

impl fmt::Display for Dotted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, number) in self.0.iter().enumerate() {
            write!(f, "{}{number}", if i == 0 { "" } else { "." })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fix_alone_mends_the_race() {
        for (go_word, release, race) in [
            ("1.21.13", "0.287.0", true),
            ("1.20", "0.287", true),
            ("1.19.13", "0.287.0", false),
            ("1.22.10", "0.287.0", true),
            ("1.23", "0.287.0", false),
            ("go1.23.1", "0.287.0", false),
            ("go1.23rc1", "0.287.0", false),
            ("go1.20rc2", "0.287.0", true),
            ("1.21.13", "0.288", false),
            ("1.21.13", "v0.288.0", false),
            ("1.21.13", "0.1000.0", false),
        ] {
            let build = Build {
                go: go(go_word).unwrap(),
                routing_release: routing_release(release).unwrap(),
            };
            assert_eq!(build.has_header_race(), race, "{go_word} {release}");
        }
    }

    #[test]
    fn what_is_no_version_is_none() {
        for wrong in [
            "",
            "v",
            "go",
            "1",
            "1.x",
            "1.",
            ".1",
            "1..2",
            "+1.2",
            "1.21.13 ",
            "1.2.3.4.5",
            "0.288",
            "rc1",
            "1.23rc",
            "1.23rcx",
            "v1.23",
            "99999999999999999999.1",
        ] {
            assert_eq!(go(wrong), None, "{wrong:?}");
        }
        for wrong in ["", "v", "vv0.288", "0.x", "go0.288", "0.288rc1", "-0.288", "0"] {
            assert_eq!(routing_release(wrong), None, "{wrong:?}");
        }
    }
}
