//! The handle that waits for a task's output. The invariants I1 to I7 are those of [`super`].
#![allow(unsafe_code)]

use super::abort::AbortHandle;
use super::error::JoinError;
use super::header::Header;
use super::id::{self, Id};
use super::raw::{TaskRef, drop_refs, free};
use super::state::OnJoinDrop;
use super::waker::discard_waker;
use crate::budget;
use crate::util::bomb::contain;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker, ready};

/// Waits for a spawned task and gives its output.
///
/// Dropping the handle detaches the task: it goes on, and its output is dropped. Awaiting gives
/// `Err` with a [`JoinError`] if the task panicked or was cancelled.
///
/// # Cancel safety
///
/// Cancel safe when awaited through `&mut handle`: the output stays for the next await.
///
/// # Panics
///
/// Polling again after the output was given out panics.
///
/// ```
/// # runtime::runtime::Runtime::new().unwrap().block_on(async {
/// let task = runtime::spawn(async { 6 * 7 });
/// assert_eq!(task.await.unwrap(), 42);
/// # });
/// ```
pub struct JoinHandle<T> {
    task: ManuallyDrop<TaskRef>,
    output: PhantomData<T>,
}

// SAFETY: the handle gives out a `T` that another thread made, and nothing else of it.
unsafe impl<T: Send> Send for JoinHandle<T> {}
// SAFETY: a shared handle gives out no `T` at all.
unsafe impl<T: Send> Sync for JoinHandle<T> {}

impl<T> Unpin for JoinHandle<T> {}
impl<T> std::panic::UnwindSafe for JoinHandle<T> {}
impl<T> std::panic::RefUnwindSafe for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    /// # Safety
    ///
    /// The caller gives up a reference and the join interest of a cell whose output is `T`.
    pub(super) unsafe fn from_raw(header: NonNull<Header>) -> Self {
        // SAFETY: the caller's promise, passed on.
        let task = unsafe { TaskRef::from_raw(header) };
        Self {
            task: ManuallyDrop::new(task),
            output: PhantomData,
        }
    }

    /// Cancels the task: its future is dropped at its next await point, on a thread of its
    /// runtime, and awaiting the handle then gives an error that
    /// [`is_cancelled`](JoinError::is_cancelled). A task that has finished keeps its output; a
    /// blocking closure that has started runs to its end.
    pub fn abort(&self) {
        self.task.abort();
    }

    /// Whether the task has finished, with its future dropped.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// A handle that can only cancel the task.
    #[must_use = "an abort handle does nothing by itself: keep it to call `abort` later"]
    pub fn abort_handle(&self) -> AbortHandle {
        AbortHandle::new(TaskRef::clone(&self.task))
    }

    /// The task's id, unique among the tasks that are alive.
    pub fn id(&self) -> Id {
        self.task.header().id()
    }

    /// Leaves `waker` for the completer; false if the task completed first.
    fn register(&mut self, waker: &Waker) -> bool {
        let header = self.task.header();
        let snapshot = header.state.load();
        if snapshot.is_complete() {
            return false;
        }
        if snapshot.has_join_waker() {
            // SAFETY: by I5 nobody but this handle writes the slot until the completer has given
            // it up, which a handle that is still polled outlives.
            let same = header
                .join_waker
                .with(|slot| unsafe { (*slot).as_ref().is_some_and(|old| old.will_wake(waker)) });
            if same {
                // Complete meanwhile or not: the waker in place serves.
                return !header.state.load().is_complete();
            }
        }
        // May panic, so before the one in place is given up.
        let waker = waker.clone();
        let header = self.task.header();
        if snapshot.has_join_waker() && !header.state.unset_join_waker() {
            discard_waker(Some(waker));
            return false;
        }
        let old = self.replace_waker(Some(waker));
        let registered = self.task.header().state.set_join_waker();
        // Both run user code: now that the state says whose the slot is.
        discard_waker(old);
        if !registered {
            discard_waker(self.replace_waker(None));
        }
        registered
    }

    /// As `register`, for a handle that was never polled; gives the waker back if the task has
    /// completed.
    pub(crate) fn leave_waker(&mut self, waker: Waker) -> Result<(), Waker> {
        let header = self.task.header();
        debug_assert!(!header.state.load().has_join_waker(), "a first waker (I5)");
        let old = self.replace_waker(Some(waker));
        debug_assert!(old.is_none(), "a first waker (I5)");
        if header.state.set_join_waker() {
            return Ok(());
        }
        Err(self.replace_waker(None).expect("put there above (I5)"))
    }

    /// The output of a task that has completed, as a poll gives it.
    pub(crate) fn into_output(self) -> Result<T, JoinError> {
        debug_assert!(self.is_finished(), "only after completion");
        let this = ManuallyDrop::new(self);
        let output = this.take_output();
        this.release();
        output
    }

    /// The task is complete.
    fn take_output(&self) -> Result<T, JoinError> {
        let mut output: Option<Result<T, JoinError>> = None;
        let slot = NonNull::from(&mut output).cast::<()>();
        // SAFETY: the task is complete, so by I3 the stage is the handle's; the slot has the
        // type of the cell's output by `from_raw`.
        unsafe { (self.task.header().vtable.take_output)(self.task.as_raw(), slot) };
        output.expect("`take_output` fills the slot or panics")
    }

    /// Gives up interest, waker and reference. The task is complete, its output gone.
    fn release(&self) {
        let state = &self.task.header().state;
        // Most often the completer is done with the waker, or never had one.
        let ours = !state.load().has_join_waker();
        if ours {
            discard_waker(self.replace_waker(None));
        }
        let action = match state.drop_join_after_complete(ours) {
            OnJoinDrop::DropWaker => {
                discard_waker(self.replace_waker(None));
                state.drop_join_after_complete(true)
            }
            action => action,
        };
        if action == OnJoinDrop::Free {
            free(self.task.as_raw());
        }
    }

    /// Drops the output if it was not taken; a panic of its drop is contained. The task is
    /// complete.
    fn drop_output(&self) {
        let header = self.task.header();
        let _task = id::enter(header.id);
        let went_well = contain(|| {
            // SAFETY: by I3 the stage is the handle's.
            unsafe { (header.vtable.drop_stage)(self.task.as_raw()) };
        });
        if !went_well {
            (header.vtable.scheduler.task_panicked)(header, false);
        }
    }

    /// By I5 only while `JOIN_WAKER` is clear.
    fn replace_waker(&self, waker: Option<Waker>) -> Option<Waker> {
        // SAFETY: by I5 the slot is the handle's while the bit is clear.
        unsafe { self.task.header().replace_join_waker(waker) }
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let unit = ready!(budget::poll_proceed(cx));
        if self.register(cx.waker()) {
            return Poll::Pending;
        }
        unit.made_progress();
        Poll::Ready(self.take_output())
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        let state = &self.task.header().state;
        let raw = self.task.as_raw();
        if !state.load().is_complete() {
            match state.drop_join() {
                OnJoinDrop::Done => return,
                OnJoinDrop::Free => return free(raw),
                OnJoinDrop::DropWaker => {
                    discard_waker(self.replace_waker(None));
                    return drop_refs(raw, 1);
                }
                OnJoinDrop::Completed => {}
            }
        }
        self.drop_output();
        self.release();
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("id", &self.id())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::{Notified, Schedule, Spawned, spawn};
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{RawWaker, RawWakerVTable, Wake};

    /// The test runs its one entry by hand.
    struct ByHand;

    impl Schedule for ByHand {
        fn schedule(_task: Notified) {
            unreachable!("nothing wakes the task");
        }

        fn release(_task: &Header) -> bool {
            false
        }

        fn cell_freed(_scheduler: *const ()) {}
    }

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// I5: a foreign `clone` that panics changes nothing: the waker in place still serves.
    #[test]
    fn a_panicking_clone_leaves_the_waker_in_place() {
        static BAD: RawWakerVTable =
            RawWakerVTable::new(|_| panic!("foreign clone"), |_| (), |_| (), |_| ());
        // SAFETY: the functions use no data pointer.
        let bad = unsafe { Waker::from_raw(RawWaker::new(std::ptr::null(), &BAD)) };
        let id = Id::next();
        // SAFETY: `ByHand` never follows the pointer, and the future is `Send`.
        let spawned = unsafe { spawn::<_, ByHand>(async { 7 }, std::ptr::null(), 0, id.into()) };
        let Spawned {
            owned,
            notified,
            mut join,
        } = spawned;
        drop(owned);
        let mut poll = |waker: &Waker| Pin::new(&mut join).poll(&mut Context::from_waker(waker));
        let wakes = Arc::new(Wakes::default());
        let good = Waker::from(wakes.clone());
        assert!(catch_unwind(AssertUnwindSafe(|| poll(&bad))).is_err());
        assert!(poll(&good).is_pending());
        assert!(catch_unwind(AssertUnwindSafe(|| poll(&bad))).is_err());
        notified.run();
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1, "the completion is told");
        assert!(matches!(poll(&good), Poll::Ready(Ok(7))));
        drop((good, join));
        assert_eq!(
            Arc::strong_count(&wakes),
            1,
            "the waker is dropped with the handle"
        );
    }
}
