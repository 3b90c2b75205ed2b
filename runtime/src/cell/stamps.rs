//! What is kept of a task for observers only: where it was spawned and when it was queued.
//!
//! - R1. The stamp is written by whoever is about to hand over the run-queue entry, and read by its
//!   holder (I1 of [`super`]): the queue's own hand-over orders the two.

// By R1 the stamp is ordered by something else.
use crate::loom::unordered::{AtomicU64, Ordering};
use std::panic::Location;

/// Where a task was spawned and when it was queued last.
#[derive(Debug)]
pub(crate) struct TaskStamps {
    spawned_at: &'static Location<'static>,
    /// In the observer's own unit, 0 for never (R1).
    queued_at: AtomicU64,
}

impl TaskStamps {
    pub(crate) fn new(spawned_at: &'static Location<'static>) -> Self {
        Self {
            spawned_at,
            queued_at: AtomicU64::new(0),
        }
    }

    pub(crate) fn spawned_at(&self) -> &'static Location<'static> {
        self.spawned_at
    }

    /// Notes when the task's entry is queued.
    pub(crate) fn queued(&self, at: u64) {
        self.queued_at.store(at, Ordering::Relaxed);
    }

    /// When the task's entry was queued; 0 if that was not noted.
    pub(crate) fn queued_at(&self) -> u64 {
        self.queued_at.load(Ordering::Relaxed)
    }
}
