//! Two answers to a panic where none may go further: contain it, or end the process.
//!
//! A hook, a waker or a destructor of the user's is foreign code: its panic was reported by the panic
//! hook and ends only itself ([`contain`]). A panic of the scheduler's own is a bug: a worker that is
//! silently missing would strand its queue, so the process ends with a message ([`Bomb`]).

use crate::loom::CHECKED;
use std::any::Any;
use std::io::Write;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// What a caught panic carries.
pub(crate) type Payload = Box<dyn Any + Send + 'static>;

/// Ends the process when it is dropped, which happens only if a panic unwinds past it.
#[derive(Debug)]
pub(crate) struct Bomb {
    what: &'static str,
}

impl Bomb {
    /// `what` names the thread, for the message.
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what }
    }

    /// All went well.
    pub(crate) fn defuse(self) {
        mem::forget(self);
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        if CHECKED {
            // A checker reports by panics too.
            return;
        }
        // One write, so that other threads' panics do not get in between.
        let text = format!(
            "runtime: {} panicked, which is a bug in the runtime: its tasks would be stranded, so \
             the process ends\n",
            self.what
        );
        let _ = std::io::stderr().write_all(text.as_bytes());
        std::process::abort();
    }
}

/// Runs foreign code and stops its panic, which the panic hook has reported. False if there was one.
///
/// # Panics
///
/// In a model, as [`discard`].
#[inline]
pub(crate) fn contain(f: impl FnOnce()) -> bool {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(()) => true,
        Err(payload) => {
            discard(payload);
            false
        }
    }
}

/// Drops the payload of a panic that nobody can be told of. Its own drop may panic; what that
/// leaves behind is leaked, since dropping it could go on for ever.
///
/// # Panics
///
/// In a model, with the payload: a checker reports by panics with a text, which nobody may
/// swallow. Panics that a model makes itself carry something else.
#[cold]
pub(crate) fn discard(payload: Payload) {
    if CHECKED && (payload.is::<String>() || payload.is::<&'static str>()) {
        resume_unwind(payload);
    }
    if let Err(second) = catch_unwind(AssertUnwindSafe(move || drop(payload))) {
        mem::forget(second);
    }
}
