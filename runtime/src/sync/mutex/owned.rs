//! The guard that keeps its mutex alive.
//!
//! Invariant M1 of [`super`]: a guard exists only while its permit is held.
#![allow(unsafe_code)]

use super::{Mutex, OwnedMappedMutexGuard};
use crate::sync::guard_fmt::guard_fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// Access to the value of a locked [`Mutex`] without a borrow of it; unlocks on drop.
pub struct OwnedMutexGuard<T: ?Sized> {
    // Empty only while the guard turns into a mapped one.
    mutex: Option<Arc<Mutex<T>>>,
}

// SAFETY: a shared guard gives `&T` and the mutex, which is `Sync`.
unsafe impl<T: ?Sized + Send + Sync> Sync for OwnedMutexGuard<T> {}

impl<T: ?Sized> OwnedMutexGuard<T> {
    /// Only for a caller that has just taken the permit.
    #[inline]
    pub(super) fn new(mutex: Arc<Mutex<T>>) -> Self {
        Self { mutex: Some(mutex) }
    }

    fn locked(&self) -> &Arc<Mutex<T>> {
        self.mutex
            .as_ref()
            .expect("a guard holds its mutex until it is consumed")
    }

    /// Narrows the guard to a part of the value.
    ///
    /// An associated function, because a method would hide one of the value's.
    pub fn map<U: ?Sized, F>(mut this: Self, f: F) -> OwnedMappedMutexGuard<T, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        let part = std::ptr::from_mut(f(&mut *this));
        OwnedMappedMutexGuard::new(part, this.mutex.take())
    }

    /// Narrows the guard to a part of the value, if there is one.
    ///
    /// # Errors
    ///
    /// The guard itself if `f` returns `None`.
    pub fn try_map<U: ?Sized, F>(mut this: Self, f: F) -> Result<OwnedMappedMutexGuard<T, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match f(&mut *this).map(std::ptr::from_mut) {
            None => Err(this),
            Some(part) => Ok(OwnedMappedMutexGuard::new(part, this.mutex.take())),
        }
    }

    /// Returns the mutex that is locked.
    ///
    /// ```
    /// # use runtime::sync::{Mutex, OwnedMutexGuard};
    /// # use std::sync::Arc;
    /// let mutex = Arc::new(Mutex::new(1));
    /// let guard = mutex.clone().try_lock_owned().unwrap();
    /// assert!(Arc::ptr_eq(&mutex, OwnedMutexGuard::mutex(&guard)));
    /// ```
    pub fn mutex(this: &Self) -> &Arc<Mutex<T>> {
        this.locked()
    }
}

impl<T: ?Sized> Drop for OwnedMutexGuard<T> {
    fn drop(&mut self) {
        if let Some(mutex) = &self.mutex {
            mutex.unlock();
        }
    }
}

impl<T: ?Sized> Deref for OwnedMutexGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: by M1 this guard has the only access, and `&self` lends it out shared.
        unsafe { &*self.locked().value.get() }
    }
}

impl<T: ?Sized> DerefMut for OwnedMutexGuard<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: by M1 this guard has the only access, and `&mut self` lends it out once.
        unsafe { &mut *self.locked().value.get() }
    }
}

guard_fmt! {
    <T> OwnedMutexGuard<T>, T;
}
