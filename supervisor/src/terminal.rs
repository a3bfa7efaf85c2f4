//! What a stream can show: plain lines always; colours and moving bars only on a terminal that understands them.

use std::ffi::OsStr;
use std::io::IsTerminal;

/// What may be written beside plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    pub colour: bool,
    /// Lines that are written over.
    pub motion: bool,
}

impl Abilities {
    pub fn of(stream: &impl IsTerminal) -> Abilities {
        let [term, no_color] = ["TERM", "NO_COLOR"].map(std::env::var_os);
        Abilities::judge(stream.is_terminal(), term.as_deref(), no_color.as_deref())
    }

    /// PURE: a terminal without a name is taken for a dumb one; an empty `NO_COLOR` says nothing (no-color.org).
    fn judge(terminal: bool, term: Option<&OsStr>, no_color: Option<&OsStr>) -> Abilities {
        let motion = terminal && term.is_some_and(|term| term != "dumb" && !term.is_empty());
        Abilities {
            colour: motion && no_color.is_none_or(OsStr::is_empty),
            motion,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_need_a_terminal_that_has_them_and_nobody_who_said_no() {
        let judged = |terminal, term: &str, no_color: &str| {
            let abilities = Abilities::judge(terminal, Some(term.as_ref()), Some(no_color.as_ref()));
            (abilities.colour, abilities.motion)
        };
        assert_eq!(judged(true, "xterm", ""), (true, true));
        assert_eq!(judged(true, "xterm", "1"), (false, true));
        assert_eq!(judged(true, "dumb", ""), (false, false));
        assert_eq!(judged(true, "", ""), (false, false));
        assert_eq!(judged(false, "xterm", ""), (false, false));
        let unnamed = Abilities::judge(true, None, None);
        assert!(!unnamed.colour && !unnamed.motion);
    }
}
