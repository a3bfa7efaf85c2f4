//! PURE: which cells of a sweep are spoken of.

use crate::experiment::sweep::verdict::{Document, Judged};
use std::time::Duration;

/// A sweep with at least one cell.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub document: &'a Document,
    /// The chosen one; without it the one that loses least, and of these the one with the fewest checks.
    pub best: &'a Judged,
    /// The one whose settings are in force without the sweep.
    pub base: Option<&'a Judged>,
    /// The one that loses most.
    pub worst: Option<&'a Judged>,
}

/// So much more may be lost, of all, for a setting to be worth a word as a cheaper one.
const LITTLE: f64 = 1.5;
/// And so many of the checks may it make.
const CHEAPER: f64 = 0.67;

impl<'a> View<'a> {
    pub fn of(document: &'a Document) -> Option<View<'a>> {
        let chosen = document.chosen.and_then(|chosen| find(document, chosen));
        let checks = |judged: &Judged| judged.cell.theory.checks_per_s;
        let least = document
            .cells
            .iter()
            .min_by(|a, b| lost(a).total_cmp(&lost(b)).then(checks(a).total_cmp(&checks(b))));
        let most = document
            .cells
            .iter()
            .filter(|judged| judged.cell.lost_per_death.is_some())
            .max_by(|a, b| {
                // What nobody notices costs more than anything that somebody does.
                let most =
                    |judged: &Judged| (judged.cell.missed(), judged.cell.lost_per_death.unwrap_or(0.0));
                let ((missed, a), (also, b)) = (most(a), most(b));
                missed.cmp(&also).then(a.total_cmp(&b))
            });
        let plan = &document.plan;
        let in_force = |judged: &&Judged| {
            let same = |(key, word): (&String, &String)| plan.settings.get(key) == Some(word);
            judged.cell.settings.iter().all(same)
        };
        Some(View {
            document,
            best: chosen.or(least)?,
            base: document.cells.iter().find(in_force),
            worst: most,
        })
    }

    /// The best one, where it can be told: of one that missed deaths nobody knows what they cost.
    pub fn marked(&self) -> Option<&'a Judged> {
        (self.best.cell.missed() == 0).then_some(self.best)
    }

    /// The axes with more than one value.
    pub fn varied(&self) -> Vec<&'a (String, Vec<String>)> {
        let axes = self.document.plan.axes.iter();
        axes.filter(|(_, words)| words.len() > 1).collect()
    }

    /// The cells that have this word of a setting.
    pub fn with(&self, key: &str, word: &str) -> Vec<&'a Judged> {
        let has = |judged: &&Judged| judged.cell.settings.get(key).is_some_and(|own| own == word);
        self.document.cells.iter().filter(has).collect()
    }

    /// What a cell sets that others set otherwise: `interval=1s fall=2`.
    pub fn name(&self, judged: &Judged) -> String {
        self.words(judged, |key, word| format!("{key}={word}"))
    }

    /// As flags: `--interval 1s --fall 2`.
    pub fn flags(&self, judged: &Judged) -> String {
        self.words(judged, |key, word| format!("--{key} {word}"))
    }

    fn words(&self, judged: &Judged, word: impl Fn(&str, &str) -> String) -> String {
        let set = |key: &String| Some(word(key, judged.cell.settings.get(key)?));
        let words: Vec<String> = self.varied().iter().filter_map(|(key, _)| set(key)).collect();
        match words.is_empty() {
            true => "the one setting".to_owned(),
            false => words.join(" "),
        }
    }

    /// One that makes far fewer checks than the best and loses little more; there is none where the fewest checks were
    /// what was asked for.
    pub fn cheaper(&self) -> Option<&'a Judged> {
        let best = &self.best.cell;
        let most = self.best.lost()? * LITTLE + 1.0;
        let cheap = self.document.cells.iter().filter(|judged| {
            let cell = &judged.cell;
            judged.lost().is_some_and(|lost| lost <= most)
                && cell.theory.checks_per_s <= best.theory.checks_per_s * CHEAPER
        });
        let cheap = cheap.filter(|_| self.document.chosen.is_none());
        cheap.min_by(|a, b| a.cell.theory.checks_per_s.total_cmp(&b.cell.theory.checks_per_s))
    }

    /// No other cell loses less with no more checks, or as little with fewer.
    pub fn is_efficient(&self, judged: &Judged) -> bool {
        let Some(lost) = judged.lost() else {
            return false;
        };
        let checks = judged.cell.theory.checks_per_s;
        !self.document.cells.iter().any(|other| {
            let cell = &other.cell;
            let (more, fewer) = (other.lost().unwrap_or(f64::INFINITY), cell.theory.checks_per_s);
            more <= lost && fewer <= checks && (more < lost || fewer < checks)
        })
    }

    /// A setting of a cell, or what all cells have of it.
    pub fn setting(&self, judged: &'a Judged, key: &str) -> Option<&'a str> {
        let own = judged.cell.settings.get(key);
        own.or_else(|| self.document.plan.settings.get(key))
            .map(String::as_str)
    }

    pub fn interval(&self, judged: &'a Judged) -> Option<Duration> {
        humantime::parse_duration(self.setting(judged, "interval")?).ok()
    }
}

pub fn find(document: &Document, cell: usize) -> Option<&Judged> {
    document.cells.iter().find(|judged| judged.cell.cell == cell)
}

/// What is not known may be anything.
fn lost(judged: &Judged) -> f64 {
    judged.lost().unwrap_or(f64::INFINITY)
}
