//! PURE: how wide words are, and where labels go so that none covers another.

use super::svg::{Hold, Sheet};
use std::cmp::Ordering;

/// A label that wants to stand at `at`, with a hairline from there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wish {
    pub at: f64,
    pub width: f64,
    /// Begins, has its middle, or ends there.
    pub hold: Hold,
}

/// Where it stands. Row 0 is the one next to what is labelled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placed {
    pub left: f64,
    pub right: f64,
    pub row: usize,
    hold: Hold,
}

/// Between a label and its hairline.
const BESIDE: f64 = 4.0;
/// What has to be free between two labels of a row.
const APART: f64 = 6.0;

impl Wish {
    /// Beside a hairline, on the side that has more room.
    pub fn beside(at: f64, width: f64, (from, to): (f64, f64)) -> Wish {
        let hold = if at > (from + to) / 2.0 {
            Hold::End
        } else {
            Hold::Start
        };
        Wish {
            at,
            width: width + BESIDE,
            hold,
        }
    }
}

impl Placed {
    /// Writes it on the base line `y`.
    pub fn write(&self, sheet: &mut Sheet, class: &str, y: f64, text: &str) {
        let x = match self.hold {
            Hold::Start => self.left + BESIDE,
            Hold::Middle => (self.left + self.right) / 2.0,
            Hold::End => self.right - BESIDE,
        };
        sheet.text(class, self.hold, (x, y), text);
    }
}

/// Places all of them within `from..to`. Those nearer to the middle get the lower rows: a hairline from further out then
/// does not go up through their labels.
pub fn place(wishes: &[Wish], (from, to): (f64, f64)) -> Vec<Placed> {
    let middle = (from + to) / 2.0;
    let off = |index: usize| (wishes[index].at - middle).abs();
    let mut order: Vec<usize> = (0..wishes.len()).collect();
    order.sort_by(|a, b| off(*a).total_cmp(&off(*b)).then(a.cmp(b)));
    let mut placed: Vec<Placed> = wishes.iter().map(|wish| held(wish, (from, to))).collect();
    let mut done: Vec<usize> = Vec::new();
    for index in order {
        let mine = placed[index];
        let free = |row: &usize| {
            done.iter().all(|other| {
                let theirs = placed[*other];
                let crossed = |at: f64, by: &Placed| at > by.left + 1.0 && at < by.right - 1.0;
                match theirs.row.cmp(row) {
                    Ordering::Equal => mine.left >= theirs.right + APART || theirs.left >= mine.right + APART,
                    Ordering::Greater => !crossed(wishes[*other].at, &mine),
                    Ordering::Less => !crossed(wishes[index].at, &theirs),
                }
            })
        };
        let fresh = done.iter().map(|other| placed[*other].row + 1).max().unwrap_or(0);
        placed[index].row = (0..fresh).find(free).unwrap_or(fresh);
        done.push(index);
    }
    placed
}

/// As it is wished, but within `from..to`.
fn held(wish: &Wish, (from, to): (f64, f64)) -> Placed {
    let left = match wish.hold {
        Hold::Start => wish.at,
        Hold::Middle => wish.at - wish.width / 2.0,
        Hold::End => wish.at - wish.width,
    };
    let left = left.min(to - wish.width).max(from);
    Placed {
        left,
        right: left + wish.width,
        row: 0,
        hold: wish.hold,
    }
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

    fn placed(wishes: &[(f64, Hold)]) -> Vec<(f64, usize)> {
        let wishes: Vec<Wish> = wishes
            .iter()
            .map(|(at, hold)| Wish {
                at: *at,
                width: 40.0,
                hold: *hold,
            })
            .collect();
        place(&wishes, (0.0, 200.0))
            .iter()
            .map(|placed| (placed.left, placed.row))
            .collect()
    }

    #[test]
    fn labels_at_the_same_moment_stand_on_top_of_each_other() {
        assert_eq!(
            placed(&[(50.0, Hold::Start), (50.0, Hold::Start)]),
            [(50.0, 0), (50.0, 1)]
        );
    }

    #[test]
    fn the_one_further_out_stands_higher() {
        assert_eq!(
            placed(&[(50.0, Hold::Start), (60.0, Hold::Start)]),
            [(50.0, 1), (60.0, 0)]
        );
        assert_eq!(
            placed(&[(150.0, Hold::End), (140.0, Hold::End)]),
            [(110.0, 1), (100.0, 0)]
        );
    }

    #[test]
    fn at_the_edge_it_moves_in() {
        assert_eq!(
            placed(&[(190.0, Hold::Start), (10.0, Hold::Middle)]),
            [(160.0, 0), (0.0, 0)]
        );
    }

    #[test]
    fn beside_means_where_the_room_is() {
        assert_eq!(Wish::beside(10.0, 40.0, (0.0, 200.0)).hold, Hold::Start);
        assert_eq!(Wish::beside(190.0, 40.0, (0.0, 200.0)).hold, Hold::End);
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
            let wishes: Vec<Wish> =
                wishes.into_iter().map(|(at, width)| Wish::beside(at, width, (0.0, 600.0))).collect();
            let placed = place(&wishes, (0.0, 600.0));
            for (a, one) in placed.iter().enumerate() {
                prop_assert!(one.left >= 0.0 && one.right <= 600.0 + 1e-9);
                for other in &placed[a + 1..] {
                    let apart = one.left >= other.right || other.left >= one.right;
                    prop_assert!(apart || one.row != other.row);
                }
            }
        }
    }
}
