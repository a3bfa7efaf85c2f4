//! PURE: what the stack of the goroutine that died proves.
//!
//! The race (golang/go#65123): the response's header map is written by the goroutine that serves the request (A) and, with no
//! lock, by the one that reads from the backend (B), when it forwards a 1xx response from a hook of `ReverseProxy`. The
//! words of the message never suffice: the stack must lead from a write of a response's headers to one of the two.

use super::Verdict;
use super::cause::{self, Kind};
use super::dump::{Frame, package};
use super::origin::Program;
use router::record::CrashVariant;

/// The judgement of one stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub verdict: Verdict,
    pub variant: Option<CrashVariant>,
    /// One sentence: who was caught doing what.
    pub cause: String,
    /// How many frames from the top prove it.
    pub proof: usize,
    /// What is left of the trace neither proves the bug nor rules it out.
    pub undecided: bool,
    pub notes: Vec<&'static str>,
}

/// Frames shown when nothing is proved.
const SHOWN: usize = 8;

/// Judges a stack, innermost call first. `head`: the line that says why the program died. `whole`: the stack has its end.
/// `clean`: so many frames stand before the first place where something is missing.
pub fn judge(head: &str, frames: &[Frame], whole: bool, clean: usize, program: Program) -> Finding {
    let kind = Kind::of(head);
    // GOTRACEBACK=system shows the runtime's own frames above the culprit's.
    let top = frames
        .iter()
        .take_while(|frame| is_runtime(&frame.function))
        .count();
    let names: Vec<&str> = frames[top..]
        .iter()
        .map(|frame| frame.function.as_str())
        .collect();
    let found = hook(kind, &names, whole)
        .or_else(|| error_handler(kind, &names))
        .or_else(|| other_writer(kind, &names, program));
    let Some(mut finding) = found.filter(|_| program != Program::Other) else {
        let same = hook(kind, &names, whole).is_some();
        let mut finding = Finding {
            verdict: Verdict::OtherCrash,
            variant: None,
            cause: cause::name(head, &names),
            proof: SHOWN.min(frames.len()),
            undecided: false,
            notes: Vec::new(),
        };
        let clean = clean.saturating_sub(top).min(names.len());
        if same {
            finding.notes.push(
                "the same race of Go's ReverseProxy (golang/go#65123), in a program that is not gorouter: a build with Go 1.23 or newer mends it",
            );
        } else if program != Program::Other
            && !rules_out(kind, &names[..clean], whole && clean == names.len())
        {
            finding.undecided = true;
            finding.notes.push(
                "the frames that could prove or rule out the bug are missing; the whole log would tell, or the file that goes on",
            );
        }
        return finding;
    };
    finding.proof += top;
    if program == Program::Unknown {
        finding.notes.push("nothing in what is left of the dump names gorouter: any Go program that forwards 1xx responses dies like this");
    }
    finding
}

/// Whether another cause is shown: by the message, or by a frame that does not stand on the way to the bug.
fn rules_out(kind: Kind, names: &[&str], whole: bool) -> bool {
    if matches!(kind, Kind::Other) || whole {
        return true;
    }
    let rest = &names[names.iter().take_while(|name| answers(name)).count()..];
    match rest {
        [] => false,
        // Its caller decides: the reader of a backend's response, or another one.
        [name] => !is_hook(name),
        _ => true,
    }
}

/// A stack that a living program printed: `debug.Stack`, or net/http after a recovered panic.
pub fn is_printed(frames: &[Frame]) -> bool {
    frames.iter().take(3).any(|frame| {
        frame.function.starts_with("runtime/debug.")
            || frame.function.starts_with("net/http.(*conn).serve.func")
    })
}

/// B: `ReverseProxy.ServeHTTP.funcN`, called by the goroutine that reads a backend's response.
fn hook(kind: Kind, names: &[&str], whole: bool) -> Option<Finding> {
    let at = names.iter().position(|name| is_hook(name))?;
    let above = &names[..at];
    if !above.iter().all(|name| answers(name)) {
        return None;
    }
    let rest = &names[at + 1..];
    // httptrace joins the hooks of two owners by reflection.
    let between = rest
        .iter()
        .take_while(|name| ["reflect", "net/http/httptrace"].contains(&package(name)))
        .count();
    let reader = rest.get(between).copied();
    let mut proof = at + 1 + between;
    let mut notes = Vec::new();
    if reader == Some("net/http.(*persistConn).readResponse") {
        proof += 1;
        proof += usize::from(names.get(proof) == Some(&"net/http.(*persistConn).readLoop"));
    } else if reader.is_none() && !whole && above.iter().any(|name| changes(name)) {
        notes.push("cut before the frames of the backend's connection; of ReverseProxy's closures only the 1xx hook does this");
    } else {
        return None;
    }
    let heads = above
        .iter()
        .any(|name| name.ends_with(".WriteHeader") || name.ends_with("esponseWriter).Header"));
    let (variant, what) = match kind {
        Kind::MapWrites => (
            Some(CrashVariant::MapWritesInHook),
            "found the response's headers being written",
        ),
        Kind::MapIteration => (
            Some(CrashVariant::MapIterationAndWrite),
            "and a writer met in the response's headers",
        ),
        Kind::MapRead => (None, "read the response's headers while they were written"),
        Kind::NilPointer if heads => (
            Some(CrashVariant::NilPointerInHook),
            "ran after its request was over: its writer is gone",
        ),
        Kind::RuntimeError | Kind::AfterHandler if heads => (None, "ran after its request was over"),
        _ => return None,
    };
    Some(Finding {
        verdict: Verdict::Variant,
        variant,
        cause: format!("the hook that forwards a backend's 1xx response {what}"),
        proof,
        undecided: false,
        notes,
    })
}

/// A: gorouter's error handler, which sets `X-Cf-RouterError` and writes the error.
fn error_handler(kind: Kind, names: &[&str]) -> Option<Finding> {
    let at = names.iter().position(|name| name.ends_with(HANDLE_ERROR))?;
    let above = &names[..at];
    if !above.iter().all(|name| answers(name)) {
        return None;
    }
    let caller = names[at + 1..]
        .iter()
        .take_while(|name| name.contains("gorouter/proxy/round_tripper."))
        .count();
    let set = above.last().is_some_and(|name| *name == "net/http.Header.Set");
    let (verdict, variant, what) = match kind {
        Kind::MapWrites if set => (
            Verdict::Match,
            Some(CrashVariant::MapWritesInErrorHandler),
            "set a header",
        ),
        Kind::MapWrites => (
            Verdict::Variant,
            Some(CrashVariant::MapWritesInErrorHandler),
            "wrote the error",
        ),
        Kind::MapIteration => (
            Verdict::Variant,
            Some(CrashVariant::MapIterationAndWrite),
            "wrote the error",
        ),
        Kind::MapRead => (Verdict::Variant, None, "read the headers"),
        _ => return None,
    };
    Some(Finding {
        verdict,
        variant,
        cause: format!(
            "gorouter's error handler {what} of a response whose headers somebody else was writing"
        ),
        proof: at + 1 + caller,
        undecided: false,
        notes: if above.is_empty() {
            vec!["the frames above the error handler are missing"]
        } else {
            Vec::new()
        },
    })
}

/// A, elsewhere: gorouter writes the head of a response, or copies the backend's final headers into it.
fn other_writer(kind: Kind, names: &[&str], program: Program) -> Option<Finding> {
    if program != Program::Gorouter || !kind.is_map() {
        return None;
    }
    let above = names.iter().take_while(|name| answers(name)).count();
    let head = names[..above].iter().position(|name| writes_head(name));
    let copied = names[..above]
        .iter()
        .position(|name| *name == "net/http/httputil.copyHeader");
    let server = "net/http/httputil.(*ReverseProxy).ServeHTTP";
    let proof = match (head, copied) {
        (Some(head), _) => head + 1,
        (None, Some(copied)) if names.get(copied + 1) == Some(&server) => copied + 2,
        _ => return None,
    };
    // The request must be on its way through gorouter: a health or debug port of it has no hook.
    let proxied = |name: &&str| name.starts_with("code.cloudfoundry.org/gorouter/proxy") || **name == *server;
    if !names.iter().any(proxied) {
        return None;
    }
    Some(Finding {
        verdict: Verdict::Variant,
        variant: (kind == Kind::MapIteration).then_some(CrashVariant::MapIterationAndWrite),
        cause: "gorouter wrote a response whose headers somebody else was writing; only the 1xx hook can"
            .to_owned(),
        proof,
        undecided: false,
        notes: Vec::new(),
    })
}

const HANDLE_ERROR: &str = "gorouter/proxy/round_tripper.(*ErrorHandler).HandleError";

fn is_runtime(name: &str) -> bool {
    let package = package(name);
    name == "panic"
        || package == "runtime"
        || package.starts_with("runtime/internal")
        || package.starts_with("internal/runtime")
}

/// Closures are numbered anew by every release of Go.
fn is_hook(name: &str) -> bool {
    let closure = name.strip_prefix("net/http/httputil.(*ReverseProxy).ServeHTTP.func");
    closure.is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    })
}

fn changes(name: &str) -> bool {
    name == "net/http/httputil.copyHeader"
        || name.ends_with(".WriteHeader")
        || name.starts_with("net/http.Header.")
        || name.starts_with("net/textproto.MIMEHeader.")
}

/// Writes the head of a response to a client.
fn writes_head(name: &str) -> bool {
    let writers = [
        "net/http.(*response).WriteHeader",
        "net/http.(*http2responseWriter).WriteHeader",
        "net/http.(*chunkWriter).writeHeader",
        "gorouter/proxy/utils.(*proxyResponseWriter).WriteHeader",
        "urfave/negroni.(*responseWriter).WriteHeader",
        "urfave/negroni/v3.(*responseWriter).WriteHeader",
    ];
    writers.iter().any(|writer| name.ends_with(writer)) || name == "net/http.Error"
}

/// May stand between a map operation and what answers the client: nothing that has maps of its own, such as metrics.
fn answers(name: &str) -> bool {
    let package = package(name);
    const STANDARD: [&str; 16] = [
        "net/http",
        "net/http/internal",
        "net/textproto",
        "bufio",
        "io",
        "maps",
        "slices",
        "sort",
        "strings",
        "sync",
        "net",
        "crypto/tls",
        "internal/poll",
        "syscall",
        "golang.org/x/net/http/httpguts",
        "net/http/httptrace",
    ];
    STANDARD.contains(&package)
        || name == "net/http/httputil.copyHeader"
        || package.ends_with("urfave/negroni")
        || package.ends_with("urfave/negroni/v3")
        || package.ends_with("gorouter/proxy/utils")
        || name.contains("gorouter/proxy/round_tripper.(*ErrorHandler).")
        || is_runtime(name)
}
