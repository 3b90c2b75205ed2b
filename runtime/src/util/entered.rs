//! One thread-local flag: does this thread run a runtime right now?
//!
//! Blocking calls (`block_on`, `blocking_lock`, …) would stop every task of the thread, so they
//! refuse where it is set. It sits below everything else so that `sync` can ask without
//! knowing the runtime.

use crate::loom::local;
use crate::util::scoped::{self, Scoped};
use std::cell::Cell;

/// What the thread may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entered {
    /// No runtime runs on this thread.
    No,
    /// A runtime polls tasks or a `block_on` future here; `block_in_place` may be allowed.
    Yes {
        /// Whether `block_in_place` can free the thread.
        allow_block_in_place: bool,
    },
}

local! {
    static ENTERED: Cell<Entered> = Cell::new(Entered::No)
}

pub(crate) fn current() -> Entered {
    ENTERED.try_with(Cell::get).unwrap_or(Entered::No)
}

/// Restores the state before, on drop.
pub(crate) type Restore = Scoped<Cell<Entered>>;

/// Sets the state until the guard is dropped.
pub(crate) fn set(entered: Entered) -> Restore {
    scoped::set(&ENTERED, entered)
}

/// Panics when the thread runs a runtime: `what` names the call, for the message.
#[track_caller]
pub(crate) fn refuse_blocking(what: &str) {
    if current() != Entered::No {
        panic!(
            "Cannot block the current thread from within a runtime: `{what}` was called on a \
             thread that runs asynchronous tasks. Use the `async` method, or move the call into \
             `spawn_blocking`."
        );
    }
}
