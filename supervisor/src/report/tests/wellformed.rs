//! Is it one well-formed document? As XML has it, but for HTML's elements without an end.

/// Elements that end where they begin.
const VOID: [&str; 1] = ["meta"];
/// Elements whose text is not markup.
const RAW: [&str; 1] = ["style"];

/// What is wrong with it, if anything. Every element must be closed in its turn, every attribute quoted, and neither text
/// nor attributes may have a `<` or an `&` that is not an entity.
pub fn check(document: &str) -> Result<(), String> {
    let mut rest = document;
    let mut open: Vec<&str> = Vec::new();
    while let Some(start) = rest.find('<') {
        entities(&rest[..start])?;
        rest = &rest[start + 1..];
        if let Some(after) = rest.strip_prefix("!doctype html>") {
            rest = after;
            continue;
        }
        let end = end_of_tag(rest).ok_or_else(|| format!("a tag without end: <{}", near(rest)))?;
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            match open.pop() {
                Some(expected) if expected == name => continue,
                other => return Err(format!("</{name}> where {other:?} is open")),
            }
        }
        let (tag, closed) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(format!("no element's name: {:?}", near(name)));
        }
        check_attributes(attributes)?;
        if RAW.contains(&name) {
            let end = rest.find("</").ok_or("raw text without end")?;
            rest = &rest[end..];
        }
        if !closed && !VOID.contains(&name) {
            open.push(name);
        }
    }
    entities(rest)?;
    if open.is_empty() {
        Ok(())
    } else {
        Err(format!("still open: {open:?}"))
    }
}

/// The names of all elements, to see whether one has come in that nobody wrote.
pub fn elements(document: &str) -> impl Iterator<Item = &str> {
    document.split('<').skip(1).filter_map(|tag| {
        let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next()?;
        (!name.is_empty()).then_some(name)
    })
}

fn end_of_tag(text: &str) -> Option<usize> {
    let mut quoted = false;
    text.char_indices().find_map(|(at, c)| match c {
        '"' => {
            quoted = !quoted;
            None
        }
        '>' if !quoted => Some(at),
        _ => None,
    })
}

fn check_attributes(mut rest: &str) -> Result<(), String> {
    while !rest.trim_start().is_empty() {
        rest = rest.trim_start();
        let (name, after) = rest
            .split_once("=\"")
            .ok_or_else(|| format!("no quoted value: {}", near(rest)))?;
        if name.is_empty()
            || !name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | ':'))
        {
            return Err(format!("no attribute's name: {:?}", near(name)));
        }
        let (value, after) = after.split_once('"').ok_or("a value without end")?;
        if value.contains('<') {
            return Err(format!("markup in a value: {}", near(value)));
        }
        if name.starts_with("on") || value.contains("javascript:") && name == "href" {
            return Err(format!("a script: {name}"));
        }
        entities(value)?;
        rest = after;
    }
    Ok(())
}

fn entities(text: &str) -> Result<(), String> {
    for after in text.split('&').skip(1) {
        let name = after.split_once(';').map(|(name, _)| name).unwrap_or_default();
        let known = ["amp", "lt", "gt", "quot"].contains(&name);
        if !known
            && !name
                .strip_prefix('#')
                .is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()))
        {
            return Err(format!("no entity: &{}", near(after)));
        }
    }
    Ok(())
}

fn near(text: &str) -> String {
    text.chars().take(40).collect()
}

#[test]
fn it_finds_what_is_wrong() {
    assert_eq!(
        check("<p class=\"a\">a &amp; b<meta charset=\"x\"></p><style>a > b</style>"),
        Ok(())
    );
    for wrong in [
        "<p>",
        "</p>",
        "<p><b></p></b>",
        "a & b",
        "<p a=b></p>",
        "<p a=\"<\"></p>",
        "<p onclick=\"x\"></p>",
        "a < b",
    ] {
        assert!(check(wrong).is_err(), "{wrong}");
    }
}
