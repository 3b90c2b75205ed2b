//! Guards narrowed to a part of the value.
//!
//! Invariant M1 of [`super`]: a guard exists only while its permit is held. `part` was derived
//! from the exclusive reference of the guard that this one replaces, and stays valid as long.
#![allow(unsafe_code)]

use super::Mutex;
use crate::sync::guard_fmt::guard_fmt;
use crate::sync::permits::Permits;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// Access to a part of the value of a locked [`Mutex`]; unlocks on drop.
#[must_use = "if unused the Mutex will immediately unlock"]
pub struct MappedMutexGuard<'a, T: ?Sized> {
    part: *mut T,
    permits: &'a Permits,
    // Invariant in `T`, like the exclusive reference that `part` stands for.
    marker: PhantomData<&'a mut T>,
}

// SAFETY: the guard stands for `&mut T`.
unsafe impl<T: ?Sized + Send> Send for MappedMutexGuard<'_, T> {}
// SAFETY: a shared guard gives `&T` only.
unsafe impl<T: ?Sized + Sync> Sync for MappedMutexGuard<'_, T> {}

impl<'a, T: ?Sized> MappedMutexGuard<'a, T> {
    /// Takes over the permit of the guard that `part` was derived from.
    pub(super) fn new(part: *mut T, permits: &'a Permits) -> Self {
        Self {
            part,
            permits,
            marker: PhantomData,
        }
    }

    /// Narrows the guard further.
    pub fn map<U: ?Sized, F>(mut this: Self, f: F) -> MappedMutexGuard<'a, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        let part = std::ptr::from_mut(f(&mut *this));
        let this = ManuallyDrop::new(this);
        MappedMutexGuard::new(part, this.permits)
    }

    /// Narrows the guard further, if there is such a part.
    ///
    /// # Errors
    ///
    /// The guard itself if `f` returns `None`.
    pub fn try_map<U: ?Sized, F>(mut this: Self, f: F) -> Result<MappedMutexGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match f(&mut *this).map(std::ptr::from_mut) {
            None => Err(this),
            Some(part) => {
                let this = ManuallyDrop::new(this);
                Ok(MappedMutexGuard::new(part, this.permits))
            }
        }
    }
}

impl<T: ?Sized> Drop for MappedMutexGuard<'_, T> {
    fn drop(&mut self) {
        self.permits.release(1);
    }
}

impl<T: ?Sized> Deref for MappedMutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: by M1 this guard has the only access, and `&self` lends it out shared.
        unsafe { &*self.part }
    }
}

impl<T: ?Sized> DerefMut for MappedMutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: by M1 this guard has the only access, and `&mut self` lends it out once.
        unsafe { &mut *self.part }
    }
}

/// Access to a part of the value of a locked [`Mutex`] without a borrow of it; unlocks on drop.
#[must_use = "if unused the Mutex will immediately unlock"]
pub struct OwnedMappedMutexGuard<T: ?Sized, U: ?Sized = T> {
    part: *mut U,
    // Empty only while the guard turns into another one.
    mutex: Option<Arc<Mutex<T>>>,
}

// SAFETY: the guard stands for `&mut U` and a handle of the mutex.
unsafe impl<T: ?Sized + Send, U: ?Sized + Send> Send for OwnedMappedMutexGuard<T, U> {}
// SAFETY: a shared guard gives `&U` only.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Send + Sync> Sync for OwnedMappedMutexGuard<T, U> {}

impl<T: ?Sized, U: ?Sized> OwnedMappedMutexGuard<T, U> {
    /// Takes over the permit of the guard that `part` was derived from.
    pub(super) fn new(part: *mut U, mutex: Option<Arc<Mutex<T>>>) -> Self {
        Self { part, mutex }
    }

    /// Narrows the guard further.
    pub fn map<S: ?Sized, F>(mut this: Self, f: F) -> OwnedMappedMutexGuard<T, S>
    where
        F: FnOnce(&mut U) -> &mut S,
    {
        let part = std::ptr::from_mut(f(&mut *this));
        OwnedMappedMutexGuard::new(part, this.mutex.take())
    }

    /// Narrows the guard further, if there is such a part.
    ///
    /// # Errors
    ///
    /// The guard itself if `f` returns `None`.
    pub fn try_map<S: ?Sized, F>(mut this: Self, f: F) -> Result<OwnedMappedMutexGuard<T, S>, Self>
    where
        F: FnOnce(&mut U) -> Option<&mut S>,
    {
        match f(&mut *this).map(std::ptr::from_mut) {
            None => Err(this),
            Some(part) => Ok(OwnedMappedMutexGuard::new(part, this.mutex.take())),
        }
    }
}

impl<T: ?Sized, U: ?Sized> Drop for OwnedMappedMutexGuard<T, U> {
    fn drop(&mut self) {
        if let Some(mutex) = &self.mutex {
            mutex.unlock();
        }
    }
}

impl<T: ?Sized, U: ?Sized> Deref for OwnedMappedMutexGuard<T, U> {
    type Target = U;

    fn deref(&self) -> &U {
        // SAFETY: by M1 this guard has the only access, and `&self` lends it out shared.
        unsafe { &*self.part }
    }
}

impl<T: ?Sized, U: ?Sized> DerefMut for OwnedMappedMutexGuard<T, U> {
    fn deref_mut(&mut self) -> &mut U {
        // SAFETY: by M1 this guard has the only access, and `&mut self` lends it out once.
        unsafe { &mut *self.part }
    }
}

guard_fmt! {
    <T> MappedMutexGuard<'_, T>, T;
    <T, U> OwnedMappedMutexGuard<T, U>, U;
}
