//! How long publishes take, by what the publisher speaks.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use homeport_proto::bus::v1::{Bucket, Histogram, Protocol, PublishLatency};

/// Upper bounds in seconds; what is longer counts in the infinite one.
const BOUNDS: [f64; 14] =
    [0.000_005, 0.000_02, 0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// One for each protocol.
#[derive(Debug, Default)]
pub(crate) struct Latencies {
    /// Until the queues have the event.
    pub(crate) pubservice: Latency,
    /// The same.
    pub(crate) json_lines: Latency,
    /// Until it is acknowledged, which may be once it is on disk.
    pub(crate) homeport: Latency,
}

impl Latencies {
    pub(crate) fn list(&self) -> Vec<PublishLatency> {
        let of_each = [
            (Protocol::Pubservice, &self.pubservice),
            (Protocol::JsonLines, &self.json_lines),
            (Protocol::Homeport, &self.homeport),
        ];
        of_each
            .map(|(protocol, latency)| PublishLatency { protocol: protocol.into(), taken: Some(latency.histogram()) })
            .into()
    }
}

/// Figures that are read while others are added may be one publish apart.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    /// Not cumulative; the last one has what is beyond all bounds.
    counts: [AtomicU64; BOUNDS.len() + 1],
    sum_ns: AtomicU64,
}

impl Latency {
    pub(crate) fn add(&self, taken: Duration) {
        let place = BOUNDS.partition_point(|bound| *bound < taken.as_secs_f64());
        self.counts[place].fetch_add(1, Relaxed);
        self.sum_ns.fetch_add(u64::try_from(taken.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    fn histogram(&self) -> Histogram {
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        let cumulative = self.counts.iter().scan(0, |sum, count| {
            *sum += count.load(Relaxed);
            Some(*sum)
        });
        let buckets: Vec<_> =
            bounds.zip(cumulative).map(|(upper_bound_seconds, count)| Bucket { upper_bound_seconds, count }).collect();
        let count = buckets.last().map_or(0, |bucket| bucket.count);
        Histogram { buckets, count, sum_seconds: Duration::from_nanos(self.sum_ns.load(Relaxed)).as_secs_f64() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative() {
        let latency = Latency::default();
        for micros in [5, 20, 21, 9_000_000] {
            latency.add(Duration::from_micros(micros));
        }
        let Histogram { buckets, count, sum_seconds } = latency.histogram();
        let counts: Vec<_> = buckets.iter().map(|bucket| bucket.count).collect();
        assert_eq!(counts, [1, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4]);
        assert_eq!((count, sum_seconds), (4, 9.000_046));
    }
}
