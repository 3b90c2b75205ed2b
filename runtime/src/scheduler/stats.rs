//! Counters of one worker: written by their owner alone with plain stores, read by anyone.
//!
//! They order nothing and cost a load and a store each, so they are always on.

use crate::loom::sync::atomic::{AtomicU64, Ordering};

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
        let value = self.0.load(Ordering::Relaxed).wrapping_add(count);
        self.0.store(value, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a worker counts.
#[derive(Debug)]
pub(crate) struct WorkerStats {
    /// Twice the number of polls, plus one while a poll runs: the monitor's pulse.
    pulse: Counter,
    /// How often it went to sleep.
    pub(crate) parks: Counter,
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
}

impl WorkerStats {
    pub(crate) fn new() -> Self {
        Self {
            pulse: Counter::new(),
            parks: Counter::new(),
            noops: Counter::new(),
            steals: Counter::new(),
            steal_operations: Counter::new(),
            local_schedules: Counter::new(),
            yields: Counter::new(),
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
}
