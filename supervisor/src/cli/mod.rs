//! The command line: one verb a file.

mod affected;
mod client;
mod config;
mod crash;
mod diagnose;
mod events;
mod faults;
mod hints;
mod logs;
mod presets;
mod ps;
mod report;
mod restart;
mod role;
mod set;
mod up;

use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::process::ExitCode;

/// What a command ends with when it did not succeed: a sentence and an exit code.
#[derive(Debug)]
pub struct Failure {
    pub words: String,
    /// 1 failed, 2 usage or bad config, 3 objective missed, 4 no such lab, router or process, 130/143 interrupted.
    pub code: u8,
}

const EXAMPLES: &str = "\
Examples:
  resetlab                         bring up the lab: app, 4 routers, balancer, load
  resetlab up --interval 1s        the same with faster health checks
  resetlab kill router-2           from a second terminal: what does a death cost?
  resetlab up --preset haproxy     with a real load balancer's settings: resetlab presets
  resetlab set interval=500ms      change a setting of the running lab
  resetlab down                    end it

Exit codes: 0 ok, 1 failed, 2 usage or bad config, 3 objective missed, 4 no such lab, router or process,
5 a load balancer is not installed, 130/143 interrupted after cleaning up.

NO_COLOR=1, TERM=dumb or no terminal: plain lines, without colours, bars or other escapes.";

/// Shows, measures and predicts how long a load balancer keeps sending traffic to a dead router
#[derive(Parser)]
#[command(name = "resetlab", version, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    verb: Verb,
}

/// The lab that is meant where none is named.
pub const DEFAULT_LAB: &str = "default";

/// Understood by every verb.
#[derive(Clone, Debug, clap::Args)]
pub struct Common {
    /// Which lab: letters, digits, - and _, at most 32
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        default_value = DEFAULT_LAB,
        env = "RESETLAB_LAB"
    )]
    pub lab: String,
    /// JSON on stdout, with its schema
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Subcommand)]
enum Verb {
    /// Bring up a lab and tell what happens in it (the default verb)
    Up(Box<up::UpArgs>),
    /// End a lab; returns when nothing of it is left
    #[command(after_help = "Examples:\n  resetlab down\n  resetlab --lab canary down")]
    Down,
    /// Show what runs, what it is and what the balancer believes
    #[command(
        after_help = "Examples:\n  resetlab ps\n  resetlab ps --wide      why is a router down, what brings it back; all settings\n  resetlab ps --json | jq '.verdicts[].back'"
    )]
    Ps(ps::PsArgs),
    /// SIGKILL a router
    #[command(after_help = "Examples:\n  resetlab kill router-2\n  resetlab kill router-2 --json")]
    Kill(faults::Target),
    /// SIGSTOP a router: it keeps its connections and answers nothing
    #[command(after_help = "Examples:\n  resetlab hang router-1     then: resetlab resume router-1")]
    Hang(faults::Target),
    /// Let a hung router run again
    #[command(after_help = "Examples:\n  resetlab resume router-1")]
    Resume(faults::Target),
    /// Make a router die of the article's bug
    Crash(crash::CrashArgs),
    /// SIGUSR1 a router: unhealthy at once, serves on for drain-wait, finishes its requests, leaves
    #[command(
        after_help = "Examples:\n  resetlab drain router-2      lost requests: none, if drain-wait is longer than the window"
    )]
    Drain(faults::Target),
    /// SIGTERM a router: it leaves at once
    #[command(after_help = "Examples:\n  resetlab stop router-2")]
    Stop(faults::Target),
    /// Make a router misbehave and live: silent, error, cut, slow
    #[command(
        after_help = "Examples:\n  resetlab fault router-2 silent               accepts, never answers\n  resetlab fault router-2 error --on requests --status 500\n  resetlab fault router-2 slow --delay exp:300ms\n  resetlab fault router-2 cut                  then: resetlab heal router-2"
    )]
    Fault(faults::FaultArgs),
    /// End what `fault` began
    #[command(after_help = "Examples:\n  resetlab heal router-2")]
    Heal(faults::Target),
    /// Start a dead router now; drain a running one, start it again and wait until it is believed up
    #[command(
        after_help = "Examples:\n  resetlab restart router-2     dead: at once; running: drained first\n  resetlab restart              all, one after the other; stops at the first that does not come back"
    )]
    Restart(restart::RestartArgs),
    /// Have that many routers, without losing a request
    #[command(
        after_help = "Examples:\n  resetlab scale 6\n  resetlab scale 2      surplus routers leave the balancer first and finish what they have"
    )]
    Scale(faults::ScaleArgs),
    /// Print what the processes wrote to stdout and stderr
    #[command(after_help = "Examples:\n  resetlab logs router-2 --tail 20\n  resetlab logs -f")]
    Logs(logs::LogsArgs),
    /// Print the records of the lab as NDJSON
    #[command(
        after_help = "Examples:\n  resetlab events | tail -5\n  resetlab events -f | jq -c 'select(.event==\"belief\")'"
    )]
    Events(events::EventsArgs),
    /// Change settings while the lab runs, without dropping a connection
    #[command(
        after_help = "Examples:\n  resetlab set interval=500ms fall=3\n  resetlab set rate=1000 restart-delay=2s"
    )]
    Set(set::SetArgs),
    /// Show the settings that a lab would have, and where each comes from
    Config(config::ConfigArgs),
    /// List what real load balancers are set to, or explain one with its sources
    #[command(after_help = presets::EXAMPLES)]
    Presets(presets::PresetsArgs),
    /// Kill, hang or crash routers again and again and measure every window, with theory and prediction beside
    Run(Box<crate::experiment::run::Args>),
    /// Tell from logs whether a gorouter died of the article's bug
    #[command(after_help = diagnose::EXAMPLES)]
    Diagnose(diagnose::DiagnoseArgs),
    /// Tell by versions whether an installation has the article's bug
    #[command(after_help = affected::EXAMPLES)]
    Affected(affected::AffectedArgs),
    /// Measure many settings on one stack: detection, loss, checks and false ejections, with theory beside
    Sweep(Box<crate::experiment::sweep::Args>),
    /// Run the same faults on lb-sim and on real load balancers, in turn: do they do the same?
    Compare(Box<crate::experiment::compare::Args>),
    /// Write what a directory of results has shown, to be read, printed and sent
    Report(report::ReportArgs),
}

/// Parses the command line and does what it says.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // Children first: they have runtimes of their own and no error to print here.
    if let Some(code) = role::run(&arguments) {
        return code;
    }
    let Cli { common, verb } = Cli::parse_from(with_verb(arguments));
    let lab = common.lab.clone();
    // One thread: children die with the thread that started them, and this one lives as long as the process.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(serve(&common, verb)),
        Err(e) => Err(Failure::new(1, format!("no runtime: {e}"))),
    };
    match result {
        Ok(code) => code,
        Err(failure) => {
            // It may quote a file, or a program.
            let words = hints::of_lab(&failure.words, &lab);
            eprintln!("resetlab: {}", crate::process::exit::harmless(&words));
            ExitCode::from(failure.code)
        }
    }
}

/// No verb is `up`: `resetlab --rate 500` is `resetlab up --rate 500`.
fn with_verb(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let mut at = 1;
    let verb_missing = loop {
        match arguments.get(at).and_then(|argument| argument.to_str()) {
            Some("--lab") => at += 2,
            Some("--json") => at += 1,
            Some(word) if word.starts_with("--lab=") => at += 1,
            Some("-h" | "--help" | "-V" | "--version") => break false,
            word => break word.is_none_or(|word| word.starts_with('-')),
        }
    };
    if verb_missing {
        arguments.insert(at.min(arguments.len()), "up".into());
    }
    arguments
}

async fn serve(common: &Common, verb: Verb) -> Result<ExitCode, Failure> {
    use router::record::Fault;
    match verb {
        Verb::Up(args) => return up::run(common, &args).await,
        Verb::Run(args) => return Ok(crate::experiment::run::run(&args, common.json).await),
        Verb::Sweep(args) => return Ok(crate::experiment::sweep::run(*args, common.json).await),
        Verb::Compare(args) => return Ok(crate::experiment::compare::run(*args, common.json).await),
        Verb::Diagnose(args) => return diagnose::run(common, &args),
        Verb::Affected(args) => return affected::run(common, &args),
        Verb::Down => faults::down(common).await?,
        Verb::Ps(args) => ps::run(common, &args).await?,
        Verb::Kill(target) => faults::inject(common, &target, Fault::Kill).await?,
        Verb::Hang(target) => faults::inject(common, &target, Fault::Hang).await?,
        Verb::Crash(args) => crash::run(common, &args).await?,
        Verb::Resume(target) => faults::post(common, &target, "resume", "runs again").await?,
        Verb::Drain(target) => faults::inject(common, &target, Fault::Drain).await?,
        Verb::Stop(target) => faults::inject(common, &target, Fault::Stop).await?,
        Verb::Fault(args) => faults::behave(common, &args).await?,
        Verb::Heal(target) => faults::post(common, &target, "heal", "is healed").await?,
        Verb::Restart(args) => restart::run(common, &args).await?,
        Verb::Scale(args) => faults::scale(common, &args).await?,
        Verb::Logs(args) => logs::run(common, &args).await?,
        Verb::Events(args) => events::run(common, &args).await?,
        Verb::Set(args) => set::run(common, &args).await?,
        Verb::Config(args) => config::run(common, &args)?,
        Verb::Presets(args) => presets::run(common, &args)?,
        Verb::Report(args) => report::run(common, &args)?,
    }
    Ok(ExitCode::SUCCESS)
}

impl Failure {
    pub fn new(code: u8, words: impl ToString) -> Failure {
        Failure {
            words: words.to_string(),
            code,
        }
    }
}

/// Writes a line to stdout; a reader that went away ends the command quietly, as `head` expects. A full disk is trouble.
fn say(line: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let Err(e) = writeln!(out, "{line}").and_then(|()| out.flush()) else {
        return;
    };
    if e.kind() == std::io::ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    eprintln!("resetlab: cannot write the output: {e}");
    std::process::exit(2);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn no_verb_is_up() {
        let with = |line: &str| {
            let words = with_verb(line.split(' ').map(OsString::from).collect());
            words.join(std::ffi::OsStr::new(" ")).into_string().unwrap()
        };
        assert_eq!(with("resetlab"), "resetlab up");
        assert_eq!(
            with("resetlab --lab canary --rate 5"),
            "resetlab --lab canary up --rate 5"
        );
        assert_eq!(with("resetlab --json"), "resetlab --json up");
        assert_eq!(with("resetlab --lab=x ps"), "resetlab --lab=x ps");
        assert_eq!(with("resetlab --help"), "resetlab --help");
    }
}
