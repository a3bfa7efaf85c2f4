//! What may take how long and how much. Changeable while serving: every new request sees the values of the moment.

use crate::http1::Limits;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// From the start of a connection attempt to its end.
    pub connect_timeout: Duration,
    /// Longest silence of a backend: from the last byte given to it to its response head, and between parts
    /// of its response.
    pub response_timeout: Duration,
    /// From the first byte of a request head to its last.
    pub header_timeout: Duration,
    /// Longest silence of a client in the middle of its request body, and longest time it may refuse to take
    /// more of a response.
    pub client_timeout: Duration,
    /// How long a client connection may wait for its next request.
    pub idle_timeout: Duration,
    /// How long an idle connection to a backend is kept.
    pub upstream_idle_timeout: Duration,
    /// From the start of draining to cutting what is left.
    pub drain_timeout: Duration,
    pub limits: Limits,
    /// Client connections at a time; more wait in the listener's backlog.
    pub max_connections: usize,
    /// Idle connections kept per upstream key.
    pub pool_idle_per_upstream: usize,
    pub client_eof: ClientEof,
    /// Client connections begin with a PROXY protocol header (v2); others are closed.
    pub proxy_protocol: bool,
}

/// What it means when a client closes its sending side while it waits for a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientEof {
    /// It still wants the response.
    HalfClose,
    /// It has gone; the attempt is abandoned.
    Abort,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(60),
            header_timeout: Duration::from_secs(10),
            client_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            upstream_idle_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(10),
            limits: Limits::default(),
            max_connections: 10_000,
            pool_idle_per_upstream: 512,
            client_eof: ClientEof::HalfClose,
            proxy_protocol: false,
        }
    }
}
