//! PURE: what to type for an advice.

use crate::engine::Engine;
use crate::experiment::setup::{Setting, quoted};

/// Settings that belong to a lab and its place, and none of which another command needs.
const OWN: [&str; 10] = [
    "out",
    "net",
    "listen",
    "seed",
    "metrics",
    "page",
    "slo",
    "crash-traffic",
    "engine",
    "engine-config",
];

/// What somebody has set, as flags of another command: ` --engine haproxy --set interval=2s`. `changed` has what became of
/// a setting later.
pub fn stack<'a>(engine: &str, settings: &'a [Setting], changed: impl Fn(&str) -> Option<&'a str>) -> String {
    let given = |setting: &&Setting| {
        let origin = setting.origin.as_str();
        let by_nobody = matches!(origin, "default" | "lab")
            || origin.starts_with("profile ")
            || origin.starts_with("preset ");
        !OWN.contains(&setting.key.as_str())
            && !setting.key.starts_with("restart-")
            && (changed(&setting.key).is_some() || !by_nobody)
    };
    let mut words = String::new();
    if !matches!(engine, "" | "lb-sim") {
        words += &format!(" --engine {engine}");
    }
    let config = settings.iter().find(|setting| setting.key == "engine-config");
    if let Some(config) = config.filter(|config| config.origin != "default") {
        words += &format!(" --config {}", quoted(&config.value));
    }
    for setting in settings.iter().filter(given) {
        let value = changed(&setting.key).unwrap_or(&setting.value);
        words += &match setting.key.as_str() {
            "preset" => format!(" --preset {}", quoted(value)),
            key => format!(" --set {}", quoted(&format!("{key}={value}"))),
        };
    }
    words
}

/// ` --set interval=1s --set timeout=500ms`
pub fn set(words: &[String]) -> String {
    words
        .iter()
        .map(|word| format!(" --set {}", quoted(word)))
        .collect()
}

/// Whether a running lab behind that takes `words`: a real one takes its settings at its start, and so do routers.
pub fn is_live(engine: &str, words: &[String]) -> bool {
    let own = |word: &String| word.starts_with("drain-wait=");
    (engine.is_empty() || engine == Engine::LbSim.name()) && !words.iter().any(own)
}

/// A command without the place of its results, which are there already.
pub fn elsewhere(command: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut words = command.split(' ');
    while let Some(word) = words.next() {
        match word {
            // Of a quoted one nobody knows here where it ends.
            "--out" => match words.next() {
                Some(place) if !place.contains('\'') => {}
                place => kept.extend(std::iter::once(word).chain(place)),
            },
            word if word.starts_with("--out=") && !word.contains('\'') => {}
            word => kept.push(word),
        }
    }
    kept.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_the_same_but_for_where_its_results_go() {
        for (command, wanted) in [
            ("resetlab run --out a/b --fall 1", "resetlab run --fall 1"),
            ("resetlab run --fall 1 --out=a/b", "resetlab run --fall 1"),
            (
                "resetlab run --out 'a b' --fall 1",
                "resetlab run --out 'a b' --fall 1",
            ),
            ("resetlab run", "resetlab run"),
        ] {
            assert_eq!(elsewhere(command), wanted);
        }
    }

    #[test]
    fn words_are_as_a_shell_takes_them() {
        let words = ["interval=1s".to_owned(), "path=/a b".to_owned()];
        assert_eq!(set(&words), " --set interval=1s --set 'path=/a b'");
        assert!(is_live("lb-sim", &words) && !is_live("haproxy", &words));
        assert!(!is_live("lb-sim", &["drain-wait=2s".to_owned()]));
    }
}
