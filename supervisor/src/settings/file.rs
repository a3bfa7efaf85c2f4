//! `resetlab.toml`: the settings as flat `key = value` lines.

use super::{BadSetting, LabSettings};
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// Applies the file; without `config` a missing ./resetlab.toml is no error.
pub(super) fn apply(config: Option<&Path>, settings: &mut LabSettings) -> Result<(), BadSetting> {
    let path = config.unwrap_or(Path::new("resetlab.toml"));
    let place = |line: usize| format!("{}:{line}", path.display());
    let text = match super::text::read(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && config.is_none() => return Ok(()),
        Err(e) => {
            return Err(BadSetting {
                place: path.display().to_string(),
                problem: e.to_string(),
            });
        }
    };
    let line = |offset: usize| 1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
    let table = DeTable::parse(&text).map_err(|e| BadSetting {
        place: place(e.span().map_or(1, |span| line(span.start))),
        problem: format!(
            "{}; expected lines such as interval = \"5s\" or fall = 2",
            e.message()
        ),
    })?;
    for (key, value) in table.get_ref() {
        let place = place(line(key.span().start));
        let word = match value.get_ref() {
            DeValue::String(word) => word.to_string(),
            DeValue::Integer(number) => number.as_str().to_owned(),
            DeValue::Float(number) => number.as_str().to_owned(),
            DeValue::Boolean(switch) => switch.to_string(),
            DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
                let expected =
                    "expected a text, a number, true or false, such as interval = \"5s\" or fall = 2";
                let problem = format!("{}: {expected}", key.get_ref());
                return Err(BadSetting { place, problem });
            }
        };
        settings.set(&place, key.get_ref(), &word)?;
    }
    Ok(())
}
