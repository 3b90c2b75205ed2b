//! The guard of a borrowed mutex, and why a mutex can be shared.
//!
//! Invariant M1 of [`super`]: a guard exists only while its permit is held.
#![allow(unsafe_code)]

use super::{MappedMutexGuard, Mutex};
use crate::sync::guard_fmt::guard_fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};

// SAFETY: by M1 one holder at a time reaches the value, on whatever thread it runs.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
// SAFETY: as above: a shared mutex only moves the access to the value between threads.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

/// Access to the value of a locked [`Mutex`]; unlocks on drop.
#[must_use = "if unused the Mutex will immediately unlock"]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
}

// SAFETY: a shared guard gives `&T` only.
unsafe impl<T: ?Sized + Send + Sync> Sync for MutexGuard<'_, T> {}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// Only for a caller that has just taken the permit.
    #[inline]
    pub(super) fn new(mutex: &'a Mutex<T>) -> Self {
        Self { mutex }
    }

    /// Narrows the guard to a part of the value.
    ///
    /// An associated function, because a method would hide one of the value's.
    pub fn map<U: ?Sized, F>(this: Self, f: F) -> MappedMutexGuard<'a, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        let mut this = this;
        let part = std::ptr::from_mut(f(&mut *this));
        let this = ManuallyDrop::new(this);
        MappedMutexGuard::new(part, &this.mutex.permits)
    }

    /// Narrows the guard to a part of the value, if there is one.
    ///
    /// # Errors
    ///
    /// The guard itself if `f` returns `None`.
    pub fn try_map<U: ?Sized, F>(this: Self, f: F) -> Result<MappedMutexGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let mut this = this;
        match f(&mut *this).map(std::ptr::from_mut) {
            None => Err(this),
            Some(part) => {
                let this = ManuallyDrop::new(this);
                Ok(MappedMutexGuard::new(part, &this.mutex.permits))
            }
        }
    }

    /// Returns the mutex that is locked.
    ///
    /// ```
    /// # use runtime::sync::{Mutex, MutexGuard};
    /// let mutex = Mutex::new(1);
    /// let guard = mutex.try_lock().unwrap();
    /// assert!(MutexGuard::mutex(&guard).try_lock().is_err());
    /// ```
    pub fn mutex(this: &Self) -> &'a Mutex<T> {
        this.mutex
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.mutex.unlock();
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: by M1 this guard has the only access, and `&self` lends it out shared.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: by M1 this guard has the only access, and `&mut self` lends it out once.
        unsafe { &mut *self.mutex.value.get() }
    }
}

guard_fmt! {
    <T> MutexGuard<'_, T>, T;
}
