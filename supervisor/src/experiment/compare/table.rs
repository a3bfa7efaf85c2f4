//! PURE: a [`Document`] as text for people: one engine beside another, in 80 columns.

use super::document::{Compared, Document};
use super::side::{Count, Side};
use super::verdict::{Judged, Verdict, name};
use crate::experiment::summary::Spread;
use crate::experiment::table::columns::{Column, table};
use crate::story::RECKONED;
use std::fmt::Write;

/// Every fault: each engine after the first beside it, and the verdict.
pub fn render(document: &Document) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}\n", wrapped(&format!("preset {}", document.preset)));
    for fault in &document.faults {
        for verdict in &fault.verdicts {
            let side = |engine: &String| fault.engines.iter().find(|side| side.teller.engine == *engine);
            if let (Some(first), Some(other)) = (side(&verdict.against), side(&verdict.engine)) {
                let _ = writeln!(out, "{}\n", figures(document, fault, [first, other]));
                let _ = writeln!(out, "{}", judged(verdict));
            }
        }
    }
    for warning in warnings(document) {
        let _ = writeln!(out, "warning: {warning}");
    }
    out
}

/// In lines of 80 columns, where words allow it.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > 0 && line + 1 + word.chars().count() > 80 {
            lines.push("  ".to_owned() + word);
        } else if let Some(last) = lines.last_mut() {
            last.push_str(if line > 0 { " " } else { "" });
            last.push_str(word);
        }
    }
    lines.join("\n")
}

type Cell = Box<dyn Fn(&Side) -> String>;

fn figures(document: &Document, fault: &Compared, sides: [&Side; 2]) -> String {
    let mut rows: Vec<(String, Cell)> = vec![
        ("trials".into(), Box::new(trials)),
        ("noticed".into(), Box::new(noticed)),
        (
            "t_detect s".into(),
            Box::new(|s| range(s.t_detect_s, 3) + &s.of_some(|of| of.t_detect_s)),
        ),
        ("t_stop s".into(), Box::new(stop)),
        ("|residual| ms".into(), Box::new(residual)),
        (
            "window s".into(),
            Box::new(|s| range(s.window_s, 3) + &s.of_some(|of| of.window_s)),
        ),
        ("lost in it".into(), Box::new(|s| range(s.lost, 0))),
        (
            format!(
                "lost ÷ (window × {:.0}/s)",
                document.rate / f64::from(document.routers)
            ),
            Box::new(share),
        ),
    ];
    let mut classes: Vec<_> = sides
        .iter()
        .flat_map(|side| side.outcomes.keys().copied())
        .collect();
    classes.sort();
    classes.dedup();
    for class in classes {
        let cell = move |side: &Side| count(side.outcomes.get(&class).copied().unwrap_or_default(), side.n);
        rows.push((format!("{} a trial", name(class)), Box::new(cell)));
    }
    let mut causes: Vec<_> = sides
        .iter()
        .flat_map(|side| side.causes.iter().flat_map(|causes| causes.keys().copied()))
        .collect();
    causes.sort();
    causes.dedup();
    for cause in causes {
        let cell = move |side: &Side| match &side.causes {
            Some(causes) => a_trial(causes.get(&cause).copied().unwrap_or(0), side.n),
            None => "-".into(),
        };
        let word = serde_json::to_value(cause).ok();
        let word = word
            .as_ref()
            .and_then(|word| word.as_str())
            .unwrap_or("")
            .to_owned();
        rows.push((format!("cause {word} a trial"), Box::new(cell)));
    }
    let title = |side: &Side| format!("{} {}", side.teller.engine, side.teller.version);
    let column = |title: String, cells: Vec<String>| {
        let mut all = vec![title];
        all.extend(cells);
        Column {
            title: "",
            rank: 0,
            cells: all,
        }
    };
    let names = rows.iter().map(|(name, _)| name.clone()).collect();
    let mut columns = vec![column(fault.fault.clone(), names)];
    for side in sides {
        columns.push(column(
            title(side),
            rows.iter().map(|(_, cell)| cell(side)).collect(),
        ));
    }
    table(columns).trim_start_matches('\n').to_owned()
}

fn trials(side: &Side) -> String {
    match side.invalid {
        0 => side.n.to_string(),
        invalid => format!("{} ({invalid} more invalid)", side.n),
    }
}

fn noticed(side: &Side) -> String {
    side.detected
        .map_or("not told".into(), |n| format!("{n} of {}", side.n))
}

/// The median, and from least to most.
fn range(spread: Option<Spread>, digits: usize) -> String {
    spread.map_or("-".into(), |s| {
        let median = s
            .p50
            .map_or("never".to_owned(), |median| format!("{median:.digits$}"));
        format!("{median} ({:.digits$} to {:.digits$})", s.min, s.max)
    })
}

/// Some of an engine's attempts say nothing of its last one.
fn stop(side: &Side) -> String {
    match side.t_stop_s {
        None if !side.teller.every_attempt => "not told".to_owned(),
        spread => range(spread, 3) + &side.of_some(|of| of.t_stop_s),
    }
}

fn residual(side: &Side) -> String {
    side.residual_ms.map_or("-".into(), |r| {
        let some = side.of_some(|_| side.residual_n);
        format!("{:.1} (max {:.1}){some}", r.median, r.max)
    })
}

fn share(side: &Side) -> String {
    side.lost_over_window.map_or("-".into(), |s| {
        let some = side.of_some(|of| of.lost_over_window);
        format!("{:.3} ({:.3} to {:.3}){some}", s.pooled, s.min, s.max)
    })
}

fn count(count: Count, n: usize) -> String {
    match count.in_flight {
        0 => a_trial(count.window, n),
        in_flight => format!(
            "{} + {} in flight",
            a_trial(count.window, n),
            a_trial(in_flight, n)
        ),
    }
}

fn a_trial(count: u64, n: usize) -> String {
    format!("{:.1}", count as f64 / n.max(1) as f64)
}

fn judged(verdict: &Verdict) -> String {
    let line = |what: &str, judged: &Judged| {
        let word = agreement(judged.agree);
        format!("  {what:<11}{word:<10}{}\n", judged.reason)
    };
    let whole = match verdict.agree {
        Some(true) => "agree",
        Some(false) => "DISAGREE",
        None => "cannot be compared",
    };
    format!(
        "{} and {}: {whole}\n{}{}{}",
        verdict.against,
        verdict.engine,
        line("classes", &verdict.classes),
        line("numbers", &verdict.numbers),
        line("residuals", &verdict.residuals)
    )
}

fn agreement(agree: Option<bool>) -> &'static str {
    match agree {
        Some(true) => "agree",
        Some(false) => "DISAGREE",
        None => "unknown",
    }
}

/// What makes the figures doubtful.
fn warnings(document: &Document) -> Vec<String> {
    let mut warnings = Vec::new();
    if !document.complete {
        warnings.push("ended early: not all planned trials are in".to_owned());
        warnings.extend(
            document
                .unjudged()
                .map(|fault| format!("{} was not compared", fault.fault)),
        );
    }
    let sides = || document.faults.iter().flat_map(|fault| &fault.engines);
    warnings.extend(document.few());
    for side in sides().filter(|side| side.reckoned > 0) {
        let all: u64 = side.causes.iter().flat_map(|causes| causes.values()).sum();
        warnings.push(format!(
            "{} of {all} failed attempts of {} are {RECKONED}",
            side.reckoned, side.teller.engine
        ));
    }
    warnings.extend(document.late());
    warnings
}

#[cfg(test)]
mod tests {
    use super::super::side::Of;
    use super::super::tests::{document, side};
    use super::*;

    #[test]
    fn two_engines_stand_side_by_side_in_eighty_columns() {
        let mut other = side("haproxy", 12, 187);
        other.causes = None;
        let text = render(&document(vec![side("lb-sim", 12, 188), other]));
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{}: {line}", line.chars().count());
        }
        for wanted in [
            "lb-sim 1.0",
            "haproxy 1.0",
            "12 of 12",
            "http_503 a trial",
            "cause refused a trial",
            "lb-sim and haproxy: agree",
            "  classes    agree     http_503",
        ] {
            assert!(text.contains(wanted), "{wanted} in\n{text}");
        }
        assert!(!text.contains("warning"), "{text}");
    }

    #[test]
    fn what_is_doubtful_or_not_told_is_said() {
        let mut nginx = side("nginx", 3, 187);
        (nginx.teller.belief, nginx.detected, nginx.residual_ms) = (false, None, None);
        (nginx.t_stop_s, nginx.teller.every_attempt, nginx.reckoned) = (None, false, 7);
        let mut ours = side("lb-sim", 3, 100);
        ours.of = Some(Of {
            t_stop_s: 2,
            t_detect_s: 3,
            window_s: 3,
            lost_over_window: 3,
            phase_s: Some(3),
        });
        let mut document = document(vec![ours, nginx]);
        document.complete = false;
        let text = render(&document);
        for wanted in [
            "not told",
            "unknown   nginx does not tell what it believes",
            "lb-sim and nginx: DISAGREE",
            "warning: ended early",
            "warning: n = 3",
            "t_stop s  ",
            "1.500 (1.100 to 1.900), 2 of 3",
            "not told",
            "warning: 7 of 561 failed attempts of nginx are reckoned",
        ] {
            assert!(text.contains(wanted), "{wanted} in\n{text}");
        }
    }
}
