//! PURE: HAProxy, 2.4 and later.
//!
//! [`configuration`] makes it do what the settings say, [`demands`] says what it cannot, [`log`] and [`state`] read what it
//! tells: a line for each request and each change of a server's health, and the runtime API's table of servers.

mod configuration;
mod demands;
mod log;
mod own;
mod state;

use super::{
    Admin, Adopted, Engine, Flow, Ignored, Inexpressible, Program, ReadyBy, Seen, Site, Tells, Told, Wall,
};
use lb_sim::core::{OnFailure, RetryTo, Settings};
use std::ffi::OsString;
use std::time::Duration;

/// Beside a user's own file.
const LAB_FILE: &str = "lab.cfg";

pub struct Haproxy;

impl Program for Haproxy {
    fn engine(&self) -> Engine {
        Engine::Haproxy
    }

    fn executables(&self) -> &'static [&'static str] {
        &["haproxy"]
    }

    fn variable(&self) -> &'static str {
        "RESETLAB_HAPROXY"
    }

    fn install(&self) -> &'static str {
        "`scripts/install-peers haproxy` or `apt-get install haproxy`"
    }

    fn version_arguments(&self) -> &'static [&'static str] {
        &["-v"]
    }

    fn version(&self, printed: &str) -> Option<String> {
        let word = printed.split("version ").nth(1)?.split_whitespace().next()?;
        Some(word.split('-').next().unwrap_or(word).to_owned())
    }

    fn configuration(&self, site: &Site, settings: &Settings) -> Result<String, Vec<Inexpressible>> {
        demands::met(settings)?;
        Ok(configuration::write(site, settings))
    }

    fn ignores(&self, version: &str, settings: &Settings) -> Vec<Ignored> {
        demands::ignored(version, settings).into_iter().collect()
    }

    fn file(&self) -> &'static str {
        "haproxy.cfg"
    }

    fn check(&self, site: &Site) -> Vec<OsString> {
        let mut arguments = self.run(site);
        arguments.insert(0, "-c".into());
        arguments
    }

    /// A user's file comes with ours, which says where it answers and logs; its relative paths are counted from where
    /// it was.
    fn run(&self, site: &Site) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec!["-db".into()];
        if let Some(own) = &site.own {
            let home = own.parent().filter(|home| !home.as_os_str().is_empty());
            arguments.extend(home.into_iter().flat_map(|home| ["-C".into(), home.into()]));
            // First, so that `log global` knows where to.
            arguments.extend(["-f".into(), site.dir.join(LAB_FILE).into()]);
        }
        arguments.extend(["-f".into(), site.dir.join(self.file()).into()]);
        arguments
    }

    fn beside(&self, _site: &Site) -> Option<(&'static str, String)> {
        Some((LAB_FILE, format!("global\n{}", configuration::channels())))
    }

    fn adopt(&self, text: &str, site: &Site) -> Result<Adopted, String> {
        own::adopt(text, site)
    }

    /// After a redispatch its log names the last server only. A request that was sent on a connection used before, and
    /// that ended without an answer, is in no line: not every attempt is told.
    fn tells(&self, site: &Site, settings: &Settings) -> Tells {
        let retries = matches!(settings.on_failure, OnFailure::Retry | OnFailure::RetryConnect);
        let moves = retries && settings.retry.to != RetryTo::Same;
        Tells {
            belief: true,
            attempts: site.own.is_none() && !moves,
            every_attempt: false,
        }
    }

    fn ready_by(&self) -> ReadyBy {
        ReadyBy::Answer
    }

    /// Measured of 2.6.12 with two servers: every 5 ms costs 1 % of a core, every 10 ms 0.6 %.
    fn admin(&self) -> Option<Admin> {
        Some(Admin {
            hello: Some("prompt\n"),
            question: "show servers state\n",
            closer: Some("show stat -1 4 -1\n"),
            every: Duration::from_millis(10),
        })
    }

    /// Every answer ends with the prompt for the next question.
    fn whole_answer(&self, read: &[u8]) -> Option<usize> {
        const PROMPT: &[u8] = b"\n> ";
        let at = read.windows(PROMPT.len()).position(|part| part == PROMPT)?;
        Some(at + PROMPT.len())
    }

    fn beliefs(&self, answer: &[u8], site: &Site, settings: &Settings) -> Vec<Seen> {
        state::read(&String::from_utf8_lossy(answer), site, &settings.check)
    }

    fn flows(&self, answer: &[u8], site: &Site) -> Vec<Flow> {
        state::flows(&String::from_utf8_lossy(answer), site)
    }

    /// Without `option abortonclose`. Measured of 2.6.12: of clients that left after 1 s every attempt at a hung server
    /// ended by `timeout server` (3 s), and five of them marked it down.
    fn outlives_clients(&self) -> bool {
        true
    }

    /// Between two tries at one server a request is at none.
    fn lingering(&self, settings: &Settings) -> Duration {
        match demands::retries(settings) {
            true => settings.retry.delay * settings.retry.retries,
            false => Duration::ZERO,
        }
    }

    fn line(&self, line: &str, site: &Site, wall: Wall) -> Vec<Told> {
        log::read(line, site, wall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_version_is_the_number_only() {
        let printed =
            "HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/\nStatus: long-term\n";
        assert_eq!(Haproxy.version(printed).as_deref(), Some("2.6.12"));
        assert_eq!(
            Haproxy.version("HA-Proxy version 2.4.22 2023/02/14\n").as_deref(),
            Some("2.4.22")
        );
        assert_eq!(Haproxy.version("command not found"), None);
    }

    #[test]
    fn an_answer_is_whole_at_its_prompt() {
        assert_eq!(Haproxy.whole_answer(b"1\n# be_id\n"), None);
        assert_eq!(Haproxy.whole_answer(b"1\n\n> 1\n# be"), Some(5));
    }
}
