//! What `resetlab run` can be told.

use crate::settings::StackArgs;
use router::record::Fault;

const EXAMPLES: &str = "\
Examples:
  resetlab run --fault kill --trials 20 --interval 1s --timeout 1s --fall 2
  resetlab run --fault hang --schedule end --rate 500 --arrivals constant --json > run.json
  resetlab run --fault crash --on-failure 502 --trials 5 --out /tmp/crash
  resetlab run --fault kill --slo 0.999          exit 3 when fewer requests succeeded

Exit codes: 0 done, 1 failed, 2 usage, 3 objective missed, 130/143 interrupted (what was measured is kept).";

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// How the routers die
    #[arg(long, value_enum, default_value = "kill")]
    pub fault: FaultWord,
    /// Deaths to measure; their phases cover the check interval evenly
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub trials: u32,
    /// Exit 3 when a smaller share of all requests succeeded, such as 0.999
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub slo: Option<f64>,
    #[command(flatten)]
    pub stack: StackArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum FaultWord {
    /// SIGKILL: the kernel closes its sockets at once
    Kill,
    /// SIGSTOP: it accepts connections and never answers
    Hang,
    /// The article's bug: concurrent map writes, exit status 2
    Crash,
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

fn share(word: &str) -> Result<f64, String> {
    match word.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("expected a share between 0 and 1, such as 0.999".into()),
    }
}
