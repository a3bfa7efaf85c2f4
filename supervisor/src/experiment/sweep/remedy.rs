//! What would lose less, by theory, where no cell of a sweep reaches its objective.

use super::verdict::{Document, Judged};
use crate::engine::choice;
use crate::experiment::forecast::Forecast;
use crate::settings::LabSettings;
use lb_sim::core::{Mode, OnFailure};
use router::fault::Spec;

/// Less is no remedy.
const WORTH: f64 = 0.9;

/// The end of a sentence about cells that lose too much, for the one of them that loses least. `todo` are all cells.
pub fn remedy(document: &Document, todo: &[(Vec<(String, String)>, LabSettings)], spec: Spec) -> String {
    let lost = |judged: &&Judged| judged.cell.lost_per_death.unwrap_or(f64::INFINITY);
    let best = document.cells.iter().min_by(|a, b| lost(a).total_cmp(&lost(b)));
    let best = best.and_then(|judged| todo.get(judged.cell.cell));
    best.map_or(String::new(), |(_, settings)| {
        format!("; {}", instead(settings, spec))
    })
}

fn instead(best: &LabSettings, spec: Spec) -> String {
    let lost = |settings: &LabSettings| {
        let theory = Forecast::new(settings, spec, 1).theory();
        theory.lost_per_trial.ok_or(theory.lost_reason)
    };
    let now = lost(best);
    let possible =
        |settings: &LabSettings| settings.possible_together().is_ok() && choice::peer(settings).is_ok();
    let helps = |settings: Option<LabSettings>| {
        let less = settings
            .filter(possible)
            .and_then(|settings| lost(&settings).ok());
        match (less, &now) {
            (Some(less), Ok(now)) => less < now * WORTH,
            // What theory has a figure for is noticed at all.
            (Some(_), Err(_)) => true,
            (None, _) => false,
        }
    };
    let with = |key: &str, word: &str| {
        let mut settings = best.clone();
        settings.set("a remedy", key, word).ok()?;
        Some(settings)
    };
    let shorter = [2, 5, 10].into_iter().any(|part| {
        let mut settings = best.clone();
        settings.lb.check.interval /= part;
        helps(Some(settings))
    });
    let detectors = ["sentinel", "passive"].into_iter();
    let detectors = detectors
        .filter(|word| helps(with("detector", word)))
        .map(|word| format!("detector={word}"));
    let helping: Vec<String> = shorter
        .then(|| "a shorter interval".to_owned())
        .into_iter()
        .chain(detectors)
        .collect();
    let why = now.as_ref().err().and_then(|why| why.as_deref());
    let why = why.map_or(String::new(), |why| format!(" ({why})"));
    let less = match (shorter, helping.split_last()) {
        (_, None) => {
            format!("neither a shorter interval nor a detector can be set that loses less{why}, by theory")
        }
        (true, Some((last, []))) => format!("{last} loses less, by theory"),
        (true, Some((last, rest))) => format!("{} or {last} loses less, by theory", rest.join(", ")),
        (false, Some(_)) => format!(
            "no shorter interval helps{why}, but {} loses less, by theory",
            helping.join(" or ")
        ),
    };
    // What clients see of failed attempts is beyond theory.
    let word = match best.lb.mode {
        Mode::Http => "retry",
        Mode::Tcp => "retry-connect",
    };
    let retries = matches!(best.lb.on_failure, OnFailure::Retry | OnFailure::RetryConnect);
    match with("on-failure", word).filter(|settings| !retries && possible(settings)) {
        Some(_) => format!("{less}; on-failure={word} hides what is safe to try again"),
        None => less,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::fault::On;
    use router::record::Fault;

    fn of(words: &str, spec: Spec) -> String {
        let mut lab = LabSettings::default();
        for word in words.split_whitespace() {
            let (key, value) = word.split_once('=').unwrap();
            lab.set("a test", key, value).unwrap();
        }
        instead(&lab, spec)
    }

    #[test]
    fn a_shorter_interval_is_named_where_it_helps() {
        let kill = Spec::new(Fault::Kill);
        assert_eq!(
            of("interval=1s", kill),
            "a shorter interval, detector=sentinel or detector=passive loses less, by theory; on-failure=retry hides what is \
             safe to try again"
        );
    }

    #[test]
    fn no_interval_is_named_where_checks_see_nothing_or_something_else_is_quicker() {
        let requests = Spec {
            on: On::Requests,
            ..Spec::new(Fault::Error)
        };
        let unseen = of("interval=1s", requests);
        assert!(unseen.starts_with("no shorter interval helps"), "{unseen}");
        assert!(unseen.contains("but detector=passive"), "{unseen}");
        let at_once = of(
            "interval=1s detector=sentinel on-failure=retry",
            Spec::new(Fault::Kill),
        );
        assert!(
            at_once.starts_with("neither a shorter interval nor a detector can be set that loses less"),
            "{at_once}"
        );
        assert!(!at_once.contains("on-failure"), "{at_once}");
    }

    #[test]
    fn what_the_real_one_refuses_is_not_named() {
        let nginx = of("engine=nginx", Spec::new(Fault::Kill));
        assert!(
            !nginx.contains("a shorter interval,") && !nginx.contains("sentinel"),
            "{nginx}"
        );
    }
}
