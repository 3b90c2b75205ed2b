//! A list of waiting futures, for channels whose state sits behind one lock.
//!
//! ```text
//!   NEW ──join──► WAITING ──finish_first──► another outcome ──reset──► NEW
//!    ▲               │
//!    └────leave──────┘
//! ```
//!
//! W1. While its outcome is `WAITING` a node is linked, and its waker and mark are touched only
//!     under the lock around the list.
//! W2. `finish_first` stores the outcome once, as its last access to the node; from then on the
//!     node belongs to its future alone.
//! W3. The list is first in, first out.
//!
//! Pair: the release store of the outcome with the acquire load in [`Waiter::outcome`], so a
//! future that was woken takes no lock to learn it. Nothing else is ordered here: the lock is.
//!
//! Wakers are cloned before the lock is taken and dropped and woken after it is released.
#![allow(unsafe_code)]

use crate::loom::cell::UnsafeCell;
use crate::loom::sync::atomic::{AtomicU8, Ordering};
use crate::util::list::{Linked, Links, List};
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::Waker;

/// In no list.
const NEW: u8 = 0;
const WAITING: u8 = 1;
/// The smallest outcome that a channel may give: it defines what its outcomes mean.
pub(super) const FIRST_OUTCOME: u8 = 2;

/// A place in the list, inside a pinned future.
pub(super) struct Waiter {
    links: Links<Waiter>,
    parked: UnsafeCell<Parked>,
    outcome: AtomicU8,
    _pinned: PhantomPinned,
}

struct Parked {
    waker: Option<Waker>,
    mark: u64,
}

// SAFETY: always the same field.
unsafe impl Linked for Waiter {
    fn links(&self) -> &Links<Self> {
        &self.links
    }
}

// SAFETY: links and waker are touched under the list's lock or by the sole owner (W1, W2).
unsafe impl Send for Waiter {}
// SAFETY: as above.
unsafe impl Sync for Waiter {}

/// What a future finds in its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    New,
    Waiting,
    /// Taken out of the list, with this outcome.
    Finished(u8),
}

impl Waiter {
    #[inline]
    pub(super) fn new() -> Self {
        Self {
            links: Links::new(),
            parked: UnsafeCell::new(Parked {
                waker: None,
                mark: 0,
            }),
            outcome: AtomicU8::new(NEW),
            _pinned: PhantomPinned,
        }
    }

    /// How far the wait is. Under the lock the answer `Waiting` is final until it is released.
    #[inline]
    pub(super) fn stage(&self) -> Stage {
        // Acquire: pairs with the store in `finish_first`.
        match self.outcome.load(Ordering::Acquire) {
            NEW => Stage::New,
            WAITING => Stage::Waiting,
            outcome => Stage::Finished(outcome),
        }
    }

    /// Makes a finished node ready to join again. Only its future calls it.
    pub(super) fn reset(&self) {
        debug_assert_ne!(self.stage(), Stage::Waiting, "still linked");
        self.outcome.store(NEW, Ordering::Relaxed);
    }

    /// Runs `f` on the waker and the mark.
    ///
    /// # Safety
    ///
    /// The caller holds the lock around the list, or the node alone (W1, W2).
    unsafe fn with_parked<R>(&self, f: impl FnOnce(&mut Parked) -> R) -> R {
        self.parked.with_mut(|parked| {
            // SAFETY: the caller's promise; `f` gets no second way to it.
            f(unsafe { &mut *parked })
        })
    }
}

/// The list; lives behind the channel's lock.
#[derive(Debug)]
pub(super) struct WaitList {
    waiters: List<Waiter>,
}

impl WaitList {
    pub(super) const fn new() -> Self {
        Self {
            waiters: List::new(),
        }
    }

    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    /// Adds a node at the back.
    ///
    /// # Safety
    ///
    /// The node is `New`, and its future calls [`Self::leave`] under the same lock before it goes
    /// away, if the node is still `Waiting` then.
    pub(super) unsafe fn join(&mut self, node: Pin<&Waiter>, waker: Waker, mark: u64) {
        // SAFETY: the node is new, so the caller's alone. The slot is empty: nothing is dropped.
        unsafe {
            node.with_parked(|parked| {
                *parked = Parked {
                    waker: Some(waker),
                    mark,
                }
            })
        };
        node.outcome.store(WAITING, Ordering::Relaxed);
        // SAFETY: in no list; pinned, and taken out before it goes away.
        unsafe { self.waiters.push_back(NonNull::from(node.get_ref())) };
    }

    /// The mark of the node at the front.
    #[inline]
    pub(super) fn first_mark(&self) -> Option<u64> {
        let node = self.waiters.front()?;
        // SAFETY: a linked node is alive (W1).
        let node = unsafe { node.as_ref() };
        // SAFETY: `&self` stands for the lock.
        Some(unsafe { node.with_parked(|parked| parked.mark) })
    }

    /// Ends the wait of the node at the front and returns its waker.
    #[inline]
    pub(super) fn finish_first(&mut self, outcome: u8) -> Option<Waker> {
        debug_assert!(outcome >= FIRST_OUTCOME);
        let node = self.waiters.pop_front()?;
        // SAFETY: it was linked until now, so alive (W1).
        let node = unsafe { node.as_ref() };
        // SAFETY: `&mut self` stands for the lock.
        let waker = unsafe { node.with_parked(|parked| parked.waker.take()) };
        // Release: what was done before the wake. The last access (W2).
        node.outcome.store(outcome, Ordering::Release);
        waker
    }

    /// Takes a node out whose future gives up. The waker stays in the node, for its future to drop.
    ///
    /// # Safety
    ///
    /// The node is `Waiting` in this list.
    pub(super) unsafe fn leave(&mut self, node: Pin<&Waiter>) {
        // SAFETY: the caller's promise.
        unsafe { self.waiters.remove(NonNull::from(node.get_ref())) };
        node.outcome.store(NEW, Ordering::Relaxed);
    }

    /// Sees to it that `waker` will be woken: true if it is the stored one, or if `fresh`, a clone
    /// of it, was put in its place. Else the caller unlocks, clones, and asks again.
    ///
    /// # Safety
    ///
    /// The node is `Waiting` in this list.
    pub(super) unsafe fn renew(
        &mut self,
        node: Pin<&Waiter>,
        waker: &Waker,
        fresh: &mut Option<Waker>,
    ) -> bool {
        // SAFETY: `&mut self` stands for the lock.
        unsafe {
            node.with_parked(|parked| {
                let stored = &mut parked.waker;
                let is_same = stored.as_ref().is_some_and(|old| old.will_wake(waker));
                if !is_same && fresh.is_some() {
                    std::mem::swap(stored, fresh);
                    return true;
                }
                is_same
            })
        }
    }
}

impl std::fmt::Debug for Waiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiter")
            .field("stage", &self.stage())
            .finish()
    }
}
