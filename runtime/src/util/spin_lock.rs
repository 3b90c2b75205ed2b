//! A lock for critical sections of a few instructions that are almost never contended: taking it
//! is one read-modify-write, leaving it a plain store. A waiter spins, then yields its thread.
//!
//! - X1. `held` is true exactly while a [`Guard`] exists.
//!
//! The `Release` store on leaving pairs with the `Acquire` swap on entering. Not for sections
//! that run user code, allocate or call the system: a waiter burns its time slice.
//!
//! Under a checker a plain mutex takes its place, so that waiting is no spinning.
#![allow(unsafe_code)]

#[cfg(not(any(all(loom, feature = "loom"), all(shuttle, feature = "shuttle"))))]
pub(crate) use self::spinning::SpinLock;

#[cfg(any(all(loom, feature = "loom"), all(shuttle, feature = "shuttle")))]
pub(crate) use crate::loom::sync::Mutex as SpinLock;

#[cfg(not(any(all(loom, feature = "loom"), all(shuttle, feature = "shuttle"))))]
mod spinning {
    use crate::loom::sync::atomic::{AtomicBool, Ordering};
    use crate::loom::{hint, thread};
    use std::cell::UnsafeCell;
    use std::ops::{Deref, DerefMut};

    /// Turns of spinning before the thread is given up.
    const SPINS: u32 = 64;

    /// See the module.
    #[derive(Debug, Default)]
    pub(crate) struct SpinLock<T> {
        held: AtomicBool,
        value: UnsafeCell<T>,
    }

    // SAFETY: by X1 one thread at a time reaches the value.
    unsafe impl<T: Send> Sync for SpinLock<T> {}

    /// The right to use the value.
    pub(crate) struct Guard<'a, T>(&'a SpinLock<T>);

    impl<T> SpinLock<T> {
        #[inline]
        pub(crate) fn lock(&self) -> Guard<'_, T> {
            if self.held.swap(true, Ordering::Acquire) {
                self.wait();
            }
            Guard(self)
        }

        #[cold]
        fn wait(&self) {
            let mut spins = 0;
            loop {
                while self.held.load(Ordering::Relaxed) {
                    spins += 1;
                    if spins % SPINS == 0 {
                        thread::yield_now()
                    } else {
                        hint::spin_loop()
                    }
                }
                if !self.held.swap(true, Ordering::Acquire) {
                    return;
                }
            }
        }
    }

    impl<T> Deref for Guard<'_, T> {
        type Target = T;

        #[inline]
        fn deref(&self) -> &T {
            // SAFETY: by X1 this guard is the only way to the value.
            unsafe { &*self.0.value.get() }
        }
    }

    impl<T> DerefMut for Guard<'_, T> {
        #[inline]
        fn deref_mut(&mut self) -> &mut T {
            // SAFETY: by X1 this guard is the only way to the value.
            unsafe { &mut *self.0.value.get() }
        }
    }

    impl<T> Drop for Guard<'_, T> {
        #[inline]
        fn drop(&mut self) {
            self.0.held.store(false, Ordering::Release);
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        /// X1: increments of several threads are all counted.
        #[test]
        fn one_thread_at_a_time_is_inside() {
            let lock = SpinLock::<u64>::default();
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| (0..10_000).for_each(|_| *lock.lock() += 1));
                }
            });
            assert_eq!(*lock.lock(), 40_000);
        }
    }
}
