//! What the builder decides: data, which every scheduler reads and none changes.

use super::id::Id as SchedulerId;
use super::observer::Observer;
use super::stats::Shapes;
use crate::util::rng::Seeds;
use std::fmt;

/// A callback of the builder. Std's `Arc`: ours cannot hold a `dyn`.
pub(crate) type Hook = std::sync::Arc<dyn Fn() + Send + Sync>;

/// What the builder decides.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) id: SchedulerId,
    pub(crate) name: Option<String>,
    pub(crate) workers: usize,
    /// Turns between two looks at the driver.
    pub(crate) event_interval: u32,
    /// Turns between two looks at the injector while there is local work, if that was told.
    pub(crate) injector_interval: Option<u32>,
    /// Whether a woken task goes to the next-task slot.
    pub(crate) slot: bool,
    pub(crate) on_thread_park: Option<Hook>,
    pub(crate) on_thread_unpark: Option<Hook>,
    /// Ends the runtime when a task panics.
    pub(crate) shutdown_on_panic: bool,
    /// Whoever watches the tasks.
    pub(crate) observer: Option<std::sync::Arc<Observer>>,
    /// Makes random choices repeatable.
    pub(crate) seeds: Option<std::sync::Arc<Seeds>>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// The histograms that each worker keeps.
    pub(super) fn histograms(&self) -> Shapes {
        let observer = self.observer.as_deref().map(|observer| observer.config());
        Shapes {
            poll_times: observer.and_then(|config| config.poll_times),
            latencies: observer.and_then(|config| config.latencies),
        }
    }
}

/// What `block_on` says when a task's panic has ended the runtime.
pub(super) const UNHANDLED_PANIC: &str =
    "a spawned task panicked and the runtime is configured to shut down on unhandled panic";
