//! PURE: what makes a run's figures doubtful; said above everything else.

use super::shown;
use crate::experiment::doubts;
use crate::experiment::summary::{Standing, Summary};

/// The most important first.
pub fn warnings(s: &Summary) -> Vec<String> {
    let mut all = Vec::new();
    all.extend(incomplete(s));
    all.extend(doubts::few_trials(s).map(|text| sentence(&text)));
    all.extend(doubts::late_load(s).map(|text| sentence(&text)));
    all.extend(doubts::late_checks(s).map(|text| sentence(&text)));
    all.extend(doubts::unwritten(s.records_lost).map(|text| sentence(&text)));
    all.extend(dropped(s));
    all.extend(disturbed(s));
    all.extend(undetected(s));
    all.extend(accounts(s));
    all
}

fn incomplete(s: &Summary) -> Option<String> {
    if s.complete {
        return None;
    }
    let running = s.standing == Standing::UnderWay;
    let done = s.trials.last().map_or(0, |trial| trial.trial);
    let wanted = s
        .setup
        .as_ref()
        .map_or(String::new(), |setup| format!(" of {}", setup.trials));
    let cost = s.interrupted.map_or(String::new(), |cut| {
        let lost = shown::counted(cut.lost as f64, "request");
        format!(
            "; the fault of trial {} {was} under way and {cost} {lost}, which are in the load's account only",
            cut.trial,
            was = if running { "is" } else { "was" },
            cost = if running { "has cost" } else { "cost" },
        )
    });
    let how = match s.standing {
        Standing::Final => "This run was interrupted",
        Standing::UnderWay => "This run is still running; this is what there is so far",
        Standing::Killed => "This run was interrupted (its supervisor was killed)",
        Standing::Unwritten => {
            "This run has ended, and its summary could not be written, as on a full disk; this is what its records tell"
        }
    };
    Some(format!(
        "{how}: {done}{wanted} trials are complete, and all figures are of these{cost}."
    ))
}

/// What the terminal says behind `warning:`, as a sentence.
pub fn sentence(text: &str) -> String {
    if text.starts_with("n = ") {
        return format!("{text}.");
    }
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

fn dropped(s: &Summary) -> Option<String> {
    let trials = s.trials.iter().filter(|trial| trial.events_dropped > 0);
    let (n, records) = trials.fold((0_u64, 0_u64), |(n, records), trial| {
        (n + 1, records.saturating_add(trial.events_dropped))
    });
    (n > 0).then(|| {
        format!(
            "{} lost {} on the way and {} invalid: too few requests may be counted.",
            shown::counted(n as f64, "trial"),
            shown::counted(records as f64, "record"),
            if n == 1 { "is" } else { "are" }
        )
    })
}

fn disturbed(s: &Summary) -> Option<String> {
    let disturbed: Vec<_> = s
        .trials
        .iter()
        .filter(|trial| !trial.disturbed.is_empty())
        .collect();
    let first = disturbed.first()?;
    let more = match disturbed.len() {
        1 => String::new(),
        n => format!(" ({} more likewise)", n - 1),
    };
    Some(format!(
        "Trial {} is invalid{more}: in the middle of it {}.",
        first.trial,
        first.disturbed.join("; ")
    ))
}

fn undetected(s: &Summary) -> Option<String> {
    let t = &s.summary;
    let missed = t.n.checked_sub(t.detected?).filter(|missed| *missed > 0)?;
    let lost = t.lost_unnoticed.map_or(String::new(), |lost| {
        format!(
            ", and {} were lost to them until it ended",
            shown::counted(lost as f64, "request")
        )
    });
    Some(format!(
        "The balancer never noticed {missed} of {} faults{lost}; they are in no distribution of t_detect.",
        t.n
    ))
}

/// Whether the books balance.
fn accounts(s: &Summary) -> Vec<String> {
    let mut all = Vec::new();
    let sum = |values: &mut dyn Iterator<Item = u64>| values.fold(0_u64, u64::saturating_add);
    let wrong = s.trials.iter().filter(|trial| {
        let outcomes = sum(&mut trial.lost.by_outcome.values().copied());
        outcomes != trial.lost.total()
    });
    let wrong = wrong.count();
    if wrong > 0 {
        all.push(format!(
            "In {} the outcomes do not add up to the lost requests: doubt both.",
            shown::counted(wrong as f64, "trial")
        ));
    }
    let of_trials = sum(&mut s.trials.iter().map(|t| t.lost.total()));
    let known = of_trials.saturating_add(s.interrupted.map_or(0, |cut| cut.lost));
    if s.load.lost > known {
        let n = s.load.lost - known;
        let lost = match n {
            1 => "1 lost request belongs".to_owned(),
            n => format!("{n} lost requests belong"),
        };
        let why = match s.complete || s.interrupted.is_some() {
            true => "no router was in use, or a healthy one was taken for dead",
            false => "they may be of the trial that was under way",
        };
        all.push(format!("{lost} to no completed fault: {why}."));
    }
    if s.complete && s.load.lost < known {
        all.push(format!(
            "The trials lost {known} requests and the load only {}: doubt both.",
            s.load.lost
        ));
    }
    if s.complete && s.load.sent != s.load.ok.saturating_add(s.load.lost) {
        all.push(format!(
            "{} requests were sent, {} answered and {} lost: the rest had not ended when the run did.",
            s.load.sent, s.load.ok, s.load.lost
        ));
    }
    all
}
