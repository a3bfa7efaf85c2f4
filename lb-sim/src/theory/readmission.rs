//! How long a router that answers again waits for its first request.

use super::gaps::{Gaps, ticks};
use super::meets::{self, Meets};
use super::{NoTheory, Window};
use crate::core::{CheckSettings, PassiveSettings, Schedule};
use router::fault::Spec;
use router::record::Fault;
use std::time::Duration;

/// What becomes of a check under way when the router is well again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UnderWay {
    /// There is none: checks fail at once.
    Nothing,
    /// It is answered at once: the process was stopped and goes on.
    Answered,
    /// It was lost and runs into its timeout.
    Lost,
}

/// Ready again → the balancer believes Up, with the router believed Down by health checks, a sentinel or a notice
/// before. A fault that checks do not see has no Down to come back from.
///
/// After a kill: U' + (R−1)·I. After a hang a check may be under way when the router resumes; it is answered at once,
/// and under `start` the next one comes at its tick, so up to T is saved.
pub fn t_readmit(check: &CheckSettings, spec: &Spec) -> Result<Window, NoTheory> {
    let under_way = match (meets::check(check, spec)?, spec.fault) {
        (Meets::Failure, _) => UnderWay::Nothing,
        (Meets::Silence, Fault::Hang) => UnderWay::Answered,
        (Meets::Silence, _) => UnderWay::Lost,
    };
    let gaps = Gaps::new(check);
    let more = gaps.gap() * (check.rise - 1);
    match (under_way, check.schedule) {
        (UnderWay::Nothing, _) => Ok(gaps.wait() + more),
        (UnderWay::Answered, Schedule::End) => {
            // The share of the cycle that is a gap; in the rest the check under way is the first success.
            let mean = gaps.square_less(Duration::ZERO) / (2.0 * (gaps.mean() + check.timeout.as_secs_f64()));
            let wait = Window {
                mean: Duration::from_secs_f64(mean),
                ..gaps.wait()
            };
            Ok(wait + more)
        }
        (UnderWay::Lost, Schedule::End) => Ok(gaps.wait_with(check.timeout) + more),
        (UnderWay::Lost, _) if check.timeout <= check.interval => Ok(gaps.wait() + more),
        (UnderWay::Answered, _) if check.timeout <= check.interval => Ok(within_the_tick(check, &gaps)),
        (_, _) if !check.jitter.is_zero() => Err(NoTheory::RandomSkips),
        (UnderWay::Answered, _) => Ok(over_skipped_ticks(check)),
        (UnderWay::Lost, _) => {
            let cycle = check.interval * ticks(check.timeout, check.interval);
            let wait = Window {
                min: Duration::ZERO,
                mean: cycle / 2,
                max: cycle,
            };
            Ok(wait + more)
        }
    }
}

/// What is left of an ejection, the n-th in a row, that began `ago`. The router is back then, unless health checks have
/// made it Down meanwhile.
pub fn after_ejection(passive: &PassiveSettings, n: u32, ago: Duration) -> Duration {
    passive
        .ejection
        .saturating_mul(n)
        .min(passive.cap)
        .saturating_sub(ago)
}

/// `start`, T ≤ I: the check under way or the next tick is the first success.
fn within_the_tick(check: &CheckSettings, gaps: &Gaps) -> Window {
    let CheckSettings { timeout, rise, .. } = *check;
    let gap = gaps.gap();
    let max = gap.max * rise - timeout;
    if rise == 1 {
        let mean = gaps.square_less(timeout) / (2.0 * gaps.mean());
        let mean = Duration::from_secs_f64(mean);
        return Window {
            min: Duration::ZERO,
            mean,
            max,
        };
    }
    Window {
        min: gap.min * (rise - 1) - timeout,
        mean: gaps.wait().mean + gap.mean * (rise - 1) - timeout,
        max,
    }
}

/// `start`, T > I, no jitter: the mean over a cycle of C, of which the check under way takes T.
fn over_skipped_ticks(check: &CheckSettings) -> Window {
    let CheckSettings {
        interval,
        timeout,
        rise,
        ..
    } = *check;
    let cycle = interval * ticks(timeout, interval);
    let rest = cycle - timeout;
    let [i, t, c, rest_s] = [interval, timeout, cycle, rest].map(|d| d.as_secs_f64());
    let later = f64::from(rise - 1) * i;
    let in_gap = rest_s * rest_s / 2.0 + rest_s * later;
    // Answered in mid-check: the second success comes at the next tick.
    let in_check = if rise == 1 {
        0.0
    } else {
        let whole = (t / i).floor();
        let part = t - whole * i;
        whole * i * i / 2.0 + i * part - part * part / 2.0 + t * (later - i)
    };
    Window {
        min: interval * rise.saturating_sub(2),
        mean: Duration::from_secs_f64((in_gap + in_check) / c),
        max: if rise == 1 {
            rest
        } else {
            rest.max(Duration::ZERO) + interval * (rise - 1)
        },
    }
}
