//! Parts below and in `sync` that have no public face.
#![allow(unsafe_code)]

use crate::loom::cell::UnsafeCell;
use crate::sync::permits;
use crate::util::atomic_waker;
use std::task::Waker;

/// The waker cell.
#[derive(Debug)]
pub struct AtomicWaker(atomic_waker::AtomicWaker);

impl AtomicWaker {
    #[allow(missing_docs, clippy::new_without_default)]
    pub fn new() -> Self {
        Self(atomic_waker::AtomicWaker::new())
    }

    #[allow(missing_docs)]
    pub fn register(&self, waker: &Waker) {
        self.0.register(waker);
    }

    #[allow(missing_docs)]
    pub fn wake(&self) {
        self.0.wake();
    }
}

/// A number to put under a lock: loom reports two accesses that the lock does not order, also
/// when they did not overlap in that schedule.
#[derive(Debug)]
pub struct Watched(UnsafeCell<usize>);

// SAFETY: the number is reached through a lock that is under test, which orders the accesses.
unsafe impl Sync for Watched {}

impl Watched {
    #[allow(missing_docs, clippy::new_without_default)]
    pub fn new() -> Self {
        Self(UnsafeCell::new(0))
    }

    /// A read, for who has shared access.
    pub fn read(&self) -> usize {
        self.0.with(|value| {
            // SAFETY: by the lock under test nobody writes meanwhile.
            unsafe { *value }
        })
    }

    /// A write that adds one, for who has exclusive access.
    pub fn change(&self) {
        self.0.with_mut(|value| {
            // SAFETY: by the lock under test nobody else reads or writes meanwhile.
            unsafe { *value += 1 };
        });
    }
}

/// The queue of permits against its oracle, with what the bytes say.
///
/// # Panics
///
/// Panics where the two differ.
pub fn check_permits(bytes: &[u8]) {
    let (initial, ops) = permits::oracle::decode(bytes);
    permits::oracle::check(initial, &ops);
}
