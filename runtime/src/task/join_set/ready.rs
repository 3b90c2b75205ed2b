//! Which tasks of a `JoinSet` have completed: a stack without a lock that completers push to and
//! the set takes whole.
//!
//! ```text
//!   completers ──push──► head ─► entry ─► entry ─► ∅
//!   the set    ──take──► the whole stack at once, turned round: in order of completion
//!   the set    ──close─► CLOSED: later pushes drop their entry
//! ```
//!
//! Each task has an [`Entry`], which is also the waker that its `JoinHandle` leaves in the cell.
//! The cell wakes that waker once, when the task completes, and gives it to nobody.
//!
//! - J1. An entry is pushed at most once: by the one wake of its cell, or by the set when the task
//!   completed before the waker was left. [`Entry::is_pushed`] makes it so whoever wakes.
//! - J2. A pushed entry belongs to the stack, then to the chain that was taken: one reference, and
//!   `next` is that owner's.
//! - J3. Whoever pushes to an empty stack wakes the set; others leave it to that one. The set
//!   registers its waker, then takes; a push comes before the `take` of the waker. Both write the
//!   word of the [`AtomicWaker`].
//! - J4. A closed stack stays empty, so that the entries' references to it form no circle.
//!
//! `push` releases the entry to `take_all`'s acquire. All writes of `head` are read-modify-writes, so
//! the release of an older push reaches the taker too.
//!
//! Rejected: a lock around two lists (each completion takes it, and so does each join); the
//! tasks' own links (24 bytes in every cell, also of tasks in no set).
#![allow(unsafe_code)]

use crate::loom::Track;
use crate::loom::cell::UnsafeCell;
use crate::loom::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use crate::util::atomic_waker::AtomicWaker;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::task::{Wake, Waker};

/// The stack of completed tasks, and who waits for it.
#[derive(Debug)]
pub(crate) struct Ready {
    head: AtomicPtr<Entry>,
    waker: AtomicWaker,
}

/// A task's place in the set: the key under which its handle is kept.
#[derive(Debug)]
pub(crate) struct Entry {
    key: usize,
    ready: Arc<Ready>,
    pushed: AtomicBool,
    /// Ruled by J2.
    next: UnsafeCell<*mut Entry>,
    _track: Track,
}

// SAFETY: `next` is the only part that is not `Sync`, and by J2 it has one owner at a time.
unsafe impl Send for Entry {}
// SAFETY: as above.
unsafe impl Sync for Entry {}

/// Never dereferenced.
fn closed() -> *mut Entry {
    ptr::without_provenance_mut(usize::MAX)
}

impl Ready {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            head: AtomicPtr::new(ptr::null_mut()),
            waker: AtomicWaker::new(),
        })
    }

    /// The waker of the task whose handle is kept under `key`.
    pub(crate) fn entry(self: &Arc<Self>, key: usize) -> Waker {
        Waker::from(Arc::new(Entry {
            key,
            ready: self.clone(),
            pushed: AtomicBool::new(false),
            next: UnsafeCell::new(ptr::null_mut()),
            _track: Track::new(),
        }))
    }

    /// Has `waker` woken when there is something to take; gives the waker before it back, for the
    /// caller to drop after the look (J3).
    pub(crate) fn register(&self, waker: &Waker) -> Option<Waker> {
        self.waker.replace(waker)
    }

    /// Takes all completed tasks, the first to complete first.
    pub(crate) fn take_all(&self) -> Chain {
        if self.head.load(Ordering::Relaxed).is_null() {
            return Chain::default();
        }
        Chain::turned(self.head.swap(ptr::null_mut(), Ordering::Acquire))
    }

    /// Takes no entries any more, and drops those that are there (J4).
    pub(crate) fn close(&self) {
        drop(Chain::turned(self.head.swap(closed(), Ordering::Acquire)));
        drop(self.waker.take());
    }

    /// Whether the stack was empty; the entry is dropped if the stack is closed. By J1 the entry
    /// is in no stack.
    fn push(&self, entry: Arc<Entry>) -> bool {
        let pointer = Arc::into_raw(entry).cast_mut();
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            if head == closed() {
                // SAFETY: the reference from `into_raw`, which nobody else was given.
                drop(unsafe { Arc::from_raw(pointer) });
                return false;
            }
            // SAFETY: our reference keeps the entry alive.
            let entry = unsafe { &*pointer };
            // SAFETY: by J2 `next` is ours until the exchange.
            entry.next.with_mut(|next| unsafe { *next = head });
            let pushed = self.head.compare_exchange_weak(
                head,
                pointer,
                Ordering::Release,
                Ordering::Relaxed,
            );
            match pushed {
                Ok(_) => return head.is_null(),
                Err(now) => head = now,
            }
        }
    }
}

impl Entry {
    /// The task has completed.
    fn complete(self: Arc<Self>) {
        // Order comes with the push.
        if self.pushed.swap(true, Ordering::Relaxed) {
            return;
        }
        let ready = self.ready.clone();
        if ready.push(self) {
            if let Some(waker) = ready.waker.take() {
                waker.wake();
            }
        }
    }
}

impl Wake for Entry {
    fn wake(self: Arc<Self>) {
        self.complete();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.clone().complete();
    }
}

/// Entries that were taken, in order.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    first: Option<NonNull<Entry>>,
}

// SAFETY: the chain owns its entries (J2), and `Entry` is `Send` and `Sync`.
unsafe impl Send for Chain {}
// SAFETY: a shared chain gives out nothing.
unsafe impl Sync for Chain {}

impl Chain {
    /// Turns the links from `head` on round: the caller has taken them all.
    fn turned(mut head: *mut Entry) -> Self {
        let mut first = None;
        if head == closed() {
            return Self { first };
        }
        while let Some(entry) = NonNull::new(head) {
            let before = first.map_or(ptr::null_mut(), NonNull::as_ptr);
            // SAFETY: by J2 the entry is alive, and its `next` is ours.
            head = unsafe { exchange_next(entry, before) };
            first = Some(entry);
        }
        Self { first }
    }

    /// The key of the next task.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<usize> {
        let entry = self.first?;
        // SAFETY: by J2 the entry is alive, and its `next` is ours.
        self.first = NonNull::new(unsafe { exchange_next(entry, ptr::null_mut()) });
        // SAFETY: by J2 the chain owned this reference.
        let entry = unsafe { Arc::from_raw(entry.as_ptr()) };
        Some(entry.key)
    }
}

/// # Safety
///
/// The caller owns the chain that `entry` is in (J2).
unsafe fn exchange_next(entry: NonNull<Entry>, next: *mut Entry) -> *mut Entry {
    // SAFETY: by J2 the chain owns a reference.
    let entry = unsafe { entry.as_ref() };
    entry.next.with_mut(|slot| {
        // SAFETY: by J2 the slot is the chain's.
        std::mem::replace(unsafe { &mut *slot }, next)
    })
}

impl Drop for Chain {
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(mut chain: Chain) -> Vec<usize> {
        std::iter::from_fn(|| chain.pop()).collect()
    }

    #[test]
    fn entries_come_in_order_of_completion_and_once() {
        let ready = Ready::new();
        let wakers: Vec<_> = (0..5).map(|key| ready.entry(key)).collect();
        for key in [3, 1, 4] {
            wakers[key].wake_by_ref();
        }
        wakers[1].wake_by_ref();
        assert_eq!(keys(ready.take_all()), [3, 1, 4]);
        assert_eq!(keys(ready.take_all()), []);
        drop(wakers);
        assert_eq!(Arc::strong_count(&ready), 1, "all entries are gone");
    }

    /// J4.
    #[test]
    fn a_closed_stack_keeps_nothing() {
        let ready = Ready::new();
        let (one, two) = (ready.entry(1), ready.entry(2));
        one.wake();
        ready.close();
        two.wake();
        ready.close();
        assert_eq!(keys(ready.take_all()), []);
        assert_eq!(Arc::strong_count(&ready), 1);
    }
}
