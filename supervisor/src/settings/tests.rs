//! What the layers make of each other.

use super::*;
use router::settings::Profile;

fn load(toml: &str, environment: &[(&str, &str)]) -> Result<LabSettings, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("resetlab.toml");
    std::fs::write(&path, toml).unwrap();
    let environment = environment
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    LabSettings::load(Some(&path), environment)
        .map_err(|e| e.to_string().replace(&format!("{}/", dir.path().display()), ""))
}

#[test]
fn the_environment_beats_the_file_which_beats_the_defaults() {
    let settings = load(
        "fall = 3\nrouters = 6\ninterval = \"1s\"\n",
        &[("RESETLAB_FALL", "4"), ("PATH", "/bin")],
    )
    .unwrap();
    assert_eq!(
        (settings.routers, settings.lb.check.fall, settings.lb.check.rise),
        (6, 4, 2)
    );
    assert_eq!(settings.lb.check.interval, Duration::from_secs(1));
}

#[test]
fn what_cannot_be_says_where_and_what_was_expected() {
    let error = |toml| load(toml, &[]).unwrap_err();
    assert_eq!(
        error("rise = 2\nrouters = 0\n"),
        "resetlab.toml:2: routers cannot be `0`: expected a whole number from 1 to 250"
    );
    assert!(error("routers = 251").contains("from 1 to 250"));
    assert!(
        error("\n\nintervall = \"5s\"").starts_with("resetlab.toml:3: unknown setting `intervall`"),
        "{}",
        error("\n\nintervall = 5")
    );
    assert_eq!(
        error("interval = 5"),
        "resetlab.toml:1: interval cannot be `5`: expected a duration with a unit, such as 500ms or 2s"
    );
    assert!(
        error("fall = [1]").starts_with("resetlab.toml:1: fall: expected"),
        "{}",
        error("fall = [1]")
    );
    assert!(
        error("fall = ").starts_with("resetlab.toml:1: "),
        "{}",
        error("fall = ")
    );
    assert!(
        load("", &[("RESETLAB_TIMEOUT", "0s")])
            .unwrap_err()
            .starts_with("RESETLAB_TIMEOUT: timeout cannot be `0s`")
    );
    assert!(
        load("", &[("RESETLAB_FAL", "1")])
            .unwrap_err()
            .starts_with("RESETLAB_FAL: unknown setting `fal`")
    );
}

#[test]
fn no_word_means_two_things() {
    let all = LAB_KEYS.iter().chain(&router::settings::KEYS);
    let all: Vec<&str> = all.chain(&lb_sim::core::settings::KEYS).copied().collect();
    let distinct: std::collections::BTreeSet<&str> = all.iter().copied().collect();
    assert_eq!(distinct.len(), all.len());
}

#[test]
fn a_profile_is_the_ground_that_single_values_stand_on() {
    let wanted = (Profile::Go, Duration::from_secs(20), 7, Duration::from_secs(60));
    let have = |settings: LabSettings| {
        let router = settings.router;
        (
            router.profile,
            router.drain_wait,
            router.max_attempts,
            router.endpoint_timeout,
        )
    };
    // drain-wait is as the default profile has it, and still chosen.
    let file = "drain_wait = \"20s\"\nprofile = \"go\"\nmax-attempts = 7\n";
    assert_eq!(have(load(file, &[]).unwrap()), wanted);
    let file = "drain-wait = \"20s\"\nprofile = \"gorouter\"\n";
    let environment = [("RESETLAB_MAX_ATTEMPTS", "7"), ("RESETLAB_PROFILE", "go")];
    assert_eq!(have(load(file, &environment).unwrap()), wanted);
    let mut settings = LabSettings::default();
    for (key, word) in [("drain-wait", "20s"), ("max_attempts", "7"), ("profile", "go")] {
        settings.set("a test", key, word).unwrap();
    }
    assert_eq!(have(settings), wanted);
}

#[test]
fn the_file_has_switches_and_versions() {
    let settings = load(
        "disable_keep_alives = true\ngo = 1.23\nrouting-release = \"v0.288\"\n",
        &[],
    )
    .unwrap();
    assert!(settings.router.disable_keep_alives);
    assert!(!settings.router.has_header_race());
    assert_eq!(
        load("\nfall = true", &[]).unwrap_err(),
        "resetlab.toml:2: fall cannot be `true`: expected a whole number from 1 to 1000"
    );
    assert_eq!(
        load("routing-release = 0.x", &[("RESETLAB_GO", "1.x")])
            .unwrap_err()
            .lines()
            .count(),
        1
    );
    assert!(
        load("", &[("RESETLAB_GO", "1.x")])
            .unwrap_err()
            .starts_with("RESETLAB_GO: go cannot be `1.x`: expected a version of Go")
    );
}

#[test]
fn a_rate_is_nothing_or_something() {
    assert_eq!(parse_rate("0"), Ok(0.0));
    assert_eq!(parse_rate("0.001"), Ok(0.001));
    for word in ["1e-20", "0.0009", "-1", "NaN", "inf", "200001"] {
        let problem = parse_rate(word).unwrap_err();
        assert!(
            problem.contains("from 0.001 to 200000, such as 300, or 0"),
            "{problem}"
        );
    }
}
