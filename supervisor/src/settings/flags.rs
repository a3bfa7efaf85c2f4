//! The flags that a stack is described with, shared by `up` and the experiments.

use super::{BadSetting, LabSettings};
use crate::engine::Engine;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug, Default, clap::Args)]
pub struct StackArgs {
    /// Settings file [default: ./resetlab.toml, if there is one]; with a real --engine, a file that does not end in .toml
    /// is that program's own, and its servers become the lab's routers. May be given twice
    #[arg(long, value_name = "FILE", env = "RESETLAB_CONFIG")]
    config: Vec<PathBuf>,
    /// How many routers, 1 to 250 [default: 4]
    #[arg(long, value_name = "N")]
    routers: Option<String>,
    /// How many instances of the app [default: 2]
    #[arg(long, value_name = "N")]
    apps: Option<String>,
    /// Requests a second; 0 is idle [default: 200]
    #[arg(long, value_name = "R", allow_hyphen_values = true)]
    rate: Option<String>,
    /// How requests follow each other [default: poisson]
    #[arg(long, value_name = "constant|poisson")]
    arrivals: Option<String>,
    /// What requests do; a POST is never sent twice [default: get]
    #[arg(long, value_name = "get|post")]
    method: Option<String>,
    /// Size of a POST's body [default: 0]
    #[arg(long, value_name = "N")]
    body_bytes: Option<String>,
    /// What requests ask for [default: /]
    #[arg(long, value_name = "PATH")]
    request_path: Option<String>,
    /// Use connections again, or make one for each request [default: keep-alive; mode=tcp: per-request]
    #[arg(long, value_name = "keep-alive|per-request")]
    connection: Option<String>,
    /// A request not answered by then is lost [default: 5s]
    #[arg(long, value_name = "TIME")]
    client_timeout: Option<String>,
    /// From a router's death to its next start [default: up 15s; run: once the balancer has noticed]
    #[arg(long, value_name = "TIME")]
    restart_delay: Option<String>,
    /// Deaths in a row double the delay up to this one [default: 5m]
    #[arg(long, value_name = "TIME")]
    restart_max_delay: Option<String>,
    /// A doubled delay is longer or shorter at random by up to this share [default: 10%]
    #[arg(long, value_name = "SHARE")]
    restart_jitter: Option<String>,
    /// A life of this length ends a row of deaths [default: 60s]
    #[arg(long, value_name = "TIME")]
    restart_stable: Option<String>,
    /// A router that dies more often by itself is given up, the others serve on; or off [default: 5/10m]
    #[arg(long, value_name = "N/TIME")]
    restart_limit: Option<String>,
    /// Same seed, same arrivals, jitter and plan of deaths [default: up 1; run: a new one]
    #[arg(long, value_name = "N")]
    seed: Option<String>,
    /// Use the addresses 127.K.0.0/16 [default: the first free one]
    #[arg(long, value_name = "K")]
    net: Option<String>,
    /// Where the balancer listens [default: 127.K.0.2:8000]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// What stands in the load balancer's place: lb-sim, haproxy, nginx or envoy [default: lb-sim]
    #[arg(long, value_name = "NAME")]
    engine: Option<String>,
    /// Which load balancer the settings are of: `resetlab presets` lists them; or a file of your own [default: the
    /// engine's own; lb-sim: kb]
    #[arg(long, value_name = "NAME|FILE.toml")]
    preset: Option<String>,
    /// Any setting of the lab, its routers or its balancer, as in resetlab.toml; repeat for more
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Where results go [default: a new directory below ./resetlab-runs]
    #[arg(long, value_name = "DIR")]
    out: Option<String>,
    #[command(flatten)]
    router: router::settings::SettingsArgs,
    #[command(flatten)]
    lb: lb_sim::SettingsArgs,
}

impl StackArgs {
    /// Defaults < file < environment < these flags.
    pub fn settings(&self) -> Result<LabSettings, BadSetting> {
        let settings = self.settings_unchecked()?;
        settings.possible_together().map_err(|problem| BadSetting {
            place: "settings".into(),
            problem,
        })?;
        Ok(settings)
    }

    /// The same where others are still to be set, as in a sweep: whether they can be together is not asked yet.
    pub(crate) fn settings_unchecked(&self) -> Result<LabSettings, BadSetting> {
        let (ours, own): (Vec<&PathBuf>, Vec<&PathBuf>) = self
            .config
            .iter()
            .partition(|file| file.extension() == Some("toml".as_ref()));
        let mut settings = self.layers(ours.first().map(|file| file.as_path()))?;
        let one = |files: &[&PathBuf]| match files {
            [] | [_] => Ok(()),
            [_, more, ..] => Err(BadSetting {
                place: "--config".into(),
                problem: format!("{} is one too many of its kind", more.display()),
            }),
        };
        if settings.engine == Engine::LbSim {
            one(&self.config.iter().collect::<Vec<_>>())?;
            if let [file] = own[..] {
                settings = self.layers(Some(file)).map_err(|e| whose(e, file))?;
            }
        } else {
            one(&ours).and_then(|()| one(&own))?;
            if let [file] = own[..] {
                settings.set("--config", "engine-config", &file.display().to_string())?;
            }
        }
        settings.read_engine_config()?;
        Ok(settings)
    }

    fn layers(&self, config: Option<&Path>) -> Result<LabSettings, BadSetting> {
        let environment = std::env::vars_os();
        let environment =
            environment.filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        let mut settings = LabSettings::load(config, environment)?;
        let given = [
            ("routers", &self.routers),
            ("apps", &self.apps),
            ("rate", &self.rate),
            ("arrivals", &self.arrivals),
            ("method", &self.method),
            ("body-bytes", &self.body_bytes),
            ("request-path", &self.request_path),
            ("connection", &self.connection),
            ("client-timeout", &self.client_timeout),
            ("restart-delay", &self.restart_delay),
            ("restart-max-delay", &self.restart_max_delay),
            ("restart-jitter", &self.restart_jitter),
            ("restart-stable", &self.restart_stable),
            ("restart-limit", &self.restart_limit),
            ("seed", &self.seed),
            ("net", &self.net),
            ("listen", &self.listen),
            ("out", &self.out),
            ("engine", &self.engine),
            ("preset", &self.preset),
        ];
        let lab = given
            .iter()
            .filter_map(|(key, word)| Some((*key, word.as_deref()?)));
        for (key, word) in lab.chain(self.router.given()).chain(self.lb.given()) {
            settings.set(&format!("--{key}"), key, word)?;
        }
        for word in &self.set {
            let (key, value) = word.split_once('=').ok_or_else(|| BadSetting {
                place: "--set".into(),
                problem: format!("`{word}` is not a setting: expected KEY=VALUE, for example interval=500ms"),
            })?;
            settings.set("--set", key, value)?;
        }
        Ok(settings)
    }

    /// Takes out the settings that a sweep varies, as they were given.
    pub fn take_lists(&mut self) -> Vec<(String, String)> {
        let swept = crate::experiment::sweep::args::SWEPT;
        swept
            .into_iter()
            .filter_map(|key| Some((key.to_owned(), self.lb.take(key)?)))
            .collect()
    }

    /// `--restart-delay` was given as a flag.
    pub fn restart_delay_given(&self) -> bool {
        let set = |word: &String| word.starts_with("restart-delay=") || word.starts_with("restart_delay=");
        self.restart_delay.is_some() || self.set.iter().any(set)
    }
}

/// A file that cannot be read as settings may be a real load balancer's.
fn whose(mut error: BadSetting, file: &Path) -> BadSetting {
    if file.is_file() && error.place.starts_with(&*file.to_string_lossy()) {
        error.problem += "; a file that does not end in .toml can be a real load balancer's own: then `resetlab up` or \
                          `resetlab run` needs --engine haproxy, nginx or envoy";
    }
    error
}
