//! An intrusive doubly linked list of nodes that live elsewhere: wait nodes in pinned futures.
//!
//! Adding, taking and cancelling are O(1) and allocate nothing, whatever the number of waiters.
//!
//! I1. A linked node stays at its address and alive until it is unlinked. (Its owner is a pinned
//!     future whose destructor unlinks it; a forgotten pinned future never gives its memory back.)
//! I2. The links of a node are read only through `&List` and written only through `&mut List` of
//!     the list that holds it or is about to. The list sits in a mutex and cannot be shared between
//!     threads outside of it, so these accesses exclude each other.
//! I3. A node is in at most one list; its owner knows in which, if any.
//!
//! No atomic is used: the mutex around the list orders everything.
//!
//! Rejected: both ends in the list (8 bytes more in each lock; measured no faster), nodes as
//! `&mut` (the owner's future is borrowed while the list reaches the node), a `slab` of waiters
//! (allocates under the lock, and costs a second cache line per waiter).
#![allow(unsafe_code)]

use crate::loom::cell::UnsafeCell;
use std::ptr::NonNull;

/// A type with room for the links of one list.
///
/// # Safety
///
/// `links` always returns the same field of `self`.
pub(crate) unsafe trait Linked: Sized {
    fn links(&self) -> &Links<Self>;
}

/// The neighbours of a node.
pub(crate) struct Links<T> {
    cell: UnsafeCell<Neighbours<T>>,
}

struct Neighbours<T> {
    previous: Option<NonNull<T>>,
    next: Option<NonNull<T>>,
}

impl<T> Links<T> {
    crate::loom::const_fn! {
        #[inline]
        pub(crate) const fn new() -> Self {
            Self { cell: UnsafeCell::new(Neighbours { previous: None, next: None }) }
        }
    }
}

/// The list: its last node. The nodes form a ring, so the first one is behind the last, and the
/// list is one word, which every lock and channel pays.
pub(crate) struct List<T> {
    tail: Option<NonNull<T>>,
}

// SAFETY: the list is only a pointer; the nodes behind it are reached under its lock (I2), from
// any thread, which needs `T` to be shareable and usable elsewhere.
unsafe impl<T: Send + Sync> Send for List<T> {}

impl<T> List<T> {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self { tail: None }
    }

    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.tail.is_none()
    }
}

impl<T: Linked> List<T> {
    /// Reads or writes the neighbours of `node`.
    ///
    /// # Safety
    ///
    /// `node` is alive (I1) and belongs to this list or to none (I2).
    #[inline]
    unsafe fn with_links<R>(
        &mut self,
        node: NonNull<T>,
        f: impl FnOnce(&mut Neighbours<T>) -> R,
    ) -> R {
        // SAFETY: the caller vouches that the node is alive (I1).
        let node = unsafe { node.as_ref() };
        node.links().cell.with_mut(|links| {
            // SAFETY: by I2 `&mut self` is the right to touch these links, and `f` gets no way
            // to reach them a second time.
            f(unsafe { &mut *links })
        })
    }

    /// Makes `next` follow `previous`.
    ///
    /// # Safety
    ///
    /// As for [`Self::with_links`], for both.
    #[inline]
    unsafe fn join(&mut self, previous: NonNull<T>, next: NonNull<T>) {
        // SAFETY: the caller's promise, passed on.
        unsafe { self.with_links(previous, |links| links.next = Some(next)) };
        // SAFETY: as above.
        unsafe { self.with_links(next, |links| links.previous = Some(previous)) };
    }

    /// Adds a node at the back.
    ///
    /// # Safety
    ///
    /// The node is in no list (I3), and stays alive and in place until it is unlinked (I1).
    #[inline]
    pub(crate) unsafe fn push_back(&mut self, node: NonNull<T>) {
        let front = self.front().unwrap_or(node);
        let tail = self.tail.unwrap_or(node);
        // SAFETY: by the caller's promise the node is alive and in no other list; by I1 the old
        // tail is alive, and it is in this list.
        unsafe { self.join(tail, node) };
        // SAFETY: as above, for the front.
        unsafe { self.join(node, front) };
        self.tail = Some(node);
    }

    /// The node at the front.
    #[inline]
    pub(crate) fn front(&self) -> Option<NonNull<T>> {
        // SAFETY: the tail is in this list, so alive (I1).
        let tail = unsafe { self.tail?.as_ref() };
        // SAFETY: by I2 links change through `&mut self` only.
        tail.links().cell.with(|links| unsafe { (*links).next })
    }

    /// Unlinks the node at the front.
    pub(crate) fn pop_front(&mut self) -> Option<NonNull<T>> {
        let node = self.front()?;
        // SAFETY: the front is in this list.
        unsafe { self.remove(node) };
        Some(node)
    }

    /// Unlinks the node at the back.
    pub(crate) fn pop_back(&mut self) -> Option<NonNull<T>> {
        let node = self.tail?;
        // SAFETY: the tail is in this list, so alive (I1).
        unsafe { self.remove(node) };
        Some(node)
    }

    /// Unlinks a node.
    ///
    /// # Safety
    ///
    /// The node is in this list.
    pub(crate) unsafe fn remove(&mut self, node: NonNull<T>) {
        // SAFETY: the caller vouches that the node is in this list, so alive (I1).
        let neighbours =
            unsafe { self.with_links(node, |links| (links.previous.take(), links.next.take())) };
        let (Some(previous), Some(next)) = neighbours else {
            debug_assert!(false, "the node is in no list (I3)");
            return;
        };
        if next == node {
            self.tail = None;
            return;
        }
        if self.tail == Some(node) {
            self.tail = Some(previous);
        }
        // SAFETY: by I1 neighbours are alive; they are in the same list.
        unsafe { self.join(previous, next) };
    }

    /// Moves all nodes of `other` behind those of `self`, in O(1). From then on they belong to
    /// `self`; both lists must sit behind the same lock.
    pub(crate) fn append(&mut self, other: &mut Self) {
        let Some(their_front) = other.front() else {
            return;
        };
        let their_tail = other.tail.take();
        let (Some(front), Some(tail)) = (self.front(), self.tail) else {
            self.tail = their_tail;
            return;
        };
        self.tail = their_tail;
        // SAFETY: by I1 the nodes are alive; all of them belong to `self` now.
        unsafe { self.join(tail, their_front) };
        if let Some(their_tail) = their_tail {
            // SAFETY: as above.
            unsafe { self.join(their_tail, front) };
        }
    }
}

impl<T> std::fmt::Debug for List<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("List")
            .field("is_empty", &self.is_empty())
            .finish()
    }
}

impl<T> std::fmt::Debug for Links<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Links")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    struct Entry {
        links: Links<Entry>,
        value: usize,
    }

    // SAFETY: always the same field.
    unsafe impl Linked for Entry {
        fn links(&self) -> &Links<Self> {
            &self.links
        }
    }

    fn value(node: NonNull<Entry>) -> usize {
        // SAFETY: the tests keep all entries alive.
        unsafe { node.as_ref() }.value
    }

    #[derive(Clone, Copy, Debug)]
    enum Op {
        Push,
        PopFront,
        PopBack,
        Remove(usize),
        Append,
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            4 => Just(Op::Push),
            1 => Just(Op::PopFront),
            1 => Just(Op::PopBack),
            2 => any::<usize>().prop_map(Op::Remove),
            1 => Just(Op::Append),
        ]
    }

    proptest! {
        /// I3: the list behaves like a `VecDeque`, from both ends.
        #[test]
        fn behaves_like_a_deque(ops in proptest::collection::vec(op(), 1..200)) {
            let entries: Vec<Box<Entry>> = (0..ops.len())
                .map(|value| Box::new(Entry { links: Links::new(), value }))
                .collect();
            let mut fresh = entries.iter().map(|entry| NonNull::from(&**entry));
            let (mut list, mut oracle) = (List::<Entry>::new(), VecDeque::new());
            let (mut other, mut other_oracle) = (List::<Entry>::new(), VecDeque::new());
            for (i, op) in ops.into_iter().enumerate() {
                match op {
                    Op::Push => {
                        let node = fresh.next().unwrap();
                        if i % 3 == 0 {
                            // SAFETY: a fresh entry, alive to the end of the test.
                            unsafe { other.push_back(node) };
                            other_oracle.push_back(node);
                        } else {
                            // SAFETY: as above.
                            unsafe { list.push_back(node) };
                            oracle.push_back(node);
                        }
                    }
                    Op::PopFront => {
                        prop_assert_eq!(list.pop_front().map(value), oracle.pop_front().map(value));
                    }
                    Op::PopBack => {
                        prop_assert_eq!(list.pop_back().map(value), oracle.pop_back().map(value));
                    }
                    Op::Remove(_) if oracle.is_empty() => {}
                    Op::Remove(at) => {
                        let node = oracle.remove(at % oracle.len()).unwrap();
                        // SAFETY: the oracle knows that it is in the list.
                        unsafe { list.remove(node) };
                    }
                    Op::Append => {
                        list.append(&mut other);
                        oracle.append(&mut other_oracle);
                    }
                }
                prop_assert_eq!(list.front().map(value), oracle.front().copied().map(value));
                prop_assert_eq!(list.is_empty(), oracle.is_empty());
            }
            list.append(&mut other);
            oracle.append(&mut other_oracle);
            while let Some(node) = list.pop_front() {
                prop_assert_eq!(Some(value(node)), oracle.pop_front().map(value));
            }
            prop_assert!(oracle.is_empty());
        }
    }
}
