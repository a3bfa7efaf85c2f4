//! What `resetlab run` can be told.

use lb_sim::core::settings::{SettingError, Settings};
use router::record::Fault;
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  resetlab run --fault kill --trials 20 --interval 1s --timeout 1s --fall 2
  resetlab run --fault hang --schedule end --rate 500 --arrivals constant --json > run.json
  resetlab run --fault crash --on-failure 502 --trials 5 --out /tmp/crash
  resetlab run --fault kill --slo 0.999          # exit 3 when fewer requests succeeded

Exit status: 0 done, 1 failed, 2 usage, 3 objective missed, 130/143 interrupted (what was measured is kept).";

/// Kill, hang or crash routers again and again and measure every window, with theory and prediction beside.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// How the routers die.
    #[arg(long, value_enum, default_value = "kill")]
    pub fault: FaultWord,
    /// Deaths to measure; their phases cover the check interval evenly.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub trials: u32,
    /// Routers behind the balancer.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=250))]
    pub routers: u32,
    /// Requests per second.
    #[arg(long, value_name = "R", default_value_t = 200.0, value_parser = rate)]
    pub rate: f64,
    /// Gaps between requests.
    #[arg(long, value_enum, default_value = "poisson")]
    pub arrivals: Arrivals,
    /// From one health check to the next, for example 5s or 500ms.
    #[arg(long, value_name = "DURATION")]
    pub interval: Option<String>,
    /// A check without an answer for this long has failed.
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,
    /// Failed checks in a row until Down.
    #[arg(long, value_name = "N")]
    pub fall: Option<String>,
    /// Passed checks in a row until Up.
    #[arg(long, value_name = "N")]
    pub rise: Option<String>,
    /// The next check is armed from the previous one's `start` (ALB, kubelet, Caddy) or `end` (HAProxy, Envoy).
    #[arg(long, value_name = "start|end")]
    pub schedule: Option<String>,
    /// Random lengthening of each gap, up to this.
    #[arg(long, value_name = "DURATION")]
    pub jitter: Option<String>,
    /// What a check does: `http` or `tcp`.
    #[arg(long, value_name = "http|tcp")]
    pub check: Option<String>,
    /// `round-robin` or `least-connections`.
    #[arg(long, value_name = "RULE")]
    pub balance: Option<String>,
    /// What a client sees when an attempt fails: its connection `reset`, or an answer `502`.
    #[arg(long, value_name = "reset|502")]
    pub on_failure: Option<String>,
    /// Longest wait for a connection to a router.
    #[arg(long, value_name = "DURATION")]
    pub connect_timeout: Option<String>,
    /// Longest wait for a router's answer.
    #[arg(long, value_name = "DURATION")]
    pub response_timeout: Option<String>,
    /// Longest wait of a client, from the intended send time.
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = humantime::parse_duration)]
    pub client_timeout: Duration,
    /// Revive the router this long after its death instead of waiting for the balancer to notice.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub restart_delay: Option<Duration>,
    /// Same seed, same plan of deaths and arrivals (hexadecimal).
    #[arg(long, value_name = "HEX", value_parser = seed)]
    pub seed: Option<u64>,
    /// Directory for events, outcomes, summary and logs; must not hold a run yet.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print the `resetlab.run.v1` document instead of tables.
    #[arg(long)]
    pub json: bool,
    /// Exit 3 when a smaller share of requests succeeded, for example 0.999.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub slo: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum FaultWord {
    /// SIGKILL: the kernel closes its sockets at once.
    Kill,
    /// SIGSTOP: it accepts connections and never answers.
    Hang,
    /// The article's bug: concurrent map writes, exit status 2.
    Crash,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Arrivals {
    Poisson,
    Constant,
}

impl From<FaultWord> for Fault {
    fn from(word: FaultWord) -> Fault {
        match word {
            FaultWord::Kill => Fault::Kill,
            FaultWord::Hang => Fault::Hang,
            FaultWord::Crash => Fault::Crash,
        }
    }
}

impl Args {
    /// The balancer's settings: defaults, changed by the flags given.
    pub fn settings(&self) -> Result<Settings, SettingError> {
        let mut settings = Settings::default();
        for (key, value) in [
            ("interval", &self.interval),
            ("timeout", &self.timeout),
            ("fall", &self.fall),
            ("rise", &self.rise),
            ("schedule", &self.schedule),
            ("jitter", &self.jitter),
            ("check", &self.check),
            ("balance", &self.balance),
            ("on-failure", &self.on_failure),
            ("connect-timeout", &self.connect_timeout),
            ("response-timeout", &self.response_timeout),
        ] {
            if let Some(value) = value {
                settings.set(key, value)?;
            }
        }
        settings.validate()?;
        Ok(settings)
    }
}

fn rate(word: &str) -> Result<f64, String> {
    match word.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 100_000.0 => Ok(rate),
        _ => Err("expected requests per second, more than 0 and at most 100000, for example 500".into()),
    }
}

fn share(word: &str) -> Result<f64, String> {
    match word.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("expected a share between 0 and 1, for example 0.999".into()),
    }
}

fn seed(word: &str) -> Result<u64, String> {
    u64::from_str_radix(word.trim_start_matches("0x"), 16)
        .map_err(|_| "expected up to 16 hexadecimal digits, for example 8f3a".into())
}
