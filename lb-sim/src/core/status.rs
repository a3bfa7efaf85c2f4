//! Sets of HTTP statuses: `200-399`, `200`, `200-299,404`.

use std::fmt;
use std::str::FromStr;

/// Statuses from 100 to 599, as ranges in the order they were named.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Statuses(Vec<(u16, u16)>);

impl Statuses {
    pub fn contains(&self, status: u16) -> bool {
        self.0
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&status))
    }
}

impl Default for Statuses {
    fn default() -> Statuses {
        Statuses(vec![(200, 399)])
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (first, last)) in self.0.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { "," })?;
            match first == last {
                true => write!(f, "{first}")?,
                false => write!(f, "{first}-{last}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for Statuses {
    type Err = ();
    fn from_str(text: &str) -> Result<Statuses, ()> {
        let status = |word: &str| word.parse().ok().filter(|status| (100..=599).contains(status));
        let range = |word: &str| {
            let (first, last) = word.split_once('-').unwrap_or((word, word));
            let (first, last) = (status(first)?, status(last)?);
            (first <= last).then_some((first, last))
        };
        let ranges: Option<Vec<_>> = text.split(',').map(range).collect();
        ranges.map(Statuses).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_single_statuses_are_named_with_commas_between() {
        let statuses: Statuses = "200-299,404".parse().unwrap();
        assert_eq!(statuses.to_string(), "200-299,404");
        let seen = [199, 200, 299, 300, 404, 405].map(|status| statuses.contains(status));
        assert_eq!(seen, [false, true, true, false, true, false]);
        for wrong in ["", "99", "600", "300-200", "200,", "2xx"] {
            assert_eq!(wrong.parse::<Statuses>(), Err(()), "{wrong}");
        }
    }
}
