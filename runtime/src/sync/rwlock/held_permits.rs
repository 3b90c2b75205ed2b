//! The permits in the hands of a guard, given back on drop.
//!
//! A guard is one of these and a pointer, and has no destructor of its own. So a guard turns into
//! another one by moving its parts, and there is no moment at which a panic could lose permits.

use super::RwLock;
use crate::sync::permits::Permits;
use std::fmt;
use std::mem;
use std::sync::Arc;

/// One permit of a borrowed lock.
#[derive(Debug)]
pub(super) struct Shared<'a>(pub(super) &'a Permits);

/// All permits of a borrowed lock.
#[derive(Debug)]
pub(super) struct Exclusive<'a> {
    permits: &'a Permits,
    max_readers: u32,
}

/// One permit of a lock that it keeps alive.
pub(super) struct OwnedShared<T: ?Sized>(Arc<RwLock<T>>);

/// All permits of a lock that it keeps alive.
pub(super) struct OwnedExclusive<T: ?Sized> {
    lock: Arc<RwLock<T>>,
    count: u32,
}

impl Drop for Shared<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.release(1);
    }
}

impl Drop for Exclusive<'_> {
    #[inline]
    fn drop(&mut self) {
        self.permits.release(self.max_readers as usize);
    }
}

impl<T: ?Sized> Drop for OwnedShared<T> {
    #[inline]
    fn drop(&mut self) {
        self.0.permits.release(1);
    }
}

impl<T: ?Sized> Drop for OwnedExclusive<T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.permits.release(self.count as usize);
    }
}

impl<'a> Exclusive<'a> {
    /// Only for a caller that has just taken all permits of `lock`.
    #[inline]
    pub(super) fn new<T: ?Sized>(lock: &'a RwLock<T>) -> Self {
        Self {
            permits: &lock.permits,
            max_readers: lock.max_readers,
        }
    }

    /// Gives all permits but one back.
    pub(super) fn downgrade(self) -> Shared<'a> {
        // First the new owner: a waker that panics takes the last permit along.
        let shared = Shared(self.permits);
        let rest = self.max_readers - 1;
        mem::forget(self);
        shared.0.release(rest as usize);
        shared
    }
}

impl<T: ?Sized> OwnedShared<T> {
    /// Only for a caller that has just taken one permit.
    #[inline]
    pub(super) fn new(lock: Arc<RwLock<T>>) -> Self {
        Self(lock)
    }

    #[inline]
    pub(super) fn lock(&self) -> &Arc<RwLock<T>> {
        &self.0
    }
}

impl<T: ?Sized> OwnedExclusive<T> {
    /// Only for a caller that has just taken all permits.
    #[inline]
    pub(super) fn new(lock: Arc<RwLock<T>>) -> Self {
        let count = lock.max_readers;
        Self { lock, count }
    }

    /// Gives all permits but one back.
    pub(super) fn downgrade(mut self) -> OwnedShared<T> {
        // First the new owner: a waker that panics in our drop takes the last permit along.
        let shared = OwnedShared(self.lock.clone());
        self.count -= 1;
        drop(self);
        shared
    }

    #[inline]
    pub(super) fn lock(&self) -> &Arc<RwLock<T>> {
        &self.lock
    }
}

impl<T: ?Sized> fmt::Debug for OwnedShared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedShared").finish_non_exhaustive()
    }
}

impl<T: ?Sized> fmt::Debug for OwnedExclusive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedExclusive")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}
