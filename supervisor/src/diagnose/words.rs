//! PURE: a report told to people, within 80 columns.

use super::dump::Frame;
use super::report::{Counts, FileReport, Report};
use super::{Crash, Verdict};
use std::fmt::Write as _;

/// Deaths of one log that are told in full; of the others only how many there are.
const TOLD: usize = 3;
const WIDTH: usize = 80;

/// The verdict, then why, then what to do.
pub fn tell(report: &Report) -> String {
    let mut text = String::new();
    let verdict = match report.verdict {
        Some(Verdict::Match) => {
            "match: gorouter died of the article's bug (KB 298398), with the article's own stack"
        }
        Some(Verdict::Variant) if !report.names_gorouter() => {
            "variant: a Go program that forwards 1xx responses died of the race behind the article's bug (KB 298398); \
             nothing that is left names gorouter"
        }
        Some(Verdict::Variant) => {
            "variant: gorouter died of the article's bug (KB 298398), with another stack"
        }
        Some(Verdict::OtherCrash) if report.is_undecided() => {
            "other-crash: a Go program died; what is left of its trace neither proves the article's bug nor rules it out"
        }
        Some(Verdict::OtherCrash) => {
            "other-crash: a Go program died, and nothing shows that it was the article's bug"
        }
        Some(Verdict::None) if report.files.iter().any(|file| file.unread.is_some()) => {
            "none: no Go program is shown to have died; but words of the bug stand in lines that could not be read"
        }
        Some(Verdict::None) => "none: no Go program died in what was read",
        None => "no verdict: no log could be read",
    };
    wrap(&mut text, "", verdict);
    if report.files.len() > 1 && report.deaths.all() > 0 {
        let with = report.files.iter().filter(|file| file.deaths.all() > 0).count();
        let words = format!(
            "{} in {with} of {} logs",
            counted(&report.deaths),
            report.files.len()
        );
        wrap(&mut text, "", &words);
    }
    for file in &report.files {
        tell_file(&mut text, file);
    }
    advise(&mut text, report);
    text
}

fn tell_file(text: &mut String, file: &FileReport) {
    let name = if file.file == "-" {
        "standard input"
    } else {
        &file.file
    };
    let words = match (file.verdict, &file.error) {
        (None, Some(error)) => error.clone(),
        (Some(Verdict::None), _) | (None, None) => "none".to_owned(),
        (Some(_), None) => counted(&file.deaths),
        (Some(_), Some(error)) => format!("{} ({error})", counted(&file.deaths)),
    };
    let _ = writeln!(text);
    wrap(text, "", &format!("{name}: {words}"));
    let bug = file.verdict.is_some_and(Verdict::is_the_bug);
    if let Some(unread) = file.unread.as_ref().filter(|_| !bug) {
        let words = format!(
            "note: words of the bug stand in {} line{} that could not be read; line {}: {}",
            unread.lines,
            if unread.lines == 1 { "" } else { "s" },
            unread.line,
            unread.text
        );
        wrap(text, "  ", &words);
    }
    for crash in file.crashes.iter().take(TOLD) {
        tell_crash(text, crash);
    }
    let rest = file.deaths.all().saturating_sub(TOLD as u64);
    if rest > 0 {
        let _ = writeln!(text, "\n  … and {rest} more; all are counted, --json tells each");
    }
}

fn tell_crash(text: &mut String, crash: &Crash) {
    let time = crash
        .time
        .as_deref()
        .map_or(String::new(), |time| format!(", {time}"));
    let variant = crash
        .variant
        .and_then(|variant| serde_json::to_value(variant).ok());
    let variant = variant
        .as_ref()
        .and_then(|variant| variant.as_str())
        .map_or(String::new(), |name| format!(" {name}"));
    let _ = writeln!(
        text,
        "\n  line {}{time}: {}{variant}",
        crash.line,
        crash.verdict.name()
    );
    if let Some(message) = &crash.message {
        let end = message
            .char_indices()
            .nth(WIDTH - 8)
            .map_or(message.len(), |(at, _)| at);
        let _ = writeln!(
            text,
            "    {}{}",
            &message[..end],
            if end < message.len() { "…" } else { "" }
        );
    }
    wrap(text, "    ", &crash.cause);
    if let Some(goroutine) = crash.goroutine.filter(|_| !crash.frames.is_empty()) {
        let cut = if crash.truncated { ", cut short" } else { "" };
        let _ = writeln!(text, "    goroutine {goroutine}{cut}:");
    }
    for frame in &crash.frames {
        let _ = writeln!(text, "      {}", placed(frame));
    }
    if let Some(goroot) = &crash.paths.goroot {
        let go = crash.go.as_deref().map_or(String::new(), |go| format!("{go}, "));
        wrap(text, "    ", &format!("Go: {go}{goroot}"));
    }
    match (crash.release, &crash.paths.gorouter) {
        (Some(release), _) => wrap(text, "    ", &format!("build: by its line numbers {release}")),
        (None, Some(path)) => wrap(text, "    ", &format!("build: unknown release, in {path}")),
        (None, None) => {}
    }
    for note in &crash.notes {
        wrap(text, "    ", &format!("note: {note}"));
    }
}

fn advise(text: &mut String, report: &Report) {
    let advice: &[&str] = match report.verdict {
        Some(verdict) if verdict.is_the_bug() => &BUG,
        Some(Verdict::OtherCrash) if report.is_undecided() => &[
            "What would tell: the whole log as gorouter wrote it, and the file that goes on where this one ends \
             (`resetlab diagnose gorouter.stderr.log.1 gorouter.stderr.log`). The frames below `goroutine … [running]` decide.",
        ],
        Some(Verdict::OtherCrash) => {
            &["The article's fix will not mend it. Look at the frames above, and at who owns them."]
        }
        _ => return,
    };
    let _ = writeln!(text);
    for paragraph in advice {
        let indent = if paragraph.starts_with("- ") { "  " } else { "" };
        wrap(text, indent, paragraph);
    }
}

const BUG: [&str; 8] = [
    "Why: one goroutine forwards a backend's 1xx response while another handles the failure of the same request (the client \
     left, a timeout). Both write the response's headers, without a lock; Go's runtime ends the whole process with status 2, \
     and every connection of this router with it.",
    "",
    "What to do:",
    "- Upgrade to routing-release 0.288.0 or newer, or to a build with Go 1.23 or newer: each mends it.",
    "- Which TAS and Isolation Segment patches hold a fix is not known here: see KB 298398, or ask its vendor. \
     `resetlab affected --product tas --version …` tells what the article says.",
    "- Until then, look for apps that send 1xx responses (100 Continue to `Expect: 100-continue`, 103 Early Hints) to clients \
     that leave: without both it does not happen.",
    "- How long clients see resets is up to the load balancer's health check: `resetlab run --fault crash --interval 5s \
     --fall 2` measures it.",
    "",
];

fn counted(deaths: &Counts) -> String {
    let kinds = [
        (deaths.matches, "match"),
        (deaths.variant, "variant"),
        (deaths.other_crash, "other-crash"),
    ];
    let kinds: Vec<String> = kinds
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    let all = deaths.all();
    format!(
        "{all} death{} ({})",
        if all == 1 { "" } else { "s" },
        kinds.join(", ")
    )
}

/// `net/http.Header.Set  header.go:40`, the directories of long names left out.
fn placed(frame: &Frame) -> String {
    let file = frame
        .file
        .as_deref()
        .map_or("", |file| file.rsplit('/').next().unwrap_or(file));
    let place = match frame.line {
        Some(line) => format!("{file}:{line}"),
        None => file.to_owned(),
    };
    let room = WIDTH - 8 - place.len().min(WIDTH / 2);
    let name = if frame.function.len() > room {
        super::dump::short(&frame.function)
    } else {
        &frame.function
    };
    format!("{name}  {place}").trim_end().to_owned()
}

/// Adds a paragraph, broken at spaces; what is longer than a line stays whole, so that it can be copied. After `- ` it hangs.
pub fn wrap(text: &mut String, indent: &str, words: &str) {
    let hanging = if words.starts_with("- ") { "  " } else { "" };
    let mut column = 0;
    for word in words.split(' ').filter(|word| !word.is_empty()) {
        if column > 0 && column + 1 + word.chars().count() > WIDTH {
            text.push('\n');
            text.push_str(indent);
            text.push_str(hanging);
            column = indent.len() + hanging.len();
        } else if column > 0 {
            text.push(' ');
            column += 1;
        } else {
            text.push_str(indent);
            column = indent.len();
        }
        text.push_str(word);
        column += word.chars().count();
    }
    text.push('\n');
}
