//! `set`.

use super::client::Client;
use super::{Common, Failure, say};
use crate::settings::brief::pairs;
use crate::settings::{PresetNote, restart};
use serde_json::{Map, Value};

#[derive(Clone, Debug, clap::Args)]
pub struct SetArgs {
    /// Settings of the balancer (interval, timeout, fall, rise, schedule, jitter, check, path, balance, on-failure,
    /// connect-timeout, response-timeout …), rate, restart-delay, restart-max-delay, restart-jitter, restart-stable,
    /// restart-limit
    #[arg(required = true, value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

pub(super) async fn run(common: &Common, args: &SetArgs) -> Result<(), Failure> {
    let mut patch = Map::new();
    for word in &args.settings {
        let wrong = || {
            Failure::new(
                2,
                format!("`{word}`: expected KEY=VALUE, for example interval=500ms"),
            )
        };
        let (key, value) = word.split_once('=').ok_or_else(wrong)?;
        patch.insert(key.to_owned(), Value::String(value.to_owned()));
    }
    let done = Client::connect(&common.lab)?
        .post("/v1/set", &Value::Object(patch))
        .await?;
    if common.json {
        say(&done.to_string());
    } else {
        let note: PresetNote = serde_json::from_value(done["preset"].clone()).unwrap_or_default();
        say(&format!("preset {note}"));
        let ours = |key: &str| key == "rate" || restart::KEYS.contains(&key);
        let others = pairs(&done["settings"]).filter(|(key, _)| ours(key));
        let others: Vec<String> = others.map(|(key, word)| format!("{key}={word}")).collect();
        say(&others.join(" "));
    }
    Ok(())
}
