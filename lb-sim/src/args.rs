//! The command line: where to listen, whom to forward to, and every setting as a flag.

use crate::core::settings::{Group, KEYS, TABLE};
use crate::core::{SettingError, Settings};
use clap::{Arg, ArgMatches, Command, FromArgMatches};
use router::worker::WorkerArgs;
use std::collections::BTreeMap;
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
#[derive(Clone, Debug, Default)]
pub struct SettingsArgs {
    given: BTreeMap<&'static str, String>,
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
        let given = KEYS.into_iter();
        given
            .filter_map(|key| Some((key, self.given.get(key)?.as_str())))
            .collect()
    }

    /// Takes out what was given for a setting.
    pub fn take(&mut self, key: &str) -> Option<String> {
        self.given.remove(key)
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

impl clap::Args for SettingsArgs {
    fn augment_args(command: Command) -> Command {
        let defaults = Settings::default();
        TABLE.iter().fold(command, |command, key| {
            let heading = match key.group {
                Group::Checks => "Balancer: health checks (all can be changed while running)",
                Group::Passive => "Balancer: what failed attempts say (all can be changed while running)",
                Group::Requests => {
                    "Balancer: requests (all but mode and proxy-protocol can be changed while running)"
                }
            };
            let flag = Arg::new(key.name)
                .long(key.name)
                .value_name(key.shape)
                .help(format!("{} [default: {}]", key.help, key.word(&defaults)))
                .value_parser(word(key.name))
                .help_heading(heading)
                .hide_short_help(!COMMON.contains(&key.name));
            command.arg(flag)
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        SettingsArgs::augment_args(command)
    }
}

impl FromArgMatches for SettingsArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<SettingsArgs, clap::Error> {
        let mut args = SettingsArgs::default();
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for key in KEYS {
            if let Some(word) = matches.get_one::<String>(key) {
                self.given.insert(key, word.clone());
            }
        }
        Ok(())
    }
}

/// Shown by `-h`; `--help` shows all.
const COMMON: [&str; 10] = [
    "interval",
    "timeout",
    "fall",
    "rise",
    "schedule",
    "detector",
    "balance",
    "mode",
    "on-failure",
    "retries",
];

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
