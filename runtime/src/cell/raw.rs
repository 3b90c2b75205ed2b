//! The owning pointers to a cell: [`TaskRef`] is any one reference, [`Notified`] the run-queue
//! entry. The invariants I1 to I7 are those of [`super`].
#![allow(unsafe_code)]

use super::header::Header;
use super::state::{OnWake, Snapshot};
use crate::util::bomb::discard;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

/// One counted reference to a cell.
#[derive(Debug)]
pub(crate) struct TaskRef(NonNull<Header>);

// SAFETY: the header is shared through atomics and the rules I2, I3, I5; futures that are not
// `Send` only enter cells whose scheduler never polls or drops them on another thread (I7).
unsafe impl Send for TaskRef {}
// SAFETY: as above.
unsafe impl Sync for TaskRef {}

impl TaskRef {
    /// # Safety
    ///
    /// The caller gives up one counted reference.
    pub(super) unsafe fn from_raw(header: NonNull<Header>) -> Self {
        Self(header)
    }

    /// The pointer, with its reference.
    pub(super) fn into_raw(self) -> NonNull<Header> {
        ManuallyDrop::new(self).0
    }

    pub(super) fn as_raw(&self) -> NonNull<Header> {
        self.0
    }

    pub(crate) fn header(&self) -> &Header {
        // SAFETY: by I6 the cell is alive while this reference is.
        unsafe { self.0.as_ref() }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.header().state.load()
    }

    /// Cancels the task: it is scheduled if it was idle, and dropped by whoever runs it (I7).
    pub(crate) fn abort(&self) {
        if self.header().state.abort() == OnWake::Schedule {
            schedule(self.0);
        }
    }

    /// As [`Self::abort`], using up the reference.
    pub(crate) fn abort_by_value(self) {
        let raw = self.into_raw();
        // SAFETY: the reference is not given up before the state says so (I6).
        let action = unsafe { raw.as_ref() }.state.abort_by_value();
        apply(raw, action);
    }

    /// The task's entry, if it is idle: the caller runs it.
    #[allow(dead_code, reason = "for task dumps, if they are enabled")]
    pub(crate) fn take_entry(&self) -> Option<Notified> {
        let woken = self.header().state.wake_by_ref();
        (woken == OnWake::Schedule).then(|| Notified(self.0))
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.snapshot().is_complete()
    }
}

impl Clone for TaskRef {
    fn clone(&self) -> Self {
        self.header().state.ref_inc();
        Self(self.0)
    }
}

impl Drop for TaskRef {
    fn drop(&mut self) {
        drop_refs(self.0, 1);
    }
}

/// Does what a transition asked for.
pub(super) fn apply(header: NonNull<Header>, action: OnWake) {
    match action {
        OnWake::Done => {}
        OnWake::Schedule => schedule(header),
        OnWake::Free => free(header),
    }
}

/// Hands the entry that a transition just made to the scheduler.
fn schedule(header: NonNull<Header>) {
    // SAFETY: the transition left a reference for the entry (I1), so the cell is alive.
    let schedule = unsafe { header.as_ref() }.vtable.scheduler.schedule;
    // SAFETY: the transition made the entry (I1).
    unsafe { schedule(header) };
}

/// Drops `count` references that the caller owns.
pub(super) fn drop_refs(header: NonNull<Header>, count: usize) {
    // SAFETY: the caller's references keep the cell alive until this update (I6).
    if unsafe { header.as_ref() }.state.ref_dec(count) {
        free(header);
    }
}

/// Frees a cell whose last reference is gone, then lets go of the scheduler.
#[cold]
#[inline(never)]
pub(super) fn free(header: NonNull<Header>) {
    // SAFETY: by I6 the caller alone knows the cell.
    let cell = unsafe { header.as_ref() };
    let (vtable, scheduler) = (cell.vtable, cell.scheduler);
    // The stage may hold an output that nobody took (a forgotten handle) whose drop panics.
    let freed = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: by I6 the caller alone knows the cell.
        unsafe { (vtable.free)(header) };
    }));
    (vtable.scheduler.cell_freed)(scheduler);
    // Last: a payload is the user's, and in a model it may go on.
    if let Err(payload) = freed {
        discard(payload);
    }
}

/// The run-queue entry: its holder runs the task (I1).
#[derive(Debug)]
#[must_use = "a dropped entry leaves its task unrun for ever, also at shutdown"]
pub(crate) struct Notified(pub(super) NonNull<Header>);

// SAFETY: as for `TaskRef`.
unsafe impl Send for Notified {}

impl Notified {
    pub(crate) fn header(&self) -> &Header {
        // SAFETY: the entry owns a reference (I1), so the cell is alive (I6).
        unsafe { self.0.as_ref() }
    }

    /// As a bare pointer for queues that store words; back through [`Self::from_ptr`].
    pub(crate) fn into_ptr(self) -> *mut Header {
        ManuallyDrop::new(self).0.as_ptr()
    }

    /// # Safety
    ///
    /// `pointer` came from [`Self::into_ptr`] and is used once.
    pub(crate) unsafe fn from_ptr(pointer: NonNull<Header>) -> Self {
        Self(pointer)
    }

    /// Marks the task cancelled, so that running it drops its future.
    pub(crate) fn cancel(&self) {
        // Queued (I1), so there is nothing to schedule.
        let action = self.header().state.abort();
        debug_assert_eq!(action, OnWake::Done);
    }
}

impl Drop for Notified {
    fn drop(&mut self) {
        drop_refs(self.0, 1);
    }
}
