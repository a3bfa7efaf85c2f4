//! `report`.

use super::{Common, Failure, say};
use crate::process::exit::harmless;
use crate::report::{self, Extent, Report, csv, html, json, markdown};
use clap::ValueEnum;
use std::path::PathBuf;

pub const EXAMPLES: &str = "\
Examples:
  resetlab report resetlab-runs/NAME                 writes report.html and report.md there again
  resetlab report resetlab-runs/NAME --format md     prints it
  resetlab report DIR --format json | jq -r .verdict.sentence
  resetlab report DIR --format csv > run.csv         all tables, by their keys

DIR is what run, sweep, compare or up wrote their results to; an interrupted one will do.
Exit codes: 0 done, 1 it cannot be written, 2 DIR holds no results that this program can read.";

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct ReportArgs {
    /// A directory of results
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Print it instead of writing report.html and report.md
    #[arg(
        long,
        value_name = "html|md|json|csv",
        value_enum,
        hide_possible_values = true
    )]
    format: Option<Format>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Html,
    Md,
    Json,
    Csv,
}

pub(super) fn run(common: &Common, args: &ReportArgs) -> Result<(), Failure> {
    let format = match (common.json, args.format) {
        (true, Some(format)) if format != Format::Json => {
            return Err(Failure::new(2, "--json is --format json: give one of them"));
        }
        (true, _) => Some(Format::Json),
        (false, format) => format,
    };
    let extent = match format {
        Some(Format::Json | Format::Csv) => Extent::Whole,
        _ => Extent::Readable,
    };
    let report = report::of(&args.dir, extent).map_err(|e| Failure::new(2, e))?;
    let text = match format {
        Some(Format::Html) => html::render(&report),
        Some(Format::Md) => markdown::render(&report),
        Some(Format::Json) => json::render(&report),
        Some(Format::Csv) => csv::render(&report)
            .ok_or_else(|| Failure::new(2, "no trial was completed: there is no table for --format csv"))?,
        None => {
            let written = report::write(&report, &args.dir).map_err(|e| Failure::new(1, e))?;
            for line in told(&report) {
                say(&harmless(&line));
            }
            say(&format!("report    {}", written.html.display()));
            say(&format!("          {}", written.markdown.display()));
            return Ok(());
        }
    };
    say(text.trim_end_matches('\n'));
    Ok(())
}

/// What a reader wants to know first.
fn told(report: &Report) -> Vec<String> {
    let mut lines = vec![report.verdict.sentence.clone()];
    lines.extend(
        report
            .verdict
            .advice
            .iter()
            .map(|advice| format!("advice    {advice}")),
    );
    lines.extend(
        report
            .warnings
            .iter()
            .map(|warning| format!("warning   {warning}")),
    );
    lines
}
