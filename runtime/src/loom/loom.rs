//! Loom's types: every access is a point where a model may switch threads.

pub(crate) use ::loom::hint;

pub(crate) mod sync {
    pub(crate) use ::loom::sync::Arc;
    pub(crate) mod atomic {
        pub(crate) use ::loom::sync::atomic::{
            AtomicBool, AtomicIsize, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize,
            Ordering, fence,
        };
    }
    crate::loom::locks::checked_locks!(loom);
    pub(crate) use super::try_mutex::{TryMutex, TryMutexGuard};
}

/// A lock that is held for long and tried by others. Loom's own blocks a thread that is
/// about to try while another one locks, until that one unlocks: a deadlock of the model's.
mod try_mutex {
    use crate::loom::sync::atomic::{AtomicBool, Ordering};
    use crate::loom::sync::{Mutex, MutexGuard};

    #[derive(Debug)]
    pub(crate) struct TryMutex<T> {
        is_held: AtomicBool,
        value: Mutex<T>,
    }

    /// Unlocks on drop, after the guard inside is gone.
    #[derive(Debug)]
    pub(crate) struct TryMutexGuard<'a, T> {
        guard: Option<MutexGuard<'a, T>>,
        is_held: &'a AtomicBool,
    }

    impl<T> TryMutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self {
                is_held: AtomicBool::new(false),
                value: Mutex::new(value),
            }
        }

        pub(crate) fn try_lock(&self) -> Option<TryMutexGuard<'_, T>> {
            // A failed try writes nothing.
            let order = (Ordering::AcqRel, Ordering::Acquire);
            self.is_held
                .compare_exchange(false, true, order.0, order.1)
                .ok()?;
            Some(TryMutexGuard {
                guard: Some(self.value.lock()),
                is_held: &self.is_held,
            })
        }

        pub(crate) fn lock(&self) -> TryMutexGuard<'_, T> {
            loop {
                if let Some(guard) = self.try_lock() {
                    return guard;
                }
                ::loom::thread::yield_now();
            }
        }
    }

    impl<T> std::ops::Deref for TryMutexGuard<'_, T> {
        type Target = T;
        fn deref(&self) -> &T {
            self.guard.as_deref().expect("taken on drop")
        }
    }

    impl<T> std::ops::DerefMut for TryMutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.guard.as_deref_mut().expect("taken on drop")
        }
    }

    impl<T> Drop for TryMutexGuard<'_, T> {
        fn drop(&mut self) {
            drop(self.guard.take());
            self.is_held.store(false, Ordering::Release);
        }
    }
}

pub(crate) mod cell {
    pub(crate) use ::loom::cell::UnsafeCell;
}

pub(crate) mod thread {
    pub(crate) use ::loom::thread::{
        Builder, JoinHandle, LocalKey, Thread, ThreadId, current, park, yield_now,
    };

    /// Lets another thread run: time does not pass by itself here.
    pub(crate) fn pause(_duration: std::time::Duration) {
        yield_now();
    }

    /// Loom has no time: a timed park is a plain one.
    pub(crate) fn park_timeout(_limit: std::time::Duration) {
        park();
    }

    pub(crate) fn panicking() -> bool {
        std::thread::panicking()
    }
}

pub(crate) const CHECKED: bool = true;

/// An allocation that loom reports when it is not dropped.
#[derive(Debug)]
pub(crate) struct Track(#[allow(dead_code)] ::loom::alloc::Track<()>);

impl Track {
    pub(crate) fn new() -> Self {
        Self(::loom::alloc::Track::new(()))
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
