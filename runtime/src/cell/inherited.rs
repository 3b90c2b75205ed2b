//! The map of values that a task inherits from its spawner.
//!
//! - V2. A map is never changed once it is in an `Arc`: what a task inherits is what there was when
//!   it was spawned.
//! - V3. A map has one entry per key, so it does not grow when scopes of a key are nested, nor along
//!   a chain of tasks each of which opens a scope and spawns the next.
//!
//! Rejected: a list of scopes, each with a link to the one around it (against V3: a chain of tasks
//! keeps the values of all of its ancestors); a hash table (maps have a few entries).

use std::any::Any;
use std::fmt;
// The values: loom's `Arc` holds no trait object. Nothing is synchronised through them but their
// drop, which std's count does.
use std::sync::Arc as Value;

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

impl std::panic::UnwindSafe for Entry {}
impl std::panic::RefUnwindSafe for Entry {}

/// One entry per key (V3).
#[derive(Debug)]
pub(super) struct Map(Vec<Entry>);

/// No entries, without memory of its own.
pub(super) static EMPTY: Map = Map::new();

impl Map {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// How many keys have a value.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The value of a key.
    pub(super) fn get<T: Send + Sync + 'static>(&self, key: usize) -> Option<&T> {
        let mut entries = self.0.iter();
        let entry = entries.find(|entry| entry.key == key)?;
        entry.value.downcast_ref()
    }

    /// This one, and one more entry in place of the one with its key (V3).
    pub(super) fn and(&self, entry: &Entry) -> Self {
        let others = self.0.iter().filter(|other| other.key != entry.key);
        let mut entries = Vec::with_capacity(self.len() + 1);
        // The newest first, where it is found soonest.
        entries.push(entry.clone());
        entries.extend(others.cloned());
        Self(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// V3, against a table.
    #[test]
    fn a_map_has_one_entry_per_key() {
        let mut map = Map::new();
        let mut table = BTreeMap::new();
        for step in 0..200_u32 {
            let key = (step * step) as usize % 7;
            let before = map;
            let of_key = before.get::<u32>(key).copied();
            map = before.and(&Entry::new(key, step));
            assert_eq!(before.get::<u32>(key).copied(), of_key, "V2");
            table.insert(key, step);
            assert_eq!(map.len(), table.len(), "V3");
            for (key, value) in &table {
                assert_eq!(map.get::<u32>(*key), Some(value));
            }
        }
        assert!(map.get::<u64>(0).is_none(), "of another type");
    }
}
