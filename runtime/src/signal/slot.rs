//! Who listens for one signal: a count of deliveries, and the listeners with their wakers.
//!
//! A listener remembers the count that it saw last; another count means that the signal came
//! since, once or more often.
//!
//! - L1. A delivery changes the count before it takes wakers. A listener registers its waker
//!   before it looks at the count. So one of them sees the other: both do a RMW on the word of
//!   the [`AtomicWaker`] in between.
//! - L2. Under the lock `listeners[i].index == i`.
//! - L3. No waker is cloned, woken or dropped under the lock, and nothing is allocated there.
//! - L4. A delivery goes down the indices. What it has not reached yet stays below its place:
//!   one that leaves is replaced by the last, which is at or above that place, or is itself the
//!   next to be looked at and moves down; one that joins comes on top, and saw the count.
//!
//! Rejected: `Notify` (its future borrows, so a listener would hold a box to be polled by
//! `poll_recv`); a list that is copied at each change (quadratic for many listeners).

use crate::loom::sync::atomic::{AtomicUsize, Ordering};
use crate::loom::sync::{Arc, Mutex};
use crate::util::atomic_waker::AtomicWaker;
use crate::util::wake_batch::WakeBatch;
use std::task::{Context, Poll};

/// The listeners of one signal.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    deliveries: AtomicUsize,
    listeners: Mutex<Vec<Arc<Listener>>>,
}

#[derive(Debug)]
struct Listener {
    waker: AtomicWaker,
    /// Its place in the list (L2); touched under the list's lock alone.
    index: AtomicUsize,
}

/// One listener's place in a [`Slot`], which it leaves when dropped.
#[derive(Debug)]
pub(crate) struct Subscription {
    slot: Arc<Slot>,
    listener: Arc<Listener>,
    seen: usize,
}

impl Slot {
    /// The signal came: wakes all listeners.
    pub(crate) fn deliver(&self) {
        // Release: pairs with the acquire load in `poll`.
        self.deliveries.fetch_add(1, Ordering::AcqRel);
        let mut batch = WakeBatch::new();
        let mut next = usize::MAX;
        loop {
            let listeners = self.listeners.lock();
            next = next.min(listeners.len());
            while next > 0 && batch.can_push() {
                next -= 1;
                if let Some(waker) = listeners[next].waker.take() {
                    batch.push(waker);
                }
            }
            drop(listeners);
            if next == 0 {
                batch.wake_all();
                return;
            }
            batch.wake_and_go_on();
        }
    }

    /// A listener that sees the deliveries from now on.
    pub(crate) fn subscribe(slot: &Arc<Self>) -> Subscription {
        let listener = Arc::new(Listener {
            waker: AtomicWaker::new(),
            index: AtomicUsize::new(0),
        });
        slot.insert(listener.clone());
        Subscription {
            slot: slot.clone(),
            listener,
            seen: slot.deliveries.load(Ordering::Acquire),
        }
    }

    fn insert(&self, listener: Arc<Listener>) {
        loop {
            let mut listeners = self.listeners.lock();
            if listeners.len() < listeners.capacity() {
                listener.index.store(listeners.len(), Ordering::Relaxed);
                listeners.push(listener);
                return;
            }
            let wanted = (listeners.capacity() * 2).max(4);
            drop(listeners);
            let mut buffer = Vec::with_capacity(wanted);
            let mut listeners = self.listeners.lock();
            if listeners.capacity() < buffer.capacity() {
                buffer.append(&mut listeners);
                std::mem::swap(&mut *listeners, &mut buffer);
            }
            drop(listeners); // before the old buffer (L3)
        }
    }

    fn remove(&self, listener: &Listener) {
        let mut listeners = self.listeners.lock();
        let index = listener.index.load(Ordering::Relaxed);
        let removed = listeners.swap_remove(index);
        if let Some(moved) = listeners.get(index) {
            moved.index.store(index, Ordering::Relaxed);
        }
        drop(listeners); // before what was removed, which holds a waker (L3)
        drop(removed);
    }

    /// Whether anybody listens now.
    #[cfg(any(test, windows))]
    pub(crate) fn has_listeners(&self) -> bool {
        !self.listeners.lock().is_empty()
    }
}

impl Subscription {
    /// Whether the signal came since the last time this was ready.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.take_delivery() {
            return Poll::Ready(());
        }
        self.listener.waker.register(cx.waker());
        // Again, after the waker is there (L1).
        if self.take_delivery() {
            return Poll::Ready(());
        }
        Poll::Pending
    }

    fn take_delivery(&mut self) -> bool {
        let deliveries = self.slot.deliveries.load(Ordering::Acquire);
        std::mem::replace(&mut self.seen, deliveries) != deliveries
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.slot.remove(&self.listener);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize as StdUsize;
    use std::task::{Wake, Waker};

    #[derive(Default)]
    struct Count(StdUsize);

    impl Wake for Count {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn poll(subscription: &mut Subscription) -> Poll<()> {
        subscription.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn deliveries_before_a_listener_looks_are_one() {
        let slot = Arc::new(Slot::default());
        slot.deliver();
        let mut subscription = Slot::subscribe(&slot);
        assert!(poll(&mut subscription).is_pending());
        slot.deliver();
        slot.deliver();
        assert!(poll(&mut subscription).is_ready());
        assert!(poll(&mut subscription).is_pending());
    }

    /// L2, L4: more listeners than a batch holds, some of which left.
    #[test]
    fn every_listener_that_stays_is_woken_once() {
        let slot = Arc::new(Slot::default());
        let count = std::sync::Arc::new(Count::default());
        let waker = count.clone().into();
        let mut all: Vec<_> = (0..200).map(|_| Slot::subscribe(&slot)).collect();
        for subscription in &mut all {
            assert!(
                subscription
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
        }
        for index in (0..100).rev() {
            drop(all.swap_remove(index * 3 % all.len()));
        }
        slot.deliver();
        assert_eq!(count.0.load(Ordering::SeqCst), 100);
        assert!(all.iter_mut().all(|it| poll(it).is_ready()));
        drop(all);
        assert!(!slot.has_listeners());
    }

    /// L4: a waker drops listeners and makes new ones while the delivery is under way.
    #[test]
    fn wakers_may_leave_and_join_during_a_delivery() {
        struct Churn {
            slot: Arc<Slot>,
            others: std::sync::Mutex<Vec<Subscription>>,
        }
        impl Wake for Churn {
            fn wake(self: std::sync::Arc<Self>) {
                let gone = self.others.lock().unwrap().pop();
                drop(gone);
                let new = Slot::subscribe(&self.slot);
                self.others.lock().unwrap().insert(0, new);
            }
        }
        let slot = Arc::new(Slot::default());
        let churn = std::sync::Arc::new(Churn {
            slot: slot.clone(),
            others: std::sync::Mutex::default(),
        });
        let waker: Waker = churn.clone().into();
        let count = std::sync::Arc::new(Count::default());
        let counting: Waker = count.clone().into();
        let mut kept = Vec::new();
        for index in 0..300 {
            let mut subscription = Slot::subscribe(&slot);
            let waker = if index % 3 == 0 { &waker } else { &counting };
            assert!(
                subscription
                    .poll(&mut Context::from_waker(waker))
                    .is_pending()
            );
            if index % 2 == 0 {
                kept.push(subscription);
            } else {
                churn.others.lock().unwrap().push(subscription);
            }
        }
        slot.deliver();
        assert!(kept.iter_mut().all(|it| poll(it).is_ready()));
        // Of those that stay, two in three count: each was woken.
        assert!(count.0.load(Ordering::SeqCst) >= 100);
        churn.others.lock().unwrap().clear();
    }
}
