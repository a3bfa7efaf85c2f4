//! PURE: what somebody who mistyped a word may have meant.

/// The `most` words of `known` that `word` is nearest to, nearest first; among equals in their own order.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>, most: usize) -> Vec<&'a str> {
    let mut known: Vec<(usize, &str)> = known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .collect();
    known.sort_by_key(|(distance, _)| *distance);
    known.into_iter().take(most).map(|(_, known)| known).collect()
}

/// At most four words of `known` that `word` may be a slip of, nearest first: a third of its letters wrong, or its end
/// missing.
pub fn similar<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let far = word.chars().count().div_ceil(3);
    let mut near = nearest(word, known, 4);
    near.retain(|known| distance(word, known) <= far);
    near
}

/// Letters to insert, delete or replace to make one of the other (Levenshtein 1966). A word that goes on where the
/// other ends is near to it, however long the rest: `haproxy` to `haproxy-fastinter`.
fn distance(from: &str, to: &str) -> usize {
    if !from.is_empty() && to.starts_with(from) {
        return 1;
    }
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_and_a_beginning_are_near() {
        let known = ["envoy", "haproxy", "haproxy-fastinter", "nginx", "kb"];
        assert_eq!(nearest("haprxy", known, 1), ["haproxy"]);
        assert_eq!(nearest("hapr", known, 2), ["haproxy", "haproxy-fastinter"]);
        assert_eq!(nearest("ngnix", known, 1), ["nginx"]);
        assert_eq!(nearest("", known, 1), ["kb"], "the fewest letters to type");
        assert_eq!(similar("ngnix", ["rate", "nginx"]), ["nginx"]);
        assert_eq!(similar("intervall", ["fall", "interval"]), ["interval"]);
        assert_eq!(
            similar("bogus", ["out", "apps", "go", "mode"]),
            Vec::<&str>::new()
        );
    }
}
