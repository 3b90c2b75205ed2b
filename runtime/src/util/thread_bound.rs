//! A value that only the thread that made it may look at, in a place that all threads can reach.
//!
//! - H1. A tag belongs to one thread for ever: tags are counted, never reused, so that a thread
//!   that started after the owner ended is not taken for it.
//! - H2. `get` gives the value out on the thread with the owner's tag alone.
//!
//! The value needs no `Sync`, but `Send`, because its container may be dropped elsewhere.
//!
//! Rejected: the address of a thread-local as a tag (free again when the thread ends);
//! `std::thread::current().id()` (a reference count per look).
#![allow(unsafe_code)]

use crate::loom::local;
// Uniqueness needs no order.
use crate::loom::unordered::{AtomicU64, Ordering};
use std::cell::Cell;

static NEXT: AtomicU64 = AtomicU64::new(1);

local! {
    /// 0 until the thread asks. Without a destructor, so that it can be read while the thread's
    /// other locals go.
    static TAG: Cell<u64> = Cell::new(0)
}

/// The calling thread, told from all others that ever were (H1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadTag(u64);

impl ThreadTag {
    /// The calling thread's.
    pub(crate) fn current() -> Self {
        let tag = TAG.try_with(|cell| {
            if cell.get() == 0 {
                cell.set(NEXT.fetch_add(1, Ordering::Relaxed));
            }
            cell.get()
        });
        // Without its locals a thread is nobody's owner, now and later.
        Self(tag.unwrap_or_else(|_| NEXT.fetch_add(1, Ordering::Relaxed)))
    }

    /// Whether it is the calling thread's.
    #[inline]
    pub(crate) fn is_current(self) -> bool {
        TAG.try_with(Cell::get).is_ok_and(|tag| tag == self.0)
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct ThreadBound<T> {
    owner: ThreadTag,
    value: T,
}

// SAFETY: by H2 only the owner gets a reference to the value; `T: Send` allows the drop elsewhere.
unsafe impl<T: Send> Sync for ThreadBound<T> {}

impl<T> ThreadBound<T> {
    /// Bound to the calling thread.
    pub(crate) fn new(value: T) -> Self {
        Self {
            owner: ThreadTag::current(),
            value,
        }
    }

    /// The value, on its owner's thread (H2).
    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        self.owner.is_current().then_some(&self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// H2.
    #[test]
    fn only_the_thread_that_made_it_sees_the_value() {
        let bound = ThreadBound::new(Cell::new(1));
        assert_eq!(bound.get().map(Cell::get), Some(1));
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(bound.get().is_none()));
        });
    }

    /// H1.
    #[test]
    fn tags_are_not_reused() {
        let tags: Vec<_> = (0..50)
            .map(|_| std::thread::spawn(ThreadTag::current).join().unwrap().0)
            .collect();
        let mut unique = tags.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), tags.len());
    }
}
