//! What the blocking pool runs: a blocking task's cell, or a worker's core that
//! `block_in_place` handed over.

use super::current_thread::clock_hold::ClockHold;
use crate::blocking;
use crate::cell::{Header, Notified, Schedule};

/// A job of the blocking pool.
pub(crate) enum Job {
    /// A blocking closure.
    Task {
        /// The closure, in a cell.
        task: Notified,
        at_shutdown: AtShutdown,
        /// Outlives the run: whoever awaits the closure is told before the clock may move on.
        hold: Option<ClockHold>,
    },
    /// Something of the runtime's own that must run even during shutdown.
    Own(Box<dyn FnOnce() + Send>),
}

/// What the end of the runtime means for a blocking closure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "each leaf module uses its own")]
pub(crate) enum AtShutdown {
    /// It waits for one that runs or is queued, and cancels the second if its time is over.
    Await,
    /// It waits for one that runs or is queued, and one that is queued is run even if nobody
    /// waits any more: output that was accepted.
    Complete,
    /// It waits for none that runs, and cancels one that is queued: nobody needs the result any
    /// more.
    Abandon,
}

impl blocking::Job for Job {
    fn run(self) {
        match self {
            Self::Task { task, hold, .. } => {
                task.run();
                drop(hold);
            }
            Self::Own(work) => work(),
        }
    }

    fn cancel(self) {
        match self {
            Self::Task { task, hold, .. } => {
                task.cancel();
                task.run();
                drop(hold);
            }
            Self::Own(work) => work(),
        }
    }

    fn is_mandatory(&self) -> bool {
        matches!(
            self,
            Self::Own(_)
                | Self::Task {
                    at_shutdown: AtShutdown::Complete,
                    ..
                }
        )
    }

    fn is_extra(&self) -> bool {
        matches!(self, Self::Own(_))
    }

    fn may_be_abandoned(&self) -> bool {
        matches!(
            self,
            Self::Task {
                at_shutdown: AtShutdown::Abandon,
                ..
            }
        )
    }
}

/// The scheduler of blocking tasks: a cell whose entry goes to the pool once. It is polled
/// once, and its waker is never given out, so it is never scheduled again.
#[derive(Debug)]
pub(crate) struct Blocking;

impl Schedule for Blocking {
    fn schedule(task: Notified) {
        // Only a waker could bring us here, and the closure gets none.
        debug_assert!(false, "a blocking task was scheduled twice");
        drop(task);
    }

    fn release(_task: &Header) -> bool {
        false
    }

    fn cell_freed(_scheduler: *const ()) {}
}
