//! A lock for critical sections of a few instructions that are almost never contended: taking it
//! is one read-modify-write, leaving it a plain store. A waiter spins, then yields its thread, then
//! sleeps a little between looks.
//!
//! - X1. `held` is true exactly while a [`Guard`] exists.
//!
//! The `Release` store on leaving pairs with the `Acquire` swap on entering. Not for sections
//! that allocate or call the system. User code only where it is short as a rule, as the clone of a
//! message is: who waits for longer than some hundred microseconds sleeps, and is not unparked.
//!
//! Under a checker a plain mutex takes its place, so that waiting is no spinning.
#![allow(unsafe_code)]

#[cfg(not(any(all(loom, feature = "loom"), all(shuttle, feature = "shuttle"))))]
pub(crate) use self::spinning::{Guard as SpinGuard, SpinLock};

#[cfg(any(all(loom, feature = "loom"), all(shuttle, feature = "shuttle")))]
pub(crate) use crate::loom::sync::{Mutex as SpinLock, MutexGuard as SpinGuard};

#[cfg(not(any(all(loom, feature = "loom"), all(shuttle, feature = "shuttle"))))]
mod spinning {
    use crate::loom::sync::atomic::{AtomicBool, Ordering};
    use crate::loom::{hint, thread};
    use std::cell::UnsafeCell;
    use std::marker::PhantomData;
    use std::ops::{Deref, DerefMut};
    use std::time::Duration;

    /// Turns of spinning before the thread is given up.
    const SPINS: u32 = 64;

    /// Turns after which a waiter sleeps instead.
    const SLEEP_AFTER: u32 = SPINS * 64;

    /// How long a waiter sleeps between looks.
    const SLEEP: Duration = Duration::from_micros(50);

    /// See the module.
    #[derive(Debug, Default)]
    pub(crate) struct SpinLock<T> {
        held: AtomicBool,
        value: UnsafeCell<T>,
    }

    // SAFETY: by X1 one thread at a time reaches the value.
    unsafe impl<T: Send> Sync for SpinLock<T> {}

    /// The right to use the value. Stays on its thread, since the value may not be `Sync`.
    #[derive(Debug)]
    pub(crate) struct Guard<'a, T>(&'a SpinLock<T>, PhantomData<*mut T>);

    impl<T> SpinLock<T> {
        #[inline]
        pub(crate) const fn new(value: T) -> Self {
            Self {
                held: AtomicBool::new(false),
                value: UnsafeCell::new(value),
            }
        }

        #[inline]
        pub(crate) fn lock(&self) -> Guard<'_, T> {
            if self.held.swap(true, Ordering::Acquire) {
                self.wait();
            }
            Guard(self, PhantomData)
        }

        #[cold]
        fn wait(&self) {
            let mut spins: u32 = 0;
            loop {
                while self.held.load(Ordering::Relaxed) {
                    spins = spins.saturating_add(1);
                    if spins > SLEEP_AFTER {
                        thread::pause(SLEEP);
                    } else if spins % SPINS == 0 {
                        thread::yield_now();
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

        /// A waiter comes in although the holder takes its time.
        #[test]
        fn a_long_holder_is_waited_for() {
            let lock = SpinLock::<bool>::default();
            let guard = lock.lock();
            std::thread::scope(|scope| {
                let waiting = scope.spawn(|| *lock.lock());
                let mut guard = guard;
                thread::pause(Duration::from_millis(20));
                *guard = true;
                drop(guard);
                assert!(waiting.join().unwrap());
            });
        }

        /// An unpark that is meant for somebody else on this thread is not used up.
        #[test]
        fn a_pause_leaves_the_unpark_of_its_caller() {
            std::thread::current().unpark();
            thread::pause(Duration::from_millis(1));
            // Hangs without it.
            std::thread::park();
        }

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
