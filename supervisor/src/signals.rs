//! How a command is told to end.

use std::process::ExitCode;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Why a lab ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Interrupted,
    Terminated,
    Down,
}

/// The signals that end a lab.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// From now on these signals no longer kill; needs a runtime.
    pub fn new() -> std::io::Result<Signals> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    pub async fn next(&mut self) -> End {
        tokio::select! {
            _ = self.interrupt.recv() => End::Interrupted,
            _ = self.terminate.recv() => End::Terminated,
            _ = self.hangup.recv() => End::Terminated,
        }
    }
}

impl End {
    /// The exit code after cleaning up.
    pub fn code(self) -> ExitCode {
        match self {
            End::Interrupted => ExitCode::from(130),
            End::Terminated => ExitCode::from(143),
            End::Down => ExitCode::SUCCESS,
        }
    }
}
