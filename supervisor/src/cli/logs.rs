//! `logs`.

use super::client::Client;
use super::{Common, Failure, say};
use crate::control::Ps;
use crate::lab::RuntimeDir;
use router::clock;
use serde_json::json;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug, clap::Args)]
pub struct LogsArgs {
    /// Only this process: router-2, lb, load, app
    process: Option<String>,
    /// Go on as they grow, until the lab ends
    #[arg(short, long)]
    follow: bool,
    /// Only the last lines of each log so far
    #[arg(short = 'n', long, value_name = "N")]
    tail: Option<usize>,
}

/// A log and how far it has been printed.
struct Log {
    name: String,
    path: PathBuf,
    from: u64,
    /// Of the first print.
    tail: Option<usize>,
}

const LOOK: Duration = Duration::from_millis(100);

pub(super) async fn run(common: &Common, args: &LogsArgs) -> Result<(), Failure> {
    let client = Client::connect(&common.lab).map_err(|failure| ended(&common.lab, failure))?;
    let ps: Ps = client.get("/v1/ps").await?;
    let names: Vec<String> = ps
        .fleet
        .processes
        .iter()
        .map(|process| process.name.clone())
        .collect();
    let wanted = match &args.process {
        None => names,
        Some(name) if names.contains(name) => vec![name.clone()],
        Some(name) => {
            let words = format!("no process \"{name}\"; there are: {}", names.join(", "));
            return Err(Failure::new(4, words));
        }
    };
    let streams = ["stdout", "stderr"];
    let mut logs: Vec<Log> = wanted
        .iter()
        .flat_map(|name| streams.map(|stream| (name.clone(), format!("{name}.{stream}.log"))))
        .map(|(name, file)| Log {
            name,
            path: ps.lab.run_dir.join("logs").join(file),
            from: 0,
            tail: args.tail,
        })
        .collect();
    if common.json {
        let paths: Vec<_> = logs
            .iter()
            .map(|log| json!({ "process": log.name, "path": log.path }))
            .collect();
        say(&json!({ "schema": "resetlab.logs.v1", "logs": paths }).to_string());
        return Ok(());
    }
    let label = wanted.len() > 1;
    loop {
        for log in &mut logs {
            log.print(label);
        }
        if !args.follow || Client::connect(&common.lab).is_err() {
            return Ok(());
        }
        clock::until(clock::now() + LOOK).await;
    }
}

/// A lab that is down has left its logs behind.
fn ended(lab: &str, failure: Failure) -> Failure {
    let left = RuntimeDir::open()
        .ok()
        .and_then(|runtime| runtime.last_run(lab))
        .map(|run_dir| run_dir.join("logs"))
        .filter(|logs| failure.code == 4 && logs.is_dir());
    match left {
        Some(logs) => Failure::new(
            failure.code,
            format!(
                "{}; the logs of its last run are in {}",
                failure.words,
                logs.display()
            ),
        ),
        None => failure,
    }
}

impl Log {
    /// Prints the whole lines that are new; a file that cannot be read yet is empty.
    fn print(&mut self, label: bool) {
        let mut bytes = Vec::new();
        let read = std::fs::File::open(&self.path)
            .and_then(|mut file| file.seek(SeekFrom::Start(self.from)).map(|_| file))
            .and_then(|mut file| file.read_to_end(&mut bytes));
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |last| last + 1);
        if read.is_err() || whole == 0 {
            return;
        }
        self.from += whole as u64;
        let text = String::from_utf8_lossy(&bytes[..whole]);
        let mut out = std::io::stdout().lock();
        let skip = self
            .tail
            .take()
            .map_or(0, |tail| text.lines().count().saturating_sub(tail));
        for line in text.lines().skip(skip) {
            let done = if label {
                writeln!(out, "{:9} {line}", self.name)
            } else {
                writeln!(out, "{line}")
            };
            if done.is_err() {
                std::process::exit(0);
            }
        }
    }
}
