//! Tasks that wait for a word to move on: the wait list under `watch` and `SetOnce`.
//!
//! ```text
//!   list (mutex):  oldest stamp ⇄ … ⇄ newest stamp        waker: pops from the front while the
//!                  ▲ waker pops here     ▲ waiter joins       stamp is over, in batches
//! ```
//!
//! A waiter brings a stamp, and the owner of the list knows which stamps are over: for `watch` all
//! versions but the present one, for `SetOnce` all once the value is set.
//!
//! - L1. `is_queued` is true while the node is linked, and is cleared as the last access to the
//!   node after it left the list. Until then slot and links are touched only under the lock.
//! - L2. A waiter joins under the lock, after it saw there that its stamp is not over. So the list
//!   is sorted: the stamps that are over come first, and a node that joins during a wake is not
//!   woken by it, unless its own stamp gets over.
//! - L3. Whoever ends a stamp does so before it locks the list, or under the lock. So a waiter that joins before
//!   that is popped, and one that comes later sees that its stamp is over.
//!
//! Pairs: the release store of `is_queued` with the acquire load of the waiter that goes away.
//! What happened before a wake reaches the waiter through the owner's word, not through the node.
//!
//! Wakers are cloned before the lock is taken; replaced ones are dropped and woken ones run after
//! it is dropped.
//!
//! Rejected: a second list for those being woken, as `Notify` has it (a stamp tells which list a
//! node would be in, and sorted stamps make one list do); a stack without a lock (a cancelled
//! waiter must leave from the middle).
#![allow(unsafe_code)]

use crate::loom::cell::UnsafeCell;
use crate::loom::sync::Mutex;
use crate::loom::sync::atomic::{AtomicBool, Ordering};
use crate::util::list::{Linked, Links, List};
use crate::util::wake_batch::WakeBatch;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Poll, Waker};

/// See the module's head.
#[derive(Debug)]
pub(super) struct VersionWaiters {
    list: Mutex<List<Waiter>>,
}

/// A place in the list, inside a pinned future. The future calls [`VersionWaiters::leave`] when it is
/// dropped.
pub(super) struct Waiter {
    links: Links<Waiter>,
    slot: UnsafeCell<Slot>,
    is_queued: AtomicBool,
    _pinned: PhantomPinned,
}

/// What is touched under the lock (L1).
struct Slot {
    waker: Option<Waker>,
    stamp: u64,
}

// SAFETY: always the same field.
unsafe impl Linked for Waiter {
    fn links(&self) -> &Links<Self> {
        &self.links
    }
}

// SAFETY: links and slot are touched under the lock or by the sole owner (L1).
unsafe impl Send for Waiter {}
// SAFETY: as above.
unsafe impl Sync for Waiter {}

// Foreign code (wakers) runs only when the list is consistent.
impl std::panic::UnwindSafe for VersionWaiters {}
impl std::panic::RefUnwindSafe for VersionWaiters {}

impl Waiter {
    pub(super) fn new() -> Self {
        Self {
            links: Links::new(),
            slot: UnsafeCell::new(Slot {
                waker: None,
                stamp: 0,
            }),
            is_queued: AtomicBool::new(false),
            _pinned: PhantomPinned,
        }
    }

    /// Runs `f` on the slot.
    ///
    /// # Safety
    ///
    /// The caller holds the lock of the list that the node is in or about to join (L1).
    unsafe fn with_slot<R>(&self, f: impl FnOnce(&mut Slot) -> R) -> R {
        self.slot.with_mut(|slot| {
            // SAFETY: by L1 the lock is the right to touch the slot, which the caller has; `f`
            // gets no way to reach it a second time.
            f(unsafe { &mut *slot })
        })
    }
}

impl VersionWaiters {
    crate::loom::const_fn! {
        pub(super) const fn new() -> Self {
            Self { list: Mutex::new(List::new()) }
        }
    }

    /// Sees to it that `waker` is woken when `stamp` is over, which `is_over` tells; it is called
    /// under the lock and must not run foreign code. Ready if it is over already; a future that
    /// goes on to another stamp then calls [`Self::leave`] first.
    pub(super) fn poll(
        &self,
        waiter: Pin<&Waiter>,
        stamp: u64,
        waker: &Waker,
        is_over: impl Fn() -> bool,
    ) -> Poll<()> {
        // Only this future queues the node, so `false` stays so; `true` may change any time.
        let mut fresh = (!waiter.is_queued.load(Ordering::Acquire)).then(|| waker.clone());
        loop {
            let mut list = self.list.lock();
            if is_over() {
                // Unlock before `fresh` is dropped.
                drop(list);
                return Poll::Ready(());
            }
            let is_queued = waiter.is_queued.load(Ordering::Relaxed);
            // SAFETY: the list is locked.
            let is_settled = unsafe {
                waiter.with_slot(|slot| {
                    let is_same =
                        is_queued && slot.waker.as_ref().is_some_and(|old| old.will_wake(waker));
                    if !is_same && fresh.is_some() {
                        std::mem::swap(&mut slot.waker, &mut fresh);
                        slot.stamp = stamp;
                        return true;
                    }
                    is_same
                })
            };
            if is_settled && !is_queued {
                waiter.is_queued.store(true, Ordering::Relaxed);
                // SAFETY: in no list (L1); pinned, and `leave` takes it out before it goes away.
                unsafe { list.push_back(NonNull::from(waiter.get_ref())) };
            }
            // Unlock before `fresh` (by now the replaced waker) is dropped or cloned.
            drop(list);
            if is_settled {
                return Poll::Pending;
            }
            fresh = Some(waker.clone());
        }
    }

    /// Takes the waiter out if it is still queued, and its waker with it.
    pub(super) fn leave(&self, waiter: Pin<&Waiter>) {
        // Acquire: pairs with the store in `pop`; the node is ours again (L1).
        if waiter.is_queued.load(Ordering::Acquire) {
            drop(self.unlink(waiter));
        }
    }

    #[cold]
    fn unlink(&self, waiter: Pin<&Waiter>) -> Option<Waker> {
        let mut list = self.list.lock();
        if !waiter.is_queued.load(Ordering::Relaxed) {
            return None;
        }
        // SAFETY: by L1 it is linked, in the only list that this future uses.
        unsafe { list.remove(NonNull::from(waiter.get_ref())) };
        waiter.is_queued.store(false, Ordering::Relaxed);
        // SAFETY: the list is locked.
        unsafe { waiter.with_slot(|slot| slot.waker.take()) }
    }

    /// Wakes those whose stamp is over, in the order in which they came; the caller has ended it
    /// (L3). `is_over` is called under the lock and must not run foreign code.
    ///
    /// # Panics
    ///
    /// Goes on with the first panic of a foreign waker after all were woken.
    pub(super) fn wake(&self, is_over: impl Fn(u64) -> bool) {
        self.wake_after(|| true, is_over);
    }

    /// Like [`Self::wake`], for a caller that ends the stamp in `end`, under the lock; wakes
    /// nobody if it returns `false`. It must not run foreign code.
    ///
    /// # Panics
    ///
    /// As [`Self::wake`].
    pub(super) fn wake_after(&self, end: impl FnOnce() -> bool, is_over: impl Fn(u64) -> bool) {
        let mut wakes = WakeBatch::new();
        let mut list = self.list.lock();
        if !end() {
            return;
        }
        loop {
            while wakes.can_push() {
                let Some(waker) = pop(&mut list, &is_over) else {
                    drop(list);
                    wakes.wake_all();
                    return;
                };
                wakes.push(waker);
            }
            drop(list);
            wakes.wake_and_go_on();
            list = self.list.lock();
        }
    }
}

/// Unlinks the waiter at the front if its stamp is over, and hands out its waker.
fn pop(list: &mut List<Waiter>, is_over: impl Fn(u64) -> bool) -> Option<Waker> {
    let node = list.front()?;
    // SAFETY: by L1 a linked node is alive until `is_queued` is cleared.
    let waiter = unsafe { node.as_ref() };
    // SAFETY: `&mut List` stands for the lock.
    let waker = unsafe {
        waiter.with_slot(|slot| is_over(slot.stamp).then(|| slot.waker.take()).flatten())
    }?;
    // SAFETY: the front is in the list.
    unsafe { list.remove(node) };
    // Release: our accesses to the node happen before its owner takes it back (L1).
    waiter.is_queued.store(false, Ordering::Release);
    Some(waker)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cell::Cell;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Op {
        Poll(usize),
        Leave(usize),
        NextStamp,
        Wake,
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            4 => (0..40_usize).prop_map(Op::Poll),
            2 => (0..40_usize).prop_map(Op::Leave),
            1 => Just(Op::NextStamp),
            2 => Just(Op::Wake),
        ]
    }

    /// What the oracle knows of a waiter.
    #[derive(Default)]
    struct Expected {
        queued_at: Cell<Option<u64>>,
        wakes: Cell<usize>,
    }

    proptest! {
        /// L1, L2: a wake reaches exactly those that are queued with a stamp that is over, once.
        #[test]
        fn a_wake_reaches_those_whose_stamp_is_over(ops in proptest::collection::vec(op(), 1..120)) {
            let list = VersionWaiters::new();
            let waiters: Vec<_> = (0..40).map(|_| Box::pin(Waiter::new())).collect();
            let counters: Vec<_> = (0..40).map(|_| Arc::new(Counter::default())).collect();
            let expected: Vec<_> = (0..40).map(|_| Expected::default()).collect();
            let mut now = 0;
            for op in ops {
                match op {
                    Op::Poll(at) => {
                        // As `watch` does: a waiter whose own stamp is over does not wait on.
                        let stamp = expected[at].queued_at.get().unwrap_or(now);
                        let waker = counters[at].clone().into();
                        let polled = list.poll(waiters[at].as_ref(), stamp, &waker, || stamp != now);
                        prop_assert_eq!(polled.is_ready(), stamp != now);
                        if polled.is_ready() {
                            list.leave(waiters[at].as_ref());
                        }
                        expected[at].queued_at.set(polled.is_pending().then_some(stamp));
                    }
                    Op::Leave(at) => {
                        list.leave(waiters[at].as_ref());
                        expected[at].queued_at.set(None);
                    }
                    Op::NextStamp => now += 1,
                    Op::Wake => {
                        list.wake(|stamp| stamp != now);
                        for waiter in &expected {
                            if waiter.queued_at.get().is_some_and(|stamp| stamp != now) {
                                waiter.queued_at.set(None);
                                waiter.wakes.set(waiter.wakes.get() + 1);
                            }
                        }
                    }
                }
                for (at, waiter) in expected.iter().enumerate() {
                    prop_assert_eq!(counters[at].0.load(Ordering::SeqCst), waiter.wakes.get());
                    let is_queued = waiters[at].is_queued.load(Ordering::SeqCst);
                    prop_assert_eq!(is_queued, waiter.queued_at.get().is_some());
                    // One for the table, one for the stored waker.
                    prop_assert_eq!(Arc::strong_count(&counters[at]), 1 + usize::from(is_queued));
                }
            }
            waiters.iter().for_each(|waiter| list.leave(waiter.as_ref()));
            prop_assert!(list.list.lock().is_empty());
        }
    }
}
