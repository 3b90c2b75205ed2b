//! The guard of a writer, narrowed to a part of the value.
//!
//! Invariant R1 of [`super`]: who holds all permits has the only access. `part` was derived from
//! the exclusive reference of the guard that this one replaces, and stays valid as long.
#![allow(unsafe_code)]

use super::Exclusive;
use crate::sync::guard_fmt::guard_fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

/// Exclusive access to a part of the value of a [`RwLock`](super::RwLock); unlocks on drop.
pub struct RwLockMappedWriteGuard<'a, T: ?Sized> {
    part: *mut T,
    held_permits: Exclusive<'a>,
    // Invariant in `T`, like the exclusive reference that `part` stands for.
    marker: PhantomData<&'a mut T>,
}

// SAFETY: the guard stands for `&mut T`.
unsafe impl<T: ?Sized + Send + Sync> Send for RwLockMappedWriteGuard<'_, T> {}
// SAFETY: a shared guard gives `&T` only.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLockMappedWriteGuard<'_, T> {}

impl<'a, T: ?Sized> RwLockMappedWriteGuard<'a, T> {
    /// Takes over the permits of the guard that `part` was derived from.
    pub(super) fn new(part: *mut T, held_permits: Exclusive<'a>) -> Self {
        Self {
            part,
            held_permits,
            marker: PhantomData,
        }
    }

    /// Narrows the guard further.
    pub fn map<F, U: ?Sized>(mut this: Self, f: F) -> RwLockMappedWriteGuard<'a, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        let part = std::ptr::from_mut(f(&mut *this));
        RwLockMappedWriteGuard::new(part, this.held_permits)
    }

    /// Narrows the guard further, if there is such a part.
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
}

impl<T: ?Sized> Deref for RwLockMappedWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: by R1 this guard has the only access, and `&self` lends it out shared.
        unsafe { &*self.part }
    }
}

impl<T: ?Sized> DerefMut for RwLockMappedWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: by R1 this guard has the only access, and `&mut self` lends it out once.
        unsafe { &mut *self.part }
    }
}

guard_fmt! {
    <T> RwLockMappedWriteGuard<'_, T>, T;
}
