//! The values that a task inherits from its spawner, and those of the code that runs.
//!
//! A thread-local points to the values of the innermost scope that this thread is in: that of a
//! task's cell, of a scope's future or of a scope's call. Nothing is counted for entering: the
//! scope stays where it is until it has been left.
//!
//! - V1. `CURRENT` is null or points to values that a call of [`within`] borrows which has not
//!   returned on this thread. Calls nest: each puts back what it found, also by a panic.
//! - V2. A map is never changed once it is in an `Arc`: what a task inherits is what there was when
//!   it was spawned.
//! - V3. A map has one entry per key, so it does not grow when scopes of a key are nested, nor along
//!   a chain of tasks each of which opens a scope and spawns the next.
//!
//! A task without values hides those of the thread that polls it: a `LocalSet` is driven inside of a
//! task, and `block_on` inside of a scope.
//!
//! Rejected: a list of scopes, each with a link to the one around it (against V3: a chain of tasks
//! keeps the values of all of its ancestors); a hash table (maps have a few entries).
#![allow(unsafe_code)]

use super::context::Own;
use crate::loom::local;
use crate::loom::sync::Arc;
use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::ptr::NonNull;
// The values: loom's `Arc` holds no trait object. Nothing is synchronised through them but their
// drop, which std's count does.
use std::sync::Arc as Value;

local! {
    /// By V1.
    static CURRENT: Cell<Option<NonNull<Values>>> = Cell::new(None)
}

/// A value of a key: its address, unique among all keys.
#[derive(Clone)]
pub(crate) struct Entry {
    key: usize,
    value: Value<dyn Any + Send + Sync>,
}

impl Entry {
    pub(crate) fn new<T: Send + Sync + 'static>(key: usize, value: T) -> Self {
        let value = Value::new(value);
        Self { key, value }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// A snapshot of all values that code sees (V2). Empty ones take no memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values(Option<Arc<Snapshot>>);

#[derive(Debug)]
struct Snapshot {
    entries: Vec<Entry>,
    /// Only in the cell of the task that owns it, never in what code sees.
    own: Option<Own>,
}

impl Values {
    /// Those that the caller sees.
    #[inline]
    pub(crate) fn current() -> Self {
        if is_clear() {
            return Self(None);
        }
        with_current(Self::clone)
    }

    /// No values, but what is one task's alone.
    #[cold]
    pub(super) fn with_own(own: Own) -> Self {
        Self(Some(Arc::new(Snapshot {
            entries: Vec::new(),
            own: Some(own),
        })))
    }

    pub(super) fn own(&self) -> Option<&Own> {
        self.0.as_ref()?.own.as_ref()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// How many keys have a value.
    pub(crate) fn len(&self) -> usize {
        self.entries().len()
    }

    fn entries(&self) -> &[Entry] {
        self.0.as_ref().map_or(&[], |snapshot| &snapshot.entries)
    }

    /// Whether both are the same snapshot.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(this), Some(other)) => Arc::ptr_eq(this, other),
            (None, None) => true,
            _ => false,
        }
    }

    /// The value of a key.
    pub(crate) fn get<T: Send + Sync + 'static>(&self, key: usize) -> Option<&T> {
        let mut entries = self.entries().iter();
        let entry = entries.find(|entry| entry.key == key)?;
        entry.value.downcast_ref()
    }

    /// These, and one more in place of the one with its key (V3).
    pub(crate) fn and(&self, entry: &Entry) -> Self {
        let others = self.entries().iter().filter(|other| other.key != entry.key);
        let mut entries = Vec::with_capacity(self.len() + 1);
        // The newest first, where it is found soonest.
        entries.push(entry.clone());
        entries.extend(others.cloned());
        Self(Some(Arc::new(Snapshot { entries, own: None })))
    }
}

impl std::panic::UnwindSafe for Entry {}
impl std::panic::RefUnwindSafe for Entry {}
impl std::panic::UnwindSafe for Values {}
impl std::panic::RefUnwindSafe for Values {}

/// Puts the values before back, on drop (V1).
struct Restore(Option<NonNull<Values>>);

impl Drop for Restore {
    #[inline]
    fn drop(&mut self) {
        let _ = CURRENT.try_with(|current| current.set(self.0));
    }
}

/// Whether the caller sees no values.
#[inline]
pub(crate) fn is_clear() -> bool {
    matches!(CURRENT.try_with(Cell::get), Ok(None))
}

/// Runs `f`, which sees `values` and no others.
#[inline]
pub(crate) fn within<R>(values: &Values, f: impl FnOnce() -> R) -> R {
    let mine = (!values.is_empty()).then(|| NonNull::from(values));
    // Borrowed until `f` has returned or unwound: V1.
    let _restore = CURRENT
        .try_with(|current| Restore(current.replace(mine)))
        .ok();
    f()
}

/// Runs `f` with the values that the caller sees.
#[inline]
pub(crate) fn with_current<R>(f: impl FnOnce(&Values) -> R) -> R {
    match CURRENT.try_with(Cell::get) {
        // SAFETY: by V1 borrowed by a call of `within` below us on this thread's stack, which returns
        // after `f`; nobody changes what is borrowed.
        Ok(Some(values)) => f(unsafe { values.as_ref() }),
        _ => f(&Values(None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    fn seen(key: usize) -> Option<u32> {
        with_current(|values| values.get::<u32>(key).copied())
    }

    /// V1.
    #[test]
    fn scopes_nest_also_by_a_panic() {
        let outer = Values::default().and(&Entry::new(1, 10_u32));
        within(&outer, || {
            let inner = Values::current().and(&Entry::new(2, 20_u32));
            let unwound = catch_unwind(AssertUnwindSafe(|| {
                within(&inner, || {
                    assert_eq!((seen(1), seen(2)), (Some(10), Some(20)));
                    within(&Values::default(), || assert_eq!(seen(1), None));
                    panic!("on purpose");
                })
            }));
            assert!(unwound.is_err());
            assert_eq!((seen(1), seen(2)), (Some(10), None));
        });
        assert_eq!(seen(1), None);
    }

    /// V2, V3, against a table.
    #[test]
    fn a_map_has_one_entry_per_key() {
        let mut values = Values::default();
        let mut table = BTreeMap::new();
        for step in 0..200_u32 {
            let key = (step * step) as usize % 7;
            let before = values.clone();
            let of_key = before.get::<u32>(key).copied();
            values = values.and(&Entry::new(key, step));
            assert_eq!(before.get::<u32>(key).copied(), of_key, "V2");
            table.insert(key, step);
            assert_eq!(values.len(), table.len(), "V3");
            for (key, value) in &table {
                assert_eq!(values.get::<u32>(*key), Some(value));
            }
        }
        assert!(values.get::<u64>(0).is_none(), "of another type");
    }
}
