//! Two answers to a panic where none may go further: contain it, or end the process.
//!
//! A hook or a waker of the user's is foreign code: its panic was reported by the panic hook and
//! ends only itself ([`contain`]). A panic of the scheduler's own is a bug: a worker that is
//! silently missing would strand its queue, so the process ends with a message ([`Bomb`]).

use crate::loom::CHECKED;
use std::io::Write;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

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

/// Runs foreign code and stops its panic, which the panic hook has reported.
pub(crate) fn contain(f: impl FnOnce()) {
    if CHECKED {
        return f();
    }
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        // The payload's own drop may panic; what that leaves behind is leaked.
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            mem::forget(second);
        }
    }
}
