//! Wakers collected under a lock and woken after it is dropped.
//!
//! A lock holder moves the wakers of finished waiters into the batch, drops the lock, and calls
//! [`WakeBatch::wake_all`]. When the batch is full the holder unlocks, wakes, and locks again:
//! the batch lives on the stack and never allocates.
//!
//! I1. `slots[..len]` are initialised, the rest is not.
//! I2. A waker leaves the batch (the length shrinks past it) before it runs, so none runs twice.
//!
//! Wakers are foreign code and may panic. The others are woken all the same; then the first
//! panic goes on to the caller, unless the thread is unwinding already (a second panic would
//! abort the process). Later payloads are leaked, because dropping one may panic too.
//!
//! Rejected: a `Vec` (allocates under the lock); `[Option<Waker>; 32]` (writes 512 bytes for
//! each release of one permit).
#![allow(unsafe_code)]

use crate::loom::thread;
use std::any::Any;
use std::mem::{self, MaybeUninit};
use std::panic::{self, AssertUnwindSafe};
use std::task::Waker;

/// How many wakers a batch holds: enough to make the extra locking rare, 512 bytes of stack.
const CAPACITY: usize = 32;

/// Up to 32 wakers to run later.
pub(crate) struct WakeBatch {
    slots: [MaybeUninit<Waker>; CAPACITY],
    len: usize,
    first_panic: Option<Box<dyn Any + Send>>,
}

impl WakeBatch {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self {
            slots: [const { MaybeUninit::uninit() }; CAPACITY],
            len: 0,
            first_panic: None,
        }
    }

    /// Whether there is room for one more.
    #[inline]
    pub(crate) const fn can_push(&self) -> bool {
        self.len < CAPACITY
    }

    /// Adds a waker.
    ///
    /// # Panics
    ///
    /// Panics if the batch is full: ask [`Self::can_push`] first.
    #[inline]
    pub(crate) fn push(&mut self, waker: Waker) {
        self.slots[self.len].write(waker);
        self.len += 1;
    }

    /// Takes out the waker that was pushed last.
    fn pop(&mut self) -> Option<Waker> {
        self.len = self.len.checked_sub(1)?;
        // SAFETY: by I1 the slot below the old length is initialised, and by the new length
        // nobody reads it again (I2).
        Some(unsafe { self.slots[self.len].assume_init_read() })
    }

    /// Wakes all of them, in the order in which they were pushed, and empties the batch: for a
    /// caller that will lock again and collect more. A panic is kept for [`Self::wake_all`].
    /// Call it with no lock held.
    pub(crate) fn wake_and_go_on(&mut self) {
        let count = mem::take(&mut self.len);
        for slot in &self.slots[..count] {
            // SAFETY: by I1 the slot was initialised, and the length is 0 now, so that nobody
            // reads it again (I2).
            let waker = unsafe { slot.assume_init_read() };
            if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| waker.wake())) {
                match self.first_panic {
                    None => self.first_panic = Some(payload),
                    Some(_) => mem::forget(payload),
                }
            }
        }
    }

    /// Wakes all of them, in the order in which they were pushed, and empties the batch. Call
    /// it with no lock held.
    ///
    /// # Panics
    ///
    /// Goes on with the first panic of a waker after all were woken, unless the thread is
    /// unwinding already.
    pub(crate) fn wake_all(&mut self) {
        self.wake_and_go_on();
        if let Some(payload) = self.first_panic.take() {
            propagate(payload);
        }
    }
}

/// Goes on with a panic of foreign code, unless that would abort the process.
#[cold]
fn propagate(payload: Box<dyn Any + Send>) {
    if thread::panicking() {
        mem::forget(payload);
    } else {
        panic::resume_unwind(payload);
    }
}

/// Wakes one waker from a destructor or another place that may run while the thread unwinds:
/// a panic of the waker then stays here, else it goes on to the caller.
#[inline]
pub(crate) fn wake_contained(waker: Waker) {
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| waker.wake())) {
        propagate(payload);
    }
}

impl Drop for WakeBatch {
    fn drop(&mut self) {
        while let Some(waker) = self.pop() {
            drop(waker);
        }
        // Only left here when `wake_all` was not reached: dropping a payload may panic.
        mem::forget(self.first_panic.take());
    }
}

impl std::fmt::Debug for WakeBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WakeBatch").field("len", &self.len).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    struct Counting {
        woken: Arc<AtomicUsize>,
        panics: bool,
    }

    impl Wake for Counting {
        fn wake(self: Arc<Self>) {
            self.woken.fetch_add(1, Ordering::SeqCst);
            assert!(!self.panics, "foreign waker");
        }
    }

    fn batch(count: usize, panics: impl Fn(usize) -> bool) -> (WakeBatch, Arc<AtomicUsize>) {
        let woken = Arc::new(AtomicUsize::new(0));
        let mut batch = WakeBatch::new();
        for i in 0..count {
            let waker = Counting {
                woken: woken.clone(),
                panics: panics(i),
            };
            assert!(batch.can_push());
            batch.push(Arc::new(waker).into());
        }
        (batch, woken)
    }

    #[test]
    fn a_full_batch_wakes_each_waker_once() {
        let (mut batch, woken) = batch(CAPACITY, |_| false);
        assert!(!batch.can_push());
        batch.wake_all();
        assert!(batch.can_push());
        batch.wake_all();
        assert_eq!(woken.load(Ordering::SeqCst), CAPACITY);
    }

    /// FAULT 6: a foreign waker that panics takes no wake-up from the others.
    #[test]
    fn a_panicking_waker_does_not_keep_others_asleep() {
        let (mut batch, woken) = batch(10, |i| i % 3 == 0);
        let caught = panic::catch_unwind(AssertUnwindSafe(|| batch.wake_all()));
        assert!(caught.is_err(), "the panic reaches the caller");
        assert_eq!(woken.load(Ordering::SeqCst), 10);
        batch.wake_all();
    }

    #[test]
    fn a_panic_while_unwinding_is_contained() {
        struct WakeOnDrop(WakeBatch);
        impl Drop for WakeOnDrop {
            fn drop(&mut self) {
                self.0.wake_all();
            }
        }
        let (batch, woken) = batch(3, |_| true);
        let caught = panic::catch_unwind(AssertUnwindSafe(|| {
            let _wakes = WakeOnDrop(batch);
            panic!("first");
        }));
        assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"first"));
        assert_eq!(woken.load(Ordering::SeqCst), 3);
    }

    /// I1.
    #[test]
    fn dropping_a_batch_drops_its_wakers() {
        let (batch, woken) = batch(5, |_| false);
        drop(batch);
        assert_eq!(Arc::strong_count(&woken), 1);
        assert_eq!(woken.load(Ordering::SeqCst), 0);
    }
}
