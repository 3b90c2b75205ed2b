//! The whole allocation of a task, and the functions of its vtable: all that knows the future's type.
//! The invariants are those of [`super`].
#![allow(unsafe_code)]

use super::context::TaskContext;
use super::error::JoinError;
use super::header::{Header, SchedulerVTable, VTable};
use super::id::Id;
use super::raw::Notified;
use super::schedule::Schedule;
use crate::loom::cell::UnsafeCell;
use crate::util::bomb::contain;
use std::marker::PhantomData;
use std::mem::{self, ManuallyDrop};
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll};

/// The future, then its output.
enum Stage<F: Future> {
    Running(F),
    Finished(Result<F::Output, JoinError>),
    Consumed,
}

/// The whole allocation.
#[repr(C)]
struct Cell<F: Future, S> {
    header: Header,
    stage: UnsafeCell<Stage<F>>,
    scheduler: PhantomData<fn(S)>,
}

/// Builds a cell; three references belong to the caller (list, entry, `JoinHandle`).
pub(super) fn allocate<F, S>(
    future: F,
    scheduler: *const (),
    shard: usize,
    id: Id,
    context: TaskContext,
) -> NonNull<Header>
where
    F: Future,
    S: Schedule,
{
    let cell = Box::new(Cell::<F, S> {
        header: Header::new(vtable::<F, S>(), scheduler, shard, id, context),
        stage: UnsafeCell::new(Stage::Running(future)),
        scheduler: PhantomData,
    });
    NonNull::from(Box::leak(cell)).cast()
}

fn vtable<F: Future, S: Schedule>() -> &'static VTable {
    const {
        &VTable {
            poll: poll::<F, S>,
            store_error: store_error::<F, S>,
            take_output: take_output::<F, S>,
            drop_stage: drop_stage::<F, S>,
            free: free::<F, S>,
            scheduler: SchedulerVTable {
                schedule: schedule::<S>,
                reschedule: reschedule::<S>,
                release: S::release,
                cell_freed: S::cell_freed,
                task_panicked: S::task_panicked,
            },
        }
    }
}

/// # Safety
///
/// The caller has the entry of the task (I1), and gives it up.
unsafe fn schedule<S: Schedule>(header: NonNull<Header>) {
    S::schedule(Notified(header));
}

/// # Safety
///
/// As [`schedule`].
unsafe fn reschedule<S: Schedule>(header: NonNull<Header>) {
    S::reschedule(Notified(header));
}

/// # Safety
///
/// `header` was made by [`allocate`] with these types, a reference to it is held, and by I2 or
/// I3 nobody else touches the stage.
unsafe fn with_stage<F: Future, S, R>(
    header: NonNull<Header>,
    f: impl FnOnce(&mut Stage<F>) -> R,
) -> R {
    // SAFETY: `Cell` is `repr(C)` and begins with the header; the caller holds a reference, so
    // by I6 the cell is alive.
    let cell = unsafe { header.cast::<Cell<F, S>>().as_ref() };
    cell.stage.with_mut(|stage| {
        // SAFETY: by I2 or I3, as the caller says, this is the only access.
        f(unsafe { &mut *stage })
    })
}

/// A future that panics is dropped while the thread unwinds: its destructors see that, as those of
/// any other value on the way. A panic of theirs is contained, for the first one counts.
struct Unwinding<'a, F: Future>(&'a mut Stage<F>);

impl<'a, F: Future> Unwinding<'a, F> {
    /// The poll has returned.
    fn over(self) -> &'a mut Stage<F> {
        let stage: *mut Stage<F> = &mut *ManuallyDrop::new(self).0;
        // SAFETY: the guard is forgotten, so this is the one reference that it had.
        unsafe { &mut *stage }
    }
}

impl<F: Future> Drop for Unwinding<'_, F> {
    fn drop(&mut self) {
        contain(|| *self.0 = Stage::Consumed);
    }
}

/// # Safety
///
/// As [`with_stage`], by I2.
unsafe fn poll<F: Future, S>(header: NonNull<Header>, cx: &mut Context<'_>) -> bool {
    let work = |stage: &mut Stage<F>| {
        let unwinding = Unwinding(stage);
        let Stage::Running(future) = &mut *unwinding.0 else {
            unreachable!("a finished task was polled");
        };
        // SAFETY: the future lives in a heap cell and is dropped in place: it never moves.
        let future = unsafe { Pin::new_unchecked(future) };
        let polled = future.poll(cx);
        let stage = unwinding.over();
        match polled {
            Poll::Pending => false,
            Poll::Ready(output) => {
                // SAFETY: by I6 the cell is alive.
                let header = unsafe { header.as_ref() };
                // SAFETY: by I2 the caller set `RUNNING`; it completes the task later.
                unsafe { header.poll_is_over() };
                // Drops the future in place; the output is stored even if that drop panics.
                *stage = Stage::Finished(Ok(output));
                true
            }
        }
    };
    // SAFETY: the caller's promise, passed on.
    unsafe { with_stage::<F, S, _>(header, work) }
}

/// # Safety
///
/// As [`with_stage`], by I2.
unsafe fn store_error<F: Future, S>(header: NonNull<Header>, error: JoinError) {
    // SAFETY: the caller's promise, passed on.
    unsafe { with_stage::<F, S, _>(header, |stage| *stage = Stage::Finished(Err(error))) }
}

/// # Safety
///
/// As [`with_stage`], by I3, and `slot` points to an `Option<Result<F::Output, JoinError>>`.
unsafe fn take_output<F: Future, S>(header: NonNull<Header>, slot: NonNull<()>) {
    let take = |stage: &mut Stage<F>| match mem::replace(stage, Stage::Consumed) {
        Stage::Finished(output) => output,
        Stage::Running(_) => unreachable!("the output was taken before completion"),
        Stage::Consumed => panic!(
            "JoinHandle polled after completion: its output was already taken. Do not poll a \
             join handle again after it was ready"
        ),
    };
    // SAFETY: the caller's promise, passed on.
    let output = unsafe { with_stage::<F, S, _>(header, take) };
    // SAFETY: the caller gave a valid, exclusive slot of this type.
    unsafe { *slot.cast::<Option<Result<F::Output, JoinError>>>().as_mut() = Some(output) };
}

/// # Safety
///
/// As [`with_stage`].
unsafe fn drop_stage<F: Future, S>(header: NonNull<Header>) {
    // SAFETY: the caller's promise, passed on.
    unsafe { with_stage::<F, S, _>(header, |stage| *stage = Stage::Consumed) }
}

/// # Safety
///
/// The caller dropped the last reference (I6).
unsafe fn free<F: Future, S: Schedule>(header: NonNull<Header>) {
    {
        // SAFETY: by I6 the cell is alive, and nobody else knows it.
        let cell = unsafe { header.cast::<Cell<F, S>>().as_ref() };
        // Does nothing, except in a model: nobody's last access may be missing in our past.
        cell.stage.with_mut(|_| ());
        cell.header.touch();
        if S::LOCAL && !S::may_drop(cell.header.scheduler) {
            // SAFETY: by I6 this is the only access.
            let is_empty = cell.stage.with_mut(|stage| forget(unsafe { &mut *stage }));
            if !is_empty {
                return;
            }
        }
    }
    // SAFETY: `allocate` leaked this box, and by I6 nobody else has a reference.
    drop(unsafe { Box::from_raw(header.cast::<Cell<F, S>>().as_ptr()) });
}

/// Empties a stage without a drop (I8). False if it holds a future: that is pinned, so its memory
/// stays its own until it is dropped, which is never.
fn forget<F: Future>(stage: &mut Stage<F>) -> bool {
    if matches!(stage, Stage::Running(_)) {
        return false;
    }
    if let Stage::Finished(Ok(output)) = mem::replace(stage, Stage::Consumed) {
        mem::forget(output);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::{NewTask, raw, spawn};
    use std::sync::Arc;

    /// Its tasks belong to a thread that is never the calling one.
    struct OfAnotherThread;

    impl Schedule for OfAnotherThread {
        const LOCAL: bool = true;

        fn may_drop(_scheduler: *const ()) -> bool {
            false
        }

        fn schedule(_task: Notified) {
            unreachable!("nothing wakes the task");
        }

        fn release(_task: &Header) -> bool {
            false
        }

        fn cell_freed(_scheduler: *const ()) {}
    }

    /// I8: an output is forgotten with its memory freed, a future stays in its memory.
    #[test]
    fn the_last_reference_elsewhere_drops_nothing() {
        for run in [true, false] {
            let held = Arc::new(());
            let output = held.clone();
            let new_task = NewTask::from(Id::next());
            let future = async move { output };
            // SAFETY: the pointer is never followed, and the future is `Send`.
            let spawned =
                unsafe { spawn::<_, OfAnotherThread>(future, std::ptr::null(), 0, new_task) };
            // Of the three references the handle's is forgotten, as a user may.
            mem::forget(spawned.join);
            let header = spawned.owned.into_raw();
            if run {
                spawned.notified.run();
                raw::drop_refs(header, 2);
            } else {
                mem::forget(spawned.notified);
                raw::drop_refs(header, 3);
            }
            assert_eq!(Arc::strong_count(&held), 2, "nothing was dropped");
            if run {
                // SAFETY: the forgotten output's.
                unsafe { Arc::decrement_strong_count(Arc::as_ptr(&held)) };
            } else {
                // SAFETY: the cell is still there, and nobody else knows it.
                let vtable = unsafe { header.as_ref() }.vtable;
                // SAFETY: as above.
                unsafe { (vtable.drop_stage)(header) };
                // SAFETY: as above.
                unsafe { (vtable.free)(header) };
            }
            assert_eq!(Arc::strong_count(&held), 1);
        }
    }
}
