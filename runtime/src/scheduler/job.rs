//! What the blocking pool runs: a blocking task's cell, or a worker's core that
//! `block_in_place` handed over.

use crate::blocking;
use crate::cell::{Header, Notified, Schedule};

/// A job of the blocking pool.
pub(crate) enum Job {
    /// A closure given to `spawn_blocking`, in a cell.
    Task(Notified),
    /// Something of the runtime's own that must run even during shutdown.
    Own(Box<dyn FnOnce() + Send>),
}

impl blocking::Job for Job {
    fn run(self) {
        match self {
            Self::Task(task) => task.run(),
            Self::Own(work) => work(),
        }
    }

    fn cancel(self) {
        match self {
            Self::Task(task) => {
                task.cancel();
                task.run();
            }
            Self::Own(work) => work(),
        }
    }

    fn is_mandatory(&self) -> bool {
        matches!(self, Self::Own(_))
    }

    fn is_extra(&self) -> bool {
        matches!(self, Self::Own(_))
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
