//! A counting semaphore: the public face of [`super::permits`], which holds the protocol.

use super::block_on::block_on;
use super::permits::{Closed, Permits, Refused};
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Limits how many tasks do something at once: each takes a permit and gives it back by dropping
/// it.
///
/// Permits are handed out strictly in the order in which tasks asked, also when a later task
/// asks for fewer. It needs no runtime.
///
/// ```
/// # use runtime::sync::Semaphore;
/// let semaphore = Semaphore::new(3);
/// let two = semaphore.try_acquire_many(2).unwrap();
/// assert_eq!(semaphore.available_permits(), 1);
/// drop(two);
/// assert_eq!(semaphore.available_permits(), 3);
/// ```
#[derive(Debug)]
pub struct Semaphore {
    permits: Permits,
}

/// A permit, or several, of a borrowed [`Semaphore`]; given back on drop.
#[must_use = "a permit that is dropped at once limits nothing"]
#[derive(Debug)]
pub struct SemaphorePermit<'a> {
    semaphore: &'a Semaphore,
    count: usize,
}

/// A permit, or several, of a shared [`Semaphore`]; given back on drop.
#[must_use = "a permit that is dropped at once limits nothing"]
#[derive(Debug)]
pub struct OwnedSemaphorePermit {
    semaphore: Arc<Semaphore>,
    count: usize,
}

/// The semaphore is closed: no permit will ever come.
#[derive(Debug)]
pub struct AcquireError(());

impl AcquireError {
    pub(super) fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("semaphore closed")
    }
}

impl Error for AcquireError {}

/// Why [`Semaphore::try_acquire`] and its kin returned no permit.
#[derive(Debug, PartialEq, Eq)]
pub enum TryAcquireError {
    /// The semaphore is closed: no permit will ever come.
    Closed,
    /// Too few permits are free now, or other tasks wait for them.
    NoPermits,
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "semaphore closed",
            Self::NoPermits => "no permits available",
        })
    }
}

impl Error for TryAcquireError {}

impl From<Refused> for TryAcquireError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Closed => Self::Closed,
            Refused::NoPermits => Self::NoPermits,
        }
    }
}

impl Semaphore {
    /// The most permits a semaphore can have: `usize::MAX >> 3`.
    pub const MAX_PERMITS: usize = Permits::MAX;

    /// Makes a semaphore with `permits` free permits.
    ///
    /// # Panics
    ///
    /// Panics if `permits` exceeds [`Self::MAX_PERMITS`].
    #[track_caller]
    pub fn new(permits: usize) -> Self {
        Self {
            permits: Permits::new(permits),
        }
    }

    crate::loom::const_fn! {
        /// Makes a semaphore with `permits` free permits, in a constant.
        ///
        /// # Panics
        ///
        /// Panics if `permits` exceeds [`Self::MAX_PERMITS`].
        #[track_caller]
        pub const fn const_new(permits: usize) -> Self {
            Self { permits: Permits::new(permits) }
        }
    }

    /// Returns how many permits are free now.
    pub fn available_permits(&self) -> usize {
        self.permits.available()
    }

    /// Adds `n` new permits, which wakes tasks that wait.
    ///
    /// # Panics
    ///
    /// Panics if more than [`Self::MAX_PERMITS`] would be free.
    #[track_caller]
    pub fn add_permits(&self, n: usize) {
        self.permits.release(n);
    }

    /// Takes up to `n` free permits away for good and returns how many those were.
    pub fn forget_permits(&self, n: usize) -> usize {
        self.permits.forget(n)
    }

    /// Waits for one permit.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] once the semaphore is closed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future loses no permit, only the place in the queue.
    pub async fn acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        // Not through `acquire_many`: a future in a future is larger.
        match self.permits.acquire(1).await {
            Ok(()) => Ok(SemaphorePermit {
                semaphore: self,
                count: 1,
            }),
            Err(Closed) => Err(AcquireError::new()),
        }
    }

    /// Waits for `n` permits, all in one.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] once the semaphore is closed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future loses no permit, only the place in the queue.
    pub async fn acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        match self.permits.acquire(n as usize).await {
            Ok(()) => Ok(SemaphorePermit {
                semaphore: self,
                count: n as usize,
            }),
            Err(Closed) => Err(AcquireError::new()),
        }
    }

    /// Takes one permit if one is free now.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError`] says why there was none.
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Takes `n` permits if they are free now.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError`] says why there were too few.
    pub fn try_acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.permits.try_acquire(n as usize)?;
        Ok(SemaphorePermit {
            semaphore: self,
            count: n as usize,
        })
    }

    /// Waits for one permit by blocking the thread.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] once the semaphore is closed.
    ///
    /// # Panics
    ///
    /// Panics on a thread that runs asynchronous tasks.
    #[track_caller]
    pub fn blocking_acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        block_on("Semaphore::blocking_acquire", self.acquire())
    }

    /// Waits for `n` permits by blocking the thread.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] once the semaphore is closed.
    ///
    /// # Panics
    ///
    /// Panics on a thread that runs asynchronous tasks.
    #[track_caller]
    pub fn blocking_acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        block_on("Semaphore::blocking_acquire_many", self.acquire_many(n))
    }

    /// Waits for one permit that keeps the semaphore alive.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] once the semaphore is closed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future loses no permit, only the place in the queue.
    pub async fn acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        match self.permits.acquire(1).await {
            Ok(()) => Ok(OwnedSemaphorePermit {
                semaphore: self,
                count: 1,
            }),
            Err(Closed) => Err(AcquireError::new()),
        }
    }

    /// Waits for `n` permits that keep the semaphore alive.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] once the semaphore is closed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future loses no permit, only the place in the queue.
    pub async fn acquire_many_owned(
        self: Arc<Self>,
        n: u32,
    ) -> Result<OwnedSemaphorePermit, AcquireError> {
        match self.permits.acquire(n as usize).await {
            Ok(()) => Ok(OwnedSemaphorePermit {
                semaphore: self,
                count: n as usize,
            }),
            Err(Closed) => Err(AcquireError::new()),
        }
    }

    /// Takes one permit that keeps the semaphore alive, if one is free now.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError`] says why there was none.
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// Takes `n` permits that keep the semaphore alive, if they are free now.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError`] says why there were too few.
    pub fn try_acquire_many_owned(
        self: Arc<Self>,
        n: u32,
    ) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.permits.try_acquire(n as usize)?;
        Ok(OwnedSemaphorePermit {
            semaphore: self,
            count: n as usize,
        })
    }

    /// Waits for one permit that keeps the semaphore alive, by blocking the thread.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] once the semaphore is closed.
    ///
    /// # Panics
    ///
    /// Panics on a thread that runs asynchronous tasks.
    #[track_caller]
    pub fn blocking_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        block_on("Semaphore::blocking_acquire_owned", self.acquire_owned())
    }

    /// Waits for `n` permits that keep the semaphore alive, by blocking the thread.
    ///
    /// # Errors
    ///
    /// [`AcquireError`] once the semaphore is closed.
    ///
    /// # Panics
    ///
    /// Panics on a thread that runs asynchronous tasks.
    #[track_caller]
    pub fn blocking_acquire_many_owned(
        self: Arc<Self>,
        n: u32,
    ) -> Result<OwnedSemaphorePermit, AcquireError> {
        block_on(
            "Semaphore::blocking_acquire_many_owned",
            self.acquire_many_owned(n),
        )
    }

    /// Closes the semaphore: tasks that wait and all later calls get an error. Permits that are
    /// out stay valid.
    pub fn close(&self) {
        self.permits.close();
    }

    /// Returns whether [`Self::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }
}

/// Takes `n` of `count` off, if there are so many.
fn split_off(count: &mut usize, n: usize) -> Option<usize> {
    *count = count.checked_sub(n)?;
    Some(n)
}

impl<'a> SemaphorePermit<'a> {
    /// Takes the permits out of circulation: they are never given back.
    pub fn forget(mut self) {
        self.count = 0;
    }

    /// Adds the permits of `other` to this one.
    ///
    /// # Panics
    ///
    /// Panics if they come from different semaphores.
    #[track_caller]
    pub fn merge(&mut self, mut other: Self) {
        assert!(
            std::ptr::eq(self.semaphore, other.semaphore),
            "merging permits from different semaphore instances"
        );
        self.count += std::mem::take(&mut other.count);
    }

    /// Splits `n` permits off, or returns `None` if there are fewer.
    pub fn split(&mut self, n: usize) -> Option<Self> {
        let count = split_off(&mut self.count, n)?;
        Some(Self {
            semaphore: self.semaphore,
            count,
        })
    }

    /// Returns the semaphore that the permits belong to.
    pub fn semaphore(&self) -> &'a Semaphore {
        self.semaphore
    }

    /// Returns how many permits this is.
    pub fn num_permits(&self) -> usize {
        self.count
    }
}

impl OwnedSemaphorePermit {
    /// Takes the permits out of circulation: they are never given back.
    pub fn forget(mut self) {
        self.count = 0;
    }

    /// Adds the permits of `other` to this one.
    ///
    /// # Panics
    ///
    /// Panics if they come from different semaphores.
    #[track_caller]
    pub fn merge(&mut self, mut other: Self) {
        assert!(
            Arc::ptr_eq(&self.semaphore, &other.semaphore),
            "merging permits from different semaphore instances"
        );
        self.count += std::mem::take(&mut other.count);
    }

    /// Splits `n` permits off, or returns `None` if there are fewer.
    pub fn split(&mut self, n: usize) -> Option<Self> {
        let count = split_off(&mut self.count, n)?;
        Some(Self {
            semaphore: self.semaphore.clone(),
            count,
        })
    }

    /// Returns the semaphore that the permits belong to.
    pub fn semaphore(&self) -> &Arc<Semaphore> {
        &self.semaphore
    }

    /// Returns how many permits this is.
    pub fn num_permits(&self) -> usize {
        self.count
    }
}

impl Drop for SemaphorePermit<'_> {
    fn drop(&mut self) {
        self.semaphore.permits.release(self.count);
    }
}

impl Drop for OwnedSemaphorePermit {
    fn drop(&mut self) {
        self.semaphore.permits.release(self.count);
    }
}
