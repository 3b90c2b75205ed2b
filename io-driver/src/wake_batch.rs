//! Wakers taken under a lock, to be woken after it is released.
//!
//! I1. `wake_all` and `discard` are the only places where this crate runs a foreign waker on
//!     behalf of somebody else, and neither is called with a lock held.
//! I2. A waker that panics stops at itself: the panic is contained and counted, the others are
//!     woken all the same, and the driver goes on.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

/// Enough for the events of a busy turn to be woken in a few goes; 512 bytes of stack.
const CAPACITY: usize = 32;

#[derive(Debug)]
pub(crate) struct WakeBatch {
    wakers: [Option<Waker>; CAPACITY],
    len: usize,
    woken: usize,
    panics: usize,
}

impl WakeBatch {
    pub(crate) fn new() -> Self {
        Self {
            wakers: [const { None }; CAPACITY],
            len: 0,
            woken: 0,
            panics: 0,
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len == CAPACITY
    }

    /// Adds a waker; the caller has seen that the batch is not full.
    pub(crate) fn push(&mut self, waker: Waker) {
        debug_assert!(!self.is_full(), "the caller looks before it pushes");
        self.wakers[self.len] = Some(waker);
        self.len += 1;
    }

    /// Wakes what was collected. No lock is held (I1).
    pub(crate) fn wake_all(&mut self) {
        for slot in &mut self.wakers[..self.len] {
            if let Some(waker) = slot.take() {
                self.woken += 1;
                self.panics += usize::from(panics(|| waker.wake()));
            }
        }
        self.len = 0;
    }

    /// How many wakers were woken so far.
    pub(crate) fn woken(&self) -> usize {
        self.woken
    }

    /// How many of them panicked.
    pub(crate) fn panics(&self) -> usize {
        self.panics
    }
}

/// Drops a waker that nobody waits for any more; returns whether its drop panicked.
pub(crate) fn discard(waker: Waker) -> bool {
    panics(|| drop(waker))
}

/// Runs foreign code and says whether it panicked (I2).
fn panics(foreign: impl FnOnce()) -> bool {
    let Err(payload) = catch_unwind(AssertUnwindSafe(foreign)) else {
        return false;
    };
    // The payload's drop is foreign code too. If that panics as well there is nothing sensible
    // left to run, so the second payload is leaked.
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        mem::forget(second);
    }
    true
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::panic::panic_any;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    struct Counting(AtomicUsize);

    impl Wake for Counting {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    struct DropsBadly;

    impl Drop for DropsBadly {
        fn drop(&mut self) {
            panic!("a payload that panics when it is dropped");
        }
    }

    struct Panicking;

    impl Wake for Panicking {
        fn wake(self: Arc<Self>) {
            panic_any(DropsBadly);
        }
    }

    /// I2.
    #[test]
    fn a_panicking_waker_does_not_stop_the_others() {
        let counting = Arc::new(Counting(AtomicUsize::new(0)));
        let mut batch = WakeBatch::new();
        for _ in 0..3 {
            batch.push(Arc::new(Panicking).into());
            batch.push(counting.clone().into());
        }
        batch.wake_all();
        assert_eq!(counting.0.load(Ordering::Relaxed), 3);
        assert_eq!((batch.woken(), batch.panics()), (6, 3));
    }

    #[test]
    fn a_batch_can_be_filled_again() {
        let counting = Arc::new(Counting(AtomicUsize::new(0)));
        let mut batch = WakeBatch::new();
        for _ in 0..2 {
            while !batch.is_full() {
                batch.push(counting.clone().into());
            }
            batch.wake_all();
        }
        assert_eq!(counting.0.load(Ordering::Relaxed), 2 * CAPACITY);
    }
}
