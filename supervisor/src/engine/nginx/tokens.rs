//! PURE: the text of an nginx configuration as directives, each with its place in the text.

use std::ops::Range;

/// `name arguments… ;` or `name arguments… { … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Directive {
    pub name: String,
    pub arguments: Vec<Word>,
    /// From the name to the semicolon, or to the brace that closes its block.
    pub span: Range<usize>,
    pub block: Option<Block>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub directives: Vec<Directive>,
    /// Just behind the brace that opens it.
    pub start: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Without its quotes.
    pub text: String,
    pub span: Range<usize>,
}

impl Directive {
    /// Every directive in it, of any depth.
    pub(super) fn below(&self) -> Vec<&Directive> {
        let inside = self.block.iter().flat_map(|block| &block.directives);
        inside
            .flat_map(|each| std::iter::once(each).chain(each.below()))
            .collect()
    }

    pub(super) fn argument(&self, n: usize) -> &str {
        self.arguments.get(n).map_or("", |word| &word.text)
    }
}

/// All directives of a text; an error names the line.
pub(super) fn parse(text: &str) -> Result<Vec<Directive>, String> {
    let mut at = 0;
    let directives = block(text, &mut at, false)?;
    Ok(directives)
}

enum Token {
    Word(Word),
    End,
    Open,
    Close,
}

fn block(text: &str, at: &mut usize, inner: bool) -> Result<Vec<Directive>, String> {
    let (mut directives, mut words) = (Vec::new(), Vec::<Word>::new());
    while let Some(token) = next(text, at)? {
        let block = match token {
            Token::Word(word) => {
                words.push(word);
                continue;
            }
            Token::Close if inner && words.is_empty() => return Ok(directives),
            Token::Close => return Err(wrong(text, *at, "this `}` closes nothing")),
            Token::End => None,
            Token::Open => {
                let start = *at;
                let directives = self::block(text, at, true)?;
                Some(Block { directives, start })
            }
        };
        let mut words = std::mem::take(&mut words).into_iter();
        let name = words
            .next()
            .ok_or_else(|| wrong(text, *at, "a directive without a name"))?;
        directives.push(Directive {
            span: name.span.start..*at,
            name: name.text,
            arguments: words.collect(),
            block,
        });
    }
    match (inner, words.last()) {
        (true, _) => Err(wrong(text, text.len(), "a `}` is missing")),
        (false, Some(word)) => Err(wrong(text, word.span.start, "a `;` is missing")),
        (false, None) => Ok(directives),
    }
}

fn next(text: &str, at: &mut usize) -> Result<Option<Token>, String> {
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(*at) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => *at += 1,
            b'#' => *at += text[*at..].find('\n').unwrap_or(text.len() - *at),
            _ => break,
        }
    }
    let start = *at;
    let Some(first) = bytes.get(start) else {
        return Ok(None);
    };
    let single = match first {
        b';' => Some(Token::End),
        b'{' => Some(Token::Open),
        b'}' => Some(Token::Close),
        _ => None,
    };
    if let Some(token) = single {
        *at += 1;
        return Ok(Some(token));
    }
    if matches!(first, b'"' | b'\'') {
        let mut end = start + 1;
        while bytes.get(end).is_some_and(|byte| byte != first) {
            end += 1 + usize::from(bytes[end] == b'\\');
        }
        if end >= bytes.len() {
            return Err(wrong(text, start, "this quote is never closed"));
        }
        *at = end + 1;
        let word = text[start + 1..end].to_owned();
        let span = start..*at;
        return Ok(Some(Token::Word(Word { text: word, span })));
    }
    let mut end = start;
    while let Some(byte) = bytes.get(end) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b';' => break,
            // `${variable}` is a part of a word.
            b'{' if end > start && bytes[end - 1] == b'$' => {
                end += text[end..].find('}').map_or(text.len() - end, |width| width + 1);
            }
            b'{' => break,
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
    let mut end = end.min(text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    *at = end;
    let word = text[start..end].to_owned();
    let span = start..end;
    Ok(Some(Token::Word(Word { text: word, span })))
}

fn wrong(text: &str, at: usize, what: &str) -> String {
    let line = 1 + text.as_bytes()[..at.min(text.len())]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count();
    format!("line {line}: {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_quotes_comments_and_variables_are_told_apart() {
        let text = "# a; comment {\nhttp {\n  log_format x '{\"a\":\"$b\"}';\n  set $c ${d}e; # more\n}\n";
        let found = parse(text).unwrap();
        assert_eq!(found.len(), 1);
        let below = found[0].below();
        let seen: Vec<_> = below.iter().map(|each| &text[each.span.clone()]).collect();
        assert_eq!(seen, ["log_format x '{\"a\":\"$b\"}';", "set $c ${d}e;"]);
        assert_eq!(below[0].argument(1), "{\"a\":\"$b\"}");
        assert_eq!(below[1].argument(1), "${d}e");
    }

    #[test]
    fn what_is_not_whole_is_named_with_its_line() {
        for (text, wrong) in [
            ("http {\n listen 1;\n", "line 3: a `}` is missing"),
            ("user x;\n}\n", "line 2: this `}` closes nothing"),
            ("user x;\nuser y", "line 2: a `;` is missing"),
            ("a 'b;\n", "line 1: this quote is never closed"),
            ("{}", "line 1: a directive without a name"),
        ] {
            assert_eq!(parse(text).unwrap_err(), wrong);
        }
    }
}
