//! PURE: a report for programs: `resetlab.report.v1`, figures as the data they show.

use super::Report;

/// What is not finite is `null`.
pub fn render(report: &Report) -> String {
    let document = serde_json::to_string_pretty(report).expect("a report has only string keys");
    document + "\n"
}
