//! How long acknowledged publishes take.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use homeport_proto::bus::v1::{Bucket, Histogram};

/// Upper bounds in seconds; what is longer counts in the infinite one.
const BOUNDS: [f64; 11] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

#[derive(Debug, Default)]
pub(crate) struct Latency(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// Not cumulative; the last one has what is beyond all bounds.
    counts: [u64; BOUNDS.len() + 1],
    sum: Duration,
}

impl Latency {
    pub(crate) fn add(&self, taken: Duration) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = BOUNDS.partition_point(|bound| *bound < taken.as_secs_f64());
        counts.counts[place] += 1;
        counts.sum += taken;
    }

    pub(crate) fn histogram(&self) -> Histogram {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        let cumulative = counts.counts.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        let buckets: Vec<_> =
            bounds.zip(cumulative).map(|(upper_bound_seconds, count)| Bucket { upper_bound_seconds, count }).collect();
        let count = buckets.last().map_or(0, |bucket| bucket.count);
        Histogram { buckets, count, sum_seconds: counts.sum.as_secs_f64() }
    }
}
