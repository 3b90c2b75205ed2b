//! The only file of this crate that knows loom; everything else imports `crate::loom`.
//!
//! `Mutex` hides two differences: parking_lot does not poison and loom's does, and only the first
//! has a `const` constructor, which therefore nothing here may rely on.

#[cfg(not(all(loom, feature = "loom")))]
mod imports {
    pub(crate) use parking_lot::{Mutex as RawMutex, MutexGuard};
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

    pub(super) fn lock<T>(mutex: &RawMutex<T>) -> MutexGuard<'_, T> {
        mutex.lock()
    }
}

#[cfg(all(loom, feature = "loom"))]
mod imports {
    pub(crate) use ::loom::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
    pub(crate) use ::loom::sync::{Mutex as RawMutex, MutexGuard};

    pub(super) fn lock<T>(mutex: &RawMutex<T>) -> MutexGuard<'_, T> {
        // A poisoned model has failed already; the first panic is the one to show.
        mutex
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

pub(crate) use imports::{AtomicBool, AtomicU32, AtomicUsize, MutexGuard, Ordering};
/// Written once, read often, and not part of any model: loom has no counterpart.
pub(crate) use std::sync::{Arc, OnceLock};

/// A lock that never poisons. No user code runs while it is held.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(imports::RawMutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(imports::RawMutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        imports::lock(&self.0)
    }
}
