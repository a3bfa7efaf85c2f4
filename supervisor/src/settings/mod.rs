pub fn parse_rate(word: &str) -> Result<f64, String> {
    let rate = word.parse().ok().filter(|rate| (0.0..=200_000.0).contains(rate));
    rate.ok_or_else(|| format!("`{word}`: expected requests a second from 0 to 200000, such as 300"))
}

pub fn parse_delay(word: &str) -> Result<std::time::Duration, String> {
    humantime::parse_duration(word)
        .map_err(|_| format!("`{word}`: expected a duration with a unit, such as 15s or 500ms"))
}
