//! PURE: Envoy: health checks, outlier detection, retries; it tells all of it.

mod belief;
mod configuration;
mod expressible;
mod log;
mod observe;
mod own;

use super::{Admin, Adopted, Engine, Flow, Inexpressible, Program, Reader, ReadyBy, Seen, Site, Tells};
use lb_sim::core::Settings;
use std::ffi::OsString;
use std::time::Duration;

/// Envoy. A change of belief is told by its event logs, to the millisecond, and by its admin page.
#[derive(Clone, Copy, Debug)]
pub struct Envoy;

/// What lines wait for at most before they are written, in milliseconds: Envoy's own 10 s is longer than most windows.
const FLUSH: &str = "5";

impl Program for Envoy {
    fn engine(&self) -> Engine {
        Engine::Envoy
    }

    fn executables(&self) -> &'static [&'static str] {
        &["envoy"]
    }

    fn variable(&self) -> &'static str {
        "RESETLAB_ENVOY"
    }

    fn install(&self) -> &'static str {
        "`scripts/install-peers envoy`"
    }

    fn version_arguments(&self) -> &'static [&'static str] {
        &["--version"]
    }

    /// `envoy  version: 9e55…/1.40.0/Clean/RELEASE/BoringSSL`.
    fn version(&self, printed: &str) -> Option<String> {
        let build = printed.split_once("version: ")?.1;
        Some(build.split('/').nth(1)?.trim().to_owned())
    }

    fn configuration(&self, site: &Site, settings: &Settings) -> Result<String, Vec<Inexpressible>> {
        expressible::expressible(settings)?;
        let mut document = configuration::configuration(site, settings);
        observe::observe(&mut document, site);
        Ok(format!("{document:#}\n"))
    }

    fn adopt(&self, text: &str, site: &Site) -> Result<Adopted, String> {
        own::adopt(text, site)
    }

    fn file(&self) -> &'static str {
        "envoy.json"
    }

    fn check(&self, site: &Site) -> Vec<OsString> {
        let mut arguments = self.run(site);
        arguments.extend(["--mode".into(), "validate".into()]);
        arguments
    }

    /// Without hot restart it has no shared memory that a second lab could meet it in.
    fn run(&self, site: &Site) -> Vec<OsString> {
        let file = site.dir.join(self.file()).into_os_string();
        let rest = [
            "--disable-hot-restart",
            "--concurrency",
            "1",
            "--log-level",
            "info",
            "--file-flush-interval-msec",
            FLUSH,
        ];
        let mut arguments = vec!["--config-path".into(), file];
        arguments.extend(rest.map(OsString::from));
        arguments
    }

    /// It resets the attempt. Measured of 1.40.0: none of 918 attempts whose clients left after 1 s, with a timeout of
    /// 3 s, counted for an ejection.
    fn outlives_clients(&self) -> bool {
        false
    }

    fn tells(&self, _site: &Site, _settings: &Settings) -> Tells {
        Tells {
            belief: true,
            attempts: true,
            every_attempt: true,
        }
    }

    /// Its listeners open when every router was checked once, whatever that said.
    fn ready_by(&self) -> ReadyBy {
        ReadyBy::Line("starting workers")
    }

    /// An answer for four routers takes Envoy 0.1 ms.
    fn admin(&self) -> Option<Admin> {
        Some(Admin {
            hello: None,
            closer: None,
            question: "GET /clusters?format=json HTTP/1.1\r\nHost: lab\r\n\r\n",
            every: Duration::from_millis(50),
        })
    }

    fn whole_answer(&self, read: &[u8]) -> Option<usize> {
        belief::whole_answer(read)
    }

    fn beliefs(&self, answer: &[u8], site: &Site, _settings: &Settings) -> Vec<Seen> {
        belief::beliefs(answer, site)
    }

    fn flows(&self, answer: &[u8], site: &Site) -> Vec<Flow> {
        belief::flows(answer, site)
    }

    fn reader(&'static self) -> Reader {
        let mut log = log::Log::default();
        Box::new(move |line, site, wall| log.line(line, site, wall))
    }
}

#[cfg(test)]
mod tests;
