//! Which runtime the calling thread belongs to.
//!
//! A stack of one: entering a handle replaces the current one, and the guard puts the one before
//! back. Leaves ask here for the handle, the timer wheel and the clock.

use super::handle::{Handle, TryCurrentError};
use crate::budget;
use crate::driver::clock::Clock;
use crate::driver::timers::Shard;
use crate::loom::local;
use crate::loom::sync::Arc;
use crate::util::names;
use std::cell::{Cell, RefCell};

local! {
    static CURRENT: RefCell<Option<Handle>> = RefCell::new(None)
}

local! {
    /// How many guards are alive, to notice those dropped out of order.
    static DEPTH: Cell<usize> = Cell::new(0)
}

/// Puts the handle before back, on drop.
#[derive(Debug)]
pub(crate) struct Restore {
    before: Option<Handle>,
    depth: usize,
}

/// Makes `handle` the current one until the guard is dropped.
///
/// # Panics
///
/// Panics in a thread-local destructor that runs after the context is gone.
#[track_caller]
pub(crate) fn enter(handle: Handle) -> Restore {
    match try_enter(handle) {
        Some(entered) => entered,
        None => panic!("{}", TryCurrentError::destroyed()),
    }
}

/// As [`enter`], for what has to go on in a thread-local destructor, too: none if the context is
/// gone.
pub(crate) fn try_enter(handle: Handle) -> Option<Restore> {
    let entered = CURRENT.try_with(|current| current.replace(Some(handle)));
    let before = entered.ok()?;
    budget::report_refusals(note_forced_yield);
    let depth = DEPTH.with(|depth| {
        depth.set(depth.get() + 1);
        depth.get()
    });
    Some(Restore { before, depth })
}

impl Drop for Restore {
    #[track_caller]
    fn drop(&mut self) {
        let depth = DEPTH.try_with(Cell::get).unwrap_or(self.depth);
        if depth != self.depth {
            if !std::thread::panicking() {
                panic!(
                    "`EnterGuard` values dropped out of order. Guards returned by \
                     `{}::runtime::Handle::enter()` must be dropped in the reverse order as they \
                     were acquired.",
                    names::CRATE
                );
            }
            return;
        }
        let _ = DEPTH.try_with(|depth| depth.set(depth.get() - 1));
        // Dropped outside of the borrow: it may be the last reference.
        let left = CURRENT.try_with(|current| current.replace(self.before.take()));
        drop(left);
    }
}

/// Runs `f` with the current handle. `f` runs no user code.
pub(crate) fn with_handle<R>(f: impl FnOnce(&Handle) -> R) -> Result<R, TryCurrentError> {
    CURRENT
        .try_with(|current| match &*current.borrow() {
            Some(handle) => Ok(f(handle)),
            None => Err(TryCurrentError::missing()),
        })
        .unwrap_or_else(|_| Err(TryCurrentError::destroyed()))
}

/// The current handle.
pub(crate) fn try_current() -> Result<Handle, TryCurrentError> {
    with_handle(Handle::clone)
}

/// The current handle.
///
/// # Panics
///
/// Panics without a runtime.
#[track_caller]
pub(crate) fn current() -> Handle {
    match try_current() {
        Ok(handle) => handle,
        Err(error) => panic!("{error}"),
    }
}

/// A poll on this thread used up its budget.
fn note_forced_yield() {
    // Outside of a runtime nobody counts.
    let _ = with_handle(|handle| {
        handle.totals().forced_yields.add_one();
        handle.poll_driver_soon();
    });
}

/// The wheel for timers made on this thread.
///
/// # Panics
///
/// Panics without a runtime, and if the runtime was built without time.
#[track_caller]
pub(crate) fn timer_shard() -> Arc<Shard> {
    match with_handle(Handle::timer_shard) {
        Ok(Some(shard)) => shard,
        Ok(None) => panic!(
            "A Tokio 1.x context was found, but timers are disabled. Call `enable_time` on the \
             runtime builder to enable timers."
        ),
        Err(error) => panic!("{error}"),
    }
}

/// As [`timer_shard`], or none without a runtime or its timers.
#[allow(dead_code, reason = "only `test-util` calls it")]
pub(crate) fn try_timer_shard() -> Option<Arc<Shard>> {
    with_handle(Handle::timer_shard).ok().flatten()
}

/// The current reactor.
///
/// # Panics
///
/// Panics without a runtime, and if the runtime was built without I/O.
#[cfg(any(feature = "net", feature = "signal"))]
#[track_caller]
pub(crate) fn io_handle() -> io_driver::Handle {
    match with_handle(|handle| handle.driver().handle().io().cloned()) {
        Ok(Some(handle)) => handle,
        Ok(None) => panic!(
            "A Tokio 1.x context was found, but IO is disabled. Call `enable_io` on the runtime \
             builder to enable IO."
        ),
        Err(error) => panic!("{error}"),
    }
}

/// Runs `f` with the current runtime's clock, if there is a runtime.
pub(crate) fn with_clock<R>(f: impl FnOnce(Option<&Clock>) -> R) -> R {
    let mut f = Some(f);
    let result = with_handle(|handle| f.take().map(|f| f(Some(handle.driver().clock()))));
    match (result, f) {
        (Ok(Some(result)), _) => result,
        (_, Some(f)) => f(None),
        _ => unreachable!("the closure is either used or left"),
    }
}
