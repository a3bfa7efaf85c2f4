//! What `resetlab compare` can be told.

use crate::engine::Engine;
use crate::experiment::args::FaultWord;
use crate::settings::StackArgs;

const EXAMPLES: &str = "\
Examples:
  resetlab compare --engines lb-sim,haproxy --preset haproxy --interval 1s --fault kill,hang --trials 12
  resetlab compare --engines lb-sim,envoy --preset envoy --interval 1s --fall 3 --rate 500 --arrivals constant
  resetlab compare --preset haproxy --request-path '/?delay=5ms' --client-timeout 2s --json > compare.json
  resetlab compare --engines lb-sim,nginx --preset nginx --restart-delay 13s --strict     exit 3 when they differ

lb-sim can do more than a real load balancer: --preset haproxy, nginx or envoy is where each of these begins.

Every engine gets the same faults, at the same routers, at the same phases of its own checks, under the same arrivals,
each on a stack of its own, in turn. A trial ends with its fault: hung routers are not resumed, dead ones not restarted.

Agreement, by fault, each with its reason:
  classes     the same outcomes of requests sent after the fault; an outcome of at most 2 % of them does not count, nor
              does one of at most one request a trial, nor a difference of one
  numbers     lost / (window x rate / routers), all trials together, within 5 %, or within one request a trial;
              the window is what the clients saw: fault to the intended time of the last lost request
  residuals   median |measured - predicted| of t_detect at most 50 ms in both, predicted from each router's last check

Exit codes: 0 compared, 1 failed, 2 usage or a setting that an engine cannot express, 3 with --strict: they disagree,
5 an engine is not installed, 130/143 interrupted (what was measured is kept).";

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Two or more of lb-sim, haproxy, nginx and envoy; the others are compared with the first
    #[arg(
        long,
        value_name = "NAME,NAME",
        value_delimiter = ',',
        default_value = "lb-sim,haproxy",
        value_parser = engine
    )]
    pub engines: Vec<Engine>,
    /// What is done to the routers, one after the other: kill,hang
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "FAULT,…",
        default_value = "kill"
    )]
    pub fault: Vec<FaultWord>,
    /// Faults of each kind on each engine; their phases cover the check interval evenly
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub trials: u32,
    /// Exit 3 when engines disagree; otherwise the verdict is printed, and a disagreement is a finding
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub stack: StackArgs,
}

impl Args {
    /// The engines, when they can be compared.
    pub fn engines(&self) -> Result<&[Engine], String> {
        if self.engines.len() < 2 {
            return Err(format!(
                "--engines {}: one alone cannot be compared; expected two or more, such as lb-sim,haproxy",
                self.engines.first().map_or("", |engine| engine.name())
            ));
        }
        let twice = |engine: &Engine| self.engines.iter().filter(|other| *other == engine).count() > 1;
        match self.engines.iter().find(|engine| twice(engine)) {
            Some(engine) => Err(format!(
                "--engines: {engine} is there twice; expected each once, such as lb-sim,haproxy"
            )),
            None => Ok(&self.engines),
        }
    }

    /// The faults, each once.
    pub fn faults(&self) -> Vec<FaultWord> {
        let mut faults: Vec<FaultWord> = Vec::new();
        for fault in &self.fault {
            if !faults.contains(fault) {
                faults.push(*fault);
            }
        }
        faults
    }
}

fn engine(word: &str) -> Result<Engine, String> {
    word.parse()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::choice;
    use clap::Parser;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn parse(words: &str) -> Result<Args, String> {
        let line = std::iter::once("compare").chain(words.split_whitespace());
        Cli::try_parse_from(line)
            .map(|cli| cli.args)
            .map_err(|e| e.to_string())
    }

    /// What is refused is refused by its settings, whether the engine is installed or not.
    #[test]
    fn the_examples_can_be_expressed() {
        let examples = EXAMPLES
            .lines()
            .filter_map(|line| line.trim().strip_prefix("resetlab compare "));
        let mut seen = 0;
        for example in examples {
            let words = example.split("  ").next().unwrap_or_default();
            let words = words.split(" > ").next().unwrap_or_default();
            let words = words.replace(" --json", "").replace('\'', "");
            let args = parse(&words).unwrap_or_else(|why| panic!("{words}: {why}"));
            let base = args.stack.settings().unwrap();
            for engine in args.engines().unwrap() {
                let mut settings = base.clone();
                settings.engine = *engine;
                match choice::peer(&settings) {
                    Ok(_) => {}
                    Err(why) => assert_eq!(why.exit_code(), 5, "{words}: {why}"),
                }
            }
            seen += 1;
        }
        assert_eq!(seen, 4);
    }

    #[test]
    fn two_different_engines_are_compared() {
        let args = parse("--engines lb-sim,envoy --fault kill,hang,kill").unwrap();
        assert_eq!(args.engines().unwrap(), [Engine::LbSim, Engine::Envoy]);
        assert_eq!(args.faults(), [FaultWord::Kill, FaultWord::Hang]);
        for (words, wanted) in [
            ("--engines haproxy", "one alone cannot be compared"),
            ("--engines haproxy,haproxy", "haproxy is there twice"),
        ] {
            let error = parse(words).unwrap().engines().unwrap_err();
            assert!(error.contains(wanted), "{error}");
        }
        let unknown = parse("--engines lb-sim,traefik").unwrap_err();
        assert!(
            unknown.contains("expected lb-sim, haproxy, nginx or envoy"),
            "{unknown}"
        );
    }
}
