//! The role `load`: an open-loop client. Requests leave at their intended times whether earlier ones were answered
//! or not, so a stalled server cannot hide its stall.
//!
//! In the order that a request meets them: [`arrivals`] says when, the [`pacer`] thread waits for it, [`client`]
//! sends and reads [`reply`], [`tally`] counts. Failed requests are reported whole (`outcome`), all of them in
//! 10 ms buckets (`tick`).

pub mod arrivals;
mod client;
mod driver;
#[cfg(test)]
mod outcomes;
mod pacer;
pub mod punctual;
mod reply;
#[cfg(test)]
mod runs;
mod tally;

use self::arrivals::Arrivals;
use self::punctual::Realtime;
use router::worker::{Worker, WorkerArgs};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

/// The highest rate that makes sense on one thread, in requests a second.
const MAX_RATE: f64 = 200_000.0;

/// The largest request body.
pub(crate) const MAX_BODY: u64 = 1 << 28;

/// Open-loop client: requests at a given rate, whatever becomes of them
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where requests go
    #[arg(long, value_name = "ADDR")]
    pub target: SocketAddr,
    /// Host header
    #[arg(long, value_name = "NAME", default_value = "app.test", value_parser = visible)]
    pub host: String,
    /// Path, with a query if wanted
    #[arg(long, default_value = "/", value_parser = path)]
    pub path: String,
    /// Requests a second; 0 is idle
    #[arg(long, default_value = "0", value_parser = rate)]
    pub rate: f64,
    /// How intended send times follow each other
    #[arg(long, value_enum, default_value = "constant")]
    pub arrivals: Arrivals,
    /// Seed of the arrivals; the same seed gives the same gaps
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Number of the first request; each one after it counts one up
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub first_request: u64,
    #[arg(long, value_enum, ignore_case = true, default_value = "get")]
    pub method: Method,
    /// Size of a POST's body
    #[arg(long, value_name = "N", default_value = "0", value_parser = clap::value_parser!(u64).range(0..=MAX_BODY))]
    pub body_bytes: u64,
    /// Use a connection again, or make one for each request
    #[arg(long, value_enum, default_value = "keep-alive")]
    pub connection: Connection,
    /// At most this many connections at a time; a request that gets none in time ends as `timeout`
    #[arg(long, value_name = "N", default_value = "4096", value_parser = clap::value_parser!(u64).range(1..=65_535))]
    pub max_connections: u64,
    /// A request that is not answered by then, counted from its intended time, ends as `timeout`
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = timeout)]
    pub client_timeout: Duration,
    /// Real-time scheduling for this client's two threads, so that busy cores do not delay its requests
    #[arg(long, value_enum, default_value = "auto")]
    pub realtime: Realtime,
    #[command(flatten)]
    pub worker: WorkerArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Method {
    Get,
    Post,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Connection {
    KeepAlive,
    PerRequest,
}

/// Sends until SIGTERM or `{"cmd":"stop"}`, waits for what is in flight, then prints the totals. Exit code 2 when it
/// cannot start.
pub fn run(args: Args) -> ExitCode {
    match Worker::start(&args.worker, "load").and_then(|worker| driver::drive(&args, &worker)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::from(2)
        }
    }
}

/// A rate in requests a second, from a flag.
fn rate(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(valid_rate)
        .ok_or_else(|| expected_rate(text))
}

fn valid_rate(rate: &f64) -> bool {
    (0.0..=MAX_RATE).contains(rate)
}

fn expected_rate(found: impl std::fmt::Display) -> String {
    format!("rate {found}: expected requests a second from 0 to {MAX_RATE}, such as 300")
}

fn timeout(text: &str) -> Result<Duration, String> {
    let duration =
        humantime::parse_duration(text).map_err(|e| format!("{e}; expected such as 5s or 500ms"))?;
    if duration.is_zero() {
        Err("expected more than 0".to_owned())
    } else {
        Ok(duration)
    }
}

fn visible(text: &str) -> Result<String, String> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
    plain
        .then(|| text.to_owned())
        .ok_or_else(|| "expected visible ASCII characters without spaces".to_owned())
}

fn path(text: &str) -> Result<String, String> {
    visible(text)?
        .starts_with('/')
        .then(|| text.to_owned())
        .ok_or_else(|| "expected a path from /".to_owned())
}
