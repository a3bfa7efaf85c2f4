//! What a real load balancer's own file says of checks and requests, as settings: theory and trials go by them.

use super::{BadSetting, LabSettings};
use crate::engine::choice;

impl LabSettings {
    /// Reads `engine-config`, if there is one. What the file says cannot be said by a setting, too.
    pub(super) fn read_engine_config(&mut self) -> Result<(), BadSetting> {
        let Some(file) = &self.engine_config else {
            return Ok(());
        };
        let place = file.display().to_string();
        let at = |problem: String| BadSetting {
            place: place.clone(),
            problem,
        };
        let adopted = choice::adopted(self).map_err(|no| at(no.why()))?;
        for (key, _) in &adopted.settings {
            if let Some(said) = self.places.get(*key).filter(|said| explicit(said)) {
                let problem = format!("{place} says how routers are checked: change {key} there");
                return Err(BadSetting {
                    place: said.clone(),
                    problem,
                });
            }
        }
        for (key, word) in adopted.settings {
            self.change(key, &word).map_err(at)?;
            self.places.insert(key.to_owned(), place.clone());
        }
        for ignored in choice::ignored(self) {
            self.change(ignored.key, ignored.instead).map_err(at)?;
        }
        self.beyond = adopted.beyond;
        Ok(())
    }
}

/// Somebody typed it.
fn explicit(place: &str) -> bool {
    place.starts_with("--") || place.starts_with("RESETLAB_") || place.contains(".toml:")
}
