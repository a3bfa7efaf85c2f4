//! Before the program starts: its version, its configuration, and what it says to that.

use super::Trouble;
use super::keeper::{Channels, Keeper};
use crate::engine::{Adopted, Ignored, Program, Refused, Site};
use lb_sim::core::Settings;
use std::ffi::OsString;
use std::path::Path;

/// A configuration that the program has accepted.
pub struct Ready {
    pub version: String,
    /// What is in force, as far as the program's configuration says it.
    pub settings: Settings,
    /// For people, a sentence each.
    pub notes: Vec<String>,
}

pub async fn configure(
    program: &dyn Program,
    path: &Path,
    site: &Site,
    settings: Settings,
    channels: &Channels,
) -> Result<Ready, Trouble> {
    let engine = program.engine();
    let arguments = program.version_arguments().iter().map(OsString::from).collect();
    let (_, printed) = Keeper::judge(path, arguments, site, channels).await?;
    let version = program.version(&printed).ok_or_else(|| {
        Trouble::Refused(format!(
            "{} does not say which {engine} it is; it said:\n{printed}",
            path.display()
        ))
    })?;
    let mut notes = Vec::new();
    let text = match &site.own {
        None => program
            .configuration(site, &settings)
            .map_err(|why| Trouble::Refused(Refused::new(engine, &settings, why).to_string()))?,
        Some(own) => {
            let text = crate::settings::text::read(own).map_err(Trouble::io(own.display().to_string()))?;
            let adopted = program.adopt(&text, site);
            let Adopted {
                text,
                changes,
                settings: said,
                ..
            } = adopted.map_err(|why| Trouble::Refused(format!("{}: {why}", own.display())))?;
            notes.extend(changes);
            let ignored = program.ignores(&version, &as_said(&said));
            notes.extend(ignored.iter().map(Ignored::warning));
            if let Some((name, text)) = program.beside(site) {
                let file = site.dir.join(name);
                std::fs::write(&file, text).map_err(Trouble::io(file.display().to_string()))?;
            }
            text
        }
    };
    let file = site.dir.join(program.file());
    std::fs::write(&file, text).map_err(Trouble::io(file.display().to_string()))?;
    let (accepted, said) = Keeper::judge(path, program.check(site), site, channels).await?;
    if !accepted {
        let made_of = site
            .own
            .as_deref()
            .map(|own| format!(", made of {}", own.display()));
        let file = file.display().to_string() + &made_of.unwrap_or_default();
        return Err(Trouble::Rejected { engine, file, said });
    }
    Ok(Ready {
        version,
        settings,
        notes,
    })
}

/// What a file says, before anybody knows what is obeyed of it.
fn as_said(words: &[(&'static str, String)]) -> Settings {
    let mut settings = Settings::default();
    for (key, word) in words {
        // A word that cannot be was refused where the lab's settings were read.
        let _ = settings.set(key, word);
    }
    settings
}
