//! The way from whoever gives a child up, or waits for one, to the one thread that looks at
//! children: a list, and whether that thread is there. Knows no processes.
//!
//! - Q1. `is_attended` is set by the one who is told to start the reaper, and cleared by the
//!   reaper in the same section in which it finds the list empty, when it holds nothing. So an
//!   orphan is pushed to a reaper that will look again, or its pusher starts one.
//! - Q2. Nothing is allocated under the lock: an orphan comes in a node of its own.
//! - Q3. A reaper that rests does so only while the list is empty, and each push ends the rest.

use crate::loom::sync::{Condvar, Mutex};
use std::mem;
use std::time::Duration;

/// Orphans on their way to the reaper.
#[derive(Debug)]
pub(crate) struct OrphanQueue<T> {
    state: Mutex<State<T>>,
    /// The reaper rests here.
    came: Condvar,
}

#[derive(Debug)]
struct State<T> {
    first: Option<Box<Node<T>>>,
    is_attended: bool,
}

#[derive(Debug)]
struct Node<T> {
    orphan: T,
    next: Option<Box<Node<T>>>,
}

impl<T> OrphanQueue<T> {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                first: None,
                is_attended: false,
            }),
            came: Condvar::new(),
        }
    }

    /// Adds an orphan. Returns whether the caller has to start a reaper (Q1).
    #[must_use]
    pub(crate) fn push(&self, orphan: T) -> bool {
        let mut node = Box::new(Node { orphan, next: None });
        let mut state = self.state.lock();
        node.next = state.first.take();
        state.first = Some(node);
        let is_attended = mem::replace(&mut state.is_attended, true);
        drop(state);
        self.came.notify_one();
        !is_attended
    }

    /// For the reaper: waits until one comes, at most so long (Q3).
    pub(crate) fn rest(&self, limit: Duration) {
        let state = self.state.lock();
        if state.first.is_none() {
            drop(self.came.wait_timeout(state, limit));
        }
    }

    /// For the reaper: moves what came into `own`. False if there is nothing to do any more: then
    /// it is the reaper no longer.
    #[must_use]
    pub(crate) fn go_on(&self, own: &mut Vec<T>) -> bool {
        let mut state = self.state.lock();
        let mut next = state.first.take();
        if next.is_none() && own.is_empty() {
            state.is_attended = false;
            return false;
        }
        drop(state);
        while let Some(node) = next {
            own.push(node.orphan);
            next = node.next;
        }
        true
    }

    /// For one who was to start a reaper and could not: the next who pushes tries again.
    pub(crate) fn unattended(&self) {
        self.state.lock().is_attended = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Q1.
    #[test]
    fn one_of_those_who_push_starts_the_reaper() {
        let queue = OrphanQueue::new();
        assert!(queue.push(1));
        assert!(!queue.push(2));
        let mut own = Vec::new();
        assert!(queue.go_on(&mut own));
        assert_eq!(own, [2, 1]);
        assert!(queue.go_on(&mut own), "it holds orphans");
        own.clear();
        assert!(!queue.go_on(&mut own));
        assert!(queue.push(3), "the reaper has left");
        queue.unattended();
        assert!(queue.push(4), "the start failed");
    }
}
