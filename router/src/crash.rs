//! The death of the article: Go's runtime finds two goroutines in one map, prints them all and exits with status 2.
//! Nothing is drained, answered or closed in order; the kernel closes the sockets.

mod frames;

use self::frames::{Frame, Root};
use crate::record::{CrashVariant, Event};
use crate::settings::Build;
use crate::worker::{Events, exit_at_once};
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

/// The exit status of a Go program that died by its runtime.
pub const STATUS: i32 = 2;

/// What a dying gorouter prints, but for what it died of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    /// Where its Go was installed when it was compiled.
    go: String,
}

/// Where the goroutine that was caught was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caught {
    /// Forwarding an interim response.
    InHook,
    InErrorHandler,
}

static DYING: AtomicBool = AtomicBool::new(false);

/// Go stops the world before it prints: from then on nobody is to be answered, or a router that is dead by its own word
/// would still pass a check.
pub fn is_dying() -> bool {
    DYING.load(Ordering::Acquire)
}

/// Prints the dump to stderr, reports the crash and ends the process at once.
pub fn crash(dump: &Dump, variant: CrashVariant, caught: Caught, events: &Events) -> ! {
    if DYING.swap(true, Ordering::AcqRel) {
        // The other side was first; it ends us, too.
        loop {
            std::thread::park();
        }
    }
    let goroutine = u64::from(std::process::id()) * 977 + 617;
    // One write: what waits in buffers of this process dies with it.
    let _ = std::io::stderr().write_all(dump.text(variant, caught, goroutine).as_bytes());
    events.emit(Event::Crash {
        message: message(variant).to_owned(),
        variant: Some(variant),
    });
    exit_at_once(STATUS)
}

/// What the runtime says first. The fatal errors are no panics: `recover` cannot catch them; the panic is one in a
/// goroutine that nobody recovers.
pub fn message(variant: CrashVariant) -> &'static str {
    match variant {
        CrashVariant::MapWritesInErrorHandler | CrashVariant::MapWritesInHook => {
            "fatal error: concurrent map writes"
        }
        CrashVariant::MapIterationAndWrite => "fatal error: concurrent map iteration and map write",
        CrashVariant::NilPointerInHook => {
            "panic: runtime error: invalid memory address or nil pointer dereference"
        }
    }
}

impl Dump {
    /// Of that build: its paths name its Go.
    pub fn new(build: &Build) -> Dump {
        let version: Vec<String> = build.go.iter().take(2).map(u64::to_string).collect();
        Dump {
            go: format!("/var/vcap/data/packages/golang-{}-linux/src", version.join(".")),
        }
    }

    /// The whole of it; `goroutine` is the number of the one that was caught.
    fn text(&self, variant: CrashVariant, caught: Caught, goroutine: u64) -> String {
        let mut text = format!("{}\n", message(variant));
        if variant == CrashVariant::NilPointerInHook {
            text.push_str("[signal SIGSEGV: segmentation violation code=0x1 addr=0x18 pc=0x65ffae]\n");
        }
        let top: &[&[Frame]] = match (variant, caught) {
            (CrashVariant::NilPointerInHook, _) => &[frames::NIL_WRITER, frames::READ_LOOP],
            (CrashVariant::MapIterationAndWrite, Caught::InHook) => {
                &[frames::WRITE_SUBSET, frames::READ_LOOP]
            }
            (CrashVariant::MapIterationAndWrite, Caught::InErrorHandler) => {
                &[frames::CLONE, frames::ROUND_TRIP]
            }
            (_, Caught::InHook) => &[frames::COPY_HEADER, frames::READ_LOOP],
            (_, Caught::InErrorHandler) => &[frames::SET, frames::ROUND_TRIP],
        };
        self.goroutine(&mut text, goroutine, "running", top);
        // Go prints only the one that panicked.
        if variant != CrashVariant::NilPointerInHook {
            let other: &[&[Frame]] = match caught {
                Caught::InHook => &[frames::SET, frames::ROUND_TRIP],
                Caught::InErrorHandler => &[frames::COPY_HEADER, frames::READ_LOOP],
            };
            self.goroutine(&mut text, 1, "chan receive", &[frames::MAIN]);
            self.goroutine(&mut text, goroutine.saturating_sub(9), "runnable", other);
            self.goroutine(&mut text, 58, "IO wait", &[frames::ACCEPT]);
            self.goroutine(&mut text, 59, "IO wait", &[frames::ACCEPT]);
        }
        text
    }

    fn goroutine(&self, text: &mut String, number: u64, state: &str, frames: &[&[Frame]]) {
        let _ = write!(text, "\ngoroutine {number} [{state}]:\n");
        for Frame(function, root, place) in frames.iter().copied().flatten() {
            let root = match root {
                Root::Go => &self.go,
                Root::Gorouter => frames::GOROUTER,
                Root::Vendor => frames::VENDOR,
            };
            let _ = write!(text, "{function}\n\t{root}/{place}\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(variant: CrashVariant, caught: Caught) -> String {
        Dump::new(&Build::default()).text(variant, caught, 3_061_391_056)
    }

    #[test]
    fn the_articles_dump_begins_as_the_article_says() {
        let text = text(CrashVariant::MapWritesInErrorHandler, Caught::InErrorHandler);
        let article = "fatal error: concurrent map writes\n\ngoroutine 3061391056 [running]:\nnet/textproto.MIMEHeader.Set(...)\n\
                       \t/var/vcap/data/packages/golang-1.21-linux/src/net/textproto/header.go:22\nnet/http.Header.Set(...)\n";
        assert!(text.starts_with(article), "{text}");
        assert!(text.contains("(*ErrorHandler).HandleError("), "{text}");
        assert!(text.contains("error_handler.go:53 +0x170\n") && text.ends_with('\n'));
        assert!(
            text.contains("(*persistConn).readLoop("),
            "both sides are in it: {text}"
        );
    }

    #[test]
    fn who_was_caught_is_on_top() {
        for (variant, caught, first) in [
            (
                CrashVariant::MapWritesInHook,
                Caught::InHook,
                "net/textproto.MIMEHeader.Add(",
            ),
            (
                CrashVariant::MapIterationAndWrite,
                Caught::InErrorHandler,
                "net/http.Header.Clone(",
            ),
            (
                CrashVariant::MapIterationAndWrite,
                Caught::InHook,
                "net/http.Header.sortedKeyValues(",
            ),
            (
                CrashVariant::NilPointerInHook,
                Caught::InHook,
                "bufio.(*Writer).Available(",
            ),
        ] {
            let text = text(variant, caught);
            let top = text.split_once("[running]:\n").unwrap().1;
            assert!(top.starts_with(first), "{variant:?}: {text}");
        }
    }

    #[test]
    fn paths_name_the_go_of_the_build() {
        let build = Build {
            go: vec![1, 20],
            ..Build::default()
        };
        let dump = Dump::new(&build).text(CrashVariant::MapWritesInHook, Caught::InHook, 7);
        assert!(
            dump.contains("/golang-1.20-linux/src/net/http/transport.go:"),
            "{dump}"
        );
    }
}
