//! When so few backends may be used that all are: better a dead one now and then than all requests on the rest.

use super::{BackendId, Share};

/// The backends to use instead of `usable`, in order of their numbers; `None`: enough may be used.
pub fn instead<'a>(
    usable: &[BackendId],
    present: &'a [BackendId],
    threshold: Option<Share>,
) -> Option<&'a [BackendId]> {
    let few = |Share(threshold): Share| {
        (usable.len() as u64) * 10_000 < u64::from(threshold) * (present.len() as u64)
    };
    threshold.is_some_and(few).then_some(present)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_the_threshold_and_not_at_it_and_with_any_share_when_none_is_left() {
        let all: Vec<_> = (0..4).map(BackendId).collect();
        let panics = |usable: usize, threshold| instead(&all[..usable], &all, threshold).is_some();
        let half = Some(Share(5_000));
        assert_eq!(
            [0, 1, 2, 3, 4].map(|n| panics(n, half)),
            [true, true, false, false, false]
        );
        let least = Some(Share(1));
        assert_eq!([0, 1, 4].map(|n| panics(n, least)), [true, false, false]);
        assert!(!panics(0, None) && !panics(0, Some(Share(0))));
        assert_eq!(instead(&[], &[], half), None, "nobody is there");
    }
}
