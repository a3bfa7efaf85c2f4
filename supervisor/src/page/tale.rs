//! PURE: windows and lines of the story, as far as a page has not heard them.

use super::frame::{Frame, LogLine};
use super::window::Window;
use super::{ms, word};
use crate::story::{self, Line, Story, Tone, WindowReport};
use router::clock::Timestamp;
use router::record::{Event, Record};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How much of a story has been told.
pub(super) struct Tale {
    since: Timestamp,
    windows: usize,
    /// Of [`Story::grown`].
    grown: usize,
    /// Windows that are open, by router, as they were told last.
    open: BTreeMap<String, Window>,
    /// Routers whose windows are still to be counted in this round.
    round: Vec<String>,
    /// Something came that may belong to a window.
    dirty: bool,
    /// Open windows are not looked at before.
    next_look: Timestamp,
    pub log: Vec<LogLine>,
}

/// From one look at the open windows to the next, for each entry that the look had to read: while that is cheap, each
/// frame has figures as new as its outcomes, and what is dear to count is counted more seldom, so that it never takes more
/// than about a hundredth of the time.
const GAP_PER_ENTRY: Duration = Duration::from_micros(5);
/// Entries after which the other windows wait for the next look: the lab does not stand still meanwhile.
const ENTRIES: usize = 50_000;

impl Tale {
    pub fn new(since: Timestamp) -> Tale {
        Tale {
            since,
            windows: 0,
            grown: 0,
            open: BTreeMap::new(),
            round: Vec::new(),
            dirty: false,
            next_look: Timestamp::default(),
            log: Vec::new(),
        }
    }

    pub fn on_record(&mut self, record: &Record) {
        let moves = matches!(
            record.event,
            Event::Attempt { .. }
                | Event::Outcome { .. }
                | Event::Belief { .. }
                | Event::Quiet { .. }
                | Event::Settings { .. }
        );
        self.dirty |= moves || story::subject(record).is_some();
    }

    pub fn on_lines(&mut self, lines: &[Line]) {
        self.log.extend(lines.iter().map(|line| LogLine {
            at: ms(self.since, line.at),
            tone: match line.tone {
                Tone::Plain => "plain",
                Tone::Bad => "bad",
                Tone::Warning => "warning",
                Tone::Good => "good",
            },
            text: line.text.clone(),
        }));
    }

    pub fn flush(&mut self, now: Timestamp, story: &Story, frame: &mut Frame) {
        for report in &story.reports[self.windows..] {
            self.open.remove(&report.router);
            frame
                .windows
                .push(window(self.since, report, report.open_for.is_some()));
        }
        let grown: BTreeSet<usize> = story.grown[self.grown..].iter().copied().collect();
        for report in grown.range(..self.windows).map(|place| &story.reports[*place]) {
            frame
                .windows
                .push(window(self.since, report, report.open_for.is_some()));
        }
        (self.windows, self.grown) = (story.reports.len(), story.grown.len());
        self.look(now, story, frame);
        frame.log.append(&mut self.log);
    }

    /// Counts open windows again, some of them when there are many failures.
    fn look(&mut self, now: Timestamp, story: &Story, frame: &mut Frame) {
        if now < self.next_look {
            return;
        }
        if self.round.is_empty() && std::mem::take(&mut self.dirty) {
            self.round = story.open_windows().map(str::to_owned).collect();
        }
        let mut entries = 0;
        while entries < ENTRIES
            && let Some(router) = self.round.pop()
        {
            // Closed meanwhile: told as a report.
            let Some((report, read)) = story.so_far(&router) else {
                continue;
            };
            entries += read;
            let window = window(self.since, &report, true);
            if self.open.get(&router) != Some(&window) {
                self.open.insert(router, window.clone());
                frame.windows.push(window);
            }
        }
        if entries > 0 {
            let entries = u32::try_from(entries).unwrap_or(u32::MAX);
            self.next_look = now + GAP_PER_ENTRY * entries;
        }
    }
}

fn window(since: Timestamp, report: &WindowReport, open: bool) -> Window {
    let seconds = |time: Duration| time.as_secs_f64();
    let by_outcome = report.lost.by_outcome.iter();
    let causes = report.causes.iter();
    Window {
        id: format!("{}-{}", report.router, report.death.0),
        router: report.router.clone(),
        fault: word(&report.fault),
        began: report.began,
        from: ms(since, report.death),
        open,
        open_for_s: report.open_for.map(seconds),
        t_detect_s: report.t_detect.map(seconds),
        detected_by: report.detected_by.map(|by| word(&by)),
        predicted_t_detect_s: report.predicted.map(seconds),
        t_stop_s: report.t_stop.map(seconds),
        in_flight: report.lost.in_flight,
        window: report.lost.window,
        by_outcome: by_outcome.map(|(outcome, n)| (word(outcome), *n)).collect(),
        causes: causes.map(|(cause, n)| (word(cause), *n)).collect(),
        saved_by_retry: report.told.then_some(report.saved),
    }
}
