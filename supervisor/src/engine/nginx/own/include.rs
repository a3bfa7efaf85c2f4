//! Files that a configuration includes, read into it: what they say counts, too. It reads the disk, and nothing else.

use super::super::tokens::{self, Directive};
use std::fmt::Write;
use std::path::{Component, Path, PathBuf};

/// Files that include each other have no end.
const DEEPEST: usize = 8;

/// Around the text of an included file, so that its lines can be named.
const BEGIN: &str = "# resetlab: begin ";
const END: &str = "# resetlab: end of ";

/// The text with those of its included files, and the patterns of these. Paths that are not absolute are counted from
/// `home`. A list of types stays a file of its own; so does what cannot be read, which nginx will speak of.
pub(super) fn expand(text: &str, home: &Path) -> Result<(String, Vec<String>), String> {
    let mut read = Vec::new();
    let text = within(text, home, 0, &mut read)?;
    Ok((text, read))
}

/// Where something is, for people: `line 7`, or `line 3 of /etc/nginx/conf.d/a.conf`.
pub(super) fn place(text: &str, at: usize) -> String {
    let mut files: Vec<(&str, usize)> = vec![("", 0)];
    let mut passed = 0;
    for line in text.split_inclusive('\n') {
        passed += line.len();
        if let Some(name) = line.strip_prefix(BEGIN) {
            files.push((name.trim_end(), 0));
        } else if line.starts_with(END) {
            files.pop();
        } else if let Some((_, number)) = files.last_mut() {
            *number += 1;
        }
        if passed > at {
            break;
        }
    }
    match files.last() {
        Some(("", number)) => format!("line {number}"),
        Some((file, number)) => format!("line {number} of {file}"),
        None => "its end".to_owned(),
    }
}

fn within(text: &str, home: &Path, depth: usize, read: &mut Vec<String>) -> Result<String, String> {
    if depth > DEEPEST {
        return Err(format!("more than {DEEPEST} files include each other"));
    }
    let directives = tokens::parse(text)?;
    let all = directives
        .iter()
        .flat_map(|each| std::iter::once(each).chain(each.below()));
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for each in all.filter(|each| each.name == "include" && each.block.is_none()) {
        let pattern = home.join(each.argument(0));
        out += &text[at..each.span.start];
        at = each.span.end;
        let mut files = Vec::new();
        for path in matching(&pattern)? {
            let inner = std::fs::read_to_string(&path).ok();
            files.extend(inner.map(|inner| (path, inner)));
        }
        let list = |text: &str| tokens::parse(text).is_ok_and(|all| all.iter().all(types));
        if files.iter().all(|(_, inner)| list(inner)) {
            let _ = write!(out, "include \"{}\";", pattern.display());
            continue;
        }
        read.push(each.argument(0).to_owned());
        out.push('\n');
        for (path, inner) in files {
            let name = path.display();
            let inner = within(&inner, home, depth + 1, read);
            let inner = inner.map_err(|why| format!("{name}: {why}"))?;
            let _ = write!(out, "{BEGIN}{name}\n{inner}\n{END}{name}\n");
        }
    }
    Ok(out + &text[at..])
}

fn types(directive: &Directive) -> bool {
    directive.name == "types"
}

/// The files that a pattern with `*` and `?` names, in nginx's order.
fn matching(pattern: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let word = match part {
            Component::Normal(word) => word.to_string_lossy(),
            other => {
                found.iter_mut().for_each(|path| path.push(other));
                continue;
            }
        };
        if word.contains('[') {
            return Err(format!(
                "`include {}`: write it with `*` and `?`",
                pattern.display()
            ));
        }
        if !word.contains(['*', '?']) {
            found.iter_mut().for_each(|path| path.push(&*word));
            continue;
        }
        let inside = found
            .iter()
            .filter_map(|path| std::fs::read_dir(path).ok())
            .flatten();
        let mut next: Vec<PathBuf> = inside
            .flatten()
            .filter(|entry| matches(word.as_bytes(), entry.file_name().as_encoded_bytes()))
            .map(|entry| entry.path())
            .collect();
        next.sort();
        found = next;
    }
    Ok(found)
}

/// As the shell has it: names that begin with a dot are hidden.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    fn rest(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some((b'*', more)), _) => {
                rest(more, name) || name.split_first().is_some_and(|(_, name)| rest(pattern, name))
            }
            (Some((b'?', more)), Some((_, name))) => rest(more, name),
            (Some((a, more)), Some((b, name))) => a == b && rest(more, name),
            _ => false,
        }
    }
    (!name.starts_with(b".") || pattern.starts_with(b".")) && rest(pattern, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_included_files_say_counts_and_has_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("a.conf", "one 1;\ninclude b.inc;\nthree 3;");
        write("b.inc", "\ntwo 2; # no newline");
        write(".hidden.conf", "hidden 1;");
        write("mime.types", "types { a b; }");
        let text =
            "zero 0;\nhttp {\n  include *.conf; include mime.types;\n  include gone.conf;\n  last 9;\n}\n";
        let (text, read) = expand(text, dir.path()).unwrap();
        assert_eq!(read, ["*.conf", "b.inc"]);
        assert!(!text.contains("hidden") && !text.contains("types {"), "{text}");
        assert!(text.contains("gone.conf\";"), "{text}");
        tokens::parse(&text).unwrap();
        let name = |file: &str| dir.path().join(file).display().to_string();
        for (word, place) in [
            ("zero", "line 1".to_owned()),
            ("one", format!("line 1 of {}", name("a.conf"))),
            ("two", format!("line 2 of {}", name("b.inc"))),
        ] {
            assert_eq!(super::place(&text, text.find(word).unwrap()), place, "{text}");
        }
    }

    #[test]
    fn files_that_include_each_other_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a"), "one 1; include a;").unwrap();
        let wrong = expand("include a;", dir.path()).unwrap_err();
        assert!(wrong.ends_with("more than 8 files include each other"), "{wrong}");
    }
}
