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
//! scheduler's functions, see [`layout`](super::layout); all the rest is compiled once.
#![allow(unsafe_code)]

use super::context::{OwnContext, TaskContext};
use super::error::JoinError;
use super::id::Id;
use super::stamps::TaskStamps;
use super::state::State;
use crate::loom::Track;
use crate::loom::cell::UnsafeCell;
use crate::trace::{self, SpanId};
use std::mem;
use std::ptr::NonNull;
use std::task::{Context, Waker};

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
    #[inline(always)]
    pub(super) fn new(
        vtable: &'static VTable,
        scheduler: *const (),
        shard: usize,
        id: Id,
        context: TaskContext,
    ) -> Self {
        Self {
            state: State::new(),
            vtable,
            scheduler,
            id,
            context: UnsafeCell::new(context),
            links: UnsafeCell::new(Links::default()),
            place: UnsafeCell::new(Place::default()),
            shard: shard as u32,
            join_waker: UnsafeCell::new(None),
            track: Track::new(),
        }
    }

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
    pub(super) unsafe fn poll_is_over(&self) {
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

    /// Does nothing, except in a model: nobody's last access may be missing in the caller's past.
    pub(super) fn touch(&self) {
        self.context.with_mut(|_| ());
        self.links.with_mut(|_| ());
        self.place.with_mut(|_| ());
        self.join_waker.with_mut(|_| ());
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

/// Neighbours in the list of live tasks; guarded by the list's lock.
#[derive(Debug, Default)]
pub(super) struct Links {
    pub(super) prev: Option<NonNull<Header>>,
    pub(super) next: Option<NonNull<Header>>,
}

/// Where a task is; guarded by the list's lock. Apart from the links, because it fits into a gap
/// of the header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Place {
    #[default]
    Nowhere,
    Live,
    /// In the chain of those that shutdown has cancelled (O3).
    Cancelled,
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
    /// Takes over the entry of a task. Needs I1: the caller has just made or got it.
    pub(super) schedule: unsafe fn(NonNull<Header>),
    /// The same, of a task that woke itself while it ran.
    pub(super) reschedule: unsafe fn(NonNull<Header>),
    pub(super) release: fn(&Header) -> bool,
    pub(super) cell_freed: fn(*const ()),
    pub(super) task_panicked: fn(&Header, bool),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_pointer_width = "64")]
    #[test]
    fn the_header_has_the_size_that_its_picture_says() {
        assert_eq!(size_of::<Header>(), 80);
    }
}
