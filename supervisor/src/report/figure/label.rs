//! PURE: how wide words are, and where labels go so that none covers another.

/// A label that wants to stand at `at`, with a hairline from there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wish {
    pub at: f64,
    pub width: f64,
}

/// Where it stands. Row 0 is the one next to what is labelled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placed {
    pub left: f64,
    pub row: usize,
}

/// What has to be free between two labels of a row.
const APART: f64 = 6.0;

/// Places all of them within `from..to`, each beginning at its hairline where there is room to its right. The one
/// further right gets the lower row: a hairline then never goes up through another's label.
pub fn place(wishes: &[Wish], (from, to): (f64, f64)) -> Vec<Placed> {
    let mut order: Vec<usize> = (0..wishes.len()).collect();
    order.sort_by(|a, b| wishes[*b].at.total_cmp(&wishes[*a].at).then(a.cmp(b)));
    let mut placed: Vec<Placed> = vec![Placed { left: from, row: 0 }; wishes.len()];
    let mut done: Vec<usize> = Vec::new();
    for index in order {
        let wish = wishes[index];
        let left = wish.at.min(to - wish.width).max(from);
        let free = |row: &usize| {
            done.iter().all(|other| {
                let (theirs, there) = (wishes[*other], placed[*other]);
                let apart =
                    left >= there.left + theirs.width + APART || there.left >= left + wish.width + APART;
                let crossed = |at: f64, left: f64, width: f64| at > left + 1.0 && at < left + width;
                match there.row.cmp(row) {
                    std::cmp::Ordering::Equal => apart,
                    std::cmp::Ordering::Greater => !crossed(theirs.at, left, wish.width),
                    std::cmp::Ordering::Less => !crossed(wish.at, there.left, theirs.width),
                }
            })
        };
        let fresh = done.iter().map(|other| placed[*other].row + 1).max().unwrap_or(0);
        let row = (0..fresh).find(free).unwrap_or(fresh);
        placed[index] = Placed { left, row };
        done.push(index);
    }
    placed
}

/// How many rows that takes.
pub fn rows(placed: &[Placed]) -> usize {
    placed.iter().map(|placed| placed.row + 1).max().unwrap_or(0)
}

/// About how wide a text of 12 pixels is in a wide sans serif: rather too much than too little.
pub fn width(text: &str) -> f64 {
    text.chars()
        .map(|c| match c {
            'i' | 'j' | 'l' | 'I' | 'f' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | '(' | ')' | ' ' => 4.3,
            't' | 'r' | '-' => 5.0,
            'm' | 'M' | 'W' | '%' | '@' | '…' => 11.8,
            'w' | '=' | '+' | '−' | '<' | '>' | '~' | '±' | '×' => 10.0,
            'A'..='Z' => 8.8,
            'c' | 'k' | 's' | 'v' | 'x' | 'y' | 'z' | '_' | '–' => 7.0,
            c if (c as u32) >= 0x2e80 => 12.5,
            _ => 7.7,
        })
        .sum()
}

/// The same in bold.
pub fn bold_width(text: &str) -> f64 {
    width(text) * 1.12
}

/// The text, or as much of it as is no wider than `most`.
pub fn shortened(text: &str, most: f64) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut taken = width("…");
    for c in text.chars() {
        taken += width(c.encode_utf8(&mut [0; 4]));
        if taken > most {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn labels_at_the_same_moment_stand_on_top_of_each_other() {
        let placed = place(
            &[
                Wish {
                    at: 50.0,
                    width: 40.0,
                },
                Wish {
                    at: 50.0,
                    width: 40.0,
                },
            ],
            (0.0, 200.0),
        );
        assert_eq!(
            placed,
            [Placed { left: 50.0, row: 0 }, Placed { left: 50.0, row: 1 }]
        );
    }

    #[test]
    fn the_left_one_stands_higher() {
        let placed = place(
            &[
                Wish {
                    at: 50.0,
                    width: 40.0,
                },
                Wish {
                    at: 60.0,
                    width: 40.0,
                },
            ],
            (0.0, 200.0),
        );
        assert_eq!((placed[0].row, placed[1].row), (1, 0));
    }

    #[test]
    fn at_the_right_edge_it_moves_left() {
        let placed = place(
            &[Wish {
                at: 190.0,
                width: 40.0,
            }],
            (0.0, 200.0),
        );
        assert_eq!(placed[0].left, 160.0);
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(shortened("router-1", 100.0), "router-1");
        let short = shortened(&"router-".repeat(20), 60.0);
        assert!(short.ends_with('…') && width(&short) <= 60.0, "{short}");
    }

    proptest! {
        #[test]
        fn none_covers_another(wishes in prop::collection::vec((0.0..600.0, 10.0..120.0), 0..20)) {
            let wishes: Vec<Wish> = wishes.into_iter().map(|(at, width)| Wish { at, width }).collect();
            let placed = place(&wishes, (0.0, 600.0));
            for (a, one) in placed.iter().enumerate() {
                prop_assert!(one.left >= 0.0 && one.left + wishes[a].width <= 600.0);
                for (b, other) in placed.iter().enumerate().skip(a + 1) {
                    let apart = one.left >= other.left + wishes[b].width || other.left >= one.left + wishes[a].width;
                    prop_assert!(apart || one.row != other.row);
                }
            }
        }
    }
}
