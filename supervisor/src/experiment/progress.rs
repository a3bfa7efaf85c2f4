//! Progress on stderr: a bar on a terminal that can, a line a trial elsewhere, silence with `--json` in a pipe.

use super::measure::Trial;
use super::summary::detector;
use crate::terminal;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

pub struct Progress {
    bar: ProgressBar,
    lines: bool,
    trials: u32,
}

impl Progress {
    pub fn new(trials: u32, json: bool) -> Progress {
        let moving = terminal::escapes(&std::io::stderr());
        let bar = ProgressBar::with_draw_target(
            Some(u64::from(trials)),
            if moving {
                ProgressDrawTarget::stderr()
            } else {
                ProgressDrawTarget::hidden()
            },
        );
        let style =
            ProgressStyle::with_template("{bar:30} {pos}/{len} trials  {elapsed} elapsed, {eta} left  {msg}")
                .expect("the template is constant");
        bar.set_style(style);
        bar.enable_steady_tick(std::time::Duration::from_millis(250));
        Progress {
            bar,
            lines: !moving && (!json || std::io::stderr().is_terminal()),
            trials,
        }
    }

    /// One more trial is over; outcomes of its requests may still be on their way.
    pub fn done(&self, victims: &[Trial]) {
        let text = victims.iter().map(words).collect::<Vec<_>>().join("; ");
        self.say(&text);
    }

    fn say(&self, text: &str) {
        self.bar.inc(1);
        self.bar.set_message(text.to_owned());
        if self.lines {
            eprintln!("trial {}/{}: {text}", self.bar.position(), self.trials);
        }
    }
}

impl Progress {
    /// One more trial is over, of one of several engines.
    pub fn beside(&self, engine: &str, trial: &Trial) {
        let lost = requests_lost(trial.lost.total());
        let text = match trial.t_detect_s {
            Some(_) => format!("{engine}: {}, {lost}", words(trial)),
            None => format!("{engine}: {}", words(trial)),
        };
        self.say(&text);
    }
}

fn words(trial: &Trial) -> String {
    let (router, comma) = match trial.attempts {
        Some(attempts) => (format!("{} crashed after {attempts} attempts", trial.router), ","),
        None => (trial.router.clone(), ""),
    };
    match (trial.t_detect_s, trial.detected_by) {
        (Some(seconds), Some(by)) => format!(
            "{router}{comma} out of use after {seconds:.3} s ({})",
            detector(by)
        ),
        _ if trial.detected.is_none() => format!("{router}: {}", requests_lost(trial.lost.total())),
        _ => format!(
            "{router}: the balancer never noticed: {}",
            requests_lost(trial.lost.total())
        ),
    }
}

/// `1 request lost`, `37 requests lost`.
pub fn requests_lost(count: u64) -> String {
    format!("{count} request{} lost", if count == 1 { "" } else { "s" })
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
