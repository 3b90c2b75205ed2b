//! A histogram of latencies that many tasks write at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Buckets per doubling: the error of a quantile is at most one in this many.
const STEPS: u64 = 16;
const BUCKETS: usize = 40 * STEPS as usize;

pub(crate) struct Histogram([AtomicU64; BUCKETS]);

impl Default for Histogram {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; BUCKETS])
    }
}

impl Histogram {
    pub(crate) fn record(&self, latency: Duration) {
        let microseconds = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.0[bucket(microseconds)].fetch_add(1, Ordering::Relaxed);
    }

    /// Takes the counts out and adds them to `total`.
    pub(crate) fn take_into(&self, total: &Self) -> Self {
        let taken = Self::default();
        for ((from, to), sum) in self.0.iter().zip(&taken.0).zip(&total.0) {
            let count = from.swap(0, Ordering::Relaxed);
            to.store(count, Ordering::Relaxed);
            sum.fetch_add(count, Ordering::Relaxed);
        }
        taken
    }

    pub(crate) fn count(&self) -> u64 {
        self.0
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .sum()
    }

    /// The latency in µs below which `percent` of the records lie, about.
    pub(crate) fn quantile(&self, percent: u64) -> u64 {
        let rank = (self.count() * percent).div_ceil(100);
        let mut seen = 0;
        let found = self.0.iter().position(|count| {
            seen += count.load(Ordering::Relaxed);
            seen >= rank.max(1)
        });
        found.map_or(0, lower_bound)
    }
}

/// Exact below `STEPS`; above, the highest bits of the number choose.
fn bucket(microseconds: u64) -> usize {
    let shift = (microseconds / STEPS + 1).ilog2();
    let index = u64::from(shift) * STEPS + ((microseconds + STEPS) >> shift) - STEPS;
    (index as usize).min(BUCKETS - 1)
}

fn lower_bound(bucket: usize) -> u64 {
    let (shift, step) = (bucket as u64 / STEPS, bucket as u64 % STEPS);
    ((step + STEPS) << shift) - STEPS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_ordered_and_close() {
        let mut last = 0;
        for microseconds in 0..100_000 {
            let bucket = bucket(microseconds);
            assert!(bucket == last || bucket == last + 1, "{microseconds}");
            let low = lower_bound(bucket);
            assert!(
                low <= microseconds && microseconds - low <= low / STEPS + 1,
                "{microseconds}"
            );
            last = bucket;
        }
        assert_eq!(super::bucket(u64::MAX >> 8), BUCKETS - 1);
    }

    #[test]
    fn quantiles_of_a_hundred() {
        let histogram = Histogram::default();
        (1..=100).for_each(|n| histogram.record(Duration::from_micros(n)));
        let total = Histogram::default();
        let taken = histogram.take_into(&total);
        assert_eq!(
            (histogram.count(), taken.count(), total.count()),
            (0, 100, 100)
        );
        assert!(
            (47..=50).contains(&taken.quantile(50)),
            "{}",
            taken.quantile(50)
        );
        assert!(
            (93..=99).contains(&taken.quantile(99)),
            "{}",
            taken.quantile(99)
        );
    }
}
