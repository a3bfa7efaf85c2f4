//! The router by itself: the same role that `resetlab` runs as a child.

use clap::Parser;

/// gorouter's job: routes by Host to an application, answers /health
#[derive(Parser)]
#[command(name = "router", version)]
struct Cli {
    #[command(flatten)]
    args: router::Args,
}

fn main() -> std::process::ExitCode {
    router::run(Cli::parse().args)
}
