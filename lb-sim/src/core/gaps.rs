//! How long it is from one check to the next: by what is believed, whether traffic has come, and chance.

use super::{CheckSettings, FirstCheck};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use router::record::Belief;
use std::time::Duration;

/// The wait for the next check of a router believed `belief`, before chance has its part. `quiet`: no request has come
/// yet.
///
/// HAProxy (`srv_getinter`): fully Up, `inter`; Down with nothing pending, `downinter`; otherwise `fastinter`. Envoy
/// (`HealthCheckerImplBase::interval`): the edge intervals while a change is pending, the no-traffic interval before all.
pub(super) fn wait(settings: &CheckSettings, belief: Belief, quiet: bool) -> Duration {
    if let Some(wait) = settings.no_traffic_interval.filter(|_| quiet) {
        return wait;
    }
    let special = match belief {
        Belief::Up | Belief::Ejected => None,
        Belief::GoingDown => settings.fall_interval,
        Belief::Down => settings.down_interval,
        Belief::GoingUp => settings.rise_interval,
    };
    special.unwrap_or(settings.interval)
}

/// Whether what is believed makes a difference to the wait.
pub(super) fn depend_on_belief(settings: &CheckSettings) -> bool {
    settings.fall_interval.is_some() || settings.down_interval.is_some() || settings.rise_interval.is_some()
}

/// The longest that `wait` can become.
pub(super) fn longest(settings: &CheckSettings, wait: Duration) -> Duration {
    wait + share(wait, settings.spread.0.into(), 10_000) + settings.jitter
}

/// What chance adds to one gap, or takes from it: drawn before it is known to which wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chance {
    /// In hundredths of a percent of the wait, from `-spread` to `spread`, in 2⁻³² of them.
    spread: i64,
    jitter: Duration,
}

impl Chance {
    pub fn draw(settings: &CheckSettings, random: &mut ChaCha8Rng) -> Chance {
        let mut chance = Chance {
            spread: 0,
            jitter: Duration::ZERO,
        };
        let spread = u64::from(settings.spread.0) << 32;
        if spread > 0 {
            chance.spread = uniform(random, 2 * spread) as i64 - spread as i64;
        }
        if !settings.jitter.is_zero() {
            chance.jitter = Duration::from_nanos(uniform(random, nanos(settings.jitter)));
        }
        chance
    }

    /// The gap: the wait with its share of chance.
    pub fn applied(self, wait: Duration) -> Duration {
        let wait = match self.spread {
            0 => wait,
            spread => {
                let part = share(wait, spread.unsigned_abs(), 10_000 << 32);
                if spread > 0 { wait + part } else { wait - part }
            }
        };
        wait + self.jitter
    }
}

/// After what time router `place` of `of` is checked first by a prober that starts `offset` into an interval.
///
/// HAProxy spreads server `i` of `n` to `i/n` of the interval; Caddy and pingora start at once, Traefik's ticker fires
/// after one interval, kubelet sleeps a random part of one.
pub(super) fn first(
    settings: &CheckSettings,
    (place, of): (u32, u32),
    offset: Duration,
    random: &mut ChaCha8Rng,
) -> Duration {
    let interval = settings.interval;
    match settings.first_check {
        FirstCheck::Spread => {
            let spread = nanos(share(interval, place.into(), of.into())).saturating_add(nanos(offset));
            Duration::from_nanos(spread % nanos(interval).max(1))
        }
        FirstCheck::Now => offset,
        FirstCheck::Interval => interval + offset,
        FirstCheck::Random => within(interval, random),
    }
}

/// A prober beyond the first starts at a random time within an interval, as the nodes of a load balancer do.
pub(super) fn offset(prober: u32, settings: &CheckSettings, random: &mut ChaCha8Rng) -> Duration {
    match prober {
        0 => Duration::ZERO,
        _ => within(settings.interval, random),
    }
}

/// A random time in `[0, interval)`.
pub(super) fn within(interval: Duration, random: &mut ChaCha8Rng) -> Duration {
    Duration::from_nanos(uniform(random, nanos(interval)))
}

/// `duration × numerator ÷ denominator`.
pub(super) fn share(duration: Duration, numerator: u64, denominator: u64) -> Duration {
    let scaled = duration.as_nanos() * u128::from(numerator) / u128::from(denominator.max(1));
    Duration::from_nanos(u64::try_from(scaled).unwrap_or(u64::MAX))
}

pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The high word of the product is uniform in `[0, below)`.
fn uniform(random: &mut ChaCha8Rng, below: u64) -> u64 {
    ((u128::from(random.next_u64()) * u128::from(below)) >> 64) as u64
}
