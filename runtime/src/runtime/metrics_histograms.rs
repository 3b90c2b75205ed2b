//! Histograms of a runtime: how long polls take, and how long tasks wait for theirs.

use super::metrics::RuntimeMetrics;
use crate::scheduler::observer::ObserverConfig;
use crate::scheduler::stats::Buckets;
use crate::util::histogram::Shape;
use std::ops::Range;
use std::time::Duration;

/// How long polls take.
impl RuntimeMetrics {
    /// Whether the runtime has the histogram: see
    /// [`Builder::enable_metrics_poll_time_histogram`](super::Builder::enable_metrics_poll_time_histogram).
    pub fn poll_time_histogram_enabled(&self) -> bool {
        self.poll_times().is_some()
    }

    /// How many buckets the histogram has; none if the runtime has no such histogram.
    pub fn poll_time_histogram_num_buckets(&self) -> usize {
        self.poll_times().map_or(0, Shape::buckets)
    }

    /// Which times fall into a bucket; the last takes all longer ones, too. Empty if the runtime
    /// has no such histogram.
    ///
    /// # Panics
    ///
    /// Panics if the histogram has no bucket `bucket`.
    #[track_caller]
    pub fn poll_time_histogram_bucket_range(&self, bucket: usize) -> Range<Duration> {
        self.poll_times()
            .map_or_else(Range::default, |shape| range(shape, bucket))
    }

    /// How many polls of the worker took so long. 0 if the runtime has no such histogram.
    ///
    /// # Panics
    ///
    /// Panics if there is no worker `worker`, or if the histogram has no bucket `bucket`.
    #[track_caller]
    pub fn poll_time_histogram_bucket_count(&self, worker: usize, bucket: usize) -> u64 {
        self.worker(worker, |stats| count(stats.poll_times(), bucket))
    }

    fn poll_times(&self) -> Option<Shape> {
        self.observer_config()?.poll_times
    }

    /// The former name of [`poll_time_histogram_enabled`](Self::poll_time_histogram_enabled).
    #[deprecated = "renamed to `poll_time_histogram_enabled`"]
    #[doc(hidden)]
    #[track_caller]
    pub fn poll_count_histogram_enabled(&self) -> bool {
        self.poll_time_histogram_enabled()
    }

    /// The former name of [`poll_time_histogram_num_buckets`](Self::poll_time_histogram_num_buckets).
    #[deprecated = "renamed to `poll_time_histogram_num_buckets`"]
    #[doc(hidden)]
    #[track_caller]
    pub fn poll_count_histogram_num_buckets(&self) -> usize {
        self.poll_time_histogram_num_buckets()
    }

    /// The former name of [`poll_time_histogram_bucket_range`](Self::poll_time_histogram_bucket_range).
    #[deprecated = "renamed to `poll_time_histogram_bucket_range`"]
    #[doc(hidden)]
    #[track_caller]
    pub fn poll_count_histogram_bucket_range(&self, bucket: usize) -> Range<Duration> {
        self.poll_time_histogram_bucket_range(bucket)
    }

    /// The former name of [`poll_time_histogram_bucket_count`](Self::poll_time_histogram_bucket_count).
    #[deprecated = "renamed to `poll_time_histogram_bucket_count`"]
    #[doc(hidden)]
    #[track_caller]
    pub fn poll_count_histogram_bucket_count(&self, worker: usize, bucket: usize) -> u64 {
        self.poll_time_histogram_bucket_count(worker, bucket)
    }
}

/// How long tasks are queued before a poll.
impl RuntimeMetrics {
    /// Whether the runtime has the histogram: see
    /// [`Builder::enable_metrics_schedule_latency_histogram`](super::Builder::enable_metrics_schedule_latency_histogram).
    pub fn schedule_latency_histogram_enabled(&self) -> bool {
        self.latencies().is_some()
    }

    /// How many buckets the histogram has; none if the runtime has no such histogram.
    pub fn schedule_latency_histogram_num_buckets(&self) -> usize {
        self.latencies().map_or(0, Shape::buckets)
    }

    /// Which times fall into a bucket; the last takes all longer ones, too. Empty if the runtime
    /// has no such histogram.
    ///
    /// # Panics
    ///
    /// Panics if the histogram has no bucket `bucket`.
    #[track_caller]
    pub fn schedule_latency_histogram_bucket_range(&self, bucket: usize) -> Range<Duration> {
        self.latencies()
            .map_or_else(Range::default, |shape| range(shape, bucket))
    }

    /// How many polls of the worker came so long after their task was queued. 0 if the runtime has no such histogram.
    ///
    /// # Panics
    ///
    /// Panics if there is no worker `worker`, or if the histogram has no bucket `bucket`.
    #[track_caller]
    pub fn schedule_latency_histogram_bucket_count(&self, worker: usize, bucket: usize) -> u64 {
        self.worker(worker, |stats| count(stats.latencies(), bucket))
    }

    fn latencies(&self) -> Option<Shape> {
        self.observer_config()?.latencies
    }

    fn observer_config(&self) -> Option<&ObserverConfig> {
        let observer = self.handle.config().observer.as_deref()?;
        Some(observer.config())
    }
}

#[track_caller]
fn range(shape: Shape, bucket: usize) -> Range<Duration> {
    let buckets = shape.buckets();
    assert!(
        bucket < buckets,
        "there is no bucket {bucket}: the histogram has {buckets}"
    );
    let Range { start, end } = shape.range(bucket);
    Duration::from_nanos(start)..Duration::from_nanos(end)
}

#[track_caller]
fn count(buckets: Option<&Buckets>, bucket: usize) -> u64 {
    let Some(buckets) = buckets else { return 0 };
    match buckets.get(bucket) {
        Some(count) => count,
        None => panic!("the histogram has no bucket {bucket}"),
    }
}
