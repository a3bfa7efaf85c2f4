//! `diagnose`.

use super::{Common, Failure, say};
use crate::diagnose::report::{FileReport, Report};
use crate::diagnose::scanner::Scanner;
use crate::diagnose::{reader, seam, words};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Clone, Debug, clap::Args)]
pub struct DiagnoseArgs {
    /// Logs, plain or gzip, oldest first: a trace may go on in the next, even in the middle of a line. Files of one log are
    /// put in that order by the numbers at their ends (`x.log.2.gz`, `x.log.1`, `x.log`). `-`: standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) const EXAMPLES: &str = "\
Examples:
  resetlab diagnose /var/vcap/sys/log/gorouter/gorouter.stderr.log
  resetlab diagnose gorouter.stderr.log*
  journalctl -u gorouter | resetlab diagnose
  resetlab diagnose *.gz --json | jq '.files[].crashes[] | {verdict, variant, time}'

Verdicts: match (the article's stack), variant (same race, another stack), other-crash (a Go program died of
another cause, or the frames do not prove this one), none.

Exit codes, as grep's: 0 match or variant found, 1 not found, 2 trouble (a log that could not be read, even if
another holds the bug).";

pub(super) fn run(common: &Common, args: &DiagnoseArgs) -> Result<ExitCode, Failure> {
    let mut files = seam::oldest_first(args.files.clone());
    if files.is_empty() {
        if std::io::stdin().is_terminal() {
            let words = "which log? Name files, or pipe one in: resetlab diagnose gorouter.stderr.log";
            return Err(Failure::new(2, words));
        }
        files.push("-".into());
    }
    let mut reports: Vec<FileReport> = files
        .iter()
        .map(|file| FileReport::new(file.display().to_string()))
        .collect();
    let mut scanner = Scanner::new();
    for (index, file) in files.iter().enumerate() {
        if let Err(e) = reader::read(file, &mut scanner, &mut |crash| reports[crash.file].add(crash)) {
            eprintln!("resetlab: {}: {e}", file.display());
            reports[index].error = Some(e.to_string());
        }
        scanner.next_file();
    }
    scanner.finish();
    scanner
        .found()
        .into_iter()
        .for_each(|crash| reports[crash.file].add(crash));
    for unread in scanner.unread() {
        reports[unread.file].unread = Some(unread.clone());
    }
    let report = Report::of(reports);
    if common.json {
        let document = serde_json::to_string(&report).map_err(|e| Failure::new(2, e))?;
        say(&document);
    } else {
        say(words::tell(&report).trim_end());
    }
    Ok(ExitCode::from(report.exit_code()))
}
