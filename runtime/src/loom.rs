//! The only file of this crate that knows about loom and shuttle; everyone else imports
//! `crate::loom`.
//!
//! Three arms with the same names: std (what users get), loom (`--cfg loom` with the feature
//! `loom`), shuttle (`--cfg shuttle` with the feature `shuttle`). A user's own `--cfg loom`
//! does not switch us, because the feature is missing.
//!
//! `UnsafeCell` has loom's closure interface in every arm, so that loom can watch accesses.
//! Under `--cfg runtime_tsan` `Arc` is our own: ThreadSanitizer does not model the fence in
//! std's.
#![allow(unsafe_code)]
#![allow(unused_imports, dead_code)] // each arm offers the same names, used or not

/// Std's atomics in every arm, for statics and counters that order nothing: no checker needs to
/// see them, each would only multiply what it tries, and loom's have no constant constructor.
pub(crate) mod unordered {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
}

/// Std's pointer in every arm, for values of the process that are published once and stay.
pub(crate) mod published {
    pub(crate) use std::sync::atomic::{AtomicPtr, Ordering};
}

#[cfg(not(any(all(loom, feature = "loom"), all(shuttle, feature = "shuttle"))))]
pub(crate) use self::plain::*;

#[cfg(all(loom, feature = "loom"))]
pub(crate) use self::modelled::*;

#[cfg(all(shuttle, feature = "shuttle"))]
pub(crate) use self::shuffled::*;

/// Declares a thread-local of the current arm; the initial value must be a constant.
macro_rules! local {
    ($(#[$attr:meta])* $vis:vis static $name:ident: $ty:ty = $init:expr) => {
        #[cfg(not(any(all(loom, feature = "loom"), all(shuttle, feature = "shuttle"))))]
        std::thread_local! { $(#[$attr])* $vis static $name: $ty = const { $init } }
        #[cfg(all(loom, feature = "loom"))]
        ::loom::thread_local! { $(#[$attr])* $vis static $name: $ty = $init }
        #[cfg(all(shuttle, feature = "shuttle"))]
        ::shuttle::thread_local! { $(#[$attr])* $vis static $name: $ty = $init }
    };
}
pub(crate) use local;

/// Declares a constructor that is `const` for users: the checkers' atomics have none.
macro_rules! const_fn {
    ($(#[$attr:meta])* $vis:vis const fn $name:ident $($rest:tt)*) => {
        #[cfg(not(any(all(loom, feature = "loom"), all(shuttle, feature = "shuttle"))))]
        $(#[$attr])*
        $vis const fn $name $($rest)*

        #[cfg(any(all(loom, feature = "loom"), all(shuttle, feature = "shuttle")))]
        $(#[$attr])*
        $vis fn $name $($rest)*
    };
}
pub(crate) use const_fn;

/// A size for users and a small one for models, so that these reach the rare paths.
pub(crate) const fn sized(normal: usize, model: usize) -> usize {
    if cfg!(any(
        all(loom, feature = "loom"),
        all(shuttle, feature = "shuttle")
    )) {
        model
    } else {
        normal
    }
}

#[cfg(not(any(all(loom, feature = "loom"), all(shuttle, feature = "shuttle"))))]
mod plain {
    pub(crate) mod sync {
        pub(crate) mod atomic {
            pub(crate) use std::sync::atomic::{
                AtomicBool, AtomicIsize, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize,
                Ordering, fence,
            };
        }
        #[cfg(runtime_tsan)]
        pub(crate) use super::tsan_arc::Arc;
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
            Builder, JoinHandle, Thread, ThreadId, current, panicking, park, park_timeout,
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

    #[cfg(runtime_tsan)]
    mod tsan_arc {
        use std::sync::atomic::{AtomicUsize, Ordering};
        use std::{fmt, ops::Deref, ptr::NonNull};

        /// Reference counting without a fence, for ThreadSanitizer.
        pub(crate) struct Arc<T>(NonNull<Shared<T>>);

        #[repr(C)]
        struct Shared<T>(AtomicUsize, T);

        // SAFETY: as for std's `Arc`: the count is atomic and the value is shared.
        unsafe impl<T: Send + Sync> Send for Arc<T> {}
        // SAFETY: as above.
        unsafe impl<T: Send + Sync> Sync for Arc<T> {}

        impl<T> Arc<T> {
            pub(crate) fn new(value: T) -> Self {
                Self(NonNull::from(Box::leak(Box::new(Shared(
                    AtomicUsize::new(1),
                    value,
                )))))
            }

            pub(crate) fn ptr_eq(a: &Self, b: &Self) -> bool {
                a.0 == b.0
            }

            pub(crate) fn as_ptr(this: &Self) -> *const T {
                // SAFETY: by the count the allocation is alive while `this` is.
                unsafe { &raw const (*this.0.as_ptr()).1 }
            }

            /// # Safety
            ///
            /// As for std's.
            pub(crate) unsafe fn from_raw(value: *const T) -> Self {
                let shared = value
                    .cast_mut()
                    .wrapping_byte_sub(std::mem::offset_of!(Shared<T>, 1));
                // SAFETY: `as_ptr` gave the address of a field of a live allocation.
                Self(unsafe { NonNull::new_unchecked(shared.cast()) })
            }

            /// # Errors
            ///
            /// Gives the reference back if it is not the only one.
            pub(crate) fn try_unwrap(this: Self) -> Result<T, Self> {
                let this = std::mem::ManuallyDrop::new(this);
                // SAFETY: by the count the allocation is alive while `this` is.
                let count = &unsafe { this.0.as_ref() }.0;
                if count
                    .compare_exchange(1, 0, Ordering::AcqRel, Ordering::Relaxed)
                    .is_err()
                {
                    return Err(Self(this.0));
                }
                // SAFETY: that was the only reference; `new` made it from a `Box`.
                Ok(unsafe { Box::from_raw(this.0.as_ptr()) }.1)
            }

            pub(crate) fn strong_count(this: &Self) -> usize {
                // SAFETY: by the count the allocation is alive while `this` is.
                unsafe { this.0.as_ref() }.0.load(Ordering::Acquire)
            }

            pub(crate) fn get_mut(this: &mut Self) -> Option<&mut T> {
                if Self::strong_count(this) != 1 {
                    return None;
                }
                // SAFETY: the only reference is `this`, borrowed exclusively.
                Some(unsafe { &mut this.0.as_mut().1 })
            }
        }

        impl<T> Clone for Arc<T> {
            fn clone(&self) -> Self {
                // SAFETY: by the count the allocation is alive while `self` is.
                unsafe { self.0.as_ref() }.0.fetch_add(1, Ordering::Relaxed);
                Self(self.0)
            }
        }

        impl<T> Drop for Arc<T> {
            fn drop(&mut self) {
                // SAFETY: by the count the allocation is alive while `self` is.
                let count = &unsafe { self.0.as_ref() }.0;
                if count.fetch_sub(1, Ordering::AcqRel) == 1 {
                    // SAFETY: that was the last reference; `new` made it from a `Box`.
                    drop(unsafe { Box::from_raw(self.0.as_ptr()) });
                }
            }
        }

        impl<T> Deref for Arc<T> {
            type Target = T;
            fn deref(&self) -> &T {
                // SAFETY: by the count the allocation is alive while `self` is.
                &unsafe { self.0.as_ref() }.1
            }
        }

        impl<T: fmt::Debug> fmt::Debug for Arc<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<T: Default> Default for Arc<T> {
            fn default() -> Self {
                Self::new(T::default())
            }
        }
    }
}

/// What loom and shuttle share: locks with our interface over std-like ones.
#[cfg(any(all(loom, feature = "loom"), all(shuttle, feature = "shuttle")))]
macro_rules! checked_locks {
    ($checker:ident) => {
        pub(crate) use ::$checker::sync::MutexGuard;

        #[derive(Debug)]
        pub(crate) struct Mutex<T>(::$checker::sync::Mutex<T>);

        impl<T: Default> Default for Mutex<T> {
            fn default() -> Self {
                Self::new(T::default())
            }
        }

        impl<T> Mutex<T> {
            pub(crate) fn new(value: T) -> Self {
                Self(::$checker::sync::Mutex::new(value))
            }

            pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
                match self.0.lock() {
                    Ok(guard) => guard,
                    Err(poisoned) => poisoned.into_inner(),
                }
            }

            pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
                self.0.try_lock().ok()
            }

            pub(crate) fn get_mut(&mut self) -> &mut T {
                self.0.get_mut().expect("poisoned in a model")
            }

            pub(crate) fn into_inner(self) -> T {
                self.0.into_inner().expect("poisoned in a model")
            }
        }

        #[derive(Debug)]
        pub(crate) struct Condvar(::$checker::sync::Condvar);

        impl Default for Condvar {
            fn default() -> Self {
                Self::new()
            }
        }

        impl Condvar {
            pub(crate) fn new() -> Self {
                Self(::$checker::sync::Condvar::new())
            }

            pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
                self.0.wait(guard).expect("poisoned in a model")
            }

            /// Neither checker lets time pass: waits until notified.
            pub(crate) fn wait_timeout<'a, T>(
                &self,
                guard: MutexGuard<'a, T>,
                _limit: std::time::Duration,
            ) -> (MutexGuard<'a, T>, bool) {
                (self.wait(guard), false)
            }

            pub(crate) fn notify_one(&self) {
                self.0.notify_one();
            }

            pub(crate) fn notify_all(&self) {
                self.0.notify_all();
            }
        }
    };
}

#[cfg(all(loom, feature = "loom"))]
mod modelled {
    pub(crate) use ::loom::hint;

    pub(crate) mod sync {
        pub(crate) use ::loom::sync::Arc;
        pub(crate) mod atomic {
            pub(crate) use ::loom::sync::atomic::{
                AtomicBool, AtomicIsize, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize,
                Ordering, fence,
            };
        }
        checked_locks!(loom);
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
            Builder, JoinHandle, Thread, ThreadId, current, park, yield_now,
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
}

#[cfg(all(shuttle, feature = "shuttle"))]
mod shuffled {
    pub(crate) use ::shuttle::hint;

    pub(crate) mod sync {
        pub(crate) use ::shuttle::sync::Arc;
        pub(crate) mod atomic {
            pub(crate) use ::shuttle::sync::atomic::{
                AtomicBool, AtomicIsize, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize,
                Ordering, fence,
            };
        }
        checked_locks!(shuttle);
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
            Builder, JoinHandle, Thread, ThreadId, current, panicking, park, park_timeout,
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
}
