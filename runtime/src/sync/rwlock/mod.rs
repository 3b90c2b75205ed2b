//! A lock for many readers or one writer: `max_readers` permits of [`super::permits`], of which
//! a reader takes one and a writer all.
//!
//! R1. Whoever holds all permits has the only access to the value; whoever holds one has shared
//!     access. A guard stands for its permits; their drop is a release RMW, which the next
//!     holder of any of them acquires.
//! R2. The number of permits never changes and they are never closed, so "all" stays all.
//!
//! The queue is first in, first out: a writer at its head collects the permits of readers as
//! they leave, and readers that come later wait behind it. So neither side starves.
//!
//! Downgrading gives back all permits but one: nobody writes in between.
//!
//! Rejected: a word of its own with reader count and writer bits (the same two RMW, a second wait
//! list); counters per core for readers (a writer visits them all, and first-in-first-out needs
//! one place to meet anyway).

mod held_permits;
mod mapped;
mod owned;
mod read;
mod write;

pub use mapped::RwLockMappedWriteGuard;
pub use owned::{OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard};
pub use read::RwLockReadGuard;
pub use write::RwLockWriteGuard;

use super::TryLockError;
use super::block_on::block_on;
use super::permits::{Permits, expect_open};
use held_permits::{Exclusive, OwnedExclusive, OwnedShared, Shared};
use std::cell::UnsafeCell;
use std::fmt;
use std::sync::Arc;

/// The most readers at once, and the number unless another is asked for.
const MAX_READERS: u32 = u32::MAX >> 3;

/// A lock that many tasks may read or one may write; guards can be held across `.await`.
///
/// Tasks get it in the order in which they asked: a reader that comes after a writer waits for
/// that writer, also while other readers have the lock. So a task that reads must not ask to read
/// again: a writer between the two requests would make it wait for itself.
///
/// ```
/// # use runtime::sync::RwLock;
/// # async fn share() {
/// let lock = RwLock::new(5);
/// let (one, other) = (lock.read().await, lock.read().await);
/// assert_eq!(*one + *other, 10);
/// drop((one, other));
/// *lock.write().await += 1;
/// assert_eq!(lock.into_inner(), 6);
/// # }
/// # let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
/// # assert!(std::pin::pin!(share()).as_mut().poll(&mut cx).is_ready());
/// ```
pub struct RwLock<T: ?Sized> {
    permits: Permits,
    max_readers: u32,
    // std's cell: guards hand out plain references, which loom's closures cannot express. The
    // models put watched values inside instead.
    value: UnsafeCell<T>,
}

impl<T: ?Sized> RwLock<T> {
    /// Makes an unlocked lock for up to 536,870,911 readers at once (`u32::MAX >> 3`).
    #[track_caller]
    pub fn new(value: T) -> Self
    where
        T: Sized,
    {
        Self::with_max_readers(value, MAX_READERS)
    }

    /// Makes an unlocked lock for up to `max_readers` readers at once.
    ///
    /// # Panics
    ///
    /// Panics if `max_readers` is 0 or more than `u32::MAX >> 3`.
    #[track_caller]
    pub fn with_max_readers(value: T, max_readers: u32) -> Self
    where
        T: Sized,
    {
        Self::const_with_max_readers(value, max_readers)
    }

    crate::loom::const_fn! {
        /// Makes an unlocked lock for up to 536,870,911 readers at once, in a constant.
        #[track_caller]
        pub const fn const_new(value: T) -> Self
        where
            T: Sized,
        {
            Self::const_with_max_readers(value, MAX_READERS)
        }
    }

    crate::loom::const_fn! {
        /// Makes an unlocked lock for up to `max_readers` readers at once, in a constant.
        ///
        /// # Panics
        ///
        /// Panics if `max_readers` is 0 or more than `u32::MAX >> 3`.
        #[track_caller]
        pub const fn const_with_max_readers(value: T, max_readers: u32) -> Self
        where
            T: Sized,
        {
            assert!(
                max_readers <= MAX_READERS,
                "a RwLock may not be created with more than 536870911 readers"
            );
            assert!(
                max_readers > 0,
                "a RwLock may not be created with 0 readers: ask for at least 1"
            );
            Self {
                permits: Permits::new(max_readers as usize),
                max_readers,
                value: UnsafeCell::new(value),
            }
        }
    }

    /// Waits for shared access.
    ///
    /// It waits behind every writer that asked before.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future takes no lock, only the place in the queue is lost.
    pub async fn read(&self) -> RwLockReadGuard<'_, T> {
        expect_open(self.permits.acquire(1).await);
        RwLockReadGuard::new(self)
    }

    /// Waits for shared access by blocking the thread.
    ///
    /// # Panics
    ///
    /// Panics on a thread that runs asynchronous tasks.
    #[track_caller]
    pub fn blocking_read(&self) -> RwLockReadGuard<'_, T> {
        block_on("RwLock::blocking_read", self.read())
    }

    /// Waits for shared access; the guard keeps the lock alive.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future takes no lock, only the place in the queue is lost.
    pub async fn read_owned(self: Arc<Self>) -> OwnedRwLockReadGuard<T> {
        expect_open(self.permits.acquire(1).await);
        OwnedRwLockReadGuard::new(self)
    }

    /// Takes shared access if no writer has the lock and nobody waits for it.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] if it would have to wait.
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryLockError> {
        self.try_take(1)?;
        Ok(RwLockReadGuard::new(self))
    }

    /// Like [`Self::try_read`]; the guard keeps the lock alive.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] if it would have to wait.
    pub fn try_read_owned(self: Arc<Self>) -> Result<OwnedRwLockReadGuard<T>, TryLockError> {
        self.try_take(1)?;
        Ok(OwnedRwLockReadGuard::new(self))
    }

    /// Waits for exclusive access.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future takes no lock, only the place in the queue is lost, and
    /// readers that waited behind it go on.
    pub async fn write(&self) -> RwLockWriteGuard<'_, T> {
        expect_open(self.permits.acquire(self.max_readers as usize).await);
        RwLockWriteGuard::new(self)
    }

    /// Waits for exclusive access by blocking the thread.
    ///
    /// # Panics
    ///
    /// Panics on a thread that runs asynchronous tasks.
    #[track_caller]
    pub fn blocking_write(&self) -> RwLockWriteGuard<'_, T> {
        block_on("RwLock::blocking_write", self.write())
    }

    /// Waits for exclusive access; the guard keeps the lock alive.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future takes no lock, only the place in the queue is lost, and
    /// readers that waited behind it go on.
    pub async fn write_owned(self: Arc<Self>) -> OwnedRwLockWriteGuard<T> {
        expect_open(self.permits.acquire(self.max_readers as usize).await);
        OwnedRwLockWriteGuard::new(self)
    }

    /// Takes exclusive access if nobody has the lock.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] if it would have to wait.
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryLockError> {
        self.try_take(self.max_readers)?;
        Ok(RwLockWriteGuard::new(self))
    }

    /// Like [`Self::try_write`]; the guard keeps the lock alive.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] if it would have to wait.
    pub fn try_write_owned(self: Arc<Self>) -> Result<OwnedRwLockWriteGuard<T>, TryLockError> {
        self.try_take(self.max_readers)?;
        Ok(OwnedRwLockWriteGuard::new(self))
    }

    #[inline]
    fn try_take(&self, permits: u32) -> Result<(), TryLockError> {
        self.permits
            .try_acquire(permits as usize)
            .map_err(|_| TryLockError(()))
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
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(guard) => out.field("data", &&*guard),
            Err(_) => out.field("data", &format_args!("<locked>")),
        };
        out.finish()
    }
}
