//! PURE: nginx: passive failure counts, no health checks.

mod log;
mod own;
mod tokens;

use super::{Adopted, Demands, Engine, Inexpressible, Program, Reader, ReadyBy, Site, Tells};
use lb_sim::core::settings::{Group, TABLE};
use lb_sim::core::{Balance, Growth, OnFailure, Settings};
use std::ffi::OsString;
use std::fmt::Write;
use std::time::Duration;

/// nginx without its commercial modules. What it believes is in its error log, one way: which router it has disabled.
#[derive(Clone, Copy, Debug)]
pub struct Nginx;

/// Connections to the routers that are kept open while nobody uses them.
const IDLE: u32 = 64;

impl Program for Nginx {
    fn engine(&self) -> Engine {
        Engine::Nginx
    }

    fn executables(&self) -> &'static [&'static str] {
        &["nginx"]
    }

    fn variable(&self) -> &'static str {
        "RESETLAB_NGINX"
    }

    fn install(&self) -> &'static str {
        "`scripts/install-peers nginx`"
    }

    fn version_arguments(&self) -> &'static [&'static str] {
        &["-v"]
    }

    fn version(&self, printed: &str) -> Option<String> {
        let version = printed.split_once("nginx/")?.1.split_whitespace().next()?;
        Some(version.to_owned())
    }

    fn configuration(&self, site: &Site, settings: &Settings) -> Result<String, Vec<Inexpressible>> {
        expressible(settings)?;
        Ok(configuration(site, settings))
    }

    fn adopt(&self, text: &str, site: &Site) -> Result<Adopted, String> {
        own::adopt(text, site)
    }

    fn file(&self) -> &'static str {
        "nginx.conf"
    }

    fn check(&self, site: &Site) -> Vec<OsString> {
        let mut arguments = self.run(site);
        arguments.push("-t".into());
        arguments
    }

    /// `-e`: what is said before the configuration is read would go to a file of the system's.
    fn run(&self, site: &Site) -> Vec<OsString> {
        let file = site.dir.join(self.file()).into_os_string();
        ["-c".into(), file, "-e".into(), "stderr".into()].into()
    }

    /// Without `proxy_ignore_client_abort`. Measured of 1.22.1: none of 626 attempts whose clients left after 1 s, with a
    /// `proxy_read_timeout` of 3 s, counted for max_fails.
    fn outlives_clients(&self) -> bool {
        false
    }

    /// A router that it has not disabled is one that it sends requests to, whatever a file of the user's own counts.
    fn tells(&self, _site: &Site, _settings: &Settings) -> Tells {
        Tells {
            belief: true,
            attempts: true,
            every_attempt: true,
        }
    }

    /// The listener is open before the first worker is born.
    fn ready_by(&self) -> ReadyBy {
        ReadyBy::Line("start worker process ")
    }

    fn reader(&'static self) -> Reader {
        let mut log = log::Log::default();
        Box::new(move |line, site, wall| log.line(line, site, wall))
    }
}

const NO_CHECKS: &str = "it has no health checks, only failed attempts count; leave it out, or, where a preset has it, choose --preset nginx";

/// What every nginx does, as settings.
const NGINX: [(&str, &str); 13] = [
    ("interval", "86400s"),
    ("first-check", "interval"),
    ("detector", "passive"),
    ("passive-counting", "quiet"),
    ("passive-on", "broken"),
    ("passive-action", "eject"),
    ("passive-growth", "none"),
    ("passive-return", "trial"),
    ("passive-max-ejected", "100%"),
    ("answer-connect-timeout", "504"),
    ("answer-reset", "502"),
    ("answer-timeout", "504"),
    ("answer-unrouted", "502"),
];

/// How lb-sim is told to check hardly ever, where it plays nginx.
const HARDLY_EVER: [(&str, &str); 2] = [("interval", "86400s"), ("first-check", "interval")];

fn expressible(settings: &Settings) -> Result<(), Vec<Inexpressible>> {
    let mut demands = Demands::new(settings);
    let usual = Settings::default();
    let checks = TABLE.iter().filter(|key| key.group == Group::Checks);
    // `sentinel-renew` means nothing without its detector, which is refused below.
    for key in checks.filter(|key| !matches!(key.name, "detector" | "sentinel-renew")) {
        let word = key.word(settings);
        let idle = word == key.word(&usual) || HARDLY_EVER.contains(&(key.name, word.as_str()));
        demands.demand(idle, key.name, NO_CHECKS);
    }
    demands.only(
        "detector",
        &["passive"],
        "it has no health checks, only failed attempts count; set detector=passive",
    );
    passive(settings, &mut demands);
    requests(settings, &mut demands);
    demands.end()
}

fn passive(settings: &Settings, demands: &mut Demands<'_>) {
    let passive = &settings.passive;
    demands.only(
        "passive-counting",
        &["quiet"],
        "max_fails counts until fail_timeout was quiet; set passive-counting=quiet",
    );
    demands.demand(
        passive.window == passive.ejection,
        "passive-window",
        "fail_timeout is both the quiet time and the ejection; set it to passive-ejection",
    );
    demands.demand(
        passive.ejection.subsec_nanos() == 0,
        "passive-ejection",
        "fail_timeout has whole seconds",
    );
    demands.only(
        "passive-on",
        &["broken"],
        "what is counted is what is tried again; set passive-on=broken",
    );
    demands.only("passive-action", &["eject"], "max_fails ejects");
    demands.demand(
        passive.growth == Growth::None || passive.cap <= passive.ejection,
        "passive-growth",
        "every ejection lasts for fail_timeout; set passive-growth=none",
    );
    demands.demand(
        passive.cap >= passive.ejection,
        "passive-ejection-cap",
        "every ejection lasts for fail_timeout; set it to passive-ejection at least",
    );
    demands.only(
        "passive-return",
        &["trial"],
        "the first request after fail_timeout is the trial; set passive-return=trial",
    );
    demands.only("passive-uneject", &["off"], NO_CHECKS);
    demands.only(
        "passive-max-ejected",
        &["100%"],
        "it ejects every router that fails; set passive-max-ejected=100%",
    );
    demands.only(
        "panic-threshold",
        &["off"],
        "when none is left it answers 502; set panic-threshold=off",
    );
}

fn requests(settings: &Settings, demands: &mut Demands<'_>) {
    demands.only(
        "mode",
        &["http"],
        "connections are balanced by a module that Debian packages apart; set mode=http",
    );
    demands.only(
        "on-failure",
        &["502", "retry"],
        "it answers its clients and never resets them; set on-failure=502",
    );
    let answers = [
        ("answer-refused", "502"),
        ("answer-connect-timeout", "504"),
        ("answer-reset", "502"),
        ("answer-reused", "502"),
        ("answer-timeout", "504"),
        ("answer-unrouted", "502"),
    ];
    for (key, word) in answers {
        demands.only(key, &[word], &format!("its answer is {word}; set {key}={word}"));
    }
    demands.only("open-connections", &["keep"], "what is under way goes on");
    if settings.on_failure != OnFailure::Retry {
        return;
    }
    demands.only(
        "retry-on",
        &["safe"],
        "proxy_next_upstream error is both; set retry-on=safe",
    );
    demands.only(
        "retry-to",
        &["other"],
        "it tries no router twice; set retry-to=other",
    );
    demands.demand(
        settings.retry.delay.is_zero(),
        "retry-delay",
        "it tries again at once; set retry-delay=0s",
    );
    demands.demand(
        settings.retry.jitter.is_zero(),
        "retry-jitter",
        "it tries again at once; set retry-jitter=0s",
    );
    demands.only(
        "retry-budget",
        &["off"],
        "it counts the tries of each request only; set retry-budget=off",
    );
    demands.only(
        "retry-breaker",
        &["off"],
        "it counts the tries of each request only; set retry-breaker=off",
    );
}

/// What the settings say, in nginx's words.
fn configuration(site: &Site, settings: &Settings) -> String {
    let passive = &settings.passive;
    let mut routers = String::new();
    for seat in &site.routers {
        let (address, fails) = (seat.traffic, passive.failures);
        let quiet = passive.ejection.as_secs();
        let _ = writeln!(
            routers,
            "    server {address} max_fails={fails} fail_timeout={quiet}s;"
        );
    }
    let balance = match settings.balance {
        Balance::RoundRobin => "",
        Balance::LeastConnections => "    least_conn;\n",
    };
    let retry = match settings.on_failure {
        OnFailure::Retry => format!(
            "proxy_next_upstream error timeout;\n      proxy_next_upstream_tries {};\n      \
             proxy_next_upstream_timeout {};",
            settings.retry.retries.saturating_add(1),
            time(settings.retry.time.unwrap_or_default()),
        ),
        _ => "proxy_next_upstream off;".to_owned(),
    };
    let (connect, response) = (time(settings.connect_timeout), time(settings.response_timeout));
    format!(
        r#"{main}
events {{
  worker_connections 16384;
}}

http {{
{http}
  upstream routers {{
{balance}{routers}    keepalive {IDLE};
  }}

  server {{
    listen {listen};
    client_max_body_size 0;
    keepalive_requests 1000000000;
    location / {{
      proxy_pass http://routers;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_connect_timeout {connect};
      proxy_send_timeout {response};
      proxy_read_timeout {response};
      {retry}
    }}
  }}
}}
"#,
        main = main_directives(site),
        http = log::directives(site) + &temp_paths(site),
        listen = site.listen,
    )
}

/// What the lab needs of any configuration: in the foreground, one worker, nothing outside its directory. Root's worker
/// stays root, as the lab's directory is nobody else's; for others `user` has no effect.
fn main_directives(site: &Site) -> String {
    format!(
        "daemon off;\nmaster_process on;\nworker_processes 1;\nuser root;\npid \"{}\";\n{}",
        site.dir.join("nginx.pid").display(),
        log::error_directives(site)
    )
}

/// Where bodies are kept that are too long for memory.
fn temp_paths(site: &Site) -> String {
    ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| {
            let path = site.dir.join(format!("temp-{kind}"));
            format!("  {kind}_temp_path \"{}\";\n", path.display())
        })
        .concat()
}

/// nginx counts milliseconds; 0 would be "no limit" for some directives.
fn time(time: Duration) -> String {
    match time.as_millis() {
        0 if !time.is_zero() => "1ms".to_owned(),
        millis => format!("{millis}ms"),
    }
}

#[cfg(test)]
mod tests;
