//! Counters of one worker: written by their owner alone with plain stores, read by anyone.
//!
//! They order nothing and cost a load and a store each, so they are always on. Only the histograms
//! are counted with additions: a poll that gave its worker away in `block_in_place` counts there
//! at the same time as whoever runs that worker now.

use super::shared::Config;
use crate::driver::clock::system_now;
// Counters order nothing.
use crate::loom::unordered::{AtomicU64, Ordering};
use crate::util::histogram::Shape;
use std::time::{Duration, Instant};

/// One counter with one writer.
#[derive(Debug)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds; by the one writer only.
    #[inline]
    pub(crate) fn add(&self, count: u64) {
        self.set(self.get().wrapping_add(count));
    }

    #[inline]
    fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts with many writers, which are rare enough to share a line.
#[derive(Debug)]
pub(crate) struct Totals {
    /// Tasks queued by other threads than workers.
    pub(crate) remote_schedules: Total,
    /// Polls that used up their budget.
    pub(crate) forced_yields: Total,
}

impl Totals {
    pub(crate) fn new() -> Self {
        Self {
            remote_schedules: Total(AtomicU64::new(0)),
            forced_yields: Total(AtomicU64::new(0)),
        }
    }
}

/// One counter with many writers.
#[derive(Debug)]
pub(crate) struct Total(AtomicU64);

impl Total {
    #[inline]
    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How long a worker was not asleep, at the price of one look at the clock when it goes to sleep
/// and one when it wakes.
///
/// One word, so that readers need no lock: while asleep the busy time, times two; while awake the
/// moment at which a worker that never slept would have started, times two, plus one. So it grows
/// also while one long poll runs.
#[derive(Debug)]
struct Busy {
    base: Instant,
    word: AtomicU64,
}

impl Busy {
    fn now_ns(&self) -> u64 {
        system_now().saturating_duration_since(self.base).as_nanos() as u64
    }

    /// The busy time until now, and whether it grows.
    fn read(&self) -> (u64, bool) {
        let word = self.word.load(Ordering::Relaxed);
        let value = word >> 1;
        if word & 1 == 0 {
            return (value, false);
        }
        (self.now_ns().saturating_sub(value), true)
    }

    fn start(&self) {
        if let (busy_ns, false) = self.read() {
            let origin = self.now_ns().saturating_sub(busy_ns);
            self.word.store(origin << 1 | 1, Ordering::Relaxed);
        }
    }

    /// Returns the busy time in all.
    fn stop(&self) -> u64 {
        let (busy_ns, _) = self.read();
        self.word.store(busy_ns << 1, Ordering::Relaxed);
        busy_ns
    }
}

/// Counts in buckets.
#[derive(Debug)]
pub(crate) struct Buckets {
    shape: Shape,
    counts: Box<[AtomicU64]>,
}

impl Buckets {
    fn new(shape: Shape) -> Self {
        let counts = (0..shape.buckets()).map(|_| AtomicU64::new(0));
        Self {
            shape,
            counts: counts.collect(),
        }
    }

    fn count(&self, value: Duration) {
        let ns = u64::try_from(value.as_nanos()).unwrap_or(u64::MAX);
        self.counts[self.shape.bucket_of(ns)].fetch_add(1, Ordering::Relaxed);
    }

    /// How many values fell into a bucket; none if there is no such bucket.
    pub(crate) fn get(&self, bucket: usize) -> Option<u64> {
        let count = self.counts.get(bucket)?;
        Some(count.load(Ordering::Relaxed))
    }
}

/// What a worker counts.
#[derive(Debug)]
pub(crate) struct WorkerStats {
    /// Twice the number of polls, plus one while a poll runs: the monitor's pulse.
    pulse: Counter,
    /// Twice the number of sleeps, less one while it sleeps.
    parkings: Counter,
    /// How often it woke and found nothing.
    pub(crate) noops: Counter,
    /// Tasks it took from other workers.
    pub(crate) steals: Counter,
    /// Successful visits to other workers.
    pub(crate) steal_operations: Counter,
    /// Tasks it queued in its own slot or deque.
    pub(crate) local_schedules: Counter,
    /// Polls that ended with the task waking itself.
    pub(crate) yields: Counter,
    busy: Busy,
    /// Busy time and polls up to the last sleep, and the mean time of a poll then.
    busy_before_ns: Counter,
    polls_before: Counter,
    mean_poll_ns: Counter,
    poll_times: Option<Box<Buckets>>,
    latencies: Option<Box<Buckets>>,
}

/// What one poll changes in the mean of all before it: the last 20 polls make up about nine tenths.
const WEIGHT_OF_A_POLL: f64 = 0.1;

impl WorkerStats {
    pub(crate) fn new(config: &Config) -> Self {
        let observer = config.observer.as_deref().map(|observer| observer.config());
        let buckets = |shape: Option<Shape>| shape.map(|shape| Box::new(Buckets::new(shape)));
        Self {
            pulse: Counter::new(),
            parkings: Counter::new(),
            noops: Counter::new(),
            steals: Counter::new(),
            steal_operations: Counter::new(),
            local_schedules: Counter::new(),
            yields: Counter::new(),
            busy: Busy {
                base: system_now(),
                word: AtomicU64::new(0),
            },
            busy_before_ns: Counter::new(),
            polls_before: Counter::new(),
            mean_poll_ns: Counter::new(),
            poll_times: buckets(observer.and_then(|config| config.poll_times)),
            latencies: buckets(observer.and_then(|config| config.latencies)),
        }
    }

    #[inline]
    pub(crate) fn start_poll(&self) {
        // From "no poll" to the next one, or from one poll straight to the next.
        let step = 1 + (self.pulse.get() & 1);
        self.pulse.add(step);
    }

    /// No poll runs any more.
    pub(crate) fn end_polls(&self) {
        self.pulse.add(self.pulse.get() & 1);
    }

    /// Changes with every poll; odd while one runs.
    pub(crate) fn pulse(&self) -> u64 {
        self.pulse.get()
    }

    /// Polls begun.
    pub(crate) fn polls(&self) -> u64 {
        self.pulse.get().div_ceil(2)
    }

    /// The worker has a thread that runs it.
    pub(crate) fn started(&self) {
        self.busy.start();
    }

    /// The worker finds the end of the runtime. One that began so late that it found nothing else
    /// counts as one that the end woke: it slept, for no time, and got up in vain.
    pub(crate) fn ends(&self) {
        if self.polls() == 0 && self.parks() == 0 {
            self.parkings.add(2);
            self.noops.add(1);
        }
    }

    /// The worker has no thread any more. Returns how long it was awake since it last woke.
    pub(crate) fn stopped(&self) -> Duration {
        let busy_ns = self.busy.stop();
        let polls = self.polls();
        let new_polls = polls.wrapping_sub(self.polls_before.get());
        let spent_ns = busy_ns.saturating_sub(self.busy_before_ns.get());
        if new_polls > 0 {
            let mean_ns = mean_with(self.mean_poll_ns.get(), spent_ns, new_polls);
            self.mean_poll_ns.set(mean_ns);
            self.polls_before.set(polls);
        }
        self.busy_before_ns.set(busy_ns);
        Duration::from_nanos(spent_ns)
    }

    /// The worker goes to sleep. Returns how long it was awake.
    pub(crate) fn asleep(&self) -> Duration {
        let awake = self.stopped();
        self.parkings.add(1);
        awake
    }

    /// The worker woke up.
    pub(crate) fn awake(&self) {
        self.parkings.add(1);
        self.busy.start();
    }

    /// How often the worker went to sleep.
    pub(crate) fn parks(&self) -> u64 {
        self.parkings.get().div_ceil(2)
    }

    /// How often the worker went to sleep and woke up; odd while it sleeps.
    pub(crate) fn parks_and_unparks(&self) -> u64 {
        self.parkings.get()
    }

    /// How long the worker was awake.
    pub(crate) fn busy(&self) -> Duration {
        Duration::from_nanos(self.busy.read().0)
    }

    /// How long a poll takes, about.
    pub(crate) fn mean_poll(&self) -> Duration {
        let mean_ns = self.mean_poll_ns.get();
        let polls = self.polls();
        if mean_ns == 0 && polls > 0 {
            // It has not slept yet.
            return Duration::from_nanos(self.busy.read().0 / polls);
        }
        Duration::from_nanos(mean_ns)
    }

    pub(super) fn count_poll_time(&self, time: Duration) {
        if let Some(buckets) = &self.poll_times {
            buckets.count(time);
        }
    }

    pub(super) fn count_latency(&self, latency: Duration) {
        if let Some(buckets) = &self.latencies {
            buckets.count(latency);
        }
    }

    pub(crate) fn poll_times(&self) -> Option<&Buckets> {
        self.poll_times.as_deref()
    }

    pub(crate) fn latencies(&self) -> Option<&Buckets> {
        self.latencies.as_deref()
    }
}

/// The mean after `polls` more polls that took `spent_ns` together; 0 stands for none before.
fn mean_with(before_ns: u64, spent_ns: u64, polls: u64) -> u64 {
    let new_ns = spent_ns as f64 / polls as f64;
    // What is left of the old mean is nothing after a few hundred polls.
    let kept = match before_ns {
        0 => 0.0,
        _ => (1.0 - WEIGHT_OF_A_POLL).powi(polls.min(1_000) as i32),
    };
    let mean_ns = before_ns as f64 * kept + new_ns * (1.0 - kept);
    (mean_ns as u64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_follows_the_latest_polls() {
        assert_eq!(mean_with(0, 1_000, 10), 100);
        assert_eq!(mean_with(100, 200, 1), 110);
        assert_eq!(mean_with(100, 1_000_000, 10_000), 100);
        assert_eq!(
            mean_with(1_000_000, 0, 10_000),
            1,
            "none is not the mean of none"
        );
        let few = mean_with(100, 10_000, 10);
        assert!((680..690).contains(&few), "{few}");
    }

    #[test]
    fn busy_time_stands_still_while_asleep() {
        let busy = Busy {
            base: system_now(),
            word: AtomicU64::new(0),
        };
        assert_eq!(busy.read(), (0, false));
        busy.start();
        let (first, grows) = busy.read();
        assert!(grows);
        while busy.read().0 == first {}
        let stopped = busy.stop();
        assert!(stopped > first);
        assert_eq!(busy.read(), (stopped, false));
        busy.start();
        busy.start();
        assert!(busy.read().0 >= stopped);
        assert!(busy.stop() >= stopped);
    }
}
