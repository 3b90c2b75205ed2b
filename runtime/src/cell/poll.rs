//! Runs a task once: polls, stores the output or the panic, completes, reschedules.
//! The invariants I1 to I9 are those of [`super`].
#![allow(unsafe_code)]

use super::error::JoinError;
use super::header::Header;
use super::id;
use super::raw::{Notified, drop_refs, free};
use super::state::{OnComplete, OnGiveUp, OnPending, OnStart};
use super::waker::{self, discard_waker};
use crate::budget;
use crate::util::bomb::{Payload, contain, discard};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::task::Context;

impl Notified {
    /// Polls the task, or drops its future if it was cancelled. Never unwinds.
    pub(crate) fn run(self) {
        let header = self.header();
        let action = header.state.start_poll();
        let raw = ManuallyDrop::new(self).0;
        match action {
            OnStart::Poll => run_poll::<false>(raw),
            OnStart::Cancel => cancel(raw),
        }
    }

    /// As [`Self::run`], with a poll that is traced.
    #[allow(dead_code, reason = "for task dumps, if they are enabled")]
    pub(crate) fn run_traced(self) {
        let header = self.header();
        let action = header.state.start_poll();
        let raw = ManuallyDrop::new(self).0;
        match action {
            OnStart::Poll => run_poll::<true>(raw),
            OnStart::Cancel => cancel(raw),
        }
    }
}

/// The caller set `RUNNING` and owns the entry's reference.
fn run_poll<const TRACED: bool>(raw: NonNull<Header>) {
    match poll_once::<TRACED>(raw) {
        Ok(true) => complete(raw),
        Ok(false) => finish_pending(raw),
        Err(payload) => {
            // SAFETY: the runner owns a reference (I6).
            let id = unsafe { raw.as_ref() }.id;
            store_error(raw, JoinError::panic(id, payload));
            note_panic(raw);
            complete(raw);
        }
    }
}

/// Whether the future is ready, or its panic.
fn poll_once<const TRACED: bool>(raw: NonNull<Header>) -> Result<bool, Payload> {
    // SAFETY: the runner owns a reference (I6).
    let header = unsafe { raw.as_ref() };
    let _task = id::enter(header.id);
    if TRACED {
        budget::start_traced_poll();
    } else {
        budget::start_poll();
    }
    // SAFETY: by I9: the runner has not completed the task.
    let waker = unsafe { waker::borrowed(header) };
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut cx = Context::from_waker(&waker);
        // SAFETY: by I2 the runner alone touches the stage.
        let poll = || unsafe { (header.vtable.poll)(raw, &mut cx) };
        // SAFETY: by I9: the runner has not completed the task.
        unsafe { header.within_context(poll) }
    }));
    budget::end_poll();
    result
}

fn finish_pending(raw: NonNull<Header>) {
    // SAFETY: the runner owns a reference until this update (I6).
    let header = unsafe { raw.as_ref() };
    // After this update the task may be running elsewhere, or freed, unless a reference is ours.
    let vtable = header.vtable;
    match header.state.finish_pending() {
        OnPending::Done => {}
        OnPending::Free => free(raw),
        // SAFETY: the update made the entry (I1).
        OnPending::Reschedule => unsafe { (vtable.scheduler.reschedule)(raw) },
        OnPending::Cancel => cancel(raw),
    }
}

/// Drops the future and completes with the error. The caller set `RUNNING` (I7).
fn cancel(raw: NonNull<Header>) {
    // SAFETY: the runner owns a reference (I6).
    let id = unsafe { raw.as_ref() }.id;
    store_error(raw, JoinError::cancelled(id));
    complete(raw);
}

/// Replaces future or output by an error. If their drop panics, the first panic is kept for
/// the `JoinHandle`; a second one is dropped.
fn store_error(raw: NonNull<Header>, error: JoinError) {
    // SAFETY: the runner owns a reference (I6).
    let header = unsafe { raw.as_ref() };
    let _task = id::enter(header.id);
    let was_panic = error.is_panic();
    let store = |error: JoinError| {
        catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: by I2 the runner alone touches the stage.
            let store = || unsafe { (header.vtable.store_error)(raw, error) };
            // SAFETY: by I9: the runner has not completed the task.
            unsafe { header.within_context(store) };
        }))
    };
    // The error is stored even when the drop of what was there unwinds.
    let Err(payload) = store(error) else { return };
    if was_panic {
        discard(payload);
        return;
    }
    // Replaces an error by an error: no user code runs.
    if let Err(payload) = store(JoinError::panic(header.id, payload)) {
        discard(payload);
    }
    note_panic(raw);
}

fn note_panic(raw: NonNull<Header>) {
    // SAFETY: the runner owns a reference (I6).
    let header = unsafe { raw.as_ref() };
    let joinable = header.state.load().has_join_interest();
    (header.vtable.scheduler.task_panicked)(header, joinable);
}

/// The output is stored: leave the list, publish the output, wake the joiner, drop the
/// references.
fn complete(raw: NonNull<Header>) {
    // SAFETY: the runner owns a reference (I6).
    let header = unsafe { raw.as_ref() };
    // Before the output is published: then one update can do both that and the references.
    let listed = (header.vtable.scheduler.release)(header);
    let references = 1 + usize::from(listed);
    // After `release`, where observers read the stamps.
    // SAFETY: by I9: the future is gone, and the task is completed below.
    if unsafe { header.has_context() } {
        drop_context(header);
    }
    match header.state.complete(references) {
        OnComplete::Done => {}
        OnComplete::Free => free(raw),
        OnComplete::WakeJoiner => {
            wake_joiner(header);
            if header.state.give_up_waker(references) == OnGiveUp::DropWaker {
                // SAFETY: the bit was set and the `JoinHandle` is gone: the slot is ours (I5).
                discard_waker(unsafe { header.replace_join_waker(None) });
                drop_refs(raw, references);
            }
        }
        OnComplete::DropOutput => {
            drop_output(raw);
            drop_refs(raw, references);
        }
    }
}

/// What others made and may be the last to hold: a panic of its drop is contained. The caller is about to
/// complete the task.
#[cold]
fn drop_context(header: &Header) {
    // SAFETY: by I9, as the caller says.
    let context = unsafe { header.take_context() };
    contain(|| drop(context));
}

/// By I3 the output is the completer's.
fn drop_output(raw: NonNull<Header>) {
    // SAFETY: the runner owns a reference (I6).
    let header = unsafe { raw.as_ref() };
    let _task = id::enter(header.id);
    let went_well = contain(|| {
        // SAFETY: by I3 nobody is left to take the output.
        unsafe { (header.vtable.drop_stage)(raw) };
    });
    if !went_well {
        (header.vtable.scheduler.task_panicked)(header, false);
    }
}

/// The task is complete and the join waker is the completer's (I5).
fn wake_joiner(header: &Header) {
    // A foreign waker's panic is its own affair.
    contain(|| {
        header.join_waker.with(|slot| {
            // SAFETY: by I5 nobody writes the slot until `give_up_waker`; a `JoinHandle` may
            // read it at the same time.
            if let Some(waker) = unsafe { &*slot } {
                waker.wake_by_ref();
            }
        });
    });
}
