//! PURE: one line of what a dying Go program prints.
//!
//! Source of the shapes: Go's `runtime/panic.go` and `runtime/traceback.go`, 1.18 to 1.24.

use memchr::memmem;
use serde::Serialize;

/// A line without what a log put before it; leading white space does not count (the article lost it).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    Blank,
    /// Why the program dies: `fatal error: …`, `panic: …`, `SIGQUIT: quit`.
    Head(&'a str),
    /// `goroutine 617 [running]:`, with `gp=… m=… mp=…` in newer versions.
    Goroutine(Goroutine<'a>),
    /// `net/http.(*conn).serve(0xc00036e240, {0xd2d6c0, 0xc000244420})`, as the name without `vendor/`.
    Function(&'a str),
    /// `/path/file.go:22 +0x185`.
    Location(&'a str, u32),
    /// `created by net/http.(*Server).Serve in goroutine 49`: the bottom of a stack.
    Created,
    /// Belongs to a dump and says nothing about its cause: `[signal SIGSEGV…]`, `...additional frames elided...`.
    Detail,
    Noise,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goroutine<'a> {
    pub number: u64,
    /// `running`, `IO wait, 5 minutes`, `running, locked to thread`.
    pub state: &'a str,
}

/// A call on a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Frame {
    pub function: String,
    pub file: Option<String>,
    pub line: Option<u32>,
}

/// Longer than any frame; a log may have lines of any length.
const LONGEST: usize = 4096;

/// What a head may begin with. The signals are those on which the runtime prints all goroutines.
const HEADS: [&str; 3] = ["fatal error: ", "panic: ", "SIG"];
const SIGNALS: [&str; 8] = [
    "SIGQUIT: quit",
    "SIGABRT: abort",
    "SIGSEGV: segmentation violation",
    "SIGBUS: bus error",
    "SIGFPE: floating-point exception",
    "SIGILL: illegal instruction",
    "SIGTRAP: trace trap",
    "SIGSYS: bad system call",
];

impl<'a> Line<'a> {
    pub fn of(text: &'a str) -> Line<'a> {
        let text = text.trim_matches([' ', '\t']);
        if text.is_empty() {
            return Line::Blank;
        }
        if HEADS.iter().any(|head| text.starts_with(head)) {
            let signal = SIGNALS.iter().any(|signal| text.starts_with(signal));
            if signal || !text.starts_with("SIG") {
                return Line::Head(text);
            }
        }
        if text.len() > LONGEST {
            return Line::Noise;
        }
        if let Some(goroutine) = goroutine(text) {
            return Line::Goroutine(goroutine);
        }
        if created(text) {
            return Line::Created;
        }
        if let Some(name) = function(text) {
            return Line::Function(name);
        }
        if let Some((file, line)) = location(text) {
            return Line::Location(file, line);
        }
        let details = [
            "[signal ",
            "[recovered",
            "...",
            "PC=0x",
            "goroutine running on other thread",
        ];
        if details.iter().any(|detail| text.starts_with(detail)) {
            return Line::Detail;
        }
        Line::Noise
    }
}

impl Goroutine<'_> {
    pub fn runs(&self) -> bool {
        self.state == "running" || self.state.starts_with("running,")
    }
}

/// The package of a function: `net/http` of `net/http.(*conn).serve`.
pub fn package(function: &str) -> &str {
    let receiver = function.find('(').unwrap_or(function.len());
    let from = function[..receiver].rfind('/').map_or(0, |slash| slash + 1);
    match function[from..].find('.') {
        Some(dot) => &function[..from + dot],
        None => function,
    }
}

/// A name without its directories: `http.(*conn).serve`.
pub fn short(function: &str) -> &str {
    let receiver = function.find('(').unwrap_or(function.len());
    let from = function[..receiver].rfind('/').map_or(0, |slash| slash + 1);
    &function[from..]
}

fn goroutine(text: &str) -> Option<Goroutine<'_>> {
    let rest = text.strip_prefix("goroutine ")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let number = rest[..digits].parse().ok()?;
    let (words, state) = rest[digits..].split_once('[')?;
    let addresses = |word: &str| ["gp=", "m=", "mp="].iter().any(|name| word.starts_with(name));
    if !words.starts_with(' ') || !words.split_whitespace().all(addresses) {
        return None;
    }
    // A line cut short in its state is still a header.
    let state = state.split(']').next().unwrap_or(state);
    Some(Goroutine { number, state })
}

fn created(text: &str) -> bool {
    let by = text.strip_prefix("created by ");
    by.is_some_and(|by| {
        let mut words = by.split(' ');
        words.next().is_some_and(|name| name.contains('.')) && matches!(words.next(), None | Some("in" | "@"))
    })
}

/// What the arguments of a call consist of, and what its name does not: looked up, since a dump is nothing but calls.
const ADDRESS: [bool; 256] = only(b"0123456789abcdefABCDEFx?{}, ._-");
const LETTER: [bool; 256] = {
    let mut letters = only(b"\"'`=:<>;|\x7f");
    let mut byte = 0;
    while byte < 256 {
        letters[byte] = byte > 0x20 && !letters[byte];
        byte += 1;
    }
    letters
};

const fn only(bytes: &[u8]) -> [bool; 256] {
    let mut class = [false; 256];
    let mut at = 0;
    while at < bytes.len() {
        class[bytes[at] as usize] = true;
        at += 1;
    }
    class
}

/// The arguments are addresses in braces and nothing else, so that prose never looks like a call.
fn function(text: &str) -> Option<&str> {
    let (name, arguments) = text.strip_suffix(')')?.rsplit_once('(')?;
    let called = name == "panic" || name.find('.').is_some_and(|dot| dot > 0 && dot + 1 < name.len());
    let all = |text: &str, class: &[bool; 256]| text.bytes().all(|byte| class[usize::from(byte)]);
    if !called || !all(arguments, &ADDRESS) || !all(name, &LETTER) {
        return None;
    }
    let name = name.strip_prefix("vendor/").unwrap_or(name);
    Some(memmem::rfind(name.as_bytes(), b"/vendor/").map_or(name, |at| &name[at + "/vendor/".len()..]))
}

fn location(text: &str) -> Option<(&str, u32)> {
    let (place, offset) = text.split_once(' ').unwrap_or((text, ""));
    if !(offset.is_empty() || offset.starts_with("+0x") || offset.starts_with("fp=0x")) {
        return None;
    }
    let (file, line) = place.rsplit_once(':')?;
    let source = [".go", ".s", ".S", ".c", "<autogenerated>"];
    // A drive of Windows has a colon; another one is of a mark before the place.
    let marked = file.contains('\t') || file.match_indices(':').any(|(at, _)| at != 1);
    if marked || !source.iter().any(|end| file.ends_with(end)) {
        return None;
    }
    Some((file, line.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_known_by_their_shape() {
        let running = |text| matches!(Line::of(text), Line::Goroutine(goroutine) if goroutine.runs());
        assert!(running("goroutine 3061391056 [running]:"));
        assert!(running("goroutine 5 [running, locked to thread]:"));
        assert!(running("goroutine 1 gp=0xc000002380 m=0 mp=0x5c2e40 [running]:"));
        assert!(!running("goroutine 17 [IO wait, 5 minutes]:"));
        for prose in [
            "goroutine leaks [running] are bad",
            "goroutine 5 was [running]",
            "created by hand",
            "see net/http.Header.Set(key, value)",
            "GET /a.b(0x1)?x=fatal error: concurrent map writes",
            "at main.go:22",
            "SIGTERM: terminated",
            "main.go:x",
        ] {
            assert_eq!(Line::of(prose), Line::Noise, "{prose}");
        }
        assert_eq!(
            Line::of(
                "\tcode.cloudfoundry.org/vendor/github.com/urfave/negroni.middleware.ServeHTTP({{0xd291c0?, 0xc0?}, 0x6b0?}, 0x48ffef?)"
            ),
            Line::Function("github.com/urfave/negroni.middleware.ServeHTTP")
        );
        assert_eq!(
            Line::of("net/http.Header.Set(...)"),
            Line::Function("net/http.Header.Set")
        );
        assert_eq!(
            Line::of("panic({0xb2c3a0?, 0x1198be0?})"),
            Line::Function("panic")
        );
        assert_eq!(
            Line::of("        /a/b.go:22 +0x185"),
            Line::Location("/a/b.go", 22)
        );
        assert_eq!(
            Line::of("/a/b.go:7 +0x185 fp=0xc0 sp=0xc1 pc=0x1"),
            Line::Location("/a/b.go", 7)
        );
        assert_eq!(
            Line::of("created by net/http.(*Server).Serve in goroutine 49"),
            Line::Created
        );
        assert_eq!(Line::of("created by net/http.(*Server).Serve"), Line::Created);
    }

    #[test]
    fn packages_of_functions() {
        for (function, expected) in [
            ("net/http.(*conn).serve", "net/http"),
            ("main.main", "main"),
            (
                "github.com/nats-io/nats%2ego.(*Conn).readLoop",
                "github.com/nats-io/nats%2ego",
            ),
            (
                "net/http/httputil.(*ReverseProxy).ServeHTTP.func2",
                "net/http/httputil",
            ),
            ("panic", "panic"),
        ] {
            assert_eq!(package(function), expected);
        }
        assert_eq!(short("net/http.(*conn).serve"), "http.(*conn).serve");
    }
}
