//! What `resetlab run` can be told.

use super::load::Connection;
use crate::settings::{LabSettings, StackArgs};
use clap::builder::{EnumValueParser, PossibleValue, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command, ValueEnum};
use lb_sim::core::Mode;
use router::fault::{Delay, On, Spec};
use router::record::Fault;
use std::ffi::OsStr;
use std::str::FromStr;

const EXAMPLES: &str = "\
Examples:
  resetlab run --fault kill --trials 20 --interval 1s --timeout 1s --fall 2
  resetlab run --fault kill --detector sentinel --trials 50 --rate 2000
  resetlab run --fault crash --trials 20 --interval 1s --fall 2
  resetlab run --fault drain --drain-wait 5s --interval 1s --fall 2
  resetlab run --fault error --fault-on requests --fault-status 500 --detector passive --passive-ejection 5s
  resetlab run --fault kill --victims all --on-failure retry --retry-budget off
  resetlab run --fault hang --schedule end --rate 500 --arrivals constant --json > run.json
  resetlab run --preset envoy --set no-traffic-interval=1s --fault hang --trials 12
  resetlab run --fault kill --slo 0.999          exit 3 when fewer requests succeeded

Exit codes: 0 done, 1 failed, 2 usage or a configuration that an engine cannot express or rejects,
3 objective missed, 4 a fault hit nothing, 5 an engine is not installed,
130/143 interrupted (what was measured is kept).";

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// What is done to the routers
    #[arg(long, default_value = "kill", value_parser = OneFault)]
    pub fault: FaultWord,
    /// silent, error, slow: at health checks, at requests, or at both [default: both]
    #[arg(long, value_name = "health|requests|both")]
    pub fault_on: Option<On>,
    /// error: the status of its answers, 500 to 599 [default: 503]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(500..=599))]
    pub fault_status: Option<u16>,
    /// slow: how late its answers are: 300ms, 100ms..500ms, exp:300ms (its mean) [default: 300ms]
    #[arg(long, value_name = "TIME")]
    pub fault_delay: Option<Delay>,
    /// Routers hit at a time, or all of them
    #[arg(long, value_name = "N|all", default_value = "1")]
    pub victims: Victims,
    /// Faults to measure; their phases cover the check interval evenly
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
    /// The article's bug, by the requests that gorouter dies of: exit status 2
    Crash,
    /// SIGUSR1: unhealthy at once, serves on for --drain-wait, then leaves
    Drain,
    /// SIGTERM: leaves at once
    Stop,
    /// Accepts, never answers
    Silent,
    /// Answers 5xx
    Error,
    /// Resets connections in the middle of a response body
    Cut,
    /// Answers late
    Slow,
}

/// One of [`FaultWord`]. A list is what `compare` takes, and says so.
#[derive(Clone, Copy, Debug)]
pub struct OneFault;

impl TypedValueParser for OneFault {
    type Value = FaultWord;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<FaultWord, clap::Error> {
        let list = value.to_str().filter(|words| words.contains(','));
        if let Some(words) = list {
            let verb = command.get_name();
            let text = format!(
                "--fault {words}: {verb} takes one fault, such as --fault {}; `resetlab compare --fault {words}` takes lists\n",
                words.split(',').next().unwrap_or("kill")
            );
            return Err(clap::Error::raw(ErrorKind::ValueValidation, text).with_cmd(command));
        }
        EnumValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let words = FaultWord::value_variants().iter();
        Some(Box::new(words.filter_map(ValueEnum::to_possible_value)))
    }
}

/// How many routers a trial hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victims {
    Count(u32),
    All,
}

impl Args {
    /// The fault with its parameters. One that means nothing to its kind is a mistake, not a wish.
    pub fn spec(&self) -> Result<Spec, String> {
        use FaultWord::{Error, Silent, Slow};
        let means = |given: bool, kinds: &[FaultWord], flag: &str, words: &str| match given {
            true if !kinds.contains(&self.fault) => {
                Err(format!("{flag} means something to --fault {words} only"))
            }
            _ => Ok(()),
        };
        let shown = [Silent, Error, Slow];
        means(
            self.fault_on.is_some(),
            &shown,
            "--fault-on",
            "silent, error and slow",
        )?;
        means(self.fault_status.is_some(), &[Error], "--fault-status", "error")?;
        means(self.fault_delay.is_some(), &[Slow], "--fault-delay", "slow")?;
        let plain = Spec::new(self.fault.into());
        Ok(Spec {
            fault: plain.fault,
            on: self.fault_on.unwrap_or(plain.on),
            status: self.fault_status.unwrap_or(plain.status),
            delay: self.fault_delay.unwrap_or(plain.delay),
        })
    }
}

/// Whether the routers of a lab can show the fault at all.
pub fn possible(fault: Fault, settings: &LabSettings) -> Result<(), String> {
    match fault {
        Fault::Crash if !settings.router.has_header_race() => Err(format!(
            "--fault crash: routers as {} do not have the bug; without --go, --routing-release and --header-race they do, \
             and --fault kill ends those that do not",
            settings.router.build_words()
        )),
        _ if settings.lb.mode == Mode::Tcp && settings.connection() == Connection::KeepAlive => Err(
            "connection=keep-alive with mode=tcp: connections settle on the routers that live, so none comes back to one \
             that was restarted, and no trial ends; connection=per-request can be measured, `resetlab up` shows both"
                .to_owned(),
        ),
        _ => Ok(()),
    }
}

impl Victims {
    /// How many that are of `routers`.
    pub fn of(self, routers: u32) -> Result<u32, String> {
        match self {
            Victims::All => Ok(routers),
            Victims::Count(n) if n <= routers => Ok(n),
            Victims::Count(n) => Err(format!(
                "--victims {n}: there are {routers} routers; expected 1 to {routers}, or all (--routers N has more)"
            )),
        }
    }
}

impl FromStr for Victims {
    type Err = String;
    fn from_str(word: &str) -> Result<Victims, String> {
        match word {
            "all" => Ok(Victims::All),
            _ => match word.parse() {
                Ok(n) if n >= 1 => Ok(Victims::Count(n)),
                _ => Err("expected how many routers, from 1, or all".to_owned()),
            },
        }
    }
}

impl From<FaultWord> for Fault {
    fn from(word: FaultWord) -> Fault {
        match word {
            FaultWord::Kill => Fault::Kill,
            FaultWord::Hang => Fault::Hang,
            FaultWord::Crash => Fault::Crash,
            FaultWord::Drain => Fault::Drain,
            FaultWord::Stop => Fault::Stop,
            FaultWord::Silent => Fault::Silent,
            FaultWord::Error => Fault::Error,
            FaultWord::Cut => Fault::Cut,
            FaultWord::Slow => Fault::Slow,
        }
    }
}

fn share(word: &str) -> Result<f64, String> {
    match word.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("expected a share between 0 and 1, such as 0.999".into()),
    }
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

    #[test]
    fn a_connection_that_lives_on_measures_nothing_where_it_is_what_is_balanced() {
        let mut settings = LabSettings::default();
        settings.set("a test", "connection", "keep-alive").unwrap();
        assert_eq!(possible(Fault::Kill, &settings), Ok(()));
        settings.set("a test", "mode", "tcp").unwrap();
        let why = possible(Fault::Kill, &settings).unwrap_err();
        assert!(why.starts_with("connection=keep-alive with mode=tcp: "), "{why}");
        settings.set("a test", "connection", "per-request").unwrap();
        assert_eq!(possible(Fault::Kill, &settings), Ok(()));
    }

    fn spec(words: &str) -> Result<Spec, String> {
        let line = std::iter::once("run").chain(words.split_whitespace());
        Cli::try_parse_from(line).map_err(|e| e.to_string())?.args.spec()
    }

    /// Measured: such a run ended in an error at its first trial, waiting for the router to be used again.
    #[test]
    fn connections_that_stay_are_refused_before_anything_starts() {
        let of = |words: &[(&str, &str)]| {
            let mut settings = LabSettings::default();
            for (key, word) in words {
                settings.set("a test", key, word).unwrap();
            }
            possible(Fault::Kill, &settings)
        };
        let tcp = [
            ("mode", "tcp"),
            ("on-failure", "reset"),
            ("connection", "keep-alive"),
        ];
        assert!(
            of(&tcp)
                .unwrap_err()
                .contains("connection=per-request can be measured")
        );
        assert_eq!(of(&tcp[..2]), Ok(()));
        assert_eq!(of(&tcp[2..]), Ok(()));
    }

    #[test]
    fn a_fault_takes_the_parameters_that_mean_something_to_it() {
        let slow = spec("--fault slow --fault-on requests --fault-delay exp:50ms").unwrap();
        assert_eq!(slow.detail().unwrap(), "on requests, by exp:50ms");
        assert_eq!(spec("--fault error").unwrap(), Spec::new(Fault::Error));
        assert_eq!(
            spec("--fault cut --fault-on health").unwrap_err(),
            "--fault-on means something to --fault silent, error and slow only"
        );
        assert!(
            spec("--fault silent --fault-status 500")
                .unwrap_err()
                .contains("--fault error only")
        );
        assert!(
            spec("--fault kill --fault-delay 1s")
                .unwrap_err()
                .contains("--fault slow only")
        );
        assert!(
            spec("--fault error --fault-status 404")
                .unwrap_err()
                .contains("500..=599")
        );
    }

    #[test]
    fn a_list_of_faults_is_for_compare() {
        let error = spec("--fault kill,hang").unwrap_err();
        assert!(
            error.contains("takes one fault, such as --fault kill;"),
            "{error}"
        );
        assert!(
            error.contains("`resetlab compare --fault kill,hang` takes lists"),
            "{error}"
        );
        let unknown = spec("--fault kil").unwrap_err();
        assert!(unknown.contains("possible values: kill, hang"), "{unknown}");
    }

    #[test]
    fn victims_are_among_the_routers() {
        assert_eq!("all".parse::<Victims>().unwrap().of(7), Ok(7));
        assert_eq!("2".parse::<Victims>().unwrap().of(2), Ok(2));
        assert!(
            "3".parse::<Victims>()
                .unwrap()
                .of(2)
                .unwrap_err()
                .contains("there are 2 routers")
        );
        for wrong in ["0", "-1", "some"] {
            assert!(
                wrong.parse::<Victims>().unwrap_err().contains("or all"),
                "{wrong}"
            );
        }
    }
}
