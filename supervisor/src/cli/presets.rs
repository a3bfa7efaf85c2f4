//! `presets`: what real load balancers are set to, how that is known, and what theory makes of it.

use super::up::banner::expectation;
use super::{Common, Failure, say};
use crate::diagnose::words::wrap;
use crate::experiment::forecast::Forecast;
use crate::experiment::summary::{Bounds, Theory};
use crate::process::exit::harmless;
use crate::settings::{LabSettings, preset};
use comfy_table::Table;
use lb_sim::presets::{self, Grade, Preset, Rule};
use router::fault::Spec;
use router::record::Fault;
use serde_json::{Map, Value, json};
use std::fmt::Write;

pub(super) const EXAMPLES: &str = "\
Examples:
  resetlab presets                                  all of them, with theory's windows
  resetlab presets show haproxy                     each rule with its source, its traps
  resetlab presets show haproxy --toml > mine.toml  a start for one of your own
  resetlab presets show ./mine.toml
  resetlab run --preset ./mine.toml --set fall=2 --fault kill

Grades: measured (seen on the real program), source (read in its code), documented
(by its vendor); a rule that nobody verified is `assumed`, whatever its preset is.";

#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct PresetsArgs {
    #[command(subcommand)]
    verb: Option<PresetsVerb>,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum PresetsVerb {
    /// Explain one: its rules in the vendor's words and ours, sources, grades, traps, windows
    #[command(after_help = EXAMPLES)]
    Show {
        /// One of `resetlab presets`, or a file of your own
        #[arg(value_name = "NAME|FILE.toml")]
        name: String,
        /// Print its file
        #[arg(long, conflicts_with = "json")]
        toml: bool,
    },
}

pub(super) fn run(common: &Common, args: &PresetsArgs) -> Result<(), Failure> {
    match &args.verb {
        None if common.json => {
            let presets: Vec<Value> = presets::all().iter().map(heading).collect();
            say(&json!({ "schema": "resetlab.presets.v1", "presets": presets }).to_string());
        }
        None => table().iter().for_each(|line| say(line)),
        Some(PresetsVerb::Show { name, toml }) => {
            let preset = preset::find(name).map_err(|e| Failure::new(2, e))?;
            match (toml, common.json) {
                (true, _) => say(source(name)?.trim_end()),
                (_, true) => say(&document(&preset).to_string()),
                _ => say(harmless(&text(&preset)).trim_end()),
            }
        }
    }
    Ok(())
}

/// The file of a preset that loads.
fn source(name: &str) -> Result<String, Failure> {
    match presets::text(name) {
        Some(text) => Ok(text.to_owned()),
        None => {
            crate::settings::text::read(name.as_ref()).map_err(|e| Failure::new(2, format!("{name}: {e}")))
        }
    }
}

fn theory(preset: &Preset, fault: Fault) -> Theory {
    Forecast::new(&LabSettings::of(preset), Spec::new(fault), 1).theory()
}

fn table() -> Vec<String> {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["preset", "speaks for", "grade", "kill s", "hang s"]);
    for preset in presets::all() {
        let window = |fault| window(theory(preset, fault).t_detect_s);
        table.add_row([
            preset.name.clone(),
            preset.speaks_for(),
            preset.grade.to_string(),
            window(Fault::Kill),
            window(Fault::Hang),
        ]);
    }
    let text = table.trim_fmt();
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned())
        .collect();
    lines.push(String::new());
    let legend = "kill s, hang s: how long a router that was killed or hangs stays in use, by theory, at 200 requests/s \
                  over four routers; ~ is a mean without an upper bound, - has its reason in `resetlab presets show NAME`.";
    lines.push(wrapped("", legend));
    lines
}

/// `4 to 6`, in seconds.
fn window(bounds: Option<Bounds>) -> String {
    let Some(Bounds { min, mean, max }) = bounds else {
        return "-".to_owned();
    };
    // Three digits say enough: 0.02, 12.5, 105.
    let number = |value: f64| match value {
        value if value >= 10.0 || value == value.round() => format!("{}", (value * 10.0).round() / 10.0),
        value => format!("{}", (value * 100.0).round() / 100.0),
    };
    match (mean, max) {
        (_, Some(max)) if number(min) == number(max) => number(max),
        (_, Some(max)) => format!("{} to {}", number(min), number(max)),
        (Some(mean), None) => format!("~{}", number(mean)),
        (None, None) => "-".to_owned(),
    }
}

/// What the table has of it.
fn heading(preset: &Preset) -> Value {
    json!({
        "name": preset.name,
        "title": preset.title,
        "versions": preset.speaks_for(),
        "about": preset.about,
        "grade": preset.grade,
        "engine": preset.engine,
        "theory": { "kill": theory(preset, Fault::Kill), "hang": theory(preset, Fault::Hang) },
    })
}

fn document(preset: &Preset) -> Value {
    let mut document = heading(preset);
    document["schema"] = json!("resetlab.preset.v1");
    document["rules"] = json!(preset.rules);
    document["limits"] = json!(preset.limits);
    document["ranges"] = json!(preset.ranges);
    document["traps"] = json!(preset.traps);
    document["leaves_out"] = json!(preset.leaves_out);
    let words = preset.settings.words().into_iter();
    let words: Map<String, Value> = words.map(|(key, word)| (key.to_owned(), word.into())).collect();
    document["settings"] = Value::Object(words);
    document
}

fn text(preset: &Preset) -> String {
    let mut text = format!("{} ({})\n", preset.name, preset.standing());
    text += &wrapped("", &preset.about);
    text += "\n\nrules, and how each is known; what is not named has lb-sim's default\n";
    for rule in &preset.rules {
        text += &said(rule);
    }
    if !preset.limits.is_empty() {
        text += "\nlimits of the real system, refused here, too\n";
        for limit in &preset.limits {
            text += &known(&limit.to_string(), limit.grade, "", &limit.source);
        }
    }
    if !preset.ranges.is_empty() {
        text += "\nwhat the real system can be set to; the lab may go further, advice does not\n";
        for range in &preset.ranges {
            text += &known(&range.to_string(), range.grade, "", &range.source);
        }
    }
    for (title, sentences) in [
        ("traps", &preset.traps),
        ("not shown by the lab", &preset.leaves_out),
    ] {
        if !sentences.is_empty() {
            let _ = write!(text, "\n{title}\n");
            sentences
                .iter()
                .for_each(|sentence| wrap(&mut text, "  ", &format!("- {sentence}")));
        }
    }
    text += "\nby theory, at the lab's defaults\n";
    let lab = LabSettings::of(preset);
    for (done, fault) in [("killed", Fault::Kill), ("hung", Fault::Hang)] {
        wrap(&mut text, "  ", &expectation(done, fault, &lab));
    }
    let name = &preset.name;
    let _ = write!(text, "\nrun it\n  resetlab run --preset {name} --fault kill\n");
    if let Some(engine) = &preset.engine {
        let _ = writeln!(
            text,
            "  resetlab run --engine {engine} --preset {name} --fault kill"
        );
    }
    text
}

fn said(rule: &Rule) -> String {
    let pair = format!("{} = {}", rule.key, rule.value);
    known(
        &pair,
        rule.grade,
        rule.word.as_deref().unwrap_or(""),
        &rule.source,
    )
}

/// `  interval = 2s      source    inter`, the vendor's word below where it does not fit beside, then where it is
/// written.
fn known(pair: &str, grade: Grade, word: &str, source: &str) -> String {
    let grade = shout(grade);
    let mut text = format!("  {pair:34} {grade:10}  {word}").trim_end().to_owned();
    if text.chars().count() > 80 {
        text = format!("  {pair:34} {grade}\n      {word}");
    }
    text.push('\n');
    wrap(&mut text, "      ", source);
    text
}

/// Nobody should miss what nobody has verified.
fn shout(grade: Grade) -> &'static str {
    match grade {
        Grade::Assumed => "ASSUMED",
        known => known.name(),
    }
}

fn wrapped(indent: &str, words: &str) -> String {
    let mut text = String::new();
    wrap(&mut text, indent, words);
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_fits_a_terminal_and_has_every_preset() {
        let lines = table();
        for preset in presets::all() {
            let row = lines
                .iter()
                .find(|line| line.split_whitespace().next() == Some(&preset.name));
            let row = row.unwrap_or_else(|| panic!("{} is missing", preset.name));
            assert!(row.contains(preset.grade.name()), "{row}");
        }
        for line in lines.iter().flat_map(|line| line.lines()) {
            assert!(line.chars().count() <= 80, "{line}");
        }
        let haproxy = lines.iter().find(|line| line.starts_with("haproxy ")).unwrap();
        assert!(
            haproxy.contains("4 to 6") && haproxy.contains("10 to 12"),
            "{haproxy}"
        );
    }

    #[test]
    fn what_is_shown_has_every_rule_with_its_source_and_grade() {
        for preset in presets::all() {
            let text = text(preset);
            let flat: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for rule in &preset.rules {
                let source = rule.source.split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(
                    flat.contains(&format!("{} = {} ", rule.key, rule.value)),
                    "{}",
                    rule.key
                );
                assert!(flat.contains(&source), "{}: {source}", preset.name);
            }
            for limit in &preset.limits {
                assert!(
                    flat.contains(&format!("{limit} {} {}", limit.grade, limit.source)),
                    "{limit}"
                );
            }
            for range in &preset.ranges {
                let shown = format!("{range} {} {}", shout(range.grade), range.source);
                assert!(flat.contains(&shown), "{shown}");
            }
            for sentence in preset.traps.iter().chain(&preset.leaves_out) {
                assert!(flat.contains(sentence.as_str()), "{sentence}");
            }
            let grades = preset.rules.iter().map(|rule| rule.grade);
            let grades = grades.chain(preset.ranges.iter().map(|range| range.grade));
            let assumed = grades.filter(|grade| *grade == Grade::Assumed).count();
            assert_eq!(text.matches(" ASSUMED").count(), assumed, "{}", preset.name);
            for line in text.lines() {
                assert!(line.chars().count() <= 80, "{}: {line}", preset.name);
            }
        }
    }

    #[test]
    fn what_has_no_figure_in_the_table_has_its_reason_where_it_is_shown() {
        let mut missing = 0;
        for preset in presets::all() {
            let text = text(preset);
            let flat: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for (done, fault) in [("killed", Fault::Kill), ("hung", Fault::Hang)] {
                let theory = theory(preset, fault);
                if window(theory.t_detect_s) == "-" {
                    let told = format!("A {done} router");
                    let reason = theory.reason.expect("no figure without a reason");
                    assert!(
                        flat.contains(&told) && flat.contains(&reason),
                        "{}: {text}",
                        preset.name
                    );
                    missing += 1;
                }
            }
        }
        assert!(missing > 0, "no preset shows what this is about");
    }

    #[test]
    fn windows_are_as_short_as_they_can_be() {
        let bounds = |min, mean, max| window(Some(Bounds { min, mean, max }));
        assert_eq!(bounds(4.0, Some(5.0), Some(6.0)), "4 to 6");
        assert_eq!(bounds(0.1, None, Some(12.54)), "0.1 to 12.5");
        assert_eq!(bounds(0.0, Some(0.021), None), "~0.02");
        assert_eq!(bounds(0.0, Some(0.0), Some(0.0)), "0");
        assert_eq!(bounds(0.0, None, None), "-");
        assert_eq!(window(None), "-");
    }
}
