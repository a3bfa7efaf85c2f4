//! PURE: what a run has found: when it was noticed and what was lost, each beside what theory says of just that.

use super::unnoticed as missed;
use crate::experiment::measure::Trial;
use crate::experiment::sample;
use crate::experiment::summary::{Bounds, Spread, Standing, Summary};
use crate::report::advice::Facts;
use crate::report::shown;
use crate::report::statistics::mean_interval;
use router::record::Fault;

/// Attempts at the router that go on for so much longer than it takes to notice are worth a sentence.
const LONGER: f64 = 1.2;
const LONGER_S: f64 = 0.05;

pub fn sentence(s: &Summary, facts: Option<&Facts>) -> String {
    let Some(first) = s.trials.first() else {
        return none(s);
    };
    if s.summary.n == 0 {
        return "Every trial is invalid: nothing was measured but the load.".to_owned();
    }
    let victims = s.setup.as_ref().map_or(1, |setup| setup.victims);
    let with = facts.map_or(String::new(), |facts| {
        format!(" with {}", shown::joined(&facts.words_in_force()))
    });
    let subject = format!(
        "{}, {}{with}",
        shown::when(first.fault, victims),
        super::engine(s)
    );
    let sentences: Vec<String> = [found(s, &subject, first.fault)]
        .into_iter()
        .chain(unserved(s, first.fault))
        .chain(retries(s))
        .chain(no_attempt(s, first.fault))
        .chain(until_its_end(s, first.fault))
        .chain(saved(s, first.fault))
        .collect();
    sentences.join(" ")
}

/// Not one trial to speak of.
fn none(s: &Summary) -> String {
    let complete = match s.standing {
        Standing::UnderWay => "No trial is complete so far",
        _ => "No trial was completed",
    };
    match s.interrupted {
        Some(cut) => {
            let lost = shown::counted(cut.lost as f64, "request");
            format!(
                "{complete}: of trial {} is known that its fault had cost {lost} by then.",
                cut.trial
            )
        }
        None => format!("{complete}: nothing was measured but the load."),
    }
}

/// When, and how much.
fn found(s: &Summary, subject: &str, fault: Fault) -> String {
    let t = &s.summary;
    let noticed = noticed(s, subject);
    let Some(lost) = t.lost_per_trial else {
        return format!("{}.", noticed.words);
    };
    let one = shown::one(fault);
    let lost = match lost.mean == 0.0 {
        true => format!("no request is lost to a {one}"),
        false => format!("{} lost a {one}", shown::counted_are(lost.mean, "request")),
    };
    let expected = s.theory.lost_per_trial;
    let by_loss = expected.map(|expected| {
        let means = sample::means(&s.valid(), |t| Some(t.lost.at_routers() as f64));
        Beside::of(shown::mean(expected), &means, expected, s.theory.lost)
    });
    match (noticed.beside, by_loss) {
        (Some(time), Some(loss)) if (time.says, loss.says) == (Says::InLine, Says::InLine) => format!(
            "{} and {lost}, both in line with theory ({}, {}).",
            noticed.words, time.figure, loss.figure
        ),
        (time, loss) => {
            let beside = |of: Option<Beside>| of.map_or(String::new(), |of| of.words());
            let (time, loss) = (beside(time), beside(loss));
            let and = if time.starts_with(',') { "," } else { "" };
            format!("{}{time}{and} and {lost}{loss}.", noticed.words)
        }
    }
}

/// What is said of the time, and theory's figure of the same time.
struct Noticed {
    words: String,
    beside: Option<Beside>,
}

/// A figure of theory's beside the measured one.
struct Beside {
    figure: String,
    says: Says,
}

/// What the measured values say of theory's mean.
#[derive(Clone, Copy, PartialEq)]
enum Says {
    /// It lies in the 95 % interval of theirs.
    InLine,
    Apart,
    /// There are too few to tell.
    Nothing,
}

impl Beside {
    /// `means` are those of each trial, within theory's `bounds` or not.
    fn of(figure: String, means: &[f64], expected: f64, bounds: Option<Bounds>) -> Beside {
        let rounding = 1e-9 * expected.abs();
        // All beyond what theory allows is no agreement, however wide one of them makes the interval.
        let outside = bounds.is_some_and(|bounds| {
            let beyond = |most: f64| means.iter().all(|value| *value > most + rounding);
            means.iter().all(|value| *value < bounds.min - rounding) || bounds.max.is_some_and(beyond)
        });
        let says = match mean_interval(means) {
            None => Says::Nothing,
            Some(_) if outside => Says::Apart,
            Some((low, high)) if (low - rounding..=high + rounding).contains(&expected) => Says::InLine,
            Some(_) => Says::Apart,
        };
        Beside { figure, says }
    }

    fn words(self) -> String {
        match self.says {
            Says::InLine => format!(", in line with theory ({})", self.figure),
            Says::Apart => format!(", where theory says {}", self.figure),
            Says::Nothing => format!(" (theory: {})", self.figure),
        }
    }
}

fn noticed(s: &Summary, subject: &str) -> Noticed {
    let t = &s.summary;
    let without = |words: String| Noticed { words, beside: None };
    let valid = s.valid();
    let counted = |value: fn(&Trial) -> Option<f64>| valid.iter().filter_map(|t| value(t)).count();
    if missed(s) == t.n {
        return without(format!("{subject} never notices it (n = {})", t.n));
    }
    match (t.t_detect_s, t.t_clear_s) {
        (Some(spread), _) => {
            let theory = s.theory.t_detect_s.filter(|_| missed(s) == 0);
            let expected = s.theory.t_detect_s.and_then(|bounds| bounds.mean);
            let means = sample::means(&valid, |t| t.t_detect_s);
            Noticed {
                words: format!(
                    "{subject} takes {}",
                    ranged(spread, counted(|t| t.t_detect_s), " to notice")
                ),
                beside: expected.map(|expected| {
                    let beside = Beside::of(shown::time(expected), &means, expected, theory);
                    match missed(s) {
                        0 => beside,
                        // Those that it noticed are the quicker ones.
                        _ => Beside {
                            says: Says::Apart,
                            ..beside
                        },
                    }
                }),
            }
        }
        // It does not say when it knows: the clients tell when it was over for them.
        (None, Some(clear)) => without(format!(
            "{subject} loses requests for {}",
            ranged(clear, counted(|t| t.t_clear_s), "")
        )),
        (None, None) => without(format!("{subject} does not tell when it notices (n = {})", t.n)),
    }
}

/// `7.4 s to notice (5.0 to 9.9, n = 20)`
fn ranged(spread: Spread, n: usize, what: &str) -> String {
    let (mean, range) = shown::time_range(spread.mean, spread.min, spread.max);
    match n {
        1 => format!("{mean}{what} (n = 1)"),
        _ => format!("{mean}{what} ({range}, n = {n})"),
    }
}

/// What was lost beside what theory of a router's window speaks of.
fn unserved(s: &Summary, fault: Fault) -> Option<String> {
    let valid = s.valid();
    let unserved: u64 = valid.iter().map(|trial| trial.lost.unserved).sum();
    (unserved > 0).then(|| {
        format!(
            "{} of them a {} while no router was in use, which theory leaves out.",
            shown::mean(unserved as f64 / valid.len() as f64),
            shown::one(fault)
        )
    })
}

/// Attempts that go on after it is known.
fn retries(s: &Summary) -> Option<String> {
    let (detect, stop) = (s.summary.t_detect_s?, s.summary.t_stop_s?);
    (stop.mean > detect.mean * LONGER + LONGER_S).then_some(())?;
    let (mean, range) = shown::time_range(stop.mean, stop.min, stop.max);
    let one = shown::one(s.trials.first()?.fault);
    Some(match s.retries_return() {
        true => format!(
            "Its retries come back to the same router even then: the last attempt there began {mean} after the {one} \
             ({range})."
        ),
        false => {
            format!("Attempts there go on even then: the last one began {mean} after the {one} ({range}).")
        }
    })
}

fn no_attempt(s: &Summary, fault: Fault) -> Option<String> {
    let valid = s.valid();
    let none = !valid.is_empty() && valid.iter().all(|trial| trial.no_attempt);
    none.then(|| format!("No request was sent there after the {}.", shown::one(fault)))
}

/// What was never noticed lasts as long as the trial does.
fn until_its_end(s: &Summary, fault: Fault) -> Option<String> {
    let missed = missed(s);
    let n = s.summary.n;
    (missed > 0).then(|| {
        let which = match missed == n {
            true => "It lasted until the trial ended it: how much is lost".to_owned(),
            false => format!(
                "{missed} of {n} {}s it never noticed: these lasted until the trial ended them, and how much was lost to them",
                shown::one(fault)
            ),
        };
        format!("{which} depends on how long the trial waited.")
    })
}

fn saved(s: &Summary, fault: Fault) -> Option<String> {
    let saved = s.summary.saved_by_retry.filter(|saved| *saved > 0)?;
    let mean = shown::mean(saved as f64 / s.summary.n.max(1) as f64);
    Some(format!("Retries saved {mean} a {}.", shown::one(fault)))
}
