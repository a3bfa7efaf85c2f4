//! The figures of a run, out of each place that has them.
#![allow(clippy::unwrap_used, reason = "only tests use it")]

use serde_json::Value;
use std::collections::BTreeMap;

/// What is not known is a dash.
pub fn milli(value: &Value) -> String {
    value.as_f64().map_or("–".to_owned(), |value| fixed(value, 3))
}

/// Half away from zero.
fn fixed(value: f64, digits: usize) -> String {
    let scale = 10_f64.powi(digits as i32);
    format!("{:.digits$}", (value * scale * (1.0 + 1e-15)).round() / scale)
}

/// The figures that every place must agree on, from where they are born.
pub fn wanted(s: &Value) -> BTreeMap<String, String> {
    let t = &s["summary"];
    let mut all = BTreeMap::new();
    for time in ["t_detect", "t_stop", "t_clear", "t_readmit"] {
        for figure in ["min", "mean", "p50", "p95", "max"] {
            all.insert(format!("{time} {figure}"), milli(&t[format!("{time}_s")][figure]));
        }
    }
    for key in ["sent", "ok", "lost"] {
        all.insert(key.to_owned(), s["load"][key].to_string());
    }
    let mean = t["lost_per_trial"]["mean"].as_f64().unwrap();
    all.insert("lost_per_trial".to_owned(), fixed(mean, 1));
    for (outcome, count) in t["by_outcome"].as_object().unwrap() {
        all.insert(format!("outcome {outcome}"), count.to_string());
    }
    all
}

/// The same figures out of tables as rows of words, wherever they were printed.
pub fn found(rows: &[Vec<String>]) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for row in rows {
        let cell = |n: usize| row.get(n).cloned().unwrap_or_default();
        match cell(0).as_str() {
            // Times, n, least, mean, median and its interval, p95, p99, most: the first such table is the one.
            time @ ("t_detect" | "t_stop" | "t_clear" | "t_readmit") if row.len() == 10 => {
                for (figure, n) in [("min", 2), ("mean", 3), ("p50", 4), ("p95", 7), ("max", 9)] {
                    let known = Some(cell(n)).filter(|cell| !cell.is_empty());
                    all.insert(format!("{time} {figure}"), known.unwrap_or("–".to_owned()));
                }
            }
            name @ ("sent" | "answered" | "lost" | "lost, mean") if row.len() == 3 => {
                let key = match name {
                    "answered" => "ok",
                    "lost, mean" => "lost_per_trial",
                    other => other,
                };
                all.insert(key.to_owned(), cell(2));
            }
            outcome if row.len() == 4 && cell(3).parse::<f64>().is_ok() && cell(2).parse::<u64>().is_ok() => {
                all.insert(format!("outcome {outcome}"), cell(2));
            }
            _ => {}
        }
    }
    all
}

pub fn of_terminal(text: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [time, "s,", "measured", min, mean, p50, p95, _, max, _] if time != "t_lost" => {
                for (figure, value) in [
                    ("min", min),
                    ("mean", mean),
                    ("p50", p50),
                    ("p95", p95),
                    ("max", max),
                ] {
                    all.insert(format!("{time} {figure}"), value.replace('-', "–"));
                }
            }
            [
                "load",
                sent,
                "sent",
                ..,
                ok,
                "ok,",
                lost,
                "lost;",
                "lateness",
                _,
                _,
                _,
            ] => {
                for (key, value) in [("sent", sent), ("ok", ok), ("lost", lost)] {
                    all.insert(key.to_owned(), value.to_owned());
                }
            }
            ["lost", mean, "requests", "a", ..] => {
                all.insert("lost_per_trial".to_owned(), mean.to_owned());
            }
            ["outcomes:", ..] => {
                for pair in words[1..].chunks(2) {
                    all.insert(
                        format!("outcome {}", pair[0]),
                        pair[1].trim_end_matches(',').to_owned(),
                    );
                }
            }
            _ => {}
        }
    }
    all
}

pub fn of_markdown(text: &str) -> BTreeMap<String, String> {
    let rows = text.lines().filter_map(|line| {
        let line = line.strip_prefix("| ")?.strip_suffix(" |")?;
        Some(
            line.split(" | ")
                .map(|cell| cell.trim().replace(['\\', '`'], ""))
                .collect(),
        )
    });
    found(&rows.collect::<Vec<_>>())
}

pub fn of_html(text: &str) -> BTreeMap<String, String> {
    let rows = text.split("<tr").skip(1).filter_map(|row| {
        let row = row.split("</tr>").next()?;
        let cells = row
            .split(['<'])
            .filter(|piece| piece.starts_with("td") || piece.starts_with("th"));
        Some(
            cells
                .filter_map(|cell| Some(cell.split_once('>')?.1.to_owned()))
                .collect(),
        )
    });
    found(&rows.collect::<Vec<_>>())
}

pub fn of_json(document: &Value) -> BTreeMap<String, String> {
    let tables = document["sections"].as_array().unwrap().iter();
    let tables = tables.flat_map(|section| section["blocks"].as_array().unwrap());
    let rows = tables.filter_map(|block| block["rows"].as_array()).flatten();
    let cell = |cell: &Value| match cell {
        Value::Object(number) if number.contains_key("value") => {
            let digits = number["digits"].as_u64().unwrap() as usize;
            fixed(number["value"].as_f64().unwrap(), digits)
        }
        Value::Object(missing) if missing.contains_key("missing") => "–".to_owned(),
        Value::String(words) => words.clone(),
        other => other.to_string(),
    };
    let rows = rows.map(|row| row.as_array().unwrap().iter().map(cell).collect());
    found(&rows.collect::<Vec<_>>())
}
