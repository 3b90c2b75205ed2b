//! The queue of orphans; the model plays the reaper.

use crate::process::unix::orphan_queue;

/// Orphans on their way to the reaper.
#[derive(Debug)]
pub struct OrphanQueue<T>(orphan_queue::OrphanQueue<T>);

impl<T> OrphanQueue<T> {
    #[allow(missing_docs, clippy::new_without_default)]
    pub fn new() -> Self {
        Self(orphan_queue::OrphanQueue::new())
    }

    #[allow(missing_docs)]
    #[must_use]
    pub fn push(&self, orphan: T) -> bool {
        self.0.push(orphan)
    }

    #[allow(missing_docs)]
    #[must_use]
    pub fn go_on(&self, own: &mut Vec<T>) -> bool {
        self.0.go_on(own)
    }

    /// No time passes in a model: this ends with a push alone.
    pub fn rest(&self) {
        self.0.rest(std::time::Duration::MAX);
    }

    #[allow(missing_docs)]
    pub fn unattended(&self) {
        self.0.unattended();
    }
}
