//! A spawn: what it is given of a new task, and the references that it gives out. The invariants are
//! those of [`super`].
#![allow(unsafe_code)]

use super::context::TaskContext;
use super::id::Id;
use super::join::JoinHandle;
use super::layout;
use super::raw::{Notified, TaskRef};
use super::schedule::Schedule;
use super::stamps::TaskStamps;
use crate::trace::{About, Span};

/// What a spawn is given of a new task: its id, its stamps if somebody observes, its spans.
#[derive(Debug)]
pub(crate) struct NewTask {
    pub(crate) id: Id,
    pub(crate) stamps: Option<TaskStamps>,
    pub(crate) span: Span,
}

impl NewTask {
    /// Of a task that the caller spawns. Runs code of the user's if [`Span::is_in_use`].
    #[inline]
    pub(crate) fn new(id: Id, about: &About<'_>) -> Self {
        Self {
            id,
            stamps: None,
            span: Span::new(id.as_u64(), about),
        }
    }
}

impl From<Id> for NewTask {
    /// Of a task of the runtime's own, which subscribers are not told of.
    #[inline]
    fn from(id: Id) -> Self {
        Self {
            id,
            stamps: None,
            span: Span::current(),
        }
    }
}

/// What a spawn gives out: the three references of a new cell.
#[derive(Debug)]
pub(crate) struct Spawned<T> {
    /// For the list of live tasks.
    pub(crate) owned: TaskRef,
    /// For the run queue.
    pub(crate) notified: Notified,
    /// For the caller.
    pub(crate) join: JoinHandle<T>,
}

/// Makes a task.
///
/// `scheduler` comes back through [`Header::scheduler`](super::Header::scheduler) and, once the cell is freed, through
/// [`Schedule::cell_freed`].
///
/// # Safety
///
/// `scheduler` stays valid until `cell_freed`. If `future` or its output is not `Send`, the
/// scheduler polls and drops it on the thread that calls this function only, and says so by
/// [`Schedule::LOCAL`] and [`Schedule::may_drop`] (I8).
pub(crate) unsafe fn spawn<F, S>(
    future: F,
    scheduler: *const (),
    shard: usize,
    new_task: NewTask,
) -> Spawned<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
    S: Schedule,
{
    let NewTask { id, stamps, span } = new_task;
    let context = TaskContext::new(stamps, span);
    let header = layout::allocate::<F, S>(future, scheduler, shard, id, context);
    Spawned {
        // SAFETY: the state starts with three references; this is the first.
        owned: unsafe { TaskRef::from_raw(header) },
        notified: Notified(header),
        // SAFETY: the third reference, and the one join interest.
        join: unsafe { JoinHandle::from_raw(header) },
    }
}
