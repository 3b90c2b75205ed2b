//! Where the entries live: pages of fixed size, linked by index, named by keys.
//!
//! ```text
//!   pages ─► [ Page 0 | Page 1 | … ]        index = page * 256 + offset
//!            └─ entry: deadline, prev, next, generation, place, value
//! ```
//!
//! An entry is *fresh* (at or above the `fresh` mark, never used), *live* (it has a value and
//! lies in one slot's list) or *free* (no value, in the free list).
//!
//! I4. A live entry is in exactly one list, the one of the slot named by its `place`; `prev` and
//!     `next` agree in both directions.
//! I5. A key names a live entry only if the generations agree. Freeing an entry moves its
//!     generation on, so a key that was used up finds nothing. Generations skip 0 and wrap
//!     around after 2^32 - 1 uses of the same entry; only a key kept for exactly that many uses
//!     could be mistaken.
//! I6. No generation is above 1 + `added`, until that passes 2^32. Fresh entries start there, so
//!     keys that are used up stay so when the pages are given away and made anew.
//!
//! Entries are never copied: growth adds a page, and only the table of pages (8 bytes for 256
//! entries) is ever moved. Rejected: one growing vector (copies megabytes while the caller
//! holds a lock), a box per entry (an allocation for each timer, and links would need unsafe).

use std::num::NonZeroU32;

use crate::level::Place;
use crate::tick::Tick;

const PAGE_BITS: u32 = 8;
const PAGE_ENTRIES: usize = 1 << PAGE_BITS;

/// The end of a list. Never an index: the last page that could contain it is not admitted.
const NIL: u32 = u32::MAX;
const MAX_PAGES: usize = (u32::MAX >> PAGE_BITS) as usize;

/// Names an entry of a [`Wheel`](crate::Wheel) until it fires or is removed.
///
/// A key that is used up finds nothing, also when its entry was given to another one. Keys of
/// different wheels cannot be told apart: use a key only with the wheel it came from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Key {
    index: u32,
    /// Non-zero, so that `Option<Key>` takes 8 bytes.
    generation: NonZeroU32,
}

/// A doubly linked list of entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct List {
    head: u32,
    tail: u32,
}

impl List {
    pub(crate) const EMPTY: List = List {
        head: NIL,
        tail: NIL,
    };

    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.head == NIL
    }
}

struct Entry<T> {
    at: Tick,
    prev: u32,
    /// The next entry of the slot's list or, while the entry is free, of the free list.
    next: u32,
    generation: NonZeroU32,
    place: Place,
    value: Option<T>,
}

impl<T> Entry<T> {
    const FRESH: Entry<T> = Entry {
        at: Tick::ZERO,
        prev: NIL,
        next: NIL,
        generation: NonZeroU32::MIN,
        place: Place::OVERFLOW,
        value: None,
    };
}

/// Room for 256 entries, to be made outside the lock that protects the wheel.
///
/// # Examples
///
/// ```
/// use timer::{Page, Tick, Wheel};
///
/// let mut wheel = Wheel::new(Tick::ZERO); // Imagine it behind a mutex.
/// if wheel.needs_page() {
///     let page = Page::new(); // Unlocked: this allocates.
///     wheel.add_page(page); // Locked again.
/// }
/// assert!(!wheel.needs_page());
/// wheel.insert(Tick::from_raw(9), "tea");
/// ```
pub struct Page<T> {
    entries: Box<[Entry<T>; PAGE_ENTRIES]>,
}

impl<T> Page<T> {
    /// Allocates an empty page.
    pub fn new() -> Page<T> {
        // By way of a vector: an array would be built on the stack and moved.
        let mut entries = Vec::with_capacity(PAGE_ENTRIES);
        entries.resize_with(PAGE_ENTRIES, || Entry::FRESH);
        match entries.into_boxed_slice().try_into() {
            Ok(entries) => Page { entries },
            Err(_) => unreachable!("the vector has the length of a page"),
        }
    }
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Page::new()
    }
}

impl<T> std::fmt::Debug for Page<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Page").finish_non_exhaustive()
    }
}

/// All entries of a wheel.
pub(crate) struct Entries<T> {
    pages: Vec<Page<T>>,
    /// The entries at and above this index were never used.
    fresh: u32,
    /// Head of the free list: last in, first out, because that entry is still in the cache.
    free: u32,
    /// How many entries were made live, and how many of these were freed.
    added: u64,
    freed: u64,
}

impl<T> Entries<T> {
    pub(crate) const fn new() -> Entries<T> {
        Entries {
            pages: Vec::new(),
            fresh: 0,
            free: NIL,
            added: 0,
            freed: 0,
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        (self.added - self.freed) as usize
    }

    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.free == NIL && self.fresh as usize == self.pages.len() << PAGE_BITS
    }

    /// # Panics
    ///
    /// Panics if the pages hold 2^32 - 256 entries already.
    pub(crate) fn add_page(&mut self, page: Page<T>) {
        assert!(self.pages.len() < MAX_PAGES, "too many timers in one wheel");
        self.pages.push(page);
    }

    /// Gives all pages away if no entry is live; otherwise none.
    pub(crate) fn take_pages(&mut self) -> Vec<Page<T>> {
        if self.len() > 0 {
            return Vec::new();
        }
        self.fresh = 0;
        self.free = NIL;
        std::mem::take(&mut self.pages)
    }

    /// Makes an entry live. It is in no list yet: [`append`](Self::append) it (I4).
    #[inline]
    pub(crate) fn add(&mut self, at: Tick, place: Place, value: T) -> (u32, Key) {
        let index = self.free;
        let index = if index == NIL {
            self.take_fresh()
        } else {
            index
        };
        let entry = self.entry_mut(index);
        entry.at = at;
        entry.place = place;
        entry.value = Some(value);
        let (next_free, generation) = (entry.next, entry.generation);
        self.free = next_free;
        self.added += 1;
        (index, Key { index, generation })
    }

    /// Takes an entry that was never used, as if it were the only one in the free list.
    #[cold]
    #[inline(never)]
    fn take_fresh(&mut self) -> u32 {
        if self.is_full() {
            self.add_page(Page::new());
        }
        let index = self.fresh;
        self.fresh += 1;
        let unused = NonZeroU32::new((self.added as u32).wrapping_add(1));
        let entry = self.entry_mut(index);
        entry.generation = unused.unwrap_or(NonZeroU32::MIN);
        entry.next = NIL;
        index
    }

    /// Ends the life of an entry that is in no list any more, and returns its value.
    #[inline]
    pub(crate) fn free(&mut self, index: u32) -> Option<T> {
        let next_free = self.free;
        let entry = self.entry_mut(index);
        let value = entry.value.take();
        debug_assert!(value.is_some(), "entry {index} is freed twice");
        let generation = entry.generation.checked_add(1).unwrap_or(NonZeroU32::MIN);
        entry.generation = generation;
        entry.next = next_free;
        self.free = index;
        self.freed += 1;
        value
    }

    /// Returns the index of a live entry (I5).
    #[inline]
    pub(crate) fn find(&self, key: Key) -> Option<u32> {
        self.get(key).map(|_| key.index)
    }

    #[inline]
    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        self.live(key)?.value.as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let page = self.pages.get_mut((key.index >> PAGE_BITS) as usize)?;
        let entry = &mut page.entries[key.index as usize % PAGE_ENTRIES];
        match entry.generation == key.generation {
            true => entry.value.as_mut(),
            false => None,
        }
    }

    #[inline]
    pub(crate) fn deadline(&self, key: Key) -> Option<Tick> {
        self.live(key).map(|entry| entry.at)
    }

    #[inline]
    fn live(&self, key: Key) -> Option<&Entry<T>> {
        let page = self.pages.get((key.index >> PAGE_BITS) as usize)?;
        let entry = &page.entries[key.index as usize % PAGE_ENTRIES];
        // A free entry can have the key's generation after a wrap-around, hence both tests.
        (entry.generation == key.generation && entry.value.is_some()).then_some(entry)
    }

    #[inline]
    pub(crate) fn place(&self, index: u32) -> Place {
        self.entry(index).place
    }

    #[inline]
    pub(crate) fn at(&self, index: u32) -> Tick {
        self.entry(index).at
    }

    /// Gives an entry that is in no list another deadline and place.
    #[inline]
    pub(crate) fn set(&mut self, index: u32, at: Tick, place: Place) {
        let entry = self.entry_mut(index);
        entry.at = at;
        entry.place = place;
    }

    #[inline]
    pub(crate) fn append(&mut self, list: &mut List, index: u32) {
        let tail = list.tail;
        let entry = self.entry_mut(index);
        entry.prev = tail;
        entry.next = NIL;
        list.tail = index;
        match tail {
            NIL => list.head = index,
            tail => self.entry_mut(tail).next = index,
        }
    }

    /// Returns whether the list is empty now, which the links tell without a look at the list.
    #[inline]
    pub(crate) fn unlink(&mut self, list: &mut List, index: u32) -> bool {
        let entry = self.entry(index);
        let (prev, next) = (entry.prev, entry.next);
        if prev == NIL && next == NIL {
            *list = List::EMPTY;
            return true;
        }
        match prev {
            NIL => list.head = next,
            prev => self.entry_mut(prev).next = next,
        }
        match next {
            NIL => list.tail = prev,
            next => self.entry_mut(next).prev = prev,
        }
        false
    }

    #[inline]
    pub(crate) fn pop_front(&mut self, list: &mut List) -> Option<u32> {
        let index = list.head;
        if index == NIL {
            return None;
        }
        self.unlink(list, index);
        Some(index)
    }

    #[inline]
    fn entry(&self, index: u32) -> &Entry<T> {
        &self.pages[(index >> PAGE_BITS) as usize].entries[index as usize % PAGE_ENTRIES]
    }

    #[inline]
    fn entry_mut(&mut self, index: u32) -> &mut Entry<T> {
        &mut self.pages[(index >> PAGE_BITS) as usize].entries[index as usize % PAGE_ENTRIES]
    }

    /// Walks a list, checks that its links agree (I4) and returns the indexes in it.
    #[cfg(test)]
    pub(crate) fn walk(&self, list: List) -> Vec<u32> {
        let (mut indexes, mut prev, mut index) = (Vec::new(), NIL, list.head);
        while index != NIL {
            let entry = self.entry(index);
            assert_eq!(entry.prev, prev, "entry {index} points back elsewhere");
            assert!(
                entry.value.is_some(),
                "entry {index} is listed, but not live"
            );
            indexes.push(index);
            (prev, index) = (index, entry.next);
        }
        assert_eq!(list.tail, prev, "the list does not end at its tail");
        indexes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(entries: &mut Entries<u32>, list: &mut List, value: u32) -> (u32, Key) {
        let (index, key) = entries.add(Tick::ZERO, Place::OVERFLOW, value);
        entries.append(list, index);
        (index, key)
    }

    #[test]
    fn a_key_takes_eight_bytes_also_in_an_option() {
        assert_eq!(size_of::<Key>(), 8);
        assert_eq!(size_of::<Option<Key>>(), 8);
        #[cfg(target_pointer_width = "64")]
        assert_eq!(size_of::<Entry<std::task::Waker>>(), 40);
    }

    #[test]
    fn unlinking_keeps_the_order_of_the_others() {
        let (mut entries, mut list) = (Entries::new(), List::EMPTY);
        let indexes: Vec<u32> = (0..5).map(|n| add(&mut entries, &mut list, n).0).collect();
        for (victim, left) in [(2, vec![0, 1, 3, 4]), (0, vec![1, 3, 4]), (4, vec![1, 3])] {
            entries.unlink(&mut list, indexes[victim]);
            entries.free(indexes[victim]);
            assert_eq!(entries.walk(list), left);
        }
        assert_eq!(entries.pop_front(&mut list), Some(indexes[1]));
        assert_eq!(entries.pop_front(&mut list), Some(indexes[3]));
        assert_eq!(entries.pop_front(&mut list), None);
        assert_eq!(list, List::EMPTY);
    }

    /// I5.
    #[test]
    fn a_used_up_key_finds_nothing_in_the_reused_entry() {
        let (mut entries, mut list) = (Entries::new(), List::EMPTY);
        let (index, old) = add(&mut entries, &mut list, 1);
        entries.unlink(&mut list, index);
        assert_eq!(entries.free(index), Some(1));
        let (reused, new) = add(&mut entries, &mut list, 2);
        assert_eq!(reused, index);
        assert_eq!((entries.get(old), entries.get(new)), (None, Some(&2)));
        assert_eq!((entries.find(old), entries.deadline(old)), (None, None));
        assert_eq!(entries.get_mut(old), None);
        assert_eq!(entries.get_mut(new), Some(&mut 2));
    }

    /// I5: the generation skips 0, and a free entry is not found by a key of its generation.
    #[test]
    fn generations_wrap_around_past_zero() {
        let (mut entries, mut list) = (Entries::new(), List::EMPTY);
        let (index, first) = add(&mut entries, &mut list, 1);
        entries.entry_mut(index).generation = NonZeroU32::MAX;
        entries.unlink(&mut list, index);
        entries.free(index);
        assert_eq!(entries.entry(index).generation, NonZeroU32::MIN);
        assert_eq!(entries.get(first), None);
        assert_eq!(entries.get_mut(first), None);
    }

    #[test]
    fn pages_are_added_only_when_all_entries_are_in_use() {
        let (mut entries, mut list) = (Entries::new(), List::EMPTY);
        assert!(entries.is_full());
        entries.add_page(Page::new());
        for n in 0..PAGE_ENTRIES as u32 {
            assert!(!entries.is_full());
            add(&mut entries, &mut list, n);
        }
        assert!(entries.is_full());
        let (index, key) = add(&mut entries, &mut list, 999);
        assert_eq!((index, entries.pages.len()), (PAGE_ENTRIES as u32, 2));
        assert_eq!(entries.get(key), Some(&999));
        assert_eq!(entries.walk(list).len(), PAGE_ENTRIES + 1);
    }

    /// I6.
    #[test]
    fn keys_stay_used_up_when_the_pages_are_given_away() {
        let (mut entries, mut list) = (Entries::new(), List::EMPTY);
        let mut used_up = Vec::new();
        for n in 0..3 {
            let (index, key) = add(&mut entries, &mut list, n);
            assert!(
                entries.take_pages().is_empty(),
                "a live entry lost its page"
            );
            entries.unlink(&mut list, index);
            entries.free(index);
            used_up.push(key);
        }
        assert_eq!(entries.take_pages().len(), 1);
        assert!(used_up.iter().all(|&key| entries.get(key).is_none()));
        let (_, key) = add(&mut entries, &mut list, 7);
        assert_eq!(entries.get(key), Some(&7));
        assert!(used_up.iter().all(|&key| entries.get(key).is_none()));
    }
}
