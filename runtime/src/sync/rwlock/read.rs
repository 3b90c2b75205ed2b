//! The guard of a reader, and why the lock can be shared.
//!
//! Invariant R1 of [`super`]: who holds a permit has at least shared access. `part` is the value
//! of the lock or was derived from the shared reference of the guard that this one replaces.
#![allow(unsafe_code)]

use super::{RwLock, Shared};
use crate::sync::guard_fmt::guard_fmt;
use std::marker::PhantomData;
use std::ops::Deref;

// SAFETY: by R1 the holders of permits reach the value, on whatever threads they run.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}
// SAFETY: as above: readers on several threads share `&T`, a writer moves the access around.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}

/// Shared access to the value of a [`RwLock`]; unlocks on drop.
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    part: *const T,
    held_permits: Shared<'a>,
    marker: PhantomData<&'a T>,
}

// SAFETY: the guard stands for `&T`.
unsafe impl<T: ?Sized + Sync> Send for RwLockReadGuard<'_, T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLockReadGuard<'_, T> {}

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    /// Only for a caller that has just taken one permit.
    #[inline]
    pub(super) fn new(lock: &'a RwLock<T>) -> Self {
        Self::to_part(lock.value.get(), Shared(&lock.permits))
    }

    /// Takes over the permit of the guard that `part` was derived from.
    #[inline]
    pub(super) fn to_part(part: *const T, held_permits: Shared<'a>) -> Self {
        Self {
            part,
            held_permits,
            marker: PhantomData,
        }
    }

    /// Narrows the guard to a part of the value.
    ///
    /// An associated function, because a method would hide one of the value's.
    pub fn map<F, U: ?Sized>(this: Self, f: F) -> RwLockReadGuard<'a, U>
    where
        F: FnOnce(&T) -> &U,
    {
        let part = std::ptr::from_ref(f(&*this));
        RwLockReadGuard::to_part(part, this.held_permits)
    }

    /// Narrows the guard to a part of the value, if there is one.
    ///
    /// # Errors
    ///
    /// The guard itself if `f` returns `None`.
    pub fn try_map<F, U: ?Sized>(this: Self, f: F) -> Result<RwLockReadGuard<'a, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        match f(&*this).map(std::ptr::from_ref) {
            None => Err(this),
            Some(part) => Ok(RwLockReadGuard::to_part(part, this.held_permits)),
        }
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: by R1 nobody writes while this guard lives.
        unsafe { &*self.part }
    }
}

guard_fmt! {
    <T> RwLockReadGuard<'_, T>, T;
}
