//! PURE: durations in buckets.

use std::time::Duration;

/// From a sentinel's millisecond to a minute of polling; seconds.
pub(super) const BOUNDS: [f64; 17] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0,
];

#[derive(Clone, Debug, Default)]
pub(super) struct Histogram {
    pub sum: f64,
    pub count: u64,
    /// Not cumulative; the last one has no bound.
    counts: [u64; BOUNDS.len() + 1],
}

impl Histogram {
    pub fn observe(&mut self, time: Duration) {
        let seconds = time.as_secs_f64();
        self.sum += seconds;
        self.count += 1;
        self.counts[BOUNDS.partition_point(|bound| *bound < seconds)] += 1;
    }

    /// Upper bound and count of each bucket, as the encoder wants them.
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        bounds.zip(self.counts).collect()
    }
}
