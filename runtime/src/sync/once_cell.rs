//! A cell that is initialised once, by an asynchronous function.
//!
//! ```text
//!   permit free ──an initialiser takes it──► in its hands ──value set──► closed (for good)
//!        ▲                                        │
//!        └──fails, panics or is cancelled─────────┘  (then the next waiter gets it)
//! ```
//!
//! - K1. `value` is written only by the holder of the one permit, before it sets `is_set`; after
//!   that it is only read, until somebody has the cell for himself.
//! - K2. The permit is taken back to the semaphore unless the value was set; then the semaphore is
//!   closed instead, which sends all waiters to the value.
//!
//! Pairs: the release store of `is_set` with the acquire load in `initialized`.
//!
//! Rejected: a wait list of its own (the semaphore hands a permit over in order, also when a
//! waiter is cancelled that had just got it).
#![allow(unsafe_code)]

use super::permits::{Permits, Refused};
use crate::loom::cell::UnsafeCell;
use crate::loom::sync::atomic::{AtomicBool, Ordering};
use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::mem::{self, ManuallyDrop, MaybeUninit};

/// A cell that is initialised at most once, by whoever comes first, while the others wait.
///
/// An initialiser that fails, panics or is cancelled leaves the cell empty, and the next one that
/// waits tries with its own function. In a `static` it starts with [`Self::const_new`].
///
/// ```
/// # use runtime::sync::OnceCell;
/// # runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// static ADDRESS: OnceCell<String> = OnceCell::const_new();
/// let address = ADDRESS.get_or_init(|| async { "[::1]:80".to_string() }).await;
/// assert_eq!(address, "[::1]:80");
/// assert!(ADDRESS.set("other".into()).unwrap_err().is_already_init_err());
/// # });
/// ```
pub struct OnceCell<T> {
    /// One permit; closed once the value is set.
    permits: Permits,
    is_set: AtomicBool,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the value moves with the cell.
unsafe impl<T: Send> Send for OnceCell<T> {}
// SAFETY: by K1 the value is lent as `&T` to all, and may be set by one thread and dropped by
// another.
unsafe impl<T: Send + Sync> Sync for OnceCell<T> {}

/// The right to set the value; gives the permit back on drop (K2).
struct Claim<'a, T> {
    cell: &'a OnceCell<T>,
}

impl<'a, T> Claim<'a, T> {
    /// Sets the value and sends all waiters to it.
    fn set(self, value: T) -> &'a T {
        let cell = ManuallyDrop::new(self).cell;
        cell.value.with_mut(|slot| {
            // SAFETY: by K1 the claim's permit is the right to write; nobody reads before
            // `is_set`.
            unsafe { slot.cast::<T>().write(value) };
        });
        // Release: pairs with the load in `initialized`.
        cell.is_set.store(true, Ordering::Release);
        cell.permits.close();
        // SAFETY: set above.
        unsafe { cell.value_unchecked() }
    }
}

impl<T> Drop for Claim<'_, T> {
    fn drop(&mut self) {
        self.cell.permits.release(1);
    }
}

impl<T> OnceCell<T> {
    /// Makes an empty cell.
    pub fn new() -> Self {
        Self::const_new()
    }

    crate::loom::const_fn! {
        /// Makes an empty cell, in a constant.
        pub const fn const_new() -> Self {
            Self {
                permits: Permits::new(1),
                is_set: AtomicBool::new(false),
                value: UnsafeCell::new(MaybeUninit::uninit()),
            }
        }
    }

    /// Makes a cell with a value, or an empty one.
    pub fn new_with(value: Option<T>) -> Self {
        match value {
            Some(value) => Self::const_new_with(value),
            None => Self::new(),
        }
    }

    crate::loom::const_fn! {
        /// Makes a cell with a value, in a constant.
        pub const fn const_new_with(value: T) -> Self {
            Self {
                permits: Permits::new_closed(),
                is_set: AtomicBool::new(true),
                value: UnsafeCell::new(MaybeUninit::new(value)),
            }
        }
    }

    /// Returns whether there is a value.
    #[inline]
    pub fn initialized(&self) -> bool {
        // Acquire: pairs with the store in `Claim::set`.
        self.is_set.load(Ordering::Acquire)
    }

    /// # Safety
    ///
    /// The value is set, and the caller knows it by an acquire load or because it set it.
    #[inline]
    unsafe fn value_unchecked(&self) -> &T {
        self.value.with(|value| {
            // SAFETY: by K1 it is initialised, and nobody writes to it while `self` is shared.
            unsafe { &*value.cast::<T>() }
        })
    }

    /// Returns the value, if there is one.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        // SAFETY: `initialized` is an acquire load.
        self.initialized()
            .then(|| unsafe { self.value_unchecked() })
    }

    /// Returns the value for changes, if there is one.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        if !self.initialized() {
            return None;
        }
        let slot = self.value.with_mut(|slot| slot.cast::<T>());
        // SAFETY: by K1 it is initialised, and `&mut self` excludes all others.
        Some(unsafe { &mut *slot })
    }

    /// Sets the value, if there is none and nobody is about to make one.
    ///
    /// # Errors
    ///
    /// The value itself: [`SetError::AlreadyInitializedError`] if there is one,
    /// [`SetError::InitializingError`] if somebody is making one; retry, or use
    /// [`Self::get_or_init`], which waits.
    pub fn set(&self, value: T) -> Result<(), SetError<T>> {
        if self.initialized() {
            return Err(SetError::AlreadyInitializedError(value));
        }
        match self.permits.try_acquire(1) {
            Ok(()) => {
                Claim { cell: self }.set(value);
                Ok(())
            }
            Err(Refused::NoPermits) => Err(SetError::InitializingError(value)),
            Err(Refused::Closed) => Err(SetError::AlreadyInitializedError(value)),
        }
    }

    /// Returns the value, and makes it with `f` if there is none. While another caller's function
    /// runs it waits for that one, and runs its own only if the other does not finish.
    ///
    /// An `f` that asks for the value of the same cell deadlocks.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe as far as `f` is: the cell stays empty, and the next waiter tries.
    pub async fn get_or_init<F, Fut>(&self, f: F) -> &T
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = T>,
    {
        if let Some(value) = self.get() {
            return value;
        }
        match self.get_or_try_init(|| infallible(f())).await {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// Like [`Self::get_or_init`] with a function that may fail.
    ///
    /// # Errors
    ///
    /// The error of `f`. The cell stays empty, and the next waiter tries.
    ///
    /// # Cancel safety
    ///
    /// As for [`Self::get_or_init`].
    pub async fn get_or_try_init<E, F, Fut>(&self, f: F) -> Result<&T, E>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        if self.permits.acquire(1).await.is_err() {
            // SAFETY: by K2 it is closed after the value was set, and every refusal is read with
            // acquire, from the word or the node.
            return Ok(unsafe { self.value_unchecked() });
        }
        let claim = Claim { cell: self };
        let value = f().await?;
        Ok(claim.set(value))
    }

    /// Returns the value, if there is one.
    pub fn into_inner(self) -> Option<T> {
        let this = ManuallyDrop::new(self);
        this.initialized().then(|| {
            this.value.with(|slot| {
                // SAFETY: by K1 it is initialised; the cell is ours and is not dropped.
                unsafe { slot.cast::<T>().read() }
            })
        })
    }

    /// Takes the value out and leaves an empty cell.
    pub fn take(&mut self) -> Option<T> {
        mem::take(self).into_inner()
    }
}

async fn infallible<T>(future: impl Future<Output = T>) -> Result<T, Infallible> {
    Ok(future.await)
}

impl<T> Drop for OnceCell<T> {
    fn drop(&mut self) {
        if let Some(value) = self.get_mut().map(std::ptr::from_mut) {
            // SAFETY: by K1 it is initialised, and nobody looks at it after this.
            unsafe { value.drop_in_place() };
        }
    }
}

impl<T> Default for OnceCell<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceCell")
            .field("value", &self.get())
            .finish()
    }
}

impl<T: Clone> Clone for OnceCell<T> {
    fn clone(&self) -> Self {
        Self::new_with(self.get().cloned())
    }
}

impl<T: PartialEq> PartialEq for OnceCell<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceCell<T> {}

impl<T> From<T> for OnceCell<T> {
    fn from(value: T) -> Self {
        Self::const_new_with(value)
    }
}

/// Why [`OnceCell::set`] did not set the value, which comes back.
#[derive(Debug, PartialEq, Eq)]
pub enum SetError<T> {
    /// There is a value already.
    AlreadyInitializedError(T),
    /// Somebody is making the value.
    InitializingError(T),
}

impl<T> SetError<T> {
    /// Returns whether there was a value already.
    pub fn is_already_init_err(&self) -> bool {
        matches!(self, Self::AlreadyInitializedError(_))
    }

    /// Returns whether somebody was making the value.
    pub fn is_initializing_err(&self) -> bool {
        matches!(self, Self::InitializingError(_))
    }
}

impl<T> fmt::Display for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyInitializedError(_) => "AlreadyInitializedError",
            Self::InitializingError(_) => "InitializingError",
        })
    }
}

impl<T: fmt::Debug> Error for SetError<T> {}
