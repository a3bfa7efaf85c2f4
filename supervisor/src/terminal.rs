//! What a stream can show: plain lines always; escapes only on a terminal that understands them and whose owner wants them.

use std::ffi::OsStr;
use std::io::IsTerminal;

/// Whether escapes (colours, lines that are written over) may be written there.
///
/// `NO_COLOR` speaks of colours, and whoever sets it mostly means the rest, too: a recording, a log, a reader aloud. A line
/// for each trial tells no less than a bar.
pub fn escapes(stream: &impl IsTerminal) -> bool {
    let [term, no_color] = ["TERM", "NO_COLOR"].map(std::env::var_os);
    judge(stream.is_terminal(), term.as_deref(), no_color.as_deref())
}

/// PURE: a terminal without a name is taken for a dumb one; an empty `NO_COLOR` says nothing (no-color.org).
fn judge(terminal: bool, term: Option<&OsStr>, no_color: Option<&OsStr>) -> bool {
    terminal
        && term.is_some_and(|term| term != "dumb" && !term.is_empty())
        && no_color.is_none_or(OsStr::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_need_a_terminal_that_has_them_and_nobody_who_said_no() {
        let judged = |terminal, term: &str, no_color: &str| {
            judge(terminal, Some(term.as_ref()), Some(no_color.as_ref()))
        };
        assert!(judged(true, "xterm", ""));
        assert!(judge(true, Some("xterm".as_ref()), None));
        assert!(!judged(true, "xterm", "1"));
        assert!(!judged(true, "xterm", "0"));
        assert!(!judged(true, "dumb", ""));
        assert!(!judged(true, "", ""));
        assert!(!judged(false, "xterm", ""));
        assert!(!judge(true, None, None));
    }
}
