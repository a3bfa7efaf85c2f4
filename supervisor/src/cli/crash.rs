//! `crash`: make a router die of the article's bug, by the requests that gorouter dies of.

use super::client::Client;
use super::{Common, Failure, say};
use crate::control::{Crashed, Ps};
use crate::crash::{Plan, Trigger};
use router::clock;
use serde_json::json;
use std::time::Duration;

pub(super) const EXAMPLES: &str = "\
Examples:
  resetlab crash router-3                    then: resetlab logs router-3
  resetlab crash router-3 --sure             by the first request
  resetlab crash router-3 --with continue    a bare 100 Continue: takes thousands
  resetlab crash router-3 --attempts 50000   or show that it survives so many

The router is sent what gorouter dies of: its backend answers with 1xx responses, and the client leaves in the middle.
Exit codes: 0 it crashed, 1 it survived or does not have the bug, 4 it was not there to be crashed.";

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct CrashArgs {
    /// For example router-2
    router: String,
    /// What it is sent
    #[arg(long, value_enum, default_value = "early-hints")]
    with: Trigger,
    /// Give up after so many requests; also sends them to a router that does not have the bug [default: 200000, or 60 s]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    attempts: Option<u64>,
    /// Let the two writers of the race wait for each other: the first attempt is enough
    #[arg(long)]
    sure: bool,
}

/// Until the first word of progress; each further one takes twice as long, up to [`SELDOM`].
const PROGRESS: Duration = Duration::from_secs(1);
const SELDOM: Duration = Duration::from_secs(16);

pub(super) async fn run(common: &Common, args: &CrashArgs) -> Result<(), Failure> {
    let plan = Plan {
        trigger: args.with,
        attempts: args.attempts,
        sure: args.sure,
    };
    let client = Client::connect(&common.lab)?;
    let mut request = serde_json::to_value(plan).map_err(|e| Failure::new(1, e))?;
    request["router"] = json!(args.router);
    let answer = tokio::select! {
        answer = client.post("/v1/crash", &request) => answer?,
        never = progress(&client, args) => match never {},
    };
    let crashed: Crashed = serde_json::from_value(answer.clone())
        .map_err(|e| Failure::new(1, format!("the lab answered something else: {e}")))?;
    if common.json {
        say(&answer.to_string());
    } else if crashed.crashed {
        say(&crashed.words);
    }
    match crashed.crashed {
        true => Ok(()),
        false => Err(Failure::new(1, crashed.words)),
    }
}

/// Tells on stderr how many attempts it has been so far.
async fn progress(client: &Client, args: &CrashArgs) -> std::convert::Infallible {
    let mut pause = PROGRESS;
    let mut next = clock::now() + pause;
    loop {
        clock::until(next).await;
        pause = SELDOM.min(pause * 2);
        next = next + pause;
        let Ok(ps) = client.get::<Ps>("/v1/ps").await else {
            continue; // the answer that is waited for says why
        };
        let router = ps
            .fleet
            .processes
            .iter()
            .find(|process| process.name == args.router);
        if let Some(attempts) = router.and_then(|router| router.crash_attempts) {
            eprintln!("{}: {attempts} attempts so far ({})", args.router, args.with);
        }
    }
}
