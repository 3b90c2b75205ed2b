//! The guards that keep their lock alive.
//!
//! Invariant R1 of [`super`]: who holds all permits has the only access, who holds one has
//! shared access. `part` is the value of the lock or was derived from the reference of the guard
//! that this one replaces; the lock, and with it the value, lives as long as `held_permits`.
#![allow(unsafe_code)]

use super::{OwnedExclusive, OwnedShared, RwLock};
use crate::sync::guard_fmt::guard_fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// Shared access to the value of a [`RwLock`] without a borrow of it; unlocks on drop.
pub struct OwnedRwLockReadGuard<T: ?Sized, U: ?Sized = T> {
    part: *const U,
    held_permits: OwnedShared<T>,
}

// SAFETY: the guard stands for `&U` and a handle of the lock, whose drop may drop the value.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Sync> Send for OwnedRwLockReadGuard<T, U> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Send + Sync> Sync for OwnedRwLockReadGuard<T, U> {}

impl<T: ?Sized> OwnedRwLockReadGuard<T> {
    /// Only for a caller that has just taken one permit.
    #[inline]
    pub(super) fn new(lock: Arc<RwLock<T>>) -> Self {
        let part = lock.value.get().cast_const();
        let held_permits = OwnedShared::new(lock);
        Self { part, held_permits }
    }
}

impl<T: ?Sized, U: ?Sized> OwnedRwLockReadGuard<T, U> {
    /// Narrows the guard to a part of the value.
    ///
    /// An associated function, because a method would hide one of the value's.
    pub fn map<F, V: ?Sized>(this: Self, f: F) -> OwnedRwLockReadGuard<T, V>
    where
        F: FnOnce(&U) -> &V,
    {
        let part = std::ptr::from_ref(f(&*this));
        let held_permits = this.held_permits;
        OwnedRwLockReadGuard { part, held_permits }
    }

    /// Narrows the guard to a part of the value, if there is one.
    ///
    /// # Errors
    ///
    /// The guard itself if `f` returns `None`.
    pub fn try_map<F, V: ?Sized>(this: Self, f: F) -> Result<OwnedRwLockReadGuard<T, V>, Self>
    where
        F: FnOnce(&U) -> Option<&V>,
    {
        match f(&*this).map(std::ptr::from_ref) {
            None => Err(this),
            Some(part) => {
                let held_permits = this.held_permits;
                Ok(OwnedRwLockReadGuard { part, held_permits })
            }
        }
    }

    /// Returns the lock that is read.
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        this.held_permits.lock()
    }
}

/// Exclusive access to the value of a [`RwLock`] without a borrow of it; unlocks on drop.
pub struct OwnedRwLockWriteGuard<T: ?Sized> {
    // `Send` and `Sync` where the shared lock is.
    held_permits: OwnedExclusive<T>,
}

impl<T: ?Sized> OwnedRwLockWriteGuard<T> {
    /// Only for a caller that has just taken all permits.
    #[inline]
    pub(super) fn new(lock: Arc<RwLock<T>>) -> Self {
        let held_permits = OwnedExclusive::new(lock);
        Self { held_permits }
    }

    /// Narrows the guard to a part of the value.
    ///
    /// An associated function, because a method would hide one of the value's.
    pub fn map<F, U: ?Sized>(mut this: Self, f: F) -> OwnedRwLockMappedWriteGuard<T, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        let part = std::ptr::from_mut(f(&mut *this));
        let held_permits = this.held_permits;
        OwnedRwLockMappedWriteGuard { part, held_permits }
    }

    /// Narrows the guard to a part of the value and lets readers in; no writer comes in between.
    ///
    /// `f` gets a shared reference, because what it returns will be shared.
    pub fn downgrade_map<F, U: ?Sized>(this: Self, f: F) -> OwnedRwLockReadGuard<T, U>
    where
        F: FnOnce(&T) -> &U,
    {
        let part = std::ptr::from_ref(f(&*this));
        let held_permits = this.held_permits.downgrade();
        OwnedRwLockReadGuard { part, held_permits }
    }

    /// Narrows the guard to a part of the value, if there is one.
    ///
    /// # Errors
    ///
    /// The guard itself if `f` returns `None`.
    pub fn try_map<F, U: ?Sized>(
        mut this: Self,
        f: F,
    ) -> Result<OwnedRwLockMappedWriteGuard<T, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match f(&mut *this).map(std::ptr::from_mut) {
            None => Err(this),
            Some(part) => {
                let held_permits = this.held_permits;
                Ok(OwnedRwLockMappedWriteGuard { part, held_permits })
            }
        }
    }

    /// Like [`Self::downgrade_map`], if there is such a part.
    ///
    /// # Errors
    ///
    /// The guard itself, still exclusive, if `f` returns `None`.
    pub fn try_downgrade_map<F, U: ?Sized>(
        this: Self,
        f: F,
    ) -> Result<OwnedRwLockReadGuard<T, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        match f(&*this).map(std::ptr::from_ref) {
            None => Err(this),
            Some(part) => {
                let held_permits = this.held_permits.downgrade();
                Ok(OwnedRwLockReadGuard { part, held_permits })
            }
        }
    }

    /// Turns the guard into the type of narrowed ones, for the whole value.
    pub fn into_mapped(this: Self) -> OwnedRwLockMappedWriteGuard<T> {
        Self::map(this, |value| value)
    }

    /// Lets readers in and goes on reading; no writer comes in between.
    pub fn downgrade(self) -> OwnedRwLockReadGuard<T> {
        Self::downgrade_map(self, |value| value)
    }

    /// Returns the lock that is held.
    ///
    /// ```
    /// # use runtime::sync::{OwnedRwLockWriteGuard, RwLock};
    /// # use std::sync::Arc;
    /// let lock = Arc::new(RwLock::new(1));
    /// let guard = lock.clone().try_write_owned().unwrap();
    /// assert!(Arc::ptr_eq(&lock, OwnedRwLockWriteGuard::rwlock(&guard)));
    /// ```
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        this.held_permits.lock()
    }
}

/// Exclusive access to a part of the value of a [`RwLock`] without a borrow of it; unlocks on
/// drop.
pub struct OwnedRwLockMappedWriteGuard<T: ?Sized, U: ?Sized = T> {
    // Invariant in `U`, like the exclusive reference that it stands for.
    part: *mut U,
    held_permits: OwnedExclusive<T>,
}

// SAFETY: the guard stands for `&mut U` and a handle of the lock.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Send + Sync> Send
    for OwnedRwLockMappedWriteGuard<T, U>
{
}
// SAFETY: a shared guard gives `&U` and the handle only.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Send + Sync> Sync
    for OwnedRwLockMappedWriteGuard<T, U>
{
}

impl<T: ?Sized, U: ?Sized> OwnedRwLockMappedWriteGuard<T, U> {
    /// Narrows the guard further.
    pub fn map<F, V: ?Sized>(mut this: Self, f: F) -> OwnedRwLockMappedWriteGuard<T, V>
    where
        F: FnOnce(&mut U) -> &mut V,
    {
        let part = std::ptr::from_mut(f(&mut *this));
        let held_permits = this.held_permits;
        OwnedRwLockMappedWriteGuard { part, held_permits }
    }

    /// Narrows the guard further, if there is such a part.
    ///
    /// # Errors
    ///
    /// The guard itself if `f` returns `None`.
    pub fn try_map<F, V: ?Sized>(
        mut this: Self,
        f: F,
    ) -> Result<OwnedRwLockMappedWriteGuard<T, V>, Self>
    where
        F: FnOnce(&mut U) -> Option<&mut V>,
    {
        match f(&mut *this).map(std::ptr::from_mut) {
            None => Err(this),
            Some(part) => {
                let held_permits = this.held_permits;
                Ok(OwnedRwLockMappedWriteGuard { part, held_permits })
            }
        }
    }

    /// Returns the lock that is held.
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        this.held_permits.lock()
    }
}

impl<T: ?Sized, U: ?Sized> Deref for OwnedRwLockReadGuard<T, U> {
    type Target = U;

    #[inline]
    fn deref(&self) -> &U {
        // SAFETY: by R1 nobody writes while this guard lives.
        unsafe { &*self.part }
    }
}

impl<T: ?Sized> Deref for OwnedRwLockWriteGuard<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: by R1 this guard has the only access, and `&self` lends it out shared.
        unsafe { &*self.held_permits.lock().value.get() }
    }
}

impl<T: ?Sized> DerefMut for OwnedRwLockWriteGuard<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: by R1 this guard has the only access, and `&mut self` lends it out once.
        unsafe { &mut *self.held_permits.lock().value.get() }
    }
}

impl<T: ?Sized, U: ?Sized> Deref for OwnedRwLockMappedWriteGuard<T, U> {
    type Target = U;

    #[inline]
    fn deref(&self) -> &U {
        // SAFETY: by R1 this guard has the only access, and `&self` lends it out shared.
        unsafe { &*self.part }
    }
}

impl<T: ?Sized, U: ?Sized> DerefMut for OwnedRwLockMappedWriteGuard<T, U> {
    #[inline]
    fn deref_mut(&mut self) -> &mut U {
        // SAFETY: by R1 this guard has the only access, and `&mut self` lends it out once.
        unsafe { &mut *self.part }
    }
}

guard_fmt! {
    <T, U> OwnedRwLockReadGuard<T, U>, U;
    <T> OwnedRwLockWriteGuard<T>, T;
    <T, U> OwnedRwLockMappedWriteGuard<T, U>, U;
}
