//! What cells know of schedulers: a trait. The invariants are those of [`super`].

use super::header::Header;
use super::raw::Notified;

/// What a scheduler does for its tasks. All functions are static: the pointer that `spawn` was
/// given comes back through the header, so that a cell needs no type parameter at run time.
pub(crate) trait Schedule: 'static {
    /// Whether its futures and outputs need not be `Send`: then [`may_drop`](Self::may_drop) is
    /// asked before a cell is freed with something in it (I8).
    const LOCAL: bool = false;

    /// Whether the calling thread may drop futures and outputs of the scheduler.
    fn may_drop(_scheduler: *const ()) -> bool {
        true
    }

    /// Queues a task that was woken. Called on any thread.
    fn schedule(task: Notified);

    /// Queues a task that woke itself while it ran: behind the others.
    fn reschedule(task: Notified) {
        Self::schedule(task);
    }

    /// Takes a finished task off the list of live tasks; true if it was there, which hands the
    /// list's reference to the caller.
    fn release(task: &Header) -> bool;

    /// Gives back the reference to the scheduler that the cell held (I6): called once, when
    /// the cell has been freed.
    fn cell_freed(scheduler: *const ());

    /// A poll or a drop of a future panicked and the panic is kept for the `JoinHandle`.
    fn task_panicked(_task: &Header, _joinable: bool) {}
}
