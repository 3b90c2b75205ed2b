//! The handle that can cancel a task but not wait for it.

use super::id::Id;
use super::raw::TaskRef;
use std::fmt;

/// Cancels a spawned task without waiting for it.
///
/// Made by [`JoinHandle::abort_handle`](crate::task::JoinHandle::abort_handle). Dropping it
/// does nothing to the task.
///
/// ```
/// # runtime::runtime::Runtime::new().unwrap().block_on(async {
/// let task = runtime::spawn(std::future::pending::<()>());
/// let abort = task.abort_handle();
/// abort.abort();
/// assert!(task.await.unwrap_err().is_cancelled());
/// # });
/// ```
#[derive(Clone)]
pub struct AbortHandle {
    task: TaskRef,
}

impl AbortHandle {
    pub(super) fn new(task: TaskRef) -> Self {
        Self { task }
    }

    /// Cancels the task: its future is dropped at its next await point, on a thread of its
    /// runtime. Nothing happens if the task has already finished; a blocking closure that has
    /// started runs to its end.
    pub fn abort(&self) {
        self.task.abort();
    }

    /// Whether the task has finished, with its future dropped.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// The task's id, unique among the tasks that are alive.
    pub fn id(&self) -> Id {
        self.task.header().id()
    }
}

impl std::panic::UnwindSafe for AbortHandle {}
impl std::panic::RefUnwindSafe for AbortHandle {}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortHandle")
            .field("id", &self.id())
            .finish()
    }
}
