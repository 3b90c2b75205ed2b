//! An `Arc` for `--cfg runtime_tsan`: ThreadSanitizer does not model the fence in std's.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fmt, ops::Deref, ptr::NonNull};

/// Reference counting without a fence, for ThreadSanitizer.
pub(crate) struct Arc<T>(NonNull<Shared<T>>);

#[repr(C)]
struct Shared<T>(AtomicUsize, T);

// SAFETY: as for std's `Arc`: the count is atomic and the value is shared.
unsafe impl<T: Send + Sync> Send for Arc<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Arc<T> {}

impl<T> Arc<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(NonNull::from(Box::leak(Box::new(Shared(
            AtomicUsize::new(1),
            value,
        )))))
    }

    pub(crate) fn ptr_eq(a: &Self, b: &Self) -> bool {
        a.0 == b.0
    }

    pub(crate) fn as_ptr(this: &Self) -> *const T {
        // SAFETY: by the count the allocation is alive while `this` is.
        unsafe { &raw const (*this.0.as_ptr()).1 }
    }

    /// # Safety
    ///
    /// As for std's.
    pub(crate) unsafe fn from_raw(value: *const T) -> Self {
        let shared = value
            .cast_mut()
            .wrapping_byte_sub(std::mem::offset_of!(Shared<T>, 1));
        // SAFETY: `as_ptr` gave the address of a field of a live allocation.
        Self(unsafe { NonNull::new_unchecked(shared.cast()) })
    }

    /// # Errors
    ///
    /// Gives the reference back if it is not the only one.
    pub(crate) fn try_unwrap(this: Self) -> Result<T, Self> {
        let this = std::mem::ManuallyDrop::new(this);
        // SAFETY: by the count the allocation is alive while `this` is.
        let count = &unsafe { this.0.as_ref() }.0;
        if count
            .compare_exchange(1, 0, Ordering::AcqRel, Ordering::Relaxed)
            .is_err()
        {
            return Err(Self(this.0));
        }
        // SAFETY: that was the only reference; `new` made it from a `Box`.
        Ok(unsafe { Box::from_raw(this.0.as_ptr()) }.1)
    }

    pub(crate) fn strong_count(this: &Self) -> usize {
        // SAFETY: by the count the allocation is alive while `this` is.
        unsafe { this.0.as_ref() }.0.load(Ordering::Acquire)
    }

    pub(crate) fn get_mut(this: &mut Self) -> Option<&mut T> {
        if Self::strong_count(this) != 1 {
            return None;
        }
        // SAFETY: the only reference is `this`, borrowed exclusively.
        Some(unsafe { &mut this.0.as_mut().1 })
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Self {
        // SAFETY: by the count the allocation is alive while `self` is.
        unsafe { self.0.as_ref() }.0.fetch_add(1, Ordering::Relaxed);
        Self(self.0)
    }
}

impl<T> Drop for Arc<T> {
    fn drop(&mut self) {
        // SAFETY: by the count the allocation is alive while `self` is.
        let count = &unsafe { self.0.as_ref() }.0;
        if count.fetch_sub(1, Ordering::AcqRel) == 1 {
            // SAFETY: that was the last reference; `new` made it from a `Box`.
            drop(unsafe { Box::from_raw(self.0.as_ptr()) });
        }
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: by the count the allocation is alive while `self` is.
        &unsafe { self.0.as_ref() }.1
    }
}

impl<T: fmt::Debug> fmt::Debug for Arc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Default> Default for Arc<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}
