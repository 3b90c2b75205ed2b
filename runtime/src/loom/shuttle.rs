//! Shuttle's types: the scheduler of a test picks the next thread at each of them.

pub(crate) use ::shuttle::hint;

pub(crate) mod sync {
    pub(crate) use ::shuttle::sync::Arc;
    pub(crate) mod atomic {
        pub(crate) use ::shuttle::sync::atomic::{
            AtomicBool, AtomicIsize, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize,
            Ordering, fence,
        };
    }
    crate::loom::locks::checked_locks!(shuttle);
    pub(crate) use self::{Mutex as TryMutex, MutexGuard as TryMutexGuard};
}

pub(crate) mod cell {
    /// `std::cell::UnsafeCell` behind loom's closures.
    #[derive(Debug)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }

        pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}

pub(crate) mod thread {
    /// Lets another thread run: time does not pass by itself here.
    pub(crate) fn pause(_duration: std::time::Duration) {
        yield_now();
    }

    pub(crate) use ::shuttle::thread::{
        Builder, JoinHandle, LocalKey, Thread, ThreadId, current, panicking, park, park_timeout,
        yield_now,
    };
}

pub(crate) const CHECKED: bool = true;

/// Nothing: shuttle has no leak check.
#[derive(Debug)]
pub(crate) struct Track;

impl Track {
    pub(crate) const fn new() -> Self {
        Self
    }
}

/// A checker explores the outcomes of waiting awake, not its length.
pub(crate) fn may_spin() -> bool {
    true
}

/// One look.
pub(crate) fn spin_until(
    _limit: std::time::Duration,
    done: impl Fn() -> bool,
) -> (std::time::Duration, bool) {
    (std::time::Duration::ZERO, done())
}

pub(crate) fn available_parallelism() -> usize {
    2
}
