//! `config`.

use super::up::UpArgs;
use super::{Common, Failure, say};
use crate::settings::LabSettings;
use crate::settings::entries::{Origin, Worth, toml, value};
use serde_json::{Value, json};

const EXAMPLES: &str = "\
Examples:
  resetlab config show                 what `resetlab up` would use
  resetlab config show --origin        and where each value comes from
  resetlab config show --origin --profile go --interval 1s
  resetlab config show --profile gorouter > all-settings.toml

An origin is `default`; the balancer's preset; the router's profile; `lab`, where the lab is shorter
than gorouter in BOSH; or the last place that says otherwise: resetlab.toml:3,
RESETLAB_FALL, --fall.";

#[derive(Clone, Debug, clap::Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    verb: ConfigVerb,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum ConfigVerb {
    /// Print every setting in force, as a resetlab.toml that makes the same
    Show(Box<ShowArgs>),
}

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
struct ShowArgs {
    /// Say where each value comes from
    #[arg(long)]
    origin: bool,
    #[command(flatten)]
    up: UpArgs,
}

pub(super) fn run(common: &Common, args: &ConfigArgs) -> Result<(), Failure> {
    let ConfigVerb::Show(args) = &args.verb;
    let settings = args.up.settings().map_err(|e| Failure::new(2, e))?;
    if common.json {
        say(&document(&settings).to_string());
        return Ok(());
    }
    for line in toml(&settings.entries(), args.origin) {
        say(&line);
    }
    Ok(())
}

/// What nobody decided is `null`.
fn document(settings: &LabSettings) -> Value {
    let entries = settings.entries().into_iter().map(|entry| {
        let mut document = json!({
            "group": entry.group.name(),
            "key": entry.key,
            "value": match &entry.value {
                Worth::Word(word) => value(entry.key, word),
                Worth::Open(_) => Value::Null,
            },
            "origin": entry.origin.to_string(),
        });
        if let Origin::Lab { instead_of } = &entry.origin {
            document["gorouter"] = value(entry.key, instead_of);
        }
        document
    });
    json!({ "schema": "resetlab.config.v1", "settings": entries.collect::<Vec<_>>() })
}
