//! A look at the value.

use super::shared::Reading;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::MutexGuard;

/// A borrow of the value; made by `borrow`, `borrow_and_update` and `wait_for`.
///
/// While it exists a sender that wants to change the value blocks its thread. So keep it for a
/// few statements, copy out what you need, and never keep it across an `.await`. A second borrow
/// in the same thread may deadlock, when a sender has begun to wait for the first one.
// Not `#[must_use]`: `wait_for` is often only waited for, and `borrow_and_update` marks as seen.
pub struct Ref<'a, T> {
    value: Reading<'a, T>,
    has_changed: bool,
    // Not `Send`, as other guards are not: it is meant to end where it began.
    _thread: PhantomData<MutexGuard<'a, ()>>,
}

impl<'a, T> Ref<'a, T> {
    pub(super) fn new(value: Reading<'a, T>, has_changed: bool) -> Self {
        Self {
            value,
            has_changed,
            _thread: PhantomData,
        }
    }

    /// Returns whether the value was not marked as seen before this borrow. Always `false` for a
    /// borrow by a sender.
    ///
    /// Unlike [`Receiver::has_changed`](super::Receiver::has_changed) it does not fail when the
    /// senders are gone.
    ///
    /// ```
    /// # use runtime::sync::watch;
    /// let (tx, mut rx) = watch::channel(1);
    /// tx.send(2).unwrap();
    /// assert!(rx.borrow().has_changed());
    /// assert!(rx.borrow_and_update().has_changed());
    /// assert!(!rx.borrow().has_changed());
    /// ```
    pub fn has_changed(&self) -> bool {
        self.has_changed
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Ref<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ref")
            .field("value", &**self)
            .field("has_changed", &self.has_changed)
            .finish()
    }
}
