//! The list of live tasks: what shutdown must cancel.
//!
//! One list per worker and one for other threads, each behind its own lock that is almost
//! always uncontended. The links live in the cells, so that joining and leaving allocate
//! nothing.
//!
//! O1. A task is in its list exactly while its `Place` is not `Nowhere`; the list then owns one
//!     reference to it.
//! O2. After `close` the list takes no task.
//! O3. A task leaves the list when it has completed, not when it is cancelled: an empty closed
//!     list means that every future is gone. Cancelled ones wait in a second chain, so that
//!     each is cancelled once.
//!
//! O4. `oldest` is the task of the list of live ones that was added first: a set of local tasks drops
//!     their futures in that order, which tokio's users can see.
//!
//! The lock is a [`SpinLock`]: a section is a few stores, and a thief that finishes a stolen task is
//! the only other visitor.
//!
//! Rejected: one list for all workers (a line shared by every spawn and every completion), and
//! posting removals to the owner (more machinery than an uncontended lock costs).
#![allow(unsafe_code)]

use super::header::{Header, Links, Place};
use super::raw::TaskRef;
use crate::util::spin_lock::SpinLock;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// Tasks that have been spawned and not completed.
#[derive(Debug, Default)]
pub(crate) struct OwnedList {
    locked: SpinLock<Locked>,
}

#[derive(Debug, Default)]
struct Locked {
    head: Option<NonNull<Header>>,
    /// The live task that was added first (O4).
    oldest: Option<NonNull<Header>>,
    cancelled: Option<NonNull<Header>>,
    len: usize,
    /// Tasks that were ever added.
    added: u64,
    closed: bool,
}

// SAFETY: the pointers are only followed under the lock, and by O1 what they point to is alive.
unsafe impl Send for Locked {}

impl OwnedList {
    /// Adds a task, or gives it back when the list is closed (O2).
    ///
    /// # Errors
    ///
    /// Returns the task if the list is closed.
    pub(crate) fn insert(&self, task: TaskRef) -> Result<(), TaskRef> {
        let mut locked = self.locked.lock();
        if locked.closed {
            return Err(task);
        }
        locked.link(task.into_raw(), Place::Live);
        locked.added += 1;
        Ok(())
    }

    /// Takes a task off; true hands the list's reference to the caller.
    #[must_use]
    pub(crate) fn remove(&self, task: &Header) -> bool {
        self.locked.lock().unlink(NonNull::from(task))
    }

    /// Refuses new tasks from now on.
    pub(crate) fn close(&self) {
        self.locked.lock().closed = true;
    }

    /// A task that shutdown has not cancelled yet; it stays in the list (O3).
    pub(crate) fn pop_for_cancel(&self) -> Option<TaskRef> {
        self.take_for_cancel(|locked| locked.head)
    }

    /// As [`Self::pop_for_cancel`], the one that was added first (O4).
    pub(crate) fn pop_oldest_for_cancel(&self) -> Option<TaskRef> {
        self.take_for_cancel(|locked| locked.oldest)
    }

    fn take_for_cancel(
        &self,
        choose: impl FnOnce(&Locked) -> Option<NonNull<Header>>,
    ) -> Option<TaskRef> {
        let mut locked = self.locked.lock();
        let node = choose(&locked)?;
        let unlinked = locked.unlink(node);
        debug_assert!(unlinked, "both ends of a list are linked (O1)");
        locked.link(node, Place::Cancelled);
        // SAFETY: by O1 the list owns a reference; forgotten below, so that it stays the list's.
        let listed = ManuallyDrop::new(unsafe { TaskRef::from_raw(node) });
        // Under the lock: afterwards the task may complete and its last reference go.
        Some(TaskRef::clone(&listed))
    }

    /// Tasks that are alive, or almost all of them if some are just being added.
    #[allow(dead_code, reason = "for task dumps, if they are enabled")]
    pub(crate) fn tasks(&self) -> Vec<TaskRef> {
        // Not under the lock, which is no place to allocate.
        let mut tasks = Vec::with_capacity(self.len());
        let locked = self.locked.lock();
        let mut next = locked.head;
        while let Some(node) = next {
            if tasks.len() == tasks.capacity() {
                break;
            }
            // SAFETY: by O1 the list owns a reference; forgotten, so that it stays the list's.
            let listed = ManuallyDrop::new(unsafe { TaskRef::from_raw(node) });
            tasks.push(TaskRef::clone(&listed));
            next = with_links(node, |links| links.next);
        }
        drop(locked);
        tasks
    }

    /// How many tasks are alive.
    pub(crate) fn len(&self) -> usize {
        self.locked.lock().len
    }

    /// How many tasks were ever added.
    pub(crate) fn added(&self) -> u64 {
        self.locked.lock().added
    }
}

impl Locked {
    fn chain(&mut self, place: Place) -> &mut Option<NonNull<Header>> {
        if place == Place::Cancelled {
            &mut self.cancelled
        } else {
            &mut self.head
        }
    }

    fn link(&mut self, node: NonNull<Header>, place: Place) {
        let next = self.chain(place).replace(node);
        self.len += 1;
        with_links(node, |links| *links = Links { prev: None, next });
        replace_place(node, place);
        match next {
            Some(next) => with_links(next, |links| links.prev = Some(node)),
            None if place == Place::Live => self.oldest = Some(node),
            None => {}
        }
    }

    fn unlink(&mut self, node: NonNull<Header>) -> bool {
        let place = replace_place(node, Place::Nowhere);
        if place == Place::Nowhere {
            return false;
        }
        let Links { prev, next } = with_links(node, std::mem::take);
        match prev {
            Some(prev) => with_links(prev, |links| links.next = next),
            None => *self.chain(place) = next,
        }
        match next {
            Some(next) => with_links(next, |links| links.prev = prev),
            None if place == Place::Live => self.oldest = prev,
            None => {}
        }
        self.len -= 1;
        true
    }
}

/// Reaches the links of a task of the locked list.
fn with_links<R>(node: NonNull<Header>, f: impl FnOnce(&mut Links) -> R) -> R {
    // SAFETY: by O1 tasks in the list are alive; one that asks to be removed is held by its
    // caller.
    let header = unsafe { node.as_ref() };
    header.links.with_mut(|links| {
        // SAFETY: all callers hold the list's lock, and none keeps a link borrowed.
        f(unsafe { &mut *links })
    })
}

/// Exchanges the place of a task of the locked list.
fn replace_place(node: NonNull<Header>, place: Place) -> Place {
    // SAFETY: as for `with_links`.
    let header = unsafe { node.as_ref() };
    header.place.with_mut(|slot| {
        // SAFETY: all callers hold the list's lock.
        std::mem::replace(unsafe { &mut *slot }, place)
    })
}
