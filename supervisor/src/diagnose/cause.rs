//! PURE: why a Go program died, by its own first line.

use super::dump::{package, short};

/// What the first line says, as far as the bug can be behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    MapWrites,
    MapIteration,
    MapRead,
    NilPointer,
    /// Another mistake that the runtime caught: an index, a type.
    RuntimeError,
    /// HTTP/2's writer, used after its handler.
    AfterHandler,
    Other,
}

impl Kind {
    pub fn of(head: &str) -> Kind {
        if let Some(fatal) = head.strip_prefix("fatal error: ") {
            return match fatal.trim_end() {
                "concurrent map writes" => Kind::MapWrites,
                "concurrent map iteration and map write" => Kind::MapIteration,
                "concurrent map read and map write" => Kind::MapRead,
                _ => Kind::Other,
            };
        }
        let Some(panic) = head.strip_prefix("panic: ") else {
            return Kind::Other;
        };
        if panic.starts_with("runtime error: invalid memory address or nil pointer dereference") {
            Kind::NilPointer
        } else if panic.starts_with("runtime error: ") {
            Kind::RuntimeError
        } else if panic.contains(" called after Handler finished") {
            Kind::AfterHandler
        } else {
            Kind::Other
        }
    }

    pub fn is_map(self) -> bool {
        matches!(self, Kind::MapWrites | Kind::MapIteration | Kind::MapRead)
    }
}

/// Whether a first line without a goroutine below it is Go's: other programs say `panic: ` and `fatal error: `, too.
pub fn is_gos_own(head: &str) -> bool {
    const FATAL: [&str; 10] = [
        "concurrent map ",
        "all goroutines are asleep",
        "runtime: ",
        "out of memory",
        "stack overflow",
        "unexpected signal",
        "fault",
        "sync: ",
        "found bad pointer",
        "panic on system stack",
    ];
    match head.strip_prefix("fatal error: ") {
        Some(fatal) => FATAL.iter().any(|words| fatal.starts_with(words)),
        None => head.starts_with("panic: runtime error: "),
    }
}

/// One clause that names the crash. `names`: functions, innermost first, without the runtime's.
pub fn name(head: &str, names: &[&str]) -> String {
    let culprit = names
        .iter()
        .find(|name| package(name).contains('.') || package(name) == "main")
        .or(names.first());
    let place = culprit.map_or(String::new(), |name| format!(" in {}", short(name)));
    if let Some(fatal) = head.strip_prefix("fatal error: ") {
        return match fatal.trim_end() {
            map if map.starts_with("concurrent map ") => {
                format!("{map}{place}: a map used by two goroutines, not shown to be a response's headers")
            }
            "all goroutines are asleep - deadlock!" => "deadlock: every goroutine waited".to_owned(),
            "stack overflow" => format!("stack overflow{place}: recursion without end"),
            memory if memory.contains("out of memory") || memory.contains("cannot allocate memory") => {
                "out of memory".to_owned()
            }
            signal if signal.starts_with("unexpected signal") => {
                format!("a signal in code that is not Go's, or in the runtime{place}")
            }
            other => format!("{other}{place}"),
        };
    }
    if head.starts_with("SIGQUIT") {
        return "SIGQUIT: somebody asked for a dump (bpm does before it kills)".to_owned();
    }
    if let Some(panic) = head.strip_prefix("panic: ") {
        return format!("panic{place}: {}", shortened(panic));
    }
    if head.is_empty() {
        return format!("a goroutine dump that lost its first lines{place}");
    }
    format!("{}{place}", shortened(head))
}

/// Values in panics can be long.
fn shortened(text: &str) -> String {
    let end = text.char_indices().nth(120).map_or(text.len(), |(at, _)| at);
    let ellipsis = if end < text.len() { "…" } else { "" };
    format!("{}{ellipsis}", text[..end].trim_end())
}
