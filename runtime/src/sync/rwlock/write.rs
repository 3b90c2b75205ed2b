//! The guard of the writer.
//!
//! Invariant R1 of [`super`]: who holds all permits has the only access. It is `Send` and `Sync`
//! where the borrowed lock is.
#![allow(unsafe_code)]

use super::{Exclusive, RwLock, RwLockMappedWriteGuard, RwLockReadGuard};
use crate::sync::guard_fmt::guard_fmt;
use std::ops::{Deref, DerefMut};

/// Exclusive access to the value of a [`RwLock`]; unlocks on drop.
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    held_permits: Exclusive<'a>,
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// Only for a caller that has just taken all permits.
    #[inline]
    pub(super) fn new(lock: &'a RwLock<T>) -> Self {
        let held_permits = Exclusive::new(lock);
        Self { lock, held_permits }
    }

    /// Narrows the guard to a part of the value.
    ///
    /// An associated function, because a method would hide one of the value's.
    pub fn map<F, U: ?Sized>(mut this: Self, f: F) -> RwLockMappedWriteGuard<'a, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        let part = std::ptr::from_mut(f(&mut *this));
        RwLockMappedWriteGuard::new(part, this.held_permits)
    }

    /// Narrows the guard to a part of the value and lets readers in; no writer comes in between.
    ///
    /// `f` gets a shared reference, because what it returns will be shared.
    pub fn downgrade_map<F, U: ?Sized>(this: Self, f: F) -> RwLockReadGuard<'a, U>
    where
        F: FnOnce(&T) -> &U,
    {
        let part = std::ptr::from_ref(f(&*this));
        RwLockReadGuard::to_part(part, this.held_permits.downgrade())
    }

    /// Narrows the guard to a part of the value, if there is one.
    ///
    /// # Errors
    ///
    /// The guard itself if `f` returns `None`.
    pub fn try_map<F, U: ?Sized>(
        mut this: Self,
        f: F,
    ) -> Result<RwLockMappedWriteGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match f(&mut *this).map(std::ptr::from_mut) {
            None => Err(this),
            Some(part) => Ok(RwLockMappedWriteGuard::new(part, this.held_permits)),
        }
    }

    /// Like [`Self::downgrade_map`], if there is such a part.
    ///
    /// # Errors
    ///
    /// The guard itself, still exclusive, if `f` returns `None`.
    pub fn try_downgrade_map<F, U: ?Sized>(this: Self, f: F) -> Result<RwLockReadGuard<'a, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        match f(&*this).map(std::ptr::from_ref) {
            None => Err(this),
            Some(part) => Ok(RwLockReadGuard::to_part(
                part,
                this.held_permits.downgrade(),
            )),
        }
    }

    /// Turns the guard into the type of narrowed ones, for the whole value.
    pub fn into_mapped(this: Self) -> RwLockMappedWriteGuard<'a, T> {
        Self::map(this, |value| value)
    }

    /// Lets readers in and goes on reading; no writer comes in between.
    pub fn downgrade(self) -> RwLockReadGuard<'a, T> {
        Self::downgrade_map(self, |value| value)
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: by R1 this guard has the only access, and `&self` lends it out shared.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: by R1 this guard has the only access, and `&mut self` lends it out once.
        unsafe { &mut *self.lock.value.get() }
    }
}

guard_fmt! {
    <T> RwLockWriteGuard<'_, T>, T;
}
