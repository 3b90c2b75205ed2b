//! Where a traced poll ends: each leaf future reports itself to whoever traces.
//!
//! - G1. The listener of a thread points to the closure of a [`watch`] that is further down on this
//!   thread's stack, and is taken out while that closure runs.
#![allow(unsafe_code)]

use crate::loom::local;
use crate::util::scoped;
use std::cell::Cell;
use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::task::Waker;

/// A closure without its type.
#[derive(Clone, Copy)]
struct Listener {
    closure: NonNull<()>,
    call: unsafe fn(NonNull<()>, &Waker),
}

local! {
    static LISTENER: Cell<Option<Listener>> = Cell::new(None)
}

local! {
    /// The function below which frames are of no interest.
    static ROOT: Cell<*const c_void> = Cell::new(ptr::null())
}

/// Runs `poll` and tells `listen` of each leaf that it reaches, on the leaf's stack.
#[allow(dead_code, reason = "for task dumps, if they are enabled")]
pub(crate) fn watch<R, L: FnMut(&Waker)>(poll: impl FnOnce() -> R, mut listen: L) -> R {
    let listener = Listener {
        closure: NonNull::from(&mut listen).cast(),
        call: call::<L>,
    };
    let _restore = scoped::set(&LISTENER, Some(listener));
    poll()
}

/// # Safety
///
/// `closure` points to an `L`, which nobody else uses.
unsafe fn call<L: FnMut(&Waker)>(closure: NonNull<()>, waker: &Waker) {
    // SAFETY: the caller's promise.
    let listen = unsafe { closure.cast::<L>().as_mut() };
    listen(waker);
}

/// A leaf future is polled in a traced poll. Never inlined: traces begin above its frame.
#[inline(never)]
pub(crate) fn reached(waker: &Waker) {
    let listener = LISTENER.try_with(Cell::get).unwrap_or(None);
    let _restore = scoped::set(&LISTENER, None);
    if let Some(listener) = listener {
        // SAFETY: by G1 the closure is alive, of that type, and not in use.
        unsafe { (listener.call)(listener.closure, waker) };
    }
}

/// Runs `f`, which calls the function at `root`, as what traces end at.
#[allow(dead_code, reason = "for task dumps, if they are enabled")]
pub(crate) fn with_root<R>(root: *const c_void, f: impl FnOnce() -> R) -> R {
    let _restore = scoped::set(&ROOT, root);
    f()
}

/// The innermost root.
#[allow(dead_code, reason = "for task dumps, if they are enabled")]
pub(crate) fn root() -> Option<*const c_void> {
    let root = ROOT.try_with(Cell::get).unwrap_or(ptr::null());
    (!root.is_null()).then_some(root)
}
