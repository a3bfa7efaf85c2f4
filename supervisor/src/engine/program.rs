//! PURE: what is known of a real load balancer: how it is configured, started and understood.

use super::{Engine, Flow, Seen, Site, Told, Wall};
use lb_sim::core::Settings;
use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

/// A real load balancer. Nothing here opens a socket, reads a clock or touches a file: the guard does.
pub trait Program: Sync {
    fn engine(&self) -> Engine;

    /// The executable's names, the first one found is taken.
    fn executables(&self) -> &'static [&'static str];

    /// The variable that names a path instead: `RESETLAB_HAPROXY`.
    fn variable(&self) -> &'static str;

    /// The command that installs it.
    fn install(&self) -> &'static str;

    /// What makes it print its version.
    fn version_arguments(&self) -> &'static [&'static str];

    /// Its version out of what it printed: `2.6.12`.
    fn version(&self, printed: &str) -> Option<String>;

    /// The configuration that makes it do what the settings say, or every setting that it cannot express: all of them,
    /// so that nobody has to try again and again.
    fn configuration(&self, site: &Site, settings: &Settings) -> Result<String, Vec<Inexpressible>>;

    /// Makes a configuration of the user's own one for the lab; an error says what was expected.
    fn adopt(&self, _text: &str, _site: &Site) -> Result<Adopted, String> {
        let engine = self.engine();
        Err(format!(
            "{engine} takes no configuration of your own, only engine=haproxy does"
        ))
    }

    /// A file of ours beside a configuration of the user's own, which stands in the site's directory.
    fn beside(&self, _site: &Site) -> Option<(&'static str, String)> {
        None
    }

    /// Settings that this version accepts and does not obey.
    fn ignores(&self, _version: &str, _settings: &Settings) -> Vec<Ignored> {
        Vec::new()
    }

    /// Name of the configuration's file in the site's directory: `haproxy.cfg`.
    fn file(&self) -> &'static str;

    /// Arguments that make it judge the configuration and end. It runs in the site's directory.
    fn check(&self, site: &Site) -> Vec<OsString>;

    /// Arguments that start it in the foreground. It runs in the site's directory.
    fn run(&self, site: &Site) -> Vec<OsString>;

    fn tells(&self, site: &Site, settings: &Settings) -> Tells;

    fn ready_by(&self) -> ReadyBy;

    /// What is asked again and again at [`Site::admin`]; `None`: it has no such thing.
    fn admin(&self) -> Option<Admin> {
        None
    }

    /// How many bytes of what has been read are one whole answer; `None`: more has to come.
    fn whole_answer(&self, _read: &[u8]) -> Option<usize> {
        None
    }

    /// What it believes of each router, out of one whole answer. A router that it does not name is left out.
    fn beliefs(&self, _answer: &[u8], _site: &Site, _settings: &Settings) -> Vec<Seen> {
        Vec::new()
    }

    /// What goes to each router that one whole answer names.
    fn flows(&self, _answer: &[u8], _site: &Site) -> Vec<Flow> {
        Vec::new()
    }

    /// Whether the attempt of a client that has gone goes on, and counts when it fails. Otherwise it ends with its client,
    /// and counts nowhere.
    fn outlives_clients(&self) -> bool;

    /// How long a request of a router may wait for its next try without being counted in [`Flow::under_way`].
    fn lingering(&self, _settings: &Settings) -> Duration {
        Duration::ZERO
    }

    /// What one line of its log tells; lines of another kind tell nothing.
    fn line(&self, _line: &str, _site: &Site, _wall: Wall) -> Vec<Told> {
        Vec::new()
    }

    /// Reads one life's log; by itself where what belongs together is in several lines, otherwise by
    /// [`Program::line`].
    fn reader(&'static self) -> Reader {
        Box::new(|line, site, wall| self.line(line, site, wall))
    }
}

/// What a line tells after those before it.
pub type Reader = Box<dyn FnMut(&str, &Site, Wall) -> Vec<Told> + Send>;

/// A configuration of the user's own, made one for the lab.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adopted {
    pub text: String,
    /// What was changed, a line each.
    pub changes: Vec<String>,
    /// What it says of checks and requests, as settings.
    pub settings: Vec<(&'static str, String)>,
    pub beyond: Beyond,
}

/// What theory has no words for in a configuration of the user's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beyond {
    /// When a death is noticed depends on it.
    pub detection: Vec<String>,
    /// What is sent where depends on it: it decides how much is lost, and, where failed attempts are counted, when.
    pub losses: Vec<String>,
}

/// What it tells of itself. What it does not tell is nowhere, not absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tells {
    /// Whom it would send requests to.
    pub belief: bool,
    /// Each try at a router that failed, by its log.
    pub attempts: bool,
    /// And each that ended well: none goes untold.
    pub every_attempt: bool,
}

/// How it is known to serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadyBy {
    /// It answers at its admin socket, a listening socket that it is born with as descriptor [`ADMIN_FD`].
    Answer,
    /// It writes a line with this in it to stdout or stderr.
    Line(&'static str),
}

/// The descriptor that a [`ReadyBy::Answer`] program finds its listening admin socket at.
pub const ADMIN_FD: i32 = 3;

/// The descriptor that every program finds the named pipe at [`Site::log`] open for writing at, for those that write to
/// a descriptor; the others open it by its name. A line that comes there is for [`Program::line`].
pub const LOG_FD: i32 = 4;

/// What it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Sent once, when the connection is made; what it answers is read by [`Program::whole_answer`] and forgotten.
    pub hello: Option<&'static str>,
    pub question: &'static str,
    /// Asked after it as long as a router that is out of use may have requests under way, or its first
    /// request after it came back is not known of, for [`Program::flows`].
    /// `None`: the answer to `question` has that, too.
    pub closer: Option<&'static str>,
    /// From one question to the next.
    pub every: Duration,
}

/// A setting that the program cannot have in the wanted value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inexpressible {
    pub key: &'static str,
    /// Why, and what to set instead: "its gaps vary by a share, not by a time; set jitter=0s".
    pub why: String,
}

/// A setting that a version of the program accepts and does not obey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    pub key: &'static str,
    /// What it does, in words: "HAProxy 2.6.12 was measured to …".
    pub why: String,
    /// The word that says what it does.
    pub instead: &'static str,
}

impl Ignored {
    /// For settings that the lab has written itself: refused.
    pub fn refused(self) -> Inexpressible {
        let Ignored { key, why, instead } = self;
        let why = format!("{why}; set {key}={instead}");
        Inexpressible { key, why }
    }

    /// For a configuration of the user's own, which runs as it is.
    pub fn warning(&self) -> String {
        let Ignored { key, why, instead } = self;
        format!("{key}: {why}: the lab reckons with {key}={instead}")
    }
}

/// All that a program cannot express, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub engine: Engine,
    /// Key, wanted word, why.
    pub settings: Vec<(&'static str, String, String)>,
}

impl Refused {
    pub fn new(engine: Engine, settings: &Settings, why: Vec<Inexpressible>) -> Refused {
        let words = settings.words();
        let word = |key: &str| {
            let found = words.iter().find(|(known, _)| *known == key);
            found.map_or_else(String::new, |(_, word)| word.clone())
        };
        let settings = why.into_iter().map(|each| (each.key, word(each.key), each.why));
        let settings = settings.collect();
        Refused { engine, settings }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (key, word, why)) in self.settings.iter().enumerate() {
            let (gap, engine) = (if n == 0 { "" } else { "\n" }, self.engine);
            write!(
                f,
                "{gap}{engine} cannot express {key}={word}: {why}, or use engine=lb-sim"
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for Refused {}

/// Collects refusals.
#[derive(Debug)]
pub struct Demands<'a> {
    settings: &'a Settings,
    refused: Vec<Inexpressible>,
}

impl<'a> Demands<'a> {
    pub fn new(settings: &'a Settings) -> Demands<'a> {
        let refused = Vec::new();
        Demands { settings, refused }
    }

    /// Refuses `key` unless its word is one of `words`.
    pub fn only(&mut self, key: &'static str, words: &[&str], why: &str) {
        let all = self.settings.words();
        let word = all.iter().find(|(known, _)| *known == key);
        if !word.is_some_and(|(_, word)| words.contains(&word.as_str())) {
            self.refuse(key, why);
        }
    }

    /// Refuses `key` unless `holds`.
    pub fn demand(&mut self, holds: bool, key: &'static str, why: &str) {
        if !holds {
            self.refuse(key, why);
        }
    }

    pub fn refuse(&mut self, key: &'static str, why: &str) {
        let why = why.to_owned();
        self.refused.push(Inexpressible { key, why });
    }

    pub fn end(self) -> Result<(), Vec<Inexpressible>> {
        if self.refused.is_empty() {
            return Ok(());
        }
        Err(self.refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refused_setting_is_named_with_its_word_and_its_reason() {
        let settings: Settings = "jitter=1s fall=3".parse().unwrap();
        let mut demands = Demands::new(&settings);
        demands.only("fall", &["3"], "never");
        demands.only(
            "jitter",
            &["0ns", "0s"],
            "its gaps vary by a share; set jitter=0s",
        );
        let refused = Refused::new(Engine::Haproxy, &settings, demands.end().unwrap_err());
        assert_eq!(
            refused.to_string(),
            "haproxy cannot express jitter=1s: its gaps vary by a share; set jitter=0s, or use engine=lb-sim"
        );
    }
}
