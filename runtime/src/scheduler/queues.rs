//! The queues of a worker: the next-task slot, the deque others steal from, and the injector.
//!
//! - Q1. Only the owner fills its slot. It or one thief empties it, by an atomic exchange, so
//!   an entry leaves the slot once.
//! - Q2. Only the owner touches the owning end of its deque; others hold stealers.
//!
//! The slot: the owner's `Release` store pairs with the taker's `Acquire` exchange. Because the
//! owner alone fills it, "empty" seen by the owner stays true until the owner changes it: a push
//! into the empty slot is a plain store.
//!
//! crossbeam's deques know no loom, so under a checker a locked stand-in takes their place; the
//! real ones are covered by ThreadSanitizer and stress.
#![allow(unsafe_code)]

use crate::cell::{Header, Notified};
use crate::loom::sync::atomic::{AtomicPtr, Ordering};
use std::ptr::{self, NonNull};

pub(crate) use self::deque::{Injector, LocalQueue, Stealer};

/// What came of an attempt to take work.
#[derive(Debug)]
pub(crate) enum Steal {
    /// Nothing there.
    Empty,
    /// A task.
    Task(Notified),
    /// Somebody was in the way: there may be work.
    Retry,
}

/// The next task of a worker: last woken, first run.
#[derive(Debug)]
pub(crate) struct Slot(AtomicPtr<Header>);

impl Slot {
    pub(crate) fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// Puts a task in and gives back the one it displaces. Owner only (Q1).
    #[inline]
    pub(crate) fn put(&self, task: Notified) -> Option<Notified> {
        let task = task.into_ptr();
        if self.0.load(Ordering::Relaxed).is_null() {
            // Nobody else fills the slot, so it is still empty.
            self.0.store(task, Ordering::Release);
            return None;
        }
        notified(self.0.swap(task, Ordering::AcqRel))
    }

    /// Takes the task out: owner or thief.
    #[inline]
    pub(crate) fn take(&self) -> Option<Notified> {
        if self.is_empty() {
            return None;
        }
        notified(self.0.swap(ptr::null_mut(), Ordering::Acquire))
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.load(Ordering::Relaxed).is_null()
    }
}

fn notified(pointer: *mut Header) -> Option<Notified> {
    // SAFETY: by Q1 the pointer was put in by `put`, and the exchange that got it out makes this
    // its only use.
    NonNull::new(pointer).map(|pointer| unsafe { Notified::from_ptr(pointer) })
}

#[cfg(not(any(all(loom, feature = "loom"), all(shuttle, feature = "shuttle"))))]
mod deque {
    use super::Steal;
    use crate::cell::Notified;

    /// The owning end of a worker's deque: first in, first out.
    #[derive(Debug)]
    pub(crate) struct LocalQueue(crossbeam_deque::Worker<Notified>);

    impl LocalQueue {
        pub(crate) fn new() -> Self {
            Self(crossbeam_deque::Worker::new_fifo())
        }

        pub(crate) fn stealer(&self) -> Stealer {
            Stealer(self.0.stealer())
        }

        #[inline]
        pub(crate) fn push(&self, task: Notified) {
            self.0.push(task);
        }

        #[inline]
        pub(crate) fn pop(&self) -> Option<Notified> {
            self.0.pop()
        }

        #[inline]
        pub(crate) fn is_empty(&self) -> bool {
            self.0.is_empty()
        }

        pub(crate) fn len(&self) -> usize {
            self.0.len()
        }
    }

    /// The end others steal from.
    #[derive(Debug)]
    pub(crate) struct Stealer(crossbeam_deque::Stealer<Notified>);

    impl Stealer {
        /// Takes one task and moves up to half of the others into `own`.
        pub(crate) fn steal_into(&self, own: &LocalQueue) -> Steal {
            convert(self.0.steal_batch_and_pop(&own.0))
        }

        pub(crate) fn is_empty(&self) -> bool {
            self.0.is_empty()
        }

        pub(crate) fn len(&self) -> usize {
            self.0.len()
        }
    }

    /// Tasks from other threads.
    #[derive(Debug)]
    pub(crate) struct Injector(crossbeam_deque::Injector<Notified>);

    impl Injector {
        pub(crate) fn new() -> Self {
            Self(crossbeam_deque::Injector::new())
        }

        pub(crate) fn push(&self, task: Notified) {
            self.0.push(task);
        }

        /// Takes one task and moves some of the others into `own`.
        pub(crate) fn steal_into(&self, own: &LocalQueue) -> Steal {
            convert(self.0.steal_batch_and_pop(&own.0))
        }

        pub(crate) fn steal_one(&self) -> Steal {
            convert(self.0.steal())
        }

        #[inline]
        pub(crate) fn is_empty(&self) -> bool {
            self.0.is_empty()
        }

        pub(crate) fn len(&self) -> usize {
            self.0.len()
        }
    }

    fn convert(steal: crossbeam_deque::Steal<Notified>) -> Steal {
        match steal {
            crossbeam_deque::Steal::Empty => Steal::Empty,
            crossbeam_deque::Steal::Success(task) => Steal::Task(task),
            crossbeam_deque::Steal::Retry => Steal::Retry,
        }
    }
}

#[cfg(any(all(loom, feature = "loom"), all(shuttle, feature = "shuttle")))]
mod deque {
    //! Locked stand-ins. The store inside the critical section gives the checker a point at
    //! which a `try_lock` elsewhere fails, so that `Steal::Retry` is explored. Emptiness is read
    //! without the lock, as relaxed as can be: a lock would order it, and hide a missing fence.

    use super::Steal;
    use crate::cell::Notified;
    use crate::loom::sync::atomic::{AtomicUsize, Ordering};
    use crate::loom::sync::{Arc, Mutex};
    use std::collections::VecDeque;

    #[derive(Debug)]
    struct Queue {
        tasks: Mutex<VecDeque<Notified>>,
        len: AtomicUsize,
        /// One refusal per queue: two thieves that try again and again would never let the holder
        /// go on in some schedules, and a checker follows these without end. A std atomic.
        has_refused: crate::loom::unordered::AtomicBool,
    }

    impl Queue {
        fn new() -> Arc<Self> {
            Arc::new(Self {
                tasks: Mutex::new(VecDeque::new()),
                len: AtomicUsize::new(0),
                has_refused: crate::loom::unordered::AtomicBool::new(false),
            })
        }

        fn push(&self, task: Notified) {
            let mut tasks = self.tasks.lock();
            tasks.push_back(task);
            self.len.store(tasks.len(), Ordering::Relaxed);
        }

        fn take(&self, tasks: &mut VecDeque<Notified>) -> Option<Notified> {
            let task = tasks.pop_front()?;
            self.len.store(tasks.len(), Ordering::Relaxed);
            Some(task)
        }

        fn pop(&self) -> Option<Notified> {
            self.take(&mut self.tasks.lock())
        }

        fn steal(&self) -> Steal {
            let mut tasks = match self.tasks.try_lock() {
                Some(tasks) => tasks,
                None if !self.has_refused.swap(true, Ordering::Relaxed) => return Steal::Retry,
                None => self.tasks.lock(),
            };
            self.take(&mut tasks).map_or(Steal::Empty, Steal::Task)
        }

        fn len(&self) -> usize {
            self.len.load(Ordering::Relaxed)
        }
    }

    #[derive(Debug)]
    pub(crate) struct LocalQueue(Arc<Queue>);

    impl LocalQueue {
        pub(crate) fn new() -> Self {
            Self(Queue::new())
        }

        pub(crate) fn stealer(&self) -> Stealer {
            Stealer(self.0.clone())
        }

        pub(crate) fn push(&self, task: Notified) {
            self.0.push(task);
        }

        pub(crate) fn pop(&self) -> Option<Notified> {
            self.0.pop()
        }

        pub(crate) fn is_empty(&self) -> bool {
            self.len() == 0
        }

        pub(crate) fn len(&self) -> usize {
            self.0.len()
        }
    }

    #[derive(Debug)]
    pub(crate) struct Stealer(Arc<Queue>);

    impl Stealer {
        pub(crate) fn steal_into(&self, _own: &LocalQueue) -> Steal {
            self.0.steal()
        }

        pub(crate) fn is_empty(&self) -> bool {
            self.len() == 0
        }

        pub(crate) fn len(&self) -> usize {
            self.0.len()
        }
    }

    #[derive(Debug)]
    pub(crate) struct Injector(Arc<Queue>);

    impl Injector {
        pub(crate) fn new() -> Self {
            Self(Queue::new())
        }

        pub(crate) fn push(&self, task: Notified) {
            self.0.push(task);
        }

        pub(crate) fn steal_into(&self, _own: &LocalQueue) -> Steal {
            self.0.steal()
        }

        pub(crate) fn steal_one(&self) -> Steal {
            self.0.steal()
        }

        pub(crate) fn is_empty(&self) -> bool {
            self.len() == 0
        }

        pub(crate) fn len(&self) -> usize {
            self.0.len()
        }
    }
}
