//! A mutex whose guard may be held across `.await`: one permit of [`super::permits`].
//!
//! M1. Whoever holds the one permit has the only access to the value. A guard stands for the
//!     permit; its drop gives it back with a release RMW, which the next holder acquires.
//!
//! Fair: the lock goes to the task that waits longest. There is no poisoning: a panic in a
//! holder drops the guard like any return.

mod guard;
mod mapped;
mod owned;

pub use guard::MutexGuard;
pub use mapped::{MappedMutexGuard, OwnedMappedMutexGuard};
pub use owned::OwnedMutexGuard;

use super::block_on::block_on;
use super::permits::{Permits, expect_open};
use std::cell::UnsafeCell;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// A lock between tasks: waiting for it does not block the thread, and the guard can be held
/// across `.await`.
///
/// Tasks get the lock in the order in which they asked. Where no guard lives across an `.await`,
/// a mutex of std is the better choice. It needs no runtime and does not poison.
///
/// ```
/// # use runtime::sync::Mutex;
/// # async fn count() {
/// let mutex = Mutex::new(0);
/// *mutex.lock().await += 1;
/// assert_eq!(mutex.into_inner(), 1);
/// # }
/// # let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
/// # assert!(std::pin::pin!(count()).as_mut().poll(&mut cx).is_ready());
/// ```
pub struct Mutex<T: ?Sized> {
    permits: Permits,
    // std's cell: guards hand out plain references, which loom's closures cannot express. The
    // models put a loom cell inside instead.
    value: UnsafeCell<T>,
}

/// The lock is held: [`Mutex::try_lock`] would have had to wait.
#[derive(Debug)]
pub struct TryLockError(pub(super) ());

impl fmt::Display for TryLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("operation would block")
    }
}

impl Error for TryLockError {}

impl<T: ?Sized> Mutex<T> {
    /// Makes an unlocked mutex.
    #[track_caller]
    pub fn new(value: T) -> Self
    where
        T: Sized,
    {
        Self {
            permits: Permits::new(1),
            value: UnsafeCell::new(value),
        }
    }

    crate::loom::const_fn! {
        /// Makes an unlocked mutex, in a constant.
        #[track_caller]
        pub const fn const_new(value: T) -> Self
        where
            T: Sized,
        {
            Self { permits: Permits::new(1), value: UnsafeCell::new(value) }
        }
    }

    /// Waits for the lock.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future takes no lock, only the place in the queue is lost.
    pub async fn lock(&self) -> MutexGuard<'_, T> {
        expect_open(self.permits.acquire(1).await);
        MutexGuard::new(self)
    }

    /// Waits for the lock by blocking the thread.
    ///
    /// # Panics
    ///
    /// Panics on a thread that runs asynchronous tasks.
    #[track_caller]
    pub fn blocking_lock(&self) -> MutexGuard<'_, T> {
        block_on("Mutex::blocking_lock", self.lock())
    }

    /// Waits for the lock by blocking the thread; the guard keeps the mutex alive.
    ///
    /// # Panics
    ///
    /// Panics on a thread that runs asynchronous tasks.
    #[track_caller]
    pub fn blocking_lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T> {
        block_on("Mutex::blocking_lock_owned", self.lock_owned())
    }

    /// Waits for the lock; the guard keeps the mutex alive.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future takes no lock, only the place in the queue is lost.
    pub async fn lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T> {
        expect_open(self.permits.acquire(1).await);
        OwnedMutexGuard::new(self)
    }

    /// Takes the lock if it is free and nobody waits for it.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] if it would have to wait.
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError> {
        match self.permits.try_acquire(1) {
            Ok(()) => Ok(MutexGuard::new(self)),
            Err(_) => Err(TryLockError(())),
        }
    }

    /// Like [`Self::try_lock`]; the guard keeps the mutex alive.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] if it would have to wait.
    pub fn try_lock_owned(self: Arc<Self>) -> Result<OwnedMutexGuard<T>, TryLockError> {
        match self.permits.try_acquire(1) {
            Ok(()) => Ok(OwnedMutexGuard::new(self)),
            Err(_) => Err(TryLockError(())),
        }
    }

    /// Returns the value without locking: the exclusive borrow proves that nobody else can.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// Unwraps the value.
    pub fn into_inner(self) -> T
    where
        T: Sized,
    {
        self.value.into_inner()
    }

    /// Gives the permit of a guard back.
    #[inline]
    fn unlock(&self) {
        self.permits.release(1);
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(guard) => out.field("data", &&*guard),
            Err(_) => out.field("data", &format_args!("<locked>")),
        };
        out.finish()
    }
}
