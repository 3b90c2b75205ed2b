//! Values under small numbers: a vector with a free list, so that each operation is O(1).

/// See the module.
#[derive(Debug)]
pub(super) struct Slots<T> {
    slots: Vec<Slot<T>>,
    /// The first free slot, or one past the end.
    free: usize,
    len: usize,
}

#[derive(Debug)]
enum Slot<T> {
    Full(T),
    /// The next free slot.
    Free(usize),
}

impl<T> Slots<T> {
    pub(super) const fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: 0,
            len: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The number that the next [`insert`](Self::insert) gives out.
    pub(super) const fn next_key(&self) -> usize {
        self.free
    }

    pub(super) fn insert(&mut self, value: T) {
        let key = self.free;
        if key == self.slots.len() {
            self.slots.push(Slot::Full(value));
            self.free = key + 1;
        } else {
            match std::mem::replace(&mut self.slots[key], Slot::Full(value)) {
                Slot::Free(next) => self.free = next,
                Slot::Full(_) => unreachable!("the free list holds free slots only"),
            }
        }
        self.len += 1;
    }

    pub(super) fn remove(&mut self, key: usize) -> T {
        match std::mem::replace(&mut self.slots[key], Slot::Free(self.free)) {
            Slot::Full(value) => {
                self.free = key;
                self.len -= 1;
                value
            }
            Slot::Free(_) => unreachable!("each number is given back once"),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Full(value) => Some(value),
            Slot::Free(_) => None,
        })
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn slots_behave_like_a_map(ops in proptest::collection::vec(0_usize..40, 0..200)) {
            let mut slots = Slots::new();
            let mut oracle = BTreeMap::new();
            for (step, op) in ops.into_iter().enumerate() {
                // A third removes, the rest insert.
                match oracle.keys().nth(op).copied() {
                    Some(key) if op < 13 => {
                        prop_assert_eq!(Some(slots.remove(key)), oracle.remove(&key));
                    }
                    _ => {
                        let key = slots.next_key();
                        slots.insert(step);
                        prop_assert_eq!(oracle.insert(key, step), None);
                    }
                }
                prop_assert_eq!(slots.len(), oracle.len());
                prop_assert!(slots.iter().eq(oracle.values()));
            }
            slots.clear();
            prop_assert_eq!((slots.len(), slots.next_key()), (0, 0));
        }
    }
}
