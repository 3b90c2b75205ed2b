//! Keeps the scheduler alive while cells point to it, without a reference count that every
//! spawn and every completion would write.
//!
//! - C1. A scheduler is alive while a cell made by [`spawn`] for it exists.
//!
//! How: the scheduler keeps itself alive ([`KeepAlive::keep`]) until no cell is left. Workers count
//! the cells they make and free in a plain number of their own; all other threads count in one
//! atomic that starts far above zero ([`BIAS`]), so it cannot reach zero while workers run. When
//! the workers have ended, each having added its number, [`KeepAlive::workers_ended`] takes the bias
//! away: from then on the atomic is the number of cells, and whoever brings it to zero lets the
//! scheduler go. The atomic is `AcqRel`: the last one sees all that the others did.
//!
//! A handle can still make a cell after that (its task is cancelled at once, but the cell lives
//! as long as the `JoinHandle`). So whoever counts up from zero makes the scheduler hold itself
//! again, and whoever counts down to zero looks again under the lock: the cell that was made
//! meanwhile is either seen there, or its maker comes to the lock later and finds nothing kept.
//!
//! Rejected: one `Arc` clone per task (two read-modify-writes on a line shared by all workers).
#![allow(unsafe_code)]

use crate::cell::join::JoinHandle;
use crate::cell::{self, Header, NewTask, Notified, Schedule, Spawned};
use crate::loom::sync::atomic::{AtomicIsize, Ordering};
use crate::loom::sync::{Arc, Mutex};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;

/// More cells than fit into memory.
const BIAS: isize = isize::MAX / 2;

/// Counts cells, and keeps `T` alive until there are none.
#[derive(Debug)]
pub(crate) struct KeepAlive<T> {
    /// Cells made less cells freed, by other threads than workers, plus [`BIAS`] while
    /// workers run.
    count: AtomicIsize,
    keep: Mutex<Option<Arc<T>>>,
}

impl<T> KeepAlive<T> {
    pub(crate) fn new() -> Self {
        Self {
            count: AtomicIsize::new(BIAS),
            keep: Mutex::new(None),
        }
    }

    /// Makes the scheduler hold itself.
    pub(crate) fn keep(&self, scheduler: Arc<T>) {
        *self.keep.lock() = Some(scheduler);
    }

    /// Counts a cell that is about to be made by a thread that is no worker.
    pub(crate) fn made_elsewhere(scheduler: &Arc<T>)
    where
        T: Owner,
    {
        let alive = scheduler.alive();
        if alive.count.fetch_add(1, Ordering::AcqRel) == 0 {
            // All workers have ended and there was no cell: nothing keeps the scheduler.
            let scheduler = scheduler.clone();
            let before = alive.keep.lock().replace(scheduler);
            drop(before);
        }
    }

    /// Counts what workers made less what was freed. The caller holds a reference to the
    /// scheduler: it may be the last when this returns.
    pub(crate) fn add(&self, cells: isize) {
        if self.count.fetch_add(cells, Ordering::AcqRel) + cells == 0 {
            self.let_go();
        }
    }

    #[cold]
    fn let_go(&self) {
        let mut keep = self.keep.lock();
        // A cell may have been made since; its maker may have been here already.
        let kept = if self.count.load(Ordering::Acquire) == 0 {
            keep.take()
        } else {
            None
        };
        drop(keep);
        // Outside of the lock, because it drops a reference to what the lock is part of.
        drop(kept);
    }

    /// All workers have ended and added what they counted.
    pub(crate) fn workers_ended(&self) {
        self.add(-BIAS);
    }
}

/// A scheduler that cells point to.
pub(crate) trait Owner: Send + Sync + Sized + 'static {
    fn alive(&self) -> &KeepAlive<Self>;

    /// Queues a woken task if this thread is one of the scheduler's, else gives it back.
    /// `yielded`: the task woke itself, so it goes behind the others.
    fn schedule_local(&self, task: Notified, yielded: bool) -> Result<(), Notified>;

    /// Queues a woken task from any thread.
    fn schedule_remote(&self, task: Notified);

    /// Takes a finished task off its list; true if it was there.
    fn release(&self, task: &Header) -> bool;

    /// Discounts a cell in a number of this thread's own, if it has one.
    fn discount_local(&self) -> bool;

    /// A panic of a task was caught; `joinable`: somebody will see it.
    fn task_panicked(&self, joinable: bool);
}

/// The [`Schedule`] of cells that point to a `T`.
#[derive(Debug)]
pub(crate) struct ScheduleOn<T>(PhantomData<T>);

impl<T: Owner> Schedule for ScheduleOn<T> {
    #[inline]
    fn schedule(task: Notified) {
        schedule::<T>(task, false);
    }

    #[inline]
    fn reschedule(task: Notified) {
        schedule::<T>(task, true);
    }

    fn release(task: &Header) -> bool {
        // SAFETY: by C1; cells of `ScheduleOn<T>` point to a `T`.
        unsafe { &*task.scheduler().cast::<T>() }.release(task)
    }

    fn cell_freed(scheduler: *const ()) {
        let pointer = scheduler.cast::<T>();
        // SAFETY: by C1: the cell is gone but not yet discounted.
        if unsafe { &*pointer }.discount_local() {
            return;
        }
        // SAFETY: as above.
        let scheduler = unsafe { arc(pointer) };
        scheduler.alive().add(-1);
    }

    fn task_panicked(task: &Header, joinable: bool) {
        // SAFETY: by C1; cells of `ScheduleOn<T>` point to a `T`.
        unsafe { &*task.scheduler().cast::<T>() }.task_panicked(joinable);
    }
}

/// An [`Owner`] of tasks that need not be `Send`.
///
/// # Safety
///
/// Entries of its tasks are run on one thread only, the owner's, and `is_owner` is true on that
/// thread alone, also after it has ended.
pub(crate) unsafe trait LocalOwner: Owner {
    fn is_owner(&self) -> bool;
}

/// The [`Schedule`] of cells that point to a `T` and stay on its thread.
#[derive(Debug)]
pub(crate) struct ScheduleOnLocal<T>(PhantomData<T>);

impl<T: LocalOwner> Schedule for ScheduleOnLocal<T> {
    const LOCAL: bool = true;

    fn may_drop(scheduler: *const ()) -> bool {
        // SAFETY: by C1; cells of `ScheduleOnLocal<T>` point to a `T`.
        unsafe { &*scheduler.cast::<T>() }.is_owner()
    }

    #[inline]
    fn schedule(task: Notified) {
        schedule::<T>(task, false);
    }

    #[inline]
    fn reschedule(task: Notified) {
        schedule::<T>(task, true);
    }

    fn release(task: &Header) -> bool {
        ScheduleOn::<T>::release(task)
    }

    fn cell_freed(scheduler: *const ()) {
        ScheduleOn::<T>::cell_freed(scheduler);
    }

    fn task_panicked(task: &Header, joinable: bool) {
        ScheduleOn::<T>::task_panicked(task, joinable);
    }
}

#[inline]
fn schedule<T: Owner>(task: Notified, yielded: bool) {
    let pointer = task.header().scheduler().cast::<T>();
    // SAFETY: by C1: the entry keeps the cell. A thread of the scheduler's keeps it alive also
    // after the entry is handed over.
    let Err(task) = unsafe { &*pointer }.schedule_local(task, yielded) else {
        return;
    };
    // Any other thread needs a reference of its own for that.
    // SAFETY: by C1: the entry keeps the cell.
    let scheduler = unsafe { arc(pointer) };
    scheduler.schedule_remote(task);
}

/// A task that was spawned.
#[must_use]
pub(crate) struct Started<T> {
    pub(super) join: JoinHandle<T>,
    /// Its entry, if it came too late: the runtime takes no more tasks.
    pub(super) late: Option<Notified>,
}

impl<T> Started<T> {
    /// The handle. A task that came too late is dropped here, never having run: this runs user
    /// code, so nothing may be borrowed.
    pub(crate) fn finish(self) -> JoinHandle<T> {
        if let Some(notified) = self.late {
            notified.cancel();
            notified.run();
        }
        self.join
    }
}

/// One more reference to what a cell points to.
///
/// # Safety
///
/// `pointer` came from an `Arc<T>` that is alive.
unsafe fn arc<T>(pointer: *const T) -> Arc<T> {
    // SAFETY: the caller's promise; `ManuallyDrop` leaves the count as it was.
    let borrowed = ManuallyDrop::new(unsafe { Arc::from_raw(pointer) });
    Arc::clone(&borrowed)
}

/// Makes a task of the scheduler. The caller has counted the cell.
pub(crate) fn spawn<F, T>(
    future: F,
    scheduler: &Arc<T>,
    shard: usize,
    new_task: NewTask,
) -> Spawned<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
    T: Owner,
{
    let pointer: *const T = Arc::as_ptr(scheduler);
    // SAFETY: by C1 the scheduler outlives the cell, and the future is `Send`.
    unsafe { cell::spawn::<F, ScheduleOn<T>>(future, pointer.cast(), shard, new_task) }
}

/// Makes a task that stays on this thread, the owner's. The caller has counted the cell.
pub(crate) fn spawn_local<F, T>(
    future: F,
    scheduler: &Arc<T>,
    new_task: NewTask,
) -> Spawned<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
    T: LocalOwner,
{
    debug_assert!(scheduler.is_owner(), "callers have asked");
    let pointer: *const T = Arc::as_ptr(scheduler);
    // SAFETY: by C1 the scheduler outlives the cell; by `LocalOwner` the future stays here.
    unsafe { cell::spawn::<F, ScheduleOnLocal<T>>(future, pointer.cast(), 0, new_task) }
}

/// Makes a blocking task: its cell points to no scheduler.
pub(crate) fn spawn_blocking<F>(future: F, new_task: NewTask) -> Spawned<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    // SAFETY: `Blocking` never follows the pointer, and the future is `Send`.
    unsafe { cell::spawn::<F, super::job::Blocking>(future, std::ptr::null(), 0, new_task) }
}
