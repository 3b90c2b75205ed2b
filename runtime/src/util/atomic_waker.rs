//! One waker, registered by one task and taken by anybody, without a lock.
//!
//! ```text
//!   WAITING ──register──► REGISTERING ──────► WAITING
//!      │                      │ wake
//!      └──wake──► WAKING      └──► REGISTERING | WAKING ──(the registrant wakes)──► WAITING
//! ```
//!
//! I1. The slot is touched only by whoever moved the state out of `WAITING`: the registrant
//!     that set `REGISTERING`, or the waker that set `WAKING` alone.
//! I2. A wake that begins after a `register` has returned finds the waker of that call or of a
//!     later one; a wake that overlaps the call wakes the waker given to it.
//!
//! `register` publishes the slot with its release `fetch_and`; the `AcqRel` `fetch_or` of `take`
//! reads it, and the other way round. The usual handshake is "register, then look at the
//! condition" against "change the condition, then wake": both sides do a RMW on this word in
//! between, and RMWs on one word are ordered, so one of them sees the other: when the
//! `fetch_or` comes first, the registrant's acquire RMW makes the changed condition visible;
//! when it comes second, it finds the waker.
//!
//! Only one task at a time may register. Two that do it at once stay memory safe: the second
//! is woken at once instead of being stored.
//!
//! Rejected: clone before the first RMW (a clone and a drop for each poll with the same waker).
//! Source: the state machine is the one of the `futures` crate's `AtomicWaker`.
#![allow(unsafe_code)]

use crate::loom::cell::UnsafeCell;
use crate::loom::hint;
use crate::loom::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

use super::wake_batch::wake_contained;

const WAITING: usize = 0;
const REGISTERING: usize = 0b01;
const WAKING: usize = 0b10;

/// A place for the waker of the one task that waits.
pub(crate) struct AtomicWaker {
    state: AtomicUsize,
    slot: UnsafeCell<Option<Waker>>,
}

// SAFETY: by I1 accesses to the slot exclude each other; `Waker` is `Send` and `Sync`.
unsafe impl Send for AtomicWaker {}
// SAFETY: as above.
unsafe impl Sync for AtomicWaker {}

// A panic of a foreign `clone` leaves the slot as it was.
impl std::panic::UnwindSafe for AtomicWaker {}
impl std::panic::RefUnwindSafe for AtomicWaker {}

/// Ends a registration, also when `clone` panics.
struct Registration<'a> {
    owner: &'a AtomicWaker,
}

impl AtomicWaker {
    crate::loom::const_fn! {
        #[inline]
        pub(crate) const fn new() -> Self {
            Self { state: AtomicUsize::new(WAITING), slot: UnsafeCell::new(None) }
        }
    }

    /// Stores a clone of `waker` for the next wake, unless an equal one is there. When a wake
    /// runs at the same time, `waker` is woken instead.
    ///
    /// Look at the condition that you wait for after this call, not only before it.
    #[inline]
    pub(crate) fn register(&self, waker: &Waker) {
        drop(self.replace(waker));
    }

    /// As [`Self::register`]; gives the waker that it replaced to the caller, for those who
    /// look at their condition before foreign code runs.
    #[must_use = "the old waker is dropped at once, which is what `register` does"]
    pub(crate) fn replace(&self, waker: &Waker) -> Option<Waker> {
        let claimed = self.state.compare_exchange(
            WAITING,
            REGISTERING,
            // Acquire: what happened before the last wake is visible to the caller's next look.
            Ordering::Acquire,
            Ordering::Acquire,
        );
        if claimed.is_err() {
            // Being woken, or somebody else registers: have the task poll again, after giving the
            // other thread the few instructions that it needs.
            hint::spin_loop();
            waker.wake_by_ref();
            return None;
        }
        let registration = Registration { owner: self };
        let replaced = self.slot.with_mut(|slot| {
            // SAFETY: by I1 the slot is ours: this thread set `REGISTERING`.
            let slot = unsafe { &mut *slot };
            match slot {
                Some(stored) if stored.will_wake(waker) => None,
                _ => slot.replace(waker.clone()),
            }
        });
        // The slot is released first: the drop of the old waker is foreign code.
        drop(registration);
        replaced
    }

    /// Wakes the registered task, if there is one.
    #[inline]
    #[allow(dead_code, reason = "for models; users take and wake in a batch")]
    pub(crate) fn wake(&self) {
        if let Some(waker) = self.take() {
            waker.wake();
        }
    }

    /// Takes the registered waker out, for the caller to wake.
    #[inline]
    pub(crate) fn take(&self) -> Option<Waker> {
        if self.state.fetch_or(WAKING, Ordering::AcqRel) != WAITING {
            // Either somebody wakes already, or the registrant will see the bit and wake.
            return None;
        }
        // SAFETY: by I1 the slot is ours: this thread set `WAKING` while it was `WAITING`.
        let waker = self.slot.with_mut(|slot| unsafe { (*slot).take() });
        self.state.fetch_and(!WAKING, Ordering::Release);
        waker
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        let owner = self.owner;
        let released = owner.state.compare_exchange(
            REGISTERING,
            WAITING,
            // Release: the stored waker, for `take`.
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        if released.is_err() {
            // A wake came meanwhile and left the slot to us.
            // SAFETY: by I1 the slot is ours as long as `REGISTERING` is set.
            let waker = owner.slot.with_mut(|slot| unsafe { (*slot).take() });
            owner.state.swap(WAITING, Ordering::AcqRel);
            if let Some(waker) = waker {
                wake_contained(waker);
            }
        }
    }
}

impl std::fmt::Debug for AtomicWaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AtomicWaker")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize as StdUsize;
    use std::task::Wake;

    #[derive(Default)]
    struct Counter(StdUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_registered_waker_is_woken_once() {
        let counter = Arc::new(Counter::default());
        let cell = AtomicWaker::new();
        cell.wake();
        cell.register(&counter.clone().into());
        cell.wake();
        cell.wake();
        assert_eq!(counter.0.load(Ordering::SeqCst), 1);
    }

    /// FAULT 10.
    #[test]
    fn the_newest_waker_is_woken_and_the_old_one_dropped() {
        let (old, new) = (Arc::new(Counter::default()), Arc::new(Counter::default()));
        let cell = AtomicWaker::new();
        cell.register(&old.clone().into());
        cell.register(&new.clone().into());
        assert_eq!(Arc::strong_count(&old), 1);
        cell.wake();
        assert_eq!(
            (old.0.load(Ordering::SeqCst), new.0.load(Ordering::SeqCst)),
            (0, 1)
        );
    }

    #[test]
    fn an_equal_waker_is_not_cloned_again() {
        let counter = Arc::new(Counter::default());
        let waker: Waker = counter.clone().into();
        let cell = AtomicWaker::new();
        cell.register(&waker);
        cell.register(&waker);
        assert_eq!(Arc::strong_count(&counter), 3);
        assert!(cell.take().is_some());
        assert!(cell.take().is_none());
    }

    /// FAULT 6: the cell works on after a panic in a foreign `clone`.
    #[test]
    fn a_panicking_clone_leaves_the_cell_usable() {
        use std::task::{RawWaker, RawWakerVTable};
        static BAD: RawWakerVTable =
            RawWakerVTable::new(|_| panic!("foreign clone"), |_| (), |_| (), |_| ());
        // SAFETY: the functions use no data pointer.
        let bad = unsafe { Waker::from_raw(RawWaker::new(std::ptr::null(), &BAD)) };
        let cell = AtomicWaker::new();
        let caught = std::panic::catch_unwind(|| cell.register(&bad));
        assert!(caught.is_err());
        let counter = Arc::new(Counter::default());
        cell.register(&counter.clone().into());
        cell.wake();
        assert_eq!(counter.0.load(Ordering::SeqCst), 1);
    }
}
