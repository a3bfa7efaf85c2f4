//! PURE: which texture a name has. The same outcome looks the same in all figures of a report.

use super::label;
use super::svg::{Hold, Sheet, TEXTURES};

/// Names with a texture of their own; the others take what is free.
const KNOWN: [(&str, usize); 9] = [
    ("reset", 0),
    ("refused", 1),
    ("eof", 2),
    ("timeout", 3),
    ("http_502", 4),
    ("http_503", 5),
    ("http_504", 6),
    ("http_other", 7),
    ("window", 0),
];

/// The texture of each of the names, in their order.
pub fn of(names: &[&str]) -> Vec<usize> {
    let known = |name: &str| {
        KNOWN
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, index)| *index)
    };
    let taken: Vec<usize> = names.iter().filter_map(|name| known(name)).collect();
    let mut free = (0..TEXTURES)
        .filter(|index| !taken.contains(index))
        .chain((0..TEXTURES).cycle());
    names
        .iter()
        .map(|name| known(name).unwrap_or_else(|| free.next().unwrap_or(0)))
        .collect()
}

/// A line of swatches and their names from `from` to `to`, as many lines as it takes; returns the base line of the last.
pub fn legend(sheet: &mut Sheet, entries: &[(usize, String)], (from, to): (f64, f64), top: f64) -> f64 {
    let (mut x, mut y) = (from, top + 11.0);
    for (texture, name) in entries {
        let name = label::shortened(name, to - from - 16.0);
        let width = 16.0 + label::width(&name);
        if x > from && x + width > to {
            (x, y) = (from, y + 16.0);
        }
        sheet.textured(*texture, (x, y - 9.0), (10.0, 10.0));
        sheet.text("label", Hold::Start, (x + 15.0, y), &name);
        x += width + 16.0;
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_keep_theirs_and_others_take_the_rest() {
        assert_eq!(of(&["eof", "odd", "reset", "other"]), [2, 1, 0, 3]);
        let many: Vec<String> = (0..20).map(|n| format!("n{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(of(&many).iter().all(|index| *index < TEXTURES));
    }
}
