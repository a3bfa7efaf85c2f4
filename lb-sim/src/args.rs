//! The command line: where to listen, whom to forward to, and every setting as a flag.

use crate::core::settings::KEYS;
use crate::core::{SettingError, Settings};
use router::worker::WorkerArgs;
use std::net::SocketAddr;
use std::str::FromStr;

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub worker: WorkerArgs,
    /// Accept clients here.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8000")]
    pub listen: SocketAddr,
    /// A router: its name, where traffic goes, where its health is checked. Repeat for each. Without a name it is
    /// router-1, router-2 …; without a health address the traffic address is checked.
    ///
    /// Examples: --backend 127.0.0.1:9001  --backend blue=127.0.0.1:9001,127.0.0.1:9081
    #[arg(long = "backend", value_name = "[NAME=]TRAFFIC[,HEALTH]")]
    pub backends: Vec<BackendArg>,
    /// Seed of the generator that draws jitter; the same seed draws the same gaps.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// One `--backend`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendArg {
    pub name: Option<String>,
    pub traffic: SocketAddr,
    pub health: SocketAddr,
}

/// Every setting as an optional flag; what is not given keeps what it had.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Balancer (all but mode and proxy-protocol can be changed while running)")]
pub struct SettingsArgs {
    /// Time from one health check of a router to the next: 5s, 500ms [default: 5s]
    #[arg(long, value_name = "TIME", value_parser = word("interval"))]
    pub interval: Option<String>,
    /// A health check without an answer for this long has failed [default: 2s]
    #[arg(long, value_name = "TIME", value_parser = word("timeout"))]
    pub timeout: Option<String>,
    /// Failed checks in a row that make a router Down (unhealthy threshold) [default: 2]
    #[arg(long, value_name = "N", value_parser = word("fall"))]
    pub fall: Option<String>,
    /// Successful checks in a row that make it Up again (healthy threshold) [default: 2]
    #[arg(long, value_name = "N", value_parser = word("rise"))]
    pub rise: Option<String>,
    /// Count the interval from a check's start (ALB, kubelet) or from its end (HAProxy, Envoy) [default: start]
    #[arg(long, value_name = "start|end", value_parser = word("schedule"))]
    pub schedule: Option<String>,
    /// Lengthen each gap by a random time below this [default: 0s]
    #[arg(long, value_name = "TIME", value_parser = word("jitter"))]
    pub jitter: Option<String>,
    /// Ask for --path over HTTP, or only open a connection (which never sees a hung router) [default: http]
    #[arg(long, value_name = "http|tcp", value_parser = word("check"))]
    pub check: Option<String>,
    /// What an HTTP check asks for; 2xx and 3xx are healthy [default: /health]
    #[arg(long, value_name = "PATH", value_parser = word("path"))]
    pub path: Option<String>,
    /// What notices a dead router beside polling: passive (failed attempts), sentinel (an idle connection to it),
    /// notice (the supervisor); several joined by + [default: poll]
    #[arg(long, value_name = "WORD[+WORD]", value_parser = word("detector"))]
    pub detector: Option<String>,
    /// passive: failed attempts in a row that eject a router [default: 5]
    #[arg(long, value_name = "N", value_parser = word("passive-failures"))]
    pub passive_failures: Option<String>,
    /// passive: the first ejection; the n-th in a row lasts n times as long [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = word("passive-ejection"))]
    pub passive_ejection: Option<String>,
    /// passive: no ejection lasts longer [default: 300s]
    #[arg(long, value_name = "TIME", value_parser = word("passive-ejection-cap"))]
    pub passive_ejection_cap: Option<String>,
    /// passive: never more than this share of the routers is ejected at a time [default: 50%]
    #[arg(long, value_name = "SHARE", value_parser = word("passive-max-ejected"))]
    pub passive_max_ejected: Option<String>,
    /// sentinel: a connection that ended is renewed after this time at the earliest [default: 100ms]
    #[arg(long, value_name = "TIME", value_parser = word("sentinel-renew"))]
    pub sentinel_renew: Option<String>,
    /// How the next router is chosen: round-robin or least-connections [default: round-robin]
    #[arg(long, value_name = "WORD", value_parser = word("balance"))]
    pub balance: Option<String>,
    /// Balance requests, or connections (bytes are relayed as they are) [default: http]
    #[arg(long, value_name = "http|tcp", value_parser = word("mode"))]
    pub mode: Option<String>,
    /// mode=tcp: tell routers who the client is [default: off]
    #[arg(long, value_name = "off|v2", value_parser = word("proxy-protocol"))]
    pub proxy_protocol: Option<String>,
    /// What a client sees when an attempt fails: its connection reset, a 502, or another router's answer (retry);
    /// mode=tcp: reset, close or retry-connect [default: reset]
    #[arg(long, value_name = "WORD", value_parser = word("on-failure"))]
    pub on_failure: Option<String>,
    /// Retries of one request at most [default: 3]
    #[arg(long, value_name = "N", value_parser = word("retries"))]
    pub retries: Option<String>,
    /// Retries are at most this share of the requests, or off [default: 20%]
    #[arg(long, value_name = "SHARE", value_parser = word("retry-budget"))]
    pub retry_budget: Option<String>,
    /// Retries under way at a time, or off [default: 100]
    #[arg(long, value_name = "N", value_parser = word("retry-breaker"))]
    pub retry_breaker: Option<String>,
    /// An attempt may take this long to connect [default: 1s]
    #[arg(long, value_name = "TIME", value_parser = word("connect-timeout"))]
    pub connect_timeout: Option<String>,
    /// An attempt may take this long until the response begins [default: 2s]
    #[arg(long, value_name = "TIME", value_parser = word("response-timeout"))]
    pub response_timeout: Option<String>,
}

impl SettingsArgs {
    /// Overrides what was given; the result is [consistent](Settings::consistent).
    pub fn apply(&self, settings: &mut Settings) -> Result<(), SettingError> {
        for (key, word) in self.given() {
            settings.set(key, word)?;
        }
        settings.consistent()
    }

    /// What was given, in the order of [`KEYS`].
    pub fn given(&self) -> Vec<(&'static str, &str)> {
        let all = [
            &self.interval,
            &self.timeout,
            &self.fall,
            &self.rise,
            &self.schedule,
            &self.jitter,
            &self.check,
            &self.path,
            &self.detector,
            &self.passive_failures,
            &self.passive_ejection,
            &self.passive_ejection_cap,
            &self.passive_max_ejected,
            &self.sentinel_renew,
            &self.balance,
            &self.mode,
            &self.proxy_protocol,
            &self.on_failure,
            &self.retries,
            &self.retry_budget,
            &self.retry_breaker,
            &self.connect_timeout,
            &self.response_timeout,
        ];
        let given = KEYS.into_iter().zip(all);
        given
            .filter_map(|(key, word)| Some((key, word.as_deref()?)))
            .collect()
    }

    /// Takes out what was given for one of the settings that can be swept.
    pub fn take(&mut self, key: &str) -> Option<String> {
        match key {
            "interval" => self.interval.take(),
            "timeout" => self.timeout.take(),
            "fall" => self.fall.take(),
            "rise" => self.rise.take(),
            "schedule" => self.schedule.take(),
            "detector" => self.detector.take(),
            _ => None,
        }
    }

    /// The flags that make another process use `settings`.
    pub fn flags(settings: &Settings) -> Vec<String> {
        settings
            .words()
            .iter()
            .map(|(key, word)| format!("--{key}={word}"))
            .collect()
    }
}

impl FromStr for BackendArg {
    type Err = String;
    fn from_str(text: &str) -> Result<BackendArg, String> {
        let (name, addresses) = match text.split_once('=') {
            Some((name, addresses)) => (Some(name), addresses),
            None => (None, text),
        };
        if name == Some("") {
            return Err("the name before `=` is empty".to_owned());
        }
        let (traffic, health) = addresses.split_once(',').unwrap_or((addresses, addresses));
        let parse = |what: &str, address: &str| {
            let expected =
                || format!("`{address}` is not a {what} address: expected IP:PORT, such as 127.0.0.1:9001");
            address.parse::<SocketAddr>().map_err(|_| expected())
        };
        Ok(BackendArg {
            name: name.map(str::to_owned),
            traffic: parse("traffic", traffic)?,
            health: parse("health", health)?,
        })
    }
}

/// Accepts what [`Settings::set`] accepts for `key`.
fn word(key: &'static str) -> impl Fn(&str) -> Result<String, SettingError> + Clone + Send + Sync {
    move |word| Settings::default().set(key, word).map(|()| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn parse(line: &str) -> Result<Args, String> {
        let cli = Cli::try_parse_from(std::iter::once("lb-sim").chain(line.split_whitespace()));
        cli.map(|cli| cli.args).map_err(|error| error.to_string())
    }

    #[test]
    fn backends_need_only_a_traffic_address() {
        let args = parse("--backend 127.0.0.1:1 --backend b=127.0.0.1:2,127.0.0.1:3").unwrap();
        assert_eq!(args.backends[0].name, None);
        assert_eq!(args.backends[0].health, args.backends[0].traffic);
        assert_eq!(args.backends[1].name.as_deref(), Some("b"));
        assert_eq!(args.backends[1].health.port(), 3);
        let error = parse("--backend b=localhost").unwrap_err();
        assert!(
            error.contains("expected IP:PORT, such as 127.0.0.1:9001"),
            "{error}"
        );
    }

    #[test]
    fn every_setting_is_a_flag() {
        let text = "interval=1s timeout=3s fall=3 rise=4 schedule=end jitter=5ms check=tcp path=/up \
                    detector=notice passive-failures=2 passive-ejection=8s passive-ejection-cap=9s \
                    passive-max-ejected=10% sentinel-renew=1s balance=least-connections mode=tcp proxy-protocol=v2 \
                    on-failure=retry-connect retries=1 retry-budget=5% retry-breaker=off connect-timeout=6s response-timeout=7s";
        let settings: Settings = text.parse().unwrap();
        let mut parsed = Settings::default();
        let args = parse(&SettingsArgs::flags(&settings).join(" ")).unwrap();
        args.settings.apply(&mut parsed).unwrap();
        assert_eq!(parsed, settings);
    }

    #[test]
    fn bad_settings_name_the_flag_and_what_was_expected() {
        let error = parse("--timeout 0s").unwrap_err();
        assert!(
            error.contains("--timeout") && error.contains("from 1ms to 1day"),
            "{error}"
        );
        let error = parse("--interval 5").unwrap_err();
        assert!(error.contains("a duration with a unit"), "{error}");
    }
}
