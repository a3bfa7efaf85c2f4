//! PURE: how much of a lab's life is in the picture.

use super::Moment;
use router::clock::Timestamp;
use std::time::Duration;

/// From a bit more than a check's interval before the fault until the router serves again, where that is not far, and
/// not beyond the next fault; a fault that is over in a blink beside the interval is shown nearer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    pub from: Timestamp,
    /// Nothing later can be in the picture.
    pub last: Timestamp,
    at: Timestamp,
    /// All that was measured of the fault had happened by then, seconds from `at`.
    reach: f64,
    /// The same, where anything was measured.
    measured: f64,
}

/// The return of the routers is shown when it is not more than so many times as far as all before it.
const PATIENCE: f64 = 2.5;
/// Room at the end, as a share of all.
const MARGIN: f64 = 0.1;
/// What happened then is still in the picture.
const HAIR: Duration = Duration::from_millis(1);
/// The least that is shown before a fault, in seconds.
const LEAST: f64 = 0.5;

impl Span {
    pub fn of(moment: &Moment) -> Span {
        let interval = moment.interval.as_secs_f64();
        let measured = [moment.t_detect_s, moment.t_stop_s, moment.t_clear_s];
        let measured = measured.into_iter().flatten().reduce(f64::max);
        let reach = measured.or(moment.predicted_t_detect_s).unwrap_or(2.0 * interval);
        let lead = (1.15 * interval).min((3.0 * reach).max(LEAST));
        let span = Span {
            from: moment.at - seconds(lead),
            last: moment.at,
            at: moment.at,
            reach,
            measured: measured.unwrap_or(0.0),
        };
        Span {
            last: span.with_margin(span.patience()),
            ..span
        }
    }

    pub fn holds(&self, time: Timestamp) -> bool {
        (self.from..=self.last).contains(&time)
    }

    /// Its end, when all routers were well again at `again`, the next fault took effect at `next`, and the lab ended at
    /// `stopped`. What was measured is shown, even if others went meanwhile.
    pub fn end(
        &self,
        again: Option<Timestamp>,
        next: Option<Timestamp>,
        stopped: Option<Timestamp>,
    ) -> Timestamp {
        let again = again.map(|again| again.seconds_after(self.at));
        let end = again.filter(|again| *again <= self.patience()).unwrap_or(0.0);
        let end = self.with_margin(end.max(self.reach));
        let next = next.map(|next| next.max(self.at + seconds(self.measured) + HAIR));
        let end = next.map_or(end, |next| end.min(next));
        stopped.map_or(end, |stopped| end.min(stopped))
    }

    fn patience(&self) -> f64 {
        PATIENCE * self.reach + 1.0
    }

    fn with_margin(&self, end: f64) -> Timestamp {
        let whole = end + self.at.seconds_after(self.from);
        self.at + seconds(end + MARGIN * whole)
    }
}

fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value.max(0.0)).unwrap_or(Duration::MAX)
}
