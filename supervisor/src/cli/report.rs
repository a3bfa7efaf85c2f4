//! `report`.

use super::{Common, Failure};
use crate::process::exit::harmless;
use crate::report::{self, Extent, Report, csv, html, json, markdown};
use clap::ValueEnum;
use std::io::Write;
use std::path::PathBuf;

pub const EXAMPLES: &str = "\
Examples:
  resetlab report resetlab-runs/NAME                 writes report.html and report.md there again
  resetlab report resetlab-runs/NAME --format md     prints it
  resetlab report DIR --format json | jq -r .verdict.sentence
  resetlab report DIR --format csv > run.csv         one line a trial, a cell or a window

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
        Some(Format::Csv) => csv::render(&report).ok_or_else(|| {
            Failure::new(2, "the results have no table for --format csv: nothing was begun")
        })?,
        None => {
            let written = report::write(&report, &args.dir);
            let mut lines = told(&report).join("\n") + "\n";
            lines = harmless(&lines);
            if let Ok(written) = &written {
                let paths = (written.html.display(), written.markdown.display());
                lines += &format!("report    {}\n          {}\n", paths.0, paths.1);
            }
            print(&lines)?;
            let dir = args.dir.display();
            return written.map(drop).map_err(|e| {
                Failure::new(
                    1,
                    format!("{e}; `resetlab report {dir} --format md` prints the report instead"),
                )
            });
        }
    };
    print(&text)
}

/// To the byte what the file would be. A reader that has had enough is no failure.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(1, format!("cannot write the output: {e}")))
        }
        _ => Ok(()),
    }
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
