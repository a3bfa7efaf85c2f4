//! PURE: calls and places that `fold`, a terminal or a mail broke into lines of one width.

use super::dump::Line;
use super::prefix::Bare;

/// What a line makes with the one before it.
#[derive(Debug, PartialEq, Eq)]
pub enum Joined {
    /// A whole call, or a whole place.
    Call(String),
    /// More is to come.
    Part(String),
}

/// `fold -s` breaks at a space, so a part may be short.
const SHORTEST: usize = 24;
/// Longer than any call.
const LONGEST: usize = 2048;

/// Whether a line can be the first part of a call or a place.
pub fn is_part(bare: &Bare) -> bool {
    bare.line == Line::Noise && bare.text.len() >= SHORTEST && begins(bare.text)
}

/// `begin`: the parts before this line.
pub fn join(begin: &str, bare: &Bare) -> Option<Joined> {
    let place = begin.starts_with('/');
    // A call or place of its own is none; but the end of a place looks like one.
    let own = match bare.line {
        Line::Noise => false,
        Line::Location(..) => !place || bare.text.starts_with('/'),
        _ => true,
    };
    if own || begin.len() + bare.text.len() > LONGEST {
        return None;
    }
    let text = format!("{begin}{}", bare.text);
    match Line::of(&text) {
        Line::Function(_) if !place => Some(Joined::Call(text)),
        Line::Location(..) if place => Some(Joined::Call(text)),
        Line::Noise if begins(&text) => Some(Joined::Part(text)),
        _ => None,
    }
}

/// A path without spaces, or a name with a package and perhaps arguments: addresses, or what is left of them.
fn begins(text: &str) -> bool {
    if text.starts_with('/') {
        return !text.contains([' ', ':']);
    }
    let (name, arguments) = match text.rfind('(') {
        // The last parenthesis may be of a receiver: `(*T).f`.
        Some(at) if !text[at..].starts_with("(*") => (&text[..at], &text[at + 1..]),
        _ => (text, ""),
    };
    let named = name.contains('.') && name.contains('/') && !name.contains([' ', ':', '"', '=']);
    named
        && arguments
            .chars()
            .all(|letter| letter.is_ascii_hexdigit() || "x?{}, ._-)".contains(letter))
}
