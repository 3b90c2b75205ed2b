//! The list of live tasks: what shutdown must cancel.
//!
//! One list per worker and one for other threads, each behind its own lock that is almost
//! always uncontended. The links live in the cells, so that joining and leaving allocate
//! nothing.
//!
//! O1. A task is in its list exactly while `Links::linked` is true; the list then owns one
//!     reference to it.
//! O2. After `close` the list takes no task.
//! O3. A task leaves the list when it has completed, not when it is cancelled: an empty closed
//!     list means that every future is gone. Cancelled ones wait in a second chain, so that
//!     each is cancelled once.
//!
//! The lock is a [`SpinLock`]: a section is a few stores, and a thief that finishes a stolen task is
//! the only other visitor.
//!
//! Rejected: one list for all workers (a line shared by every spawn and every completion), and
//! posting removals to the owner (more machinery than an uncontended lock costs).
#![allow(unsafe_code)]

use super::header::Header;
use super::raw::TaskRef;
use crate::util::spin_lock::SpinLock;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// Neighbours in the list; guarded by the list's lock.
#[derive(Debug, Default)]
pub(super) struct Links {
    prev: Option<NonNull<Header>>,
    next: Option<NonNull<Header>>,
    linked: bool,
    /// In the chain of those that shutdown has cancelled (O3).
    cancelled: bool,
}

/// Tasks that have been spawned and not completed.
#[derive(Debug, Default)]
pub(crate) struct OwnedList {
    locked: SpinLock<Locked>,
}

#[derive(Debug, Default)]
struct Locked {
    head: Option<NonNull<Header>>,
    cancelled: Option<NonNull<Header>>,
    len: usize,
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
        locked.link(task.into_raw(), false);
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
        let mut locked = self.locked.lock();
        let node = locked.head?;
        let unlinked = locked.unlink(node);
        debug_assert!(unlinked, "the head of a list is linked (O1)");
        locked.link(node, true);
        // SAFETY: by O1 the list owns a reference; forgotten below, so that it stays the list's.
        let listed = ManuallyDrop::new(unsafe { TaskRef::from_raw(node) });
        // Under the lock: afterwards the task may complete and its last reference go.
        Some(TaskRef::clone(&listed))
    }

    /// How many tasks are alive.
    pub(crate) fn len(&self) -> usize {
        self.locked.lock().len
    }
}

impl Locked {
    fn chain(&mut self, cancelled: bool) -> &mut Option<NonNull<Header>> {
        if cancelled {
            &mut self.cancelled
        } else {
            &mut self.head
        }
    }

    fn link(&mut self, node: NonNull<Header>, cancelled: bool) {
        let next = self.chain(cancelled).replace(node);
        self.len += 1;
        with_links(node, |links| {
            *links = Links {
                prev: None,
                next,
                linked: true,
                cancelled,
            }
        });
        if let Some(next) = next {
            with_links(next, |links| links.prev = Some(node));
        }
    }

    fn unlink(&mut self, node: NonNull<Header>) -> bool {
        let Links {
            prev,
            next,
            linked,
            cancelled,
        } = with_links(node, std::mem::take);
        if !linked {
            return false;
        }
        match prev {
            Some(prev) => with_links(prev, |links| links.next = next),
            None => *self.chain(cancelled) = next,
        }
        if let Some(next) = next {
            with_links(next, |links| links.prev = prev);
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
