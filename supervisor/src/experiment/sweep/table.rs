//! PURE: a sweep as text for people.

use super::cell::{FalseEjections, Figures};
use super::verdict::{Document, Judged, Tie};
use crate::report::shown::{self, fixed};
use comfy_table::{CellAlignment, ContentArrangement, Table, TableStyle};
use std::fmt::Write;

/// A row a cell, theory beside each measured figure, the chosen row marked; false ejections in a table of their own.
pub fn render(document: &Document) -> String {
    let mut text = format!("{}\n\n", deaths(document));
    if document.plan.pause.is_some() {
        let _ = writeln!(text, "{}\n", mistakes(document));
    }
    text += &legend(document);
    text
}

fn deaths(document: &Document) -> Table {
    let header = [
        "t_detect s",
        "theory s",
        "lost/death",
        "theory",
        "checks/s",
        "theory",
        "success",
        "",
    ];
    rows(document, &header, |judged| {
        let mut row = figures(judged).to_vec();
        row.push(match (judged.success, judged.success_at_most) {
            (Some(success), _) => shown::success(success, 4),
            (None, Some(most)) => format!("≤ {}", shown::success(most, 4)),
            (None, None) => "-".to_owned(),
        });
        let chosen = document.chosen == Some(judged.cell.cell);
        row.push(if chosen { "←" } else { "" }.to_owned());
        row
    })
}

fn mistakes(document: &Document) -> Table {
    let header = [
        "false/h", "theory", "count", "95 %", "T_MR s", "theory", "T_M s", "theory",
    ];
    rows(document, &header, |judged| {
        false_ejections(judged.cell.false_ejections.as_ref())
    })
}

/// The settings that differ between cells, and what is told of each.
fn rows(document: &Document, header: &[&str], told: impl Fn(&Judged) -> Vec<String>) -> Table {
    let mut table = Table::new();
    table.load_style(TableStyle::new());
    table.set_content_arrangement(ContentArrangement::Disabled);
    let keys = varied(document);
    let names = keys.iter().map(|key| key.as_str());
    table.set_header(names.chain(header.iter().copied()).collect::<Vec<_>>());
    for judged in &document.cells {
        let settings = keys.iter().map(|key| judged.cell.settings[*key].clone());
        table.add_row(settings.chain(told(judged)).collect::<Vec<_>>());
    }
    for column in keys.len()..keys.len() + header.len() {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn varied(document: &Document) -> Vec<&String> {
    let axes = document.plan.axes.iter().filter(|(_, values)| values.len() > 1);
    axes.map(|(key, _)| key).collect()
}

fn figures(judged: &Judged) -> [String; 6] {
    let cell = &judged.cell;
    let range = |min: Option<f64>, mean: Option<f64>, max: Option<f64>| {
        let word = |value: Option<f64>| value.map_or("-".to_owned(), |value| fixed(value, 2));
        format!("{} ({} to {})", word(mean), word(min), word(max))
    };
    let theory = |figures: &Figures| match figures.min.or(figures.max) {
        None => "-".to_owned(),
        Some(_) => range(figures.min, figures.mean, figures.max),
    };
    let missed = cell.missed();
    let measured = match &cell.t_detect_s {
        None if missed > 0 => "never".to_owned(),
        None => "-".to_owned(),
        Some(s) if missed > 0 => format!(
            "{}, {missed} never",
            range(Some(s.min), Some(s.mean), Some(s.max))
        ),
        Some(s) => range(Some(s.min), Some(s.mean), Some(s.max)),
    };
    [
        measured,
        theory(&cell.theory.t_detect_s),
        match cell.missed() {
            0 => number(cell.lost_per_death, 1),
            _ => format!("≥ {}", number(cell.lost_per_death, 1)),
        },
        number(cell.theory.lost_per_death.mean, 1),
        number(cell.checks_per_s, 2),
        number(Some(cell.theory.checks_per_s), 2),
    ]
}

fn false_ejections(seen: Option<&FalseEjections>) -> Vec<String> {
    let Some(seen) = seen else {
        return vec!["-".to_owned(); 8];
    };
    let theory = &seen.theory;
    let range = match (theory.low, theory.high, theory.inside) {
        (Some(low), Some(high), Some(inside)) => format!("{low} to {high}{}", if inside { "" } else { " !" }),
        _ => "-".to_owned(),
    };
    vec![
        number(seen.per_hour, 1),
        number(theory.per_hour, 1),
        seen.observed.to_string(),
        range,
        number(seen.t_mr_s, 0),
        number(theory.t_mr_s, 0),
        number(seen.t_m_s, 2),
        number(theory.t_m_s, 2),
    ]
}

fn legend(document: &Document) -> String {
    let plan = &document.plan;
    let mut text = match plan.engine.as_str() {
        "" | "lb-sim" => String::new(),
        engine => format!("engine          {engine}, each cell with a start of its own\n"),
    };
    let _ = writeln!(text, "preset          {}", plan.preset);
    let same = plan.axes.iter().filter(|(_, values)| values.len() == 1);
    let same: Vec<String> = same.map(|(key, values)| format!("{key}={}", values[0])).collect();
    if !same.is_empty() {
        let _ = writeln!(text, "all cells       {}", same.join(" "));
    }
    let deaths = document.deaths_per_hour;
    let _ = writeln!(
        text,
        "success         if each of {} routers dies {deaths}× an hour, at {} requests/s",
        plan.routers, plan.rate
    );
    let mut reasons: Vec<&String> = Vec::new();
    for judged in &document.cells {
        let theory = &judged.cell.theory;
        let paused = judged
            .cell
            .false_ejections
            .as_ref()
            .and_then(|seen| seen.theory.reason.as_ref());
        let all = [
            theory.t_detect_s.reason.as_ref(),
            theory.lost_per_death.reason.as_ref(),
            paused,
        ];
        reasons.extend(all.into_iter().flatten());
    }
    reasons.sort();
    reasons.dedup();
    for reason in reasons {
        let _ = writeln!(text, "no figure       {reason}");
    }
    let doubts = [
        document.unnoticed(),
        document.few(),
        document.invalid(),
        document.late(),
    ];
    for doubt in doubts.into_iter().flatten() {
        let _ = writeln!(text, "warning: {doubt}");
    }
    let forgives = |key: &&String| matches!(key.as_str(), "fall" | "timeout");
    if document.plan.pause.is_none() && varied(document).iter().any(forgives) {
        text +=
            "not looked at   false ejections, which a lower fall or timeout risks: --pause measures them\n";
    }
    match (document.slo, document.chosen) {
        (None, _) => {}
        (Some(slo), None) => {
            let _ = writeln!(text, "no cell reaches {}", shown::percent(slo));
        }
        (Some(slo), Some(_)) => {
            let _ = writeln!(
                text,
                "←               reaches {} with the fewest checks{}",
                shown::percent(slo),
                match document.tie() {
                    Tie::None => "",
                    Tie::FalseEjections => "; of these the fewest false ejections, by theory",
                    Tie::Fall => "; of these the highest fall",
                    Tie::Lost => "; of these the fewest lost requests",
                }
            );
        }
    }
    if !document.complete {
        text += "warning: interrupted: cells are missing; the same command with --out goes on\n";
    }
    text
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or("-".to_owned(), |value| fixed(value, digits))
}

#[cfg(test)]
mod tests {
    use super::super::verdict::tests::{cell, plan};
    use super::*;

    #[test]
    fn the_chosen_row_is_marked_and_nulls_are_dashes() {
        let cells = [cell(0, Some(18.0), 4.0), cell(1, Some(720.0), 0.8)];
        let text = render(&Document::new(&plan(), &cells, 2, Some(0.9995), 1.0));
        let marked: Vec<&str> = text
            .lines()
            .filter(|line| line.trim_end().ends_with('←'))
            .collect();
        assert_eq!(marked.len(), 1, "{text}");
        assert!(
            marked[0].contains("1s") && marked[0].contains("99.9900 %"),
            "{text}"
        );
        assert!(text.contains("no figure       it is random"), "{text}");
        let missed = render(&Document::new(&plan(), &cells[1..], 2, Some(0.9999), 1.0));
        assert!(
            missed.contains("no cell reaches 99.99 %") && missed.contains("interrupted"),
            "{missed}"
        );
    }
}
