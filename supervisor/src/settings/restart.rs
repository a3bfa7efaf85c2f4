//! The settings of restarts by their words, which a running lab takes too.

use super::parse_delay;
use crate::process::restart::Backoff;

pub const KEYS: [&str; 5] = [
    "restart-delay",
    "restart-max-delay",
    "restart-jitter",
    "restart-stable",
    "restart-limit",
];

/// Sets one of [`KEYS`]; the error says what was expected.
pub fn set(backoff: &mut Backoff, key: &str, word: &str) -> Result<(), String> {
    match key {
        "restart-delay" => backoff.delay = parse_delay("restart-delay", word)?,
        "restart-max-delay" => backoff.max_delay = parse_delay("restart-max-delay", word)?,
        "restart-stable" => backoff.stable = parse_delay("restart-stable", word)?,
        "restart-jitter" => {
            let percent = word.strip_suffix('%').and_then(|n| n.trim().parse::<f64>().ok());
            let percent = percent.filter(|percent| (0.0..=100.0).contains(percent));
            let expected = "expected a share from 0% to 100%, such as 10%";
            backoff.jitter = percent.ok_or_else(|| format!("{key} cannot be `{word}`: {expected}"))? / 100.0;
        }
        "restart-limit" if word == "off" => backoff.limit = None,
        "restart-limit" => {
            let expected = "expected deaths/time such as 5/10m, or off";
            let limit = word
                .parse()
                .map_err(|()| format!("{key} cannot be `{word}`: {expected}"))?;
            backoff.limit = Some(limit);
        }
        _ => {
            return Err(format!(
                "unknown setting `{key}`: expected one of {}",
                KEYS.join(", ")
            ));
        }
    }
    Ok(())
}

/// All of them, as [`set`] takes them back.
pub fn words(backoff: &Backoff) -> [(&'static str, String); 5] {
    let time = |time| humantime::format_duration(time).to_string().replace(' ', "");
    let values = [
        time(backoff.delay),
        time(backoff.max_delay),
        format!("{}%", (backoff.jitter * 1e4).round() / 100.0),
        time(backoff.stable),
        backoff
            .limit
            .map_or_else(|| "off".to_owned(), |limit| limit.to_string()),
    ];
    std::array::from_fn(|i| (KEYS[i], values[i].clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip_and_wrong_ones_say_what_was_expected() {
        let mut backoff = Backoff::default();
        let text = words(&backoff)
            .map(|(key, word)| format!("{key}={word}"))
            .join(" ");
        assert_eq!(
            text,
            "restart-delay=15s restart-max-delay=5m restart-jitter=10% restart-stable=1m restart-limit=5/10m"
        );
        let wanted = ["0s", "1m30s", "2.5%", "3s", "off"];
        for (key, word) in KEYS.iter().zip(wanted) {
            set(&mut backoff, key, word).unwrap();
        }
        assert_eq!(words(&backoff).map(|(_, word)| word), wanted);
        for (key, word) in [
            ("restart-limit", "5"),
            ("restart-limit", "0/1m"),
            ("restart-jitter", "10"),
            ("restart-jitter", "101%"),
        ] {
            assert!(
                set(&mut backoff, key, word).unwrap_err().contains("expected"),
                "{key}={word}"
            );
        }
    }
}
