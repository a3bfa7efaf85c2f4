//! The hidden roles: what children are started as. Each has a small parser of its own, since fifty children that build
//! the parser of the whole command line are what a start waits for.

use clap::Parser;
use std::ffi::OsString;
use std::process::ExitCode;

/// Plays the role that the command line begins with; `None`: it is for people.
pub(super) fn run(arguments: &[OsString]) -> Option<ExitCode> {
    let rest = arguments.get(1..)?; // the role stands where a program has its name
    Some(match rest.first()?.to_str()? {
        "__app" => crate::app::run(Role::parse_from(rest).args),
        "__router" => router::run(Role::parse_from(rest).args),
        "__lb" => lb_sim::run(Role::parse_from(rest).args),
        "__peer" => crate::engine::guard::run(Role::parse_from(rest).args),
        "__become" => {
            let failed = crate::process::apart::become_it(rest.get(1..).unwrap_or_default());
            eprintln!("cannot be started: {failed}");
            ExitCode::from(127)
        }
        "__load" => crate::experiment::load::run(Role::parse_from(rest).args),
        _ => return None,
    })
}

#[derive(Parser)]
struct Role<A: clap::Args> {
    #[command(flatten)]
    args: A,
}
