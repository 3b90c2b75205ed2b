//! What users get: std's types, and `parking_lot`'s locks.

pub(crate) mod sync {
    pub(crate) mod atomic {
        pub(crate) use std::sync::atomic::{
            AtomicBool, AtomicIsize, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize,
            Ordering, fence,
        };
    }
    #[cfg(runtime_tsan)]
    pub(crate) use crate::loom::tsan::Arc;
    #[cfg(not(runtime_tsan))]
    pub(crate) use std::sync::Arc;

    pub(crate) use parking_lot::MutexGuard;

    pub(crate) use self::{Mutex as TryMutex, MutexGuard as TryMutexGuard};

    /// A lock without poisoning.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(parking_lot::Mutex<T>);

    impl<T> Mutex<T> {
        #[inline]
        pub(crate) const fn new(value: T) -> Self {
            Self(parking_lot::Mutex::new(value))
        }

        #[inline]
        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock()
        }

        #[inline]
        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock()
        }

        pub(crate) fn get_mut(&mut self) -> &mut T {
            self.0.get_mut()
        }

        pub(crate) fn into_inner(self) -> T {
            self.0.into_inner()
        }
    }

    /// A condition variable with std's guard-passing interface.
    #[derive(Debug, Default)]
    pub(crate) struct Condvar(parking_lot::Condvar);

    impl Condvar {
        pub(crate) fn new() -> Self {
            Self(parking_lot::Condvar::new())
        }

        pub(crate) fn wait<'a, T>(&self, mut guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
            self.0.wait(&mut guard);
            guard
        }

        /// Waits at most `limit`; the flag says whether the time ran out.
        pub(crate) fn wait_timeout<'a, T>(
            &self,
            mut guard: MutexGuard<'a, T>,
            limit: std::time::Duration,
        ) -> (MutexGuard<'a, T>, bool) {
            let timed_out = self.0.wait_for(&mut guard, limit).timed_out();
            (guard, timed_out)
        }

        pub(crate) fn notify_one(&self) {
            self.0.notify_one();
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}

pub(crate) mod cell {
    /// `std::cell::UnsafeCell` behind loom's closures.
    #[derive(Debug)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        #[inline(always)]
        pub(crate) const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        #[inline(always)]
        pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }

        #[inline(always)]
        pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}

pub(crate) mod thread {
    /// Waits a little for another thread.
    pub(crate) fn pause(duration: std::time::Duration) {
        // Not a park: the unpark that ends it may be meant for the caller.
        std::thread::sleep(duration);
    }

    pub(crate) use std::thread::{
        Builder, JoinHandle, LocalKey, Thread, ThreadId, current, panicking, park, park_timeout,
        yield_now,
    };
}

pub(crate) mod hint {
    pub(crate) use std::hint::spin_loop;
}

/// Whether a checker runs us, which reports by panics that nobody may catch.
pub(crate) const CHECKED: bool = false;

/// Marks an allocation for loom's leak check; nothing in this arm.
#[derive(Debug)]
pub(crate) struct Track;

impl Track {
    #[inline(always)]
    pub(crate) const fn new() -> Self {
        Self
    }
}

/// Whether waiting awake can pay: not with one processor.
pub(crate) fn may_spin() -> bool {
    available_parallelism() > 1
}

/// Waits awake until `done`, for `limit` at most. Returns for how long, and whether it is done.
pub(crate) fn spin_until(
    limit: std::time::Duration,
    done: impl Fn() -> bool,
) -> (std::time::Duration, bool) {
    let start = std::time::Instant::now();
    loop {
        for _ in 0..SPINS_PER_LOOK {
            if done() {
                return (start.elapsed(), true);
            }
            std::hint::spin_loop();
        }
        let waited = start.elapsed();
        if waited >= limit {
            return (waited, done());
        }
    }
}

/// How often [`spin_until`] looks between two looks at the clock.
const SPINS_PER_LOOK: u32 = 8;

/// How many processors this process may use.
pub(crate) fn available_parallelism() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
