//! Progress on stderr: a bar on a terminal, a line a trial elsewhere, silence with `--json` in a pipe.

use super::trial::Happened;
use super::watch::Watch;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use router::record::{Belief, Event};
use std::io::IsTerminal;

pub struct Progress {
    bar: ProgressBar,
    lines: bool,
    trials: u32,
}

impl Progress {
    pub fn new(trials: u32, json: bool) -> Progress {
        let terminal = std::io::stderr().is_terminal();
        let bar = ProgressBar::with_draw_target(
            Some(u64::from(trials)),
            if terminal {
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
            lines: !terminal && !json,
            trials,
        }
    }

    /// One more trial is over; its outcomes may still be on their way.
    pub fn done(&self, watch: &Watch, happened: &Happened) {
        let (death, _) = happened.death;
        let down = watch.records.iter().find(|record| {
            record.at >= death
                && matches!(&record.event, Event::Belief { router, to: Belief::Down, .. } if *router == happened.router)
        });
        let text = match down {
            Some(down) => format!(
                "{} down after {:.3} s",
                happened.router,
                down.at.seconds_after(death)
            ),
            None => format!("{}: the balancer never noticed", happened.router),
        };
        self.bar.inc(1);
        self.bar.set_message(text.clone());
        if self.lines {
            eprintln!("trial {}/{}: {text}", self.bar.position(), self.trials);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
