//! A cell that is set once, and that others wait for.
//!
//! - S1. `value` is written under the lock of `waiters`, before `is_set` is set there; after that
//!   it is only read, until somebody has the cell for himself. So a setter that comes too late
//!   finds the value, not one that is about to be there.
//! - S2. A waiter joins under the same lock, after it saw that `is_set` is not set: no wake is
//!   lost.
//!
//! Pairs: the release store of `is_set` with the acquire load in `initialized`.
//!
//! Rejected: a word with a state "being set" (saves nothing: a setter has to lock for the waiters
//! anyway, and the loser of a race would see an empty cell).
#![allow(unsafe_code)]

use super::version_waiters::{VersionWaiters, Waiter};
use crate::loom::cell::UnsafeCell;
use crate::loom::sync::atomic::{AtomicBool, Ordering};
use pin_project_lite::pin_project;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::pin::Pin;
use std::task::{Context, Poll};

/// All waiters wait for the same thing.
const STAMP: u64 = 0;

/// A cell that is set at most once, and that any number of tasks wait for.
///
/// In a `static` it starts with [`Self::const_new`]. To make the value by an asynchronous function
/// use [`OnceCell`](super::OnceCell).
///
/// ```
/// # use runtime::sync::SetOnce;
/// # runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
/// static PORT: SetOnce<u16> = SetOnce::const_new();
/// runtime::spawn(async { PORT.set(8080) });
/// assert_eq!(*PORT.wait().await, 8080);
/// assert!(PORT.set(80).is_err());
/// # });
/// ```
pub struct SetOnce<T> {
    waiters: VersionWaiters,
    is_set: AtomicBool,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the value moves with the cell.
unsafe impl<T: Send> Send for SetOnce<T> {}
// SAFETY: by S1 the value is lent as `&T` to all, and may be set by one thread and dropped by
// another.
unsafe impl<T: Send + Sync> Sync for SetOnce<T> {}

impl<T> SetOnce<T> {
    /// Makes an empty cell.
    pub fn new() -> Self {
        Self::const_new()
    }

    crate::loom::const_fn! {
        /// Makes an empty cell, in a constant.
        pub const fn const_new() -> Self {
            Self {
                waiters: VersionWaiters::new(),
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
                waiters: VersionWaiters::new(),
                is_set: AtomicBool::new(true),
                value: UnsafeCell::new(MaybeUninit::new(value)),
            }
        }
    }

    /// Returns whether there is a value.
    #[inline]
    pub fn initialized(&self) -> bool {
        // Acquire: pairs with the store in `set`.
        self.is_set.load(Ordering::Acquire)
    }

    /// Returns the value, if there is one.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        self.initialized().then(|| {
            self.value.with(|value| {
                // SAFETY: by S1 it is initialised, and nobody writes to it while `self` is shared.
                unsafe { &*value.cast::<T>() }
            })
        })
    }

    /// Sets the value and wakes all that wait for it.
    ///
    /// # Errors
    ///
    /// The value itself if there is one already.
    pub fn set(&self, value: T) -> Result<(), SetOnceError<T>> {
        if self.initialized() {
            return Err(SetOnceError(value));
        }
        let mut unset = Some(value);
        self.waiters.wake_after(
            || {
                if self.is_set.load(Ordering::Relaxed) {
                    return false;
                }
                if let Some(value) = unset.take() {
                    self.value.with_mut(|slot| {
                        // SAFETY: by S1 the lock, under which this runs, is the right to write;
                        // nobody reads before `is_set`.
                        unsafe { slot.cast::<T>().write(value) };
                    });
                }
                // Release: pairs with the load in `initialized`.
                self.is_set.store(true, Ordering::Release);
                true
            },
            |_| true,
        );
        match unset {
            None => Ok(()),
            Some(value) => Err(SetOnceError(value)),
        }
    }

    /// Waits until there is a value and returns it.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is lost.
    pub async fn wait(&self) -> &T {
        loop {
            if let Some(value) = self.get() {
                return value;
            }
            Waiting {
                cell: self,
                waiter: Waiter::new(),
            }
            .await;
        }
    }

    /// Returns the value, if there is one.
    pub fn into_inner(self) -> Option<T> {
        let this = ManuallyDrop::new(self);
        this.initialized().then(|| {
            this.value.with(|slot| {
                // SAFETY: by S1 it is initialised; the cell is ours and is not dropped.
                unsafe { slot.cast::<T>().read() }
            })
        })
    }
}

pin_project! {
    /// Waits until the cell is set.
    struct Waiting<'a, T> {
        cell: &'a SetOnce<T>,
        #[pin]
        waiter: Waiter,
    }

    impl<T> PinnedDrop for Waiting<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.cell.waiters.leave(this.waiter.into_ref());
        }
    }
}

impl<T> Future for Waiting<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if this.cell.initialized() {
            return Poll::Ready(());
        }
        let is_set = || this.cell.initialized();
        let waiter = this.waiter.into_ref();
        this.cell.waiters.poll(waiter, STAMP, cx.waker(), is_set)
    }
}

impl<T> Drop for SetOnce<T> {
    fn drop(&mut self) {
        if self.initialized() {
            let value = self.value.with_mut(|slot| slot.cast::<T>());
            // SAFETY: by S1 it is initialised, and nobody looks at it after this.
            unsafe { value.drop_in_place() };
        }
    }
}

impl<T> Default for SetOnce<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for SetOnce<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetOnce")
            .field("value", &self.get())
            .finish()
    }
}

impl<T: Clone> Clone for SetOnce<T> {
    fn clone(&self) -> Self {
        Self::new_with(self.get().cloned())
    }
}

impl<T: PartialEq> PartialEq for SetOnce<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for SetOnce<T> {}

impl<T> From<T> for SetOnce<T> {
    fn from(value: T) -> Self {
        Self::const_new_with(value)
    }
}

/// There was a value already; the new one comes back.
#[derive(Debug, PartialEq, Eq)]
pub struct SetOnceError<T>(pub T);

impl<T> fmt::Display for SetOnceError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SetOnceError")
    }
}

impl<T: fmt::Debug> Error for SetOnceError<T> {}
