//! `lb-sim` by itself: runs anywhere, without a supervisor.

use clap::Parser;
use std::process::ExitCode;

/// A small L7 load balancer with health checks.
///
/// Examples:
///   lb-sim --listen 127.0.0.1:8000 --backend 127.0.0.1:9001 --backend 127.0.0.1:9002
///   lb-sim --backend blue=127.0.0.1:9001,127.0.0.1:9081 --interval 500ms --timeout 300ms --fall 3
///   lb-sim --backend 127.0.0.1:9001 --control /tmp/lb.sock
///   echo '{"cmd":"set","settings":{"interval":"1s"}}' | nc -U /tmp/lb.sock
#[derive(Parser)]
#[command(name = "lb-sim", version, verbatim_doc_comment)]
struct Cli {
    #[command(flatten)]
    args: lb_sim::Args,
}

fn main() -> ExitCode {
    lb_sim::run(Cli::parse().args)
}
