//! What every cell begins with, whatever its future: the type-erased part.
//!
//! ```text
//!   Header (80 bytes)                                                         Cell<F, S>
//!  ┌───────┬────────┬───────────┬────┬─────────┬──────┬──────────────┬───────┬──────────────────┐
//!  │ state │ vtable │ scheduler │ id │ context │ list │ shard, place │ waker │ future or output │
//!  └───────┴────────┴───────────┴────┴─────────┴──────┴──────────────┴───────┴──────────────────┘
//! ```
//!
//! The vtable holds only what needs the future's type (poll, drop, move the output) and the
//! scheduler's functions; all the rest is compiled once.
#![allow(unsafe_code)]

use super::Schedule;
use super::context::{OwnContext, TaskContext};
use super::error::JoinError;
use super::id::Id;
use super::owned::{Links, Place};
use super::raw::Notified;
use super::stamps::{NewTask, TaskStamps};
use super::state::State;
use crate::loom::Track;
use crate::loom::cell::UnsafeCell;
use crate::trace::{self, SpanId};
use crate::util::bomb::contain;
use std::marker::PhantomData;
use std::mem::{self, ManuallyDrop};
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker};

/// The erased part of a cell.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Header {
    pub(super) state: State,
    pub(super) vtable: &'static VTable,
    /// Belongs to the scheduler; what it points to outlives the cell (I6).
    pub(super) scheduler: *const (),
    pub(super) id: Id,
    /// Ruled by I9.
    context: UnsafeCell<TaskContext>,
    /// Guarded by the lock of the list `shard`.
    pub(super) links: UnsafeCell<Links>,
    /// Guarded by the lock of the list `shard`.
    pub(super) place: UnsafeCell<Place>,
    /// Which list of live tasks the task is in; fixed at spawn.
    pub(super) shard: u32,
    /// Ruled by I5.
    pub(super) join_waker: UnsafeCell<Option<Waker>>,
    track: Track,
}

impl Header {
    /// The pointer that `spawn` was given.
    pub(crate) fn scheduler(&self) -> *const () {
        self.scheduler
    }

    /// Which list of live tasks the task is in.
    pub(crate) fn shard(&self) -> usize {
        self.shard as usize
    }

    /// The task's id.
    pub(crate) fn id(&self) -> Id {
        self.id
    }

    /// The function that polls the future: what a trace of the task ends at.
    #[allow(dead_code, reason = "for task dumps, if they are enabled")]
    pub(crate) fn poll_address(&self) -> *const std::ffi::c_void {
        self.vtable.poll as *const std::ffi::c_void
    }

    /// What observers want to know, if there were any when the task was spawned.
    /// For the holder of the task's entry, and until completion its runner.
    pub(crate) fn stamps(&self) -> Option<&TaskStamps> {
        self.context.with(|context| {
            // SAFETY: by I9 nobody else writes it meanwhile, and those who may ask do not.
            let context = unsafe { &*context };
            // SAFETY: as above.
            unsafe { context.stamps() }
        })
    }

    /// Runs `f`, which polls or drops the future, with what the task carries.
    ///
    /// # Safety
    ///
    /// The caller set `RUNNING`, and the task is not complete (I9).
    #[inline]
    pub(super) unsafe fn within_context<R>(&self, f: impl FnOnce() -> R) -> R {
        self.context.with(|context| {
            // SAFETY: by I9 nobody writes it until the caller completes the task.
            let context = unsafe { &*context };
            // SAFETY: as above.
            unsafe { context.within(f) }
        })
    }

    /// The future has returned from its last poll and is about to be dropped.
    ///
    /// # Safety
    ///
    /// The caller set `RUNNING`, and the task is not complete (I9).
    #[inline]
    unsafe fn poll_is_over(&self) {
        if !trace::IS_ON {
            return;
        }
        self.context.with(|context| {
            // SAFETY: by I9 nobody writes it until the caller completes the task.
            let context = unsafe { &*context };
            // SAFETY: as above.
            unsafe { context.poll_is_over() }
        });
    }

    /// Whether the task's wakers tell what is done with them; the same from spawn to completion.
    ///
    /// # Safety
    ///
    /// The caller set `RUNNING`, and the task is not complete (I9).
    #[inline]
    pub(super) unsafe fn is_watched(&self) -> bool {
        // SAFETY: by I9 nobody writes it until the caller completes the task.
        trace::IS_ON
            && self
                .context
                .with(|context| unsafe { &*context }.is_watched())
    }

    /// The span of a task that is watched.
    ///
    /// # Safety
    ///
    /// The caller has a reference (I6), and the task [is watched](Self::is_watched).
    pub(super) unsafe fn span_id(&self) -> Option<SpanId> {
        // SAFETY: by O1 nobody writes the pointer while there is a reference.
        self.context.with(|context| unsafe { &*context }.span_id())
    }

    /// Whether the task carries something.
    ///
    /// # Safety
    ///
    /// The caller set `RUNNING`, and the task is not complete (I9).
    #[inline]
    pub(super) unsafe fn has_context(&self) -> bool {
        // SAFETY: by I9 nobody writes it until the caller completes the task.
        !self.context.with(|context| unsafe { &*context }.is_none())
    }

    /// Takes out what the task carries.
    ///
    /// # Safety
    ///
    /// The caller set `RUNNING`, and is about to complete the task (I9).
    #[cold]
    pub(super) unsafe fn take_context(&self) -> (TaskContext, Option<OwnContext>) {
        // SAFETY: the caller's promise, passed on.
        if unsafe { self.is_watched() } {
            return self.context.with(|context| {
                // SAFETY: by O1 wakers read the pointer, and nobody writes it.
                let context = unsafe { &*context };
                // SAFETY: by I9 the caller's alone.
                (TaskContext::default(), unsafe {
                    context.take_own_context()
                })
            });
        }
        self.context.with_mut(|context| {
            // SAFETY: by I9 the caller's alone.
            (mem::take(unsafe { &mut *context }), None)
        })
    }

    /// Exchanges the join waker.
    ///
    /// # Safety
    ///
    /// The caller owns the slot (I5): the `JoinHandle` while `JOIN_WAKER` is clear, or the
    /// completer of a task whose `JoinHandle` was dropped with the bit set.
    pub(super) unsafe fn replace_join_waker(&self, waker: Option<Waker>) -> Option<Waker> {
        self.join_waker.with_mut(|slot| {
            // SAFETY: the caller's promise: nobody else reads or writes the slot.
            mem::replace(unsafe { &mut *slot }, waker)
        })
    }
}

/// Functions that know the future's or the scheduler's type.
#[derive(Debug)]
pub(super) struct VTable {
    /// Polls the future; on ready replaces it by its output. Needs I2.
    pub(super) poll: unsafe fn(NonNull<Header>, &mut Context<'_>) -> bool,
    /// Drops future or output and stores the error. Needs I2.
    pub(super) store_error: unsafe fn(NonNull<Header>, JoinError),
    /// Moves the output to an `Option<Result<T, JoinError>>`. Needs I3.
    pub(super) take_output: unsafe fn(NonNull<Header>, NonNull<()>),
    /// Drops what is left in the stage. Needs I2 or I3.
    pub(super) drop_stage: unsafe fn(NonNull<Header>),
    /// Frees the cell, with what is left in it. Needs I6.
    pub(super) free: unsafe fn(NonNull<Header>),
    pub(super) scheduler: SchedulerVTable,
}

#[derive(Debug)]
pub(super) struct SchedulerVTable {
    pub(super) schedule: fn(Notified),
    pub(super) reschedule: fn(Notified),
    pub(super) release: fn(&Header) -> bool,
    pub(super) cell_freed: fn(*const ()),
    pub(super) task_panicked: fn(&Header, bool),
}

/// The future, then its output.
enum Stage<F: Future> {
    Running(F),
    Finished(Result<F::Output, JoinError>),
    Consumed,
}

/// The whole allocation.
#[repr(C)]
pub(super) struct Cell<F: Future, S> {
    header: Header,
    stage: UnsafeCell<Stage<F>>,
    scheduler: PhantomData<fn(S)>,
}

/// Builds a cell; three references belong to the caller (list, entry, `JoinHandle`).
pub(super) fn allocate<F, S>(
    future: F,
    scheduler: *const (),
    shard: usize,
    new_task: NewTask,
) -> NonNull<Header>
where
    F: Future,
    S: Schedule,
{
    let cell = Box::new(Cell::<F, S> {
        header: Header {
            state: State::new(),
            vtable: vtable::<F, S>(),
            scheduler,
            id: new_task.id,
            context: UnsafeCell::new(TaskContext::new(new_task.stamps, new_task.span)),
            links: UnsafeCell::new(Links::default()),
            place: UnsafeCell::new(Place::default()),
            shard: shard as u32,
            join_waker: UnsafeCell::new(None),
            track: Track::new(),
        },
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
                schedule: S::schedule,
                reschedule: S::reschedule,
                release: S::release,
                cell_freed: S::cell_freed,
                task_panicked: S::task_panicked,
            },
        }
    }
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
        cell.header.context.with_mut(|_| ());
        cell.header.links.with_mut(|_| ());
        cell.header.place.with_mut(|_| ());
        cell.header.join_waker.with_mut(|_| ());
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
    use crate::cell::raw;
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
                unsafe { raw::spawn::<_, OfAnotherThread>(future, std::ptr::null(), 0, new_task) };
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

    #[cfg(target_pointer_width = "64")]
    #[test]
    fn the_header_has_the_size_that_its_picture_says() {
        assert_eq!(size_of::<Header>(), 80);
    }
}
