//! The death of the article: Go's runtime finds two goroutines writing one map, prints them all and exits with
//! status 2. Nothing is drained, answered or closed in order; the kernel closes the sockets.

use crate::record::Event;
use crate::worker::{Events, exit_at_once};
use std::fmt::Write as _;
use std::io::Write as _;

/// What the runtime says first. Not a panic: `recover` cannot catch it.
pub const FATAL: &str = "fatal error: concurrent map writes";

/// The exit status of a Go program that died by its runtime.
pub const STATUS: i32 = 2;

/// Prints the trace to stderr, reports the crash and ends the process at once.
pub fn crash(events: &Events) -> ! {
    let goroutine = u64::from(std::process::id()) * 977 + 617;
    // One write: what waits in buffers of this process dies with it.
    let _ = std::io::stderr().write_all(trace(goroutine).as_bytes());
    events.emit(Event::Crash {
        message: FATAL.to_owned(),
        variant: None,
    });
    exit_at_once(STATUS)
}

const GO: &str = "/var/vcap/data/packages/golang-1.20-linux/src";
const GOROUTER: &str = "/var/vcap/data/compile/gorouter/src/code.cloudfoundry.org/gorouter";

/// A goroutine's frames: function with arguments, file under its root, line with offset.
type Frames = [(&'static str, &'static str, &'static str, &'static str)];

/// The request goroutine: the error handler sets a header of the response…
const REQUEST: &Frames = &[
    (
        "net/textproto.MIMEHeader.Set(...)",
        GO,
        "net/textproto/header.go",
        "22",
    ),
    ("net/http.Header.Set(...)", GO, "net/http/header.go", "40"),
    (
        "code.cloudfoundry.org/gorouter/proxy/round_tripper.(*ErrorHandler).HandleError(0xc0096bfb00?, {0xd5f2d8, 0xc002927040}, {0xd544a0, 0xc00007c0e0})",
        GOROUTER,
        "proxy/round_tripper/error_handler.go",
        "53 +0x185",
    ),
    (
        "code.cloudfoundry.org/gorouter/proxy/round_tripper.(*roundTripper).RoundTrip(0xc0005303c0, 0xc01c402300)",
        GOROUTER,
        "proxy/round_tripper/proxy_round_tripper.go",
        "297 +0x3166",
    ),
    (
        "net/http/httputil.(*ReverseProxy).ServeHTTP(0xc000436c30, {0xd5f2d8, 0xc002927040}, 0xc01c402200)",
        GO,
        "net/http/httputil/reverseproxy.go",
        "473 +0xe9a",
    ),
    (
        "net/http.(*conn).serve(0xc0021f4000, {0xd60700, 0xc000510e10})",
        GO,
        "net/http/server.go",
        "1995 +0x612",
    ),
];

/// … while the backend connection's goroutine copies the headers of an informational response into the same map.
const BACKEND: &Frames = &[
    (
        "net/http/httputil.(*ReverseProxy).ServeHTTP.func3(0x67, 0xc003d10270)",
        GO,
        "net/http/httputil/reverseproxy.go",
        "462 +0x105",
    ),
    (
        "net/http.(*persistConn).readResponse(0xc000a2c5a0, {0xc01c402300, 0xc0029f8a20, 0xc0029f8a80}, 0xc00292e0c0)",
        GO,
        "net/http/transport.go",
        "2333 +0x1f8",
    ),
    (
        "net/http.(*persistConn).readLoop(0xc000a2c5a0)",
        GO,
        "net/http/transport.go",
        "2155 +0x2e5",
    ),
];

const ACCEPT: &Frames = &[
    (
        "internal/poll.runtime_pollWait(0x7f09dc7cb5b8, 0x72)",
        GO,
        "runtime/netpoll.go",
        "306 +0x89",
    ),
    (
        "net.(*TCPListener).Accept(0xc0001a2f48)",
        GO,
        "net/tcpsock.go",
        "302 +0x31",
    ),
    (
        "net/http.(*Server).Serve(0xc0003f40f0, {0xd5e8a0, 0xc0001a2f48})",
        GO,
        "net/http/server.go",
        "3059 +0x385",
    ),
];

const MAIN: &Frames = &[
    (
        "github.com/tedsuo/ifrit.(*process).Wait(...)",
        GOROUTER,
        "../vendor/github.com/tedsuo/ifrit/process.go",
        "83",
    ),
    ("main.main()", GOROUTER, "main.go", "272 +0x1d8c"),
];

/// The whole dump; `goroutine` is the number of the one that was caught.
fn trace(goroutine: u64) -> String {
    let mut text = format!("{FATAL}\n");
    for (number, state, frames) in [
        (goroutine, "running", REQUEST),
        (1, "select, 41 minutes", MAIN),
        (goroutine.saturating_sub(9), "runnable", BACKEND),
        (58, "IO wait", ACCEPT),
        (59, "IO wait", ACCEPT),
    ] {
        let _ = write!(text, "\ngoroutine {number} [{state}]:\n");
        for (function, root, file, line) in frames {
            let _ = write!(text, "{function}\n\t{root}/{file}:{line}\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_begins_as_the_article_says() {
        let text = trace(3_061_391_056);
        assert!(text.starts_with(
            "fatal error: concurrent map writes\n\ngoroutine 3061391056 [running]:\nnet/textproto.MIMEHeader.Set(...)\n\t"
        ));
        assert!(
            text.contains("error_handler.go:53 +0x185\n")
                && text.contains("proxy_round_tripper.go:297 +0x3166\n")
        );
        assert!(text.ends_with('\n'));
    }
}
