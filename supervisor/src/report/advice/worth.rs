//! PURE: which of the choices are worth a sentence, and the sentence.

use super::choices::{Choice, Kind};
use super::{Expected, Facts, MOST, capital};
use crate::report::shown;

/// Less than this share saved is no gain.
const GAIN: f64 = 0.05;

impl Facts {
    /// Whether a choice changes no figure; of what is no setting, whether it saves nothing.
    pub(super) fn is_idle(&self, now: &Expected, choice: &Choice, expected: &Expected) -> bool {
        match choice.kind {
            Kind::Retry => false,
            Kind::Drain | Kind::Wait => match (now.lost, expected.lost) {
                (Ok(before), Ok(after)) => saved(before, after).is_none(),
                _ => false,
            },
            Kind::Checks | Kind::Detector => {
                now.t_detect.is_ok() && (now.t_detect, now.lost) == (expected.t_detect, expected.lost)
            }
        }
    }

    /// Why all may stay as it is, or why nothing is named all the same.
    pub(super) fn nothing_to_name(&self, now: &Expected) -> Option<String> {
        let one = shown::one(self.spec.fault);
        if self.measured_lost == Some(0.0) {
            return Some(format!(
                "Nothing to change for this: no request was lost to a {one} with these settings."
            ));
        }
        now.lost.is_ok_and(|lost| lost < 1.0).then(|| {
            let less = format!("theory expects less than one lost request a {one} with these settings");
            match self.measured_lost.filter(|lost| *lost >= 1.0) {
                None => format!("Nothing to change: {less}."),
                Some(lost) => format!(
                    "No setting is named: {less}, where {} lost. What theory does not explain it cannot mend; how these \
                     requests ended is told below.",
                    shown::counted_are(lost, "request")
                ),
            }
        })
    }

    /// The most that is saved comes first; of what saves as much what loses least, is no setting of the load
    /// balancer's, is noticed first, costs nothing else. Of a retry theory has no figure: it stands last, and is always
    /// among them.
    pub(super) fn best<'a>(
        &self,
        now: &Expected,
        tried: &'a [(Choice, Expected)],
    ) -> Vec<&'a (Choice, Expected)> {
        let mut better: Vec<(f64, &(Choice, Expected))> = tried
            .iter()
            .filter_map(|each| Some((self.gain(now, &each.0, &each.1)?, each)))
            .collect();
        better.sort_by(|(a, (x, of_x)), (b, (y, of_y))| {
            let lost = |of: &Expected| of.lost.unwrap_or(f64::INFINITY);
            let mean = |of: &Expected| {
                of.t_detect
                    .ok()
                    .and_then(|(mean, _)| mean)
                    .unwrap_or(f64::INFINITY)
            };
            b.total_cmp(a)
                .then_with(|| lost(of_x).total_cmp(&lost(of_y)))
                .then((x.kind != Kind::Wait).cmp(&(y.kind != Kind::Wait)))
                .then_with(|| mean(of_x).total_cmp(&mean(of_y)))
                .then(x.price.len().cmp(&y.price.len()))
        });
        let retry = better
            .iter()
            .position(|(_, (choice, _))| choice.kind == Kind::Retry);
        let retry = retry.map(|place| better.remove(place));
        better.truncate(MOST - usize::from(retry.is_some()));
        better.into_iter().chain(retry).map(|(_, each)| each).collect()
    }

    /// How much of the loss a choice takes away, from 0 to 1; `None`: it is no better, or nobody knows.
    fn gain(&self, now: &Expected, choice: &Choice, expected: &Expected) -> Option<f64> {
        if choice.kind == Kind::Retry {
            // No figure of theory's, but what is left after every other: behind those that take most of it away.
            return Some(0.0);
        }
        let gain = match (self.lost_before(now), expected.lost) {
            (Some(before), Ok(after)) => saved(before, after),
            (Some(_), Err(_)) => None,
            (None, _) => match (now.t_detect, expected.t_detect) {
                (Err(why), Ok(_)) if why.is_never() => Some(1.0),
                // When a router that leaves by itself is noticed is no matter of how long it stays.
                (Ok((Some(before), _)), Ok((Some(after), _))) if noticed_sooner(choice) => {
                    saved(before, after)
                }
                _ => None,
            },
        };
        gain.filter(|_| !self.says(now, choice, expected).is_empty())
    }

    /// What theory expects to lose as it is, or where it has no figure although the fault is noticed, what was lost.
    fn lost_before(&self, now: &Expected) -> Option<f64> {
        let unknown = now.t_detect.is_err_and(|why| !why.is_never());
        let measured = self.measured_lost.filter(|_| unknown);
        now.lost.ok().or(measured)
    }

    pub(super) fn sentence(&self, now: &Expected, choice: &Choice, expected: &Expected) -> String {
        if choice.kind == Kind::Retry {
            return format!("{} {}.", capital(choice), choice.price);
        }
        let says = self.says(now, choice, expected);
        let checks = match (now.checks_per_s, expected.checks_per_s) {
            (Some(before), Some(after)) if (after - before).abs() > 1e-9 => {
                format!("{after:.1} checks a second instead of {before:.1}")
            }
            _ => String::new(),
        };
        let price = match (checks.is_empty(), choice.price.is_empty()) {
            (true, true) => String::new(),
            (false, true) => format!("; it costs {checks}"),
            (true, false) => format!("; {}", choice.price),
            (false, false) => format!("; it costs {checks}, and {}", choice.price),
        };
        format!("{} {says}, by theory{price}.", capital(choice))
    }

    /// When it would be noticed, and what would be lost; empty where nothing can be told apart.
    fn says(&self, now: &Expected, choice: &Choice, expected: &Expected) -> String {
        let time = match noticed_sooner(choice) {
            true => noticed(now, expected),
            false => String::new(),
        };
        let one = shown::one(choice.spec.fault);
        let lost = expected.lost.ok().map(|lost| {
            let instead = match (now.lost, self.lost_before(now)) {
                (Ok(before), _) => format!(" instead of {}", shown::mean(before)),
                (Err(_), Some(measured)) => {
                    format!(", where {} lost now", shown::counted_are(measured, "request"))
                }
                (Err(_), None) => String::new(),
            };
            let lost = match lost < 0.5 {
                true => "less than 1 request".to_owned(),
                false => format!("about {}", shown::counted(lost, "request")),
            };
            format!("lose {lost} a {one}{instead}")
        });
        match (time.is_empty(), lost) {
            (true, None) => String::new(),
            (true, Some(lost)) => format!("would {lost}"),
            (false, None) => format!("would {time}"),
            (false, Some(lost)) => format!("would {time} and {lost}"),
        }
    }
}

/// `notice it after 1.5 s instead of 7.5 s`; empty where both are alike to a reader.
fn noticed(now: &Expected, expected: &Expected) -> String {
    let Ok((after, _)) = expected.t_detect else {
        return String::new();
    };
    let average = after.map(|after| format!(" after {} on average", shown::time(after)));
    match (now.t_detect, after) {
        (Err(why), _) if why.is_never() => {
            format!("notice it{}, where nothing does now", average.unwrap_or_default())
        }
        // It is noticed now, too, but nobody can say when.
        (Err(_), _) => average.map_or_else(String::new, |average| format!("notice it{average}")),
        (Ok((Some(before), _)), Some(after)) if shown::time(before) != shown::time(after) => {
            let at = match after < 0.001 {
                true => "at once instead of after".to_owned(),
                false => format!("after {} instead of", shown::time(after)),
            };
            format!("notice it {at} {}", shown::time(before))
        }
        _ => String::new(),
    }
}

/// Whether it changes when a fault is noticed: a drain is another one.
fn noticed_sooner(choice: &Choice) -> bool {
    !matches!(choice.kind, Kind::Drain | Kind::Wait)
}

/// The share of `before` that is no more, where it is worth a word.
fn saved(before: f64, after: f64) -> Option<f64> {
    Some(1.0 - after / before).filter(|gain| *gain > GAIN)
}
