//! How long a router that answers again waits for its first request.

use super::gaps::{self, Gaps, ticks};
use super::meets::{self, Meets};
use super::{Bounds, NoTheory, Window};
use crate::core::{CheckSettings, Growth, PassiveReturn, PassiveSettings, Schedule};
use router::fault::Spec;
use std::time::Duration;

/// Ready again → the balancer believes Up, with the router believed Down by health checks, a sentinel or a notice
/// before, and so again used for the first request. A fault that checks do not see has no Down to come back from.
///
/// After a kill: U' + (R−1)·Ir, U' a wait of the down interval, Ir the rise interval. After a hang, or a fault that made
/// answers wait, a check may be under way when the router is well again; it is answered at once, and under `start` the
/// next one comes at its tick, so up to T is saved; with `overlap` all that are under way are answered at once. Of K checkers that each decide for their share the
/// first readmits; where m must agree that it is Down, the (K−m+1)-th.
pub fn t_readmit(check: &CheckSettings, spec: &Spec) -> Result<Window, NoTheory> {
    let hung = meets::check(check, spec)? == Meets::Silence;
    let one = one_checker(check, hung)?;
    let probers = check.probers;
    if probers == 1 {
        return Ok(one);
    }
    if hung || !Gaps::down(check).fixed() {
        return Err(NoTheory::SeveralCheckers);
    }
    let rank = check.agreement.map_or(1, |agreement| probers - agreement + 1);
    Ok(Window {
        mean: one.min + (one.max - one.min) * rank / (probers + 1),
        ..one
    })
}

fn one_checker(check: &CheckSettings, hung: bool) -> Result<Window, NoTheory> {
    let (gaps, rising) = (Gaps::down(check), Gaps::rising(check));
    let timeout = check.timeout;
    let more = check.rise - 1;
    let later = rising.gap() * more;
    let within = timeout <= gaps.gap().min;
    match check.schedule {
        _ if !hung => Ok(gaps.wait() + later),
        Schedule::End => {
            // The share of the cycle that is a gap; in the rest the check under way is the first success.
            let mean = gaps.square_less(Duration::ZERO) / (2.0 * (gaps.mean() + timeout.as_secs_f64()));
            let wait = Window {
                mean: Duration::from_secs_f64(mean),
                ..gaps.wait()
            };
            Ok(wait + later)
        }
        _ if within && gaps.fixed() => Ok(within_the_tick(check, gaps.gap().mean, rising.gap().mean)),
        _ if within && !gaps::by_belief(check) => Ok(within_the_random_tick(check, &gaps)),
        _ if !gaps.fixed() => Err(NoTheory::RandomSkips),
        Schedule::Batch | Schedule::BatchByState => longer_than_the_round(check, gaps.gap().mean),
        _ if more > 0 && gaps.gap() != rising.gap() => Err(NoTheory::TwoRhythms),
        _ if gaps::overlaps(check) => Ok(all_at_once(check, gaps.gap().mean)),
        Schedule::Start | Schedule::Deadline => Ok(over_skipped_ticks(check, gaps.gap().mean)),
    }
}

/// Rounds of T each, without a gap between: the check under way is the first success, and the next round begins an
/// interval after its start, or at once where it is older.
fn longer_than_the_round(check: &CheckSettings, interval: Duration) -> Result<Window, NoTheory> {
    match (check.schedule, check.rise - 1) {
        (_, 0) => Ok(Window::ZERO),
        (Schedule::Batch, more) => {
            let wait = interval.as_secs_f64().powi(2) / (2.0 * check.timeout.as_secs_f64());
            let wait = Window {
                min: Duration::ZERO,
                mean: Duration::from_secs_f64(wait),
                max: interval,
            };
            Ok(wait + interval * (more - 1))
        }
        // A ticker of its own, which the rounds no longer keep to.
        _ => Err(NoTheory::TwoRhythms),
    }
}

/// What is left of an ejection, the n-th in a row, that began `ago` and during which no attempt that was under way has
/// failed: with `passive-counting=quiet` or `passive-return=forgotten` each of those lengthens it. The router is back
/// then (`passive-return=trial`: tried), unless health checks have made it Down meanwhile, and unless a passed check
/// alone ends it (`passive-return=check`) or may end it sooner (`passive-uneject`).
///
/// `passive-return=forgotten` has no ejection of its own length: the oldest of the failures that count has to leave
/// passive-window, which with one failure takes the window, and with more as much less as they were apart. A trial of
/// whole seconds waits for more than so many of the clock's: up to a second longer.
pub fn after_ejection(passive: &PassiveSettings, n: u32, ago: Duration) -> Bounds<Duration> {
    let longer = match passive.growth {
        Growth::Linear => n,
        Growth::None => 1,
    };
    let length = passive.ejection.saturating_mul(longer).min(passive.cap);
    let left = |length: Duration| length.min(passive.cap).saturating_sub(ago);
    match (passive.back, passive.failures) {
        (PassiveReturn::Forgotten, 1) => Bounds::exactly(left(passive.window)),
        (PassiveReturn::Forgotten, _) => Bounds {
            min: Duration::ZERO,
            mean: Err(NoTheory::ForgottenOneByOne),
            max: Ok(left(passive.window)),
        },
        (PassiveReturn::Trial, _) if length.subsec_nanos() == 0 => {
            let seconds = Window {
                min: Duration::ZERO,
                mean: Duration::from_millis(500),
                max: Duration::from_secs(1),
            };
            Bounds::from(seconds).map(|more| (length + more).saturating_sub(ago))
        }
        (PassiveReturn::Time | PassiveReturn::Trial | PassiveReturn::Check, _) => {
            Bounds::exactly(length.saturating_sub(ago))
        }
    }
}

/// `start`, T ≤ Id, gaps that keep time: the check under way, whose age is uniform, or the next tick is the first
/// success, and moves the one after it to the rise interval.
fn within_the_tick(check: &CheckSettings, down: Duration, rising: Duration) -> Window {
    let CheckSettings { timeout, rise, .. } = *check;
    let more = rise - 1;
    let [t, d, r] = [timeout, down, rising].map(|time| time.as_secs_f64());
    let in_gap = (d - t).powi(2) / 2.0 + (d - t) * f64::from(more) * r;
    let in_check = match more {
        0 => 0.0,
        more => {
            let moved = t.min(r);
            moved * r - moved * moved / 2.0 + t * f64::from(more - 1) * r
        }
    };
    Window {
        min: match more {
            0 => Duration::ZERO,
            more => rising.saturating_sub(timeout) + rising * (more - 1),
        },
        mean: Duration::from_secs_f64((in_gap + in_check) / d),
        max: down - timeout + rising * more,
    }
}

/// The same with random gaps of one kind.
fn within_the_random_tick(check: &CheckSettings, gaps: &Gaps) -> Window {
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

/// `start` with `overlap`: the T/I checks under way are all answered at once, and what `rise` wants more comes at the
/// ticks. With T = q·I + r the age x of the youngest, uniform in [0, I), tells how many they are: q + 1 where x < r.
fn all_at_once(check: &CheckSettings, interval: Duration) -> Window {
    let whole = (check.timeout.as_nanos() / interval.as_nanos()) as u32;
    let rest = check.timeout - interval * whole;
    let more = check.rise.saturating_sub(whole);
    match more {
        0 => Window::ZERO,
        1 => {
            let gap = interval - rest;
            let mean = gap.as_secs_f64().powi(2) / (2.0 * interval.as_secs_f64());
            Window {
                min: Duration::ZERO,
                mean: Duration::from_secs_f64(mean),
                max: gap,
            }
        }
        more => Window {
            min: interval * (more - 1) - rest,
            mean: interval * more - interval / 2 - rest,
            max: interval * more - rest,
        },
    }
}

/// `start`, T > I, no jitter: the mean over a cycle of C, of which the check under way takes T.
fn over_skipped_ticks(check: &CheckSettings, interval: Duration) -> Window {
    let CheckSettings { timeout, rise, .. } = *check;
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
