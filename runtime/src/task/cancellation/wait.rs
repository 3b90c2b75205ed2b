//! Waiting for a cancellation: a list per token, its nodes in the futures that wait.
//!
//! By K5 of [`tree`](super::tree) a waiter looks at the flag under the list's lock before it is
//! listed. A listed waiter stays where it is until it is taken off, by a canceller or by its
//! own drop, both under the lock.
#![allow(unsafe_code)]

use super::tree::Node;
use crate::loom::cell::UnsafeCell;
use crate::loom::sync::Mutex;
use crate::util::list::{Linked, Links, List};
use crate::util::wake_batch::WakeBatch;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker};

/// Those who wait for one token.
#[derive(Debug)]
pub(crate) struct Waiters(Mutex<List<Waiter>>);

impl Waiters {
    pub(super) fn new() -> Self {
        Self(Mutex::new(List::new()))
    }
}

/// One who waits; part of a pinned future.
pub(super) struct Waiter {
    links: Links<Self>,
    /// Present while listed. Touched under the list's lock.
    waker: UnsafeCell<Option<Waker>>,
    /// Whether it ever was listed; the owner's alone.
    was_listed: bool,
    _pinned: PhantomPinned,
}

// SAFETY: `waker` is touched under a lock, `links` too, and the rest is the owner's.
unsafe impl Send for Waiter {}
// SAFETY: as above.
unsafe impl Sync for Waiter {}

// SAFETY: always the same field.
unsafe impl Linked for Waiter {
    fn links(&self) -> &Links<Self> {
        &self.links
    }
}

impl Waiter {
    pub(super) fn new() -> Self {
        Self {
            links: Links::new(),
            waker: UnsafeCell::new(None),
            was_listed: false,
            _pinned: PhantomPinned,
        }
    }

    /// Exchanges the waker; with the lock of the list.
    fn replace(&self, _list: &mut List<Self>, waker: Option<Waker>) -> Option<Waker> {
        self.waker.with_mut(|slot| {
            // SAFETY: by the lock that `_list` comes from.
            std::mem::replace(unsafe { &mut *slot }, waker)
        })
    }

    /// Whether it is listed with a waker like this one; with the lock of the list.
    fn is_listed_with(&self, _list: &mut List<Self>, waker: &Waker) -> bool {
        self.waker.with(|slot| {
            // SAFETY: by the lock that `_list` comes from.
            unsafe { &*slot }
                .as_ref()
                .is_some_and(|listed| listed.will_wake(waker))
        })
    }

    /// Ready when `node` is cancelled. Always with the same node.
    pub(super) fn poll(self: Pin<&mut Self>, node: &Node, cx: &mut Context<'_>) -> Poll<()> {
        if node.is_cancelled() {
            return Poll::Ready(());
        }
        if self.was_listed {
            let mut list = node.waiters.0.lock();
            if self.is_listed_with(&mut list, cx.waker()) {
                return Poll::Pending;
            }
        }
        // Foreign code: before the lock.
        let waker = cx.waker().clone();
        // SAFETY: nothing is moved out of it.
        let this = unsafe { self.get_unchecked_mut() };
        let mut list = node.waiters.0.lock();
        if node.is_cancelled() {
            drop(list);
            return Poll::Ready(());
        }
        this.was_listed = true;
        let before = this.replace(&mut list, Some(waker));
        if before.is_none() {
            // SAFETY: it has no waker, so it is in no list; it is pinned, and its drop takes it off.
            unsafe { list.push_back(NonNull::from(&*this)) };
        }
        drop(list);
        drop(before);
        Poll::Pending
    }

    /// Takes it off the list.
    pub(super) fn cancel(self: Pin<&mut Self>, node: &Node) {
        if !self.was_listed {
            return;
        }
        let mut list = node.waiters.0.lock();
        let waker = self.replace(&mut list, None);
        if waker.is_some() {
            // SAFETY: it had a waker, so it is in the list.
            unsafe { list.remove(NonNull::from(&*self)) };
        }
        drop(list);
        drop(waker);
    }
}

/// Takes all waiters off and wakes them, the last few with `wakes` itself.
pub(super) fn take_all(waiters: &Waiters, wakes: &mut WakeBatch) {
    let mut list = waiters.0.lock();
    while let Some(waiter) = list.pop_front() {
        // SAFETY: it was in the list, so it is there until the lock is free.
        let waiter = unsafe { waiter.as_ref() };
        if let Some(waker) = waiter.replace(&mut list, None) {
            wakes.push(waker);
        }
        if !wakes.can_push() {
            drop(list);
            wakes.wake_and_go_on();
            list = waiters.0.lock();
        }
    }
}
