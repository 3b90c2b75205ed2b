//! A thread-local that has a value for the length of a scope: set, and put back on drop, also by a
//! panic.
//!
//! Guards of one thread-local nest: each puts back what it found, so they are dropped in the reverse
//! order, as those on the stack are. While the thread's locals go, setting does nothing.

use crate::loom::thread::LocalKey;
use std::cell::{Cell, RefCell};
use std::fmt;

/// What a thread-local keeps its value in.
pub(crate) trait Slot: 'static {
    type Value;

    /// Exchanges the value.
    fn exchange(&self, value: Self::Value) -> Self::Value;
}

impl<T: 'static> Slot for Cell<T> {
    type Value = T;

    #[inline]
    fn exchange(&self, value: T) -> T {
        self.replace(value)
    }
}

/// For values with a drop. No borrow is held while that runs.
impl<T: 'static> Slot for RefCell<T> {
    type Value = T;

    #[inline]
    fn exchange(&self, value: T) -> T {
        self.replace(value)
    }
}

/// Puts the value before back, on drop.
#[must_use]
pub(crate) struct Scoped<S: Slot> {
    key: &'static LocalKey<S>,
    /// None if the thread's locals were gone.
    before: Option<S::Value>,
}

/// Sets the value until the guard is dropped.
#[inline]
pub(crate) fn set<S: Slot>(key: &'static LocalKey<S>, value: S::Value) -> Scoped<S> {
    let before = key.try_with(move |slot| slot.exchange(value)).ok();
    Scoped { key, before }
}

impl<S: Slot> Drop for Scoped<S> {
    #[inline]
    fn drop(&mut self) {
        if let Some(before) = self.before.take() {
            let mine = self.key.try_with(move |slot| slot.exchange(before));
            // It may be the last reference to something: after the exchange.
            drop(mine);
        }
    }
}

impl<S: Slot> fmt::Debug for Scoped<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scoped").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loom::local;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::rc::Rc;

    local! {
        static NUMBER: Cell<u32> = Cell::new(0)
    }

    local! {
        static OWNER: RefCell<Option<Rc<Asks>>> = RefCell::new(None)
    }

    /// Its drop looks at the thread-local that it was in.
    struct Asks;

    impl Drop for Asks {
        fn drop(&mut self) {
            OWNER.with(|owner| assert!(owner.borrow().is_none()));
        }
    }

    #[test]
    fn scopes_nest_also_by_a_panic() {
        let _outer = set(&NUMBER, 1);
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let _inner = set(&NUMBER, 2);
            assert_eq!(NUMBER.with(Cell::get), 2);
            panic!("on purpose");
        }));
        assert!(unwound.is_err());
        assert_eq!(NUMBER.with(Cell::get), 1);
    }

    #[test]
    fn a_value_is_dropped_when_the_one_before_is_back() {
        let owner = set(&OWNER, Some(Rc::new(Asks)));
        drop(owner);
        assert!(OWNER.with(|owner| owner.borrow().is_none()));
    }
}
