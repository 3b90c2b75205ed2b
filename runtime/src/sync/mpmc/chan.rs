//! What all handles share: the store and both waiting lists behind one lock, and the counts.
//!
//! ```text
//!   send:  lock ─ room? ──yes──► put ─ promise it to the first receiver that waits ─ unlock ─ wake
//!                  └──no──► join the senders; when woken, room is reserved: put
//!   recv:  lock ─ free? ──yes──► take ─ reserve the room for the first sender that waits ─ …
//!                  └──no──► join the receivers; when woken, a message is promised: take
//! ```
//!
//! C1. Whatever makes a message free or gives room serves the first who waits for it before it
//!     unlocks (M2 of `store`). So those who wait are served first in, first out, and nobody who
//!     comes later takes it from them.
//! C2. A node finished with `SERVED` owns a promise or a reservation, until its future takes it or
//!     hands it back, which serves the next one. A node finished with `CLOSED` owns nothing, and its
//!     future looks again.
//! C3. Senders wait only while the channel is open, receivers only while it is not settled (M4).
//!     Who closes or settles it ends their waits: all of them, since a message may be free that was
//!     promised to a future that will never be polled again (M5).
//! C4. `senders` and `receivers` never rise from 0. The last sender closes, and voids what is
//!     reserved; the last receiver closes and takes all messages away, and `is_abandoned` keeps
//!     later ones out.
//!
//! The lock orders everything; the counts order the last drop after all others. Chunks are made,
//! and messages, chunks and wakers dropped, outside of it.
//!
//! Rejected: two semaphores around a concurrent queue (three read-modify-writes on each side
//! instead of one, and closing has to look at three places); messages handed into the waiter's
//! node (one that is cancelled would have to put it back in front).

use super::store::{Chunk, Store, Taken};
use crate::loom::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::Notify;
use crate::sync::wait_list::{FIRST_OUTCOME, WaitList};
use crate::util::bomb::contain;
use crate::util::spin_lock::{SpinGuard, SpinLock};
use crate::util::wake_batch::{WakeBatch, wake_contained};
use std::fmt;
use std::panic;
use std::task::Waker;

pub(super) const SERVED: u8 = FIRST_OUTCOME;
pub(super) const CLOSED: u8 = FIRST_OUTCOME + 1;

/// Why nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Full,
    Closed,
}

/// What a receiver finds.
#[derive(Debug)]
pub(super) enum Received<T> {
    Message(T),
    /// None now.
    Empty,
    /// None any more.
    Finished,
}

/// Behind the lock.
pub(super) struct State<T> {
    pub(super) store: Store<T>,
    pub(super) receivers: WaitList,
    pub(super) senders: WaitList,
    /// There is no receiver.
    is_abandoned: bool,
}

impl<T> State<T> {
    /// Serves the first receiver that waits, if a message is free.
    #[must_use = "woken after unlocking"]
    #[inline]
    fn serve_receiver(&mut self) -> Option<Waker> {
        if self.receivers.is_empty() || !self.store.promise() {
            return None;
        }
        self.receivers.finish_first(SERVED)
    }

    /// Serves the first sender that waits, if there is room.
    #[must_use = "woken after unlocking"]
    #[inline]
    fn serve_sender(&mut self) -> Option<Waker> {
        if self.senders.is_empty() || !self.store.reserve() {
            return None;
        }
        self.senders.finish_first(SERVED)
    }
}

/// How many handles of one kind there are.
#[derive(Debug)]
pub(super) struct Handles {
    strong: AtomicUsize,
    weak: AtomicUsize,
}

impl Handles {
    fn new() -> Self {
        Self {
            strong: AtomicUsize::new(1),
            weak: AtomicUsize::new(0),
        }
    }

    pub(super) fn strong(&self) -> usize {
        self.strong.load(Ordering::Acquire)
    }

    pub(super) fn weak(&self) -> usize {
        self.weak.load(Ordering::Acquire)
    }

    pub(super) fn add(&self) {
        // Relaxed: as for any count, a new handle comes from a living one (C4).
        self.strong.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one in unless there is none left.
    pub(super) fn try_add(&self) -> bool {
        let mut count = self.strong.load(Ordering::Relaxed);
        while count != 0 {
            match self.strong.compare_exchange_weak(
                count,
                count + 1,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(seen) => count = seen,
            }
        }
        false
    }

    /// Counts one out; true if it was the last.
    #[must_use = "the last handle closes the channel"]
    fn remove(&self) -> bool {
        // AcqRel: what was done with all handles happens before the close.
        self.strong.fetch_sub(1, Ordering::AcqRel) == 1
    }

    pub(super) fn add_weak(&self) {
        self.weak.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn remove_weak(&self) {
        self.weak.fetch_sub(1, Ordering::AcqRel);
    }
}

pub(super) struct Chan<T> {
    state: SpinLock<State<T>>,
    pub(super) senders: Handles,
    pub(super) receivers: Handles,
    pub(super) closed: Notify,
}

// A panic of foreign code (wakers, drops of messages) leaves the channel usable.
impl<T> panic::UnwindSafe for Chan<T> {}
impl<T> panic::RefUnwindSafe for Chan<T> {}

impl<T> Chan<T> {
    /// With one sender and one receiver.
    pub(super) fn new(bound: usize) -> Self {
        Self {
            state: SpinLock::new(State {
                store: Store::new(bound),
                receivers: WaitList::new(),
                senders: WaitList::new(),
                is_abandoned: false,
            }),
            senders: Handles::new(),
            receivers: Handles::new(),
            closed: Notify::new(),
        }
    }

    #[inline]
    pub(super) fn lock(&self) -> SpinGuard<'_, State<T>> {
        self.state.lock()
    }

    /// Sends if there is room; nobody waits in front then (M2).
    #[inline]
    pub(super) fn try_send(&self, value: T) -> Result<(), (Refused, T)> {
        let mut state = self.lock();
        loop {
            if state.store.is_closed() {
                drop(state);
                return Err((Refused::Closed, value));
            }
            if state.store.room() == 0 {
                drop(state);
                return Err((Refused::Full, value));
            }
            match self.supplied(state) {
                Ok(supplied) => break state = supplied,
                Err(again) => state = again,
            }
        }
        self.put(state, value);
        Ok(())
    }

    /// `Ok` if the store takes a message without allocating; `Err` after it was unlocked for it.
    #[inline]
    fn supplied<'a>(
        &'a self,
        state: SpinGuard<'a, State<T>>,
    ) -> Result<SpinGuard<'a, State<T>>, SpinGuard<'a, State<T>>> {
        if state.store.order().is_none() {
            return Ok(state);
        }
        Err(self.supply(state))
    }

    #[cold]
    fn supply<'a>(&'a self, state: SpinGuard<'a, State<T>>) -> SpinGuard<'a, State<T>> {
        let Some(order) = state.store.order() else {
            return state;
        };
        drop(state);
        let supply = order.make();
        let mut state = self.lock();
        let left = state.store.supply(supply);
        if let Some(left) = left {
            drop(state);
            drop(left);
            state = self.lock();
        }
        state
    }

    #[inline]
    fn put(&self, mut state: SpinGuard<'_, State<T>>, value: T) {
        state.store.put(value);
        let waker = state.serve_receiver();
        self.end_if_settled(state); // It was sent into the last room that was reserved.
        if let Some(waker) = waker {
            wake_contained(waker);
        }
    }

    /// Sends into reserved room. Gives the message back if nobody can receive it, or if
    /// `unless_closed` and the channel was closed meanwhile; the room is given back too.
    pub(super) fn send_reserved(&self, value: T, unless_closed: bool) -> Result<(), T> {
        let mut state = self.lock();
        loop {
            if state.is_abandoned || (unless_closed && state.store.is_closed()) {
                self.unreserve_locked(state);
                return Err(value);
            }
            match self.supplied(state) {
                Ok(supplied) => break state = supplied,
                Err(again) => state = again,
            }
        }
        state.store.unreserve();
        self.put(state, value);
        Ok(())
    }

    /// Reserves room if there is some.
    pub(super) fn try_reserve(&self) -> Result<(), Refused> {
        let mut state = self.lock();
        if state.store.is_closed() {
            return Err(Refused::Closed);
        }
        if state.store.reserve() {
            Ok(())
        } else {
            Err(Refused::Full)
        }
    }

    /// Gives reserved room back.
    pub(super) fn unreserve(&self) {
        self.unreserve_locked(self.lock());
    }

    fn unreserve_locked<'a>(&'a self, mut state: SpinGuard<'a, State<T>>) {
        state.store.unreserve();
        let waker = state.serve_sender();
        self.end_if_settled(state);
        if let Some(waker) = waker {
            wake_contained(waker);
        }
    }

    /// Takes the oldest message, if no receiver that waits has it promised.
    #[inline]
    pub(super) fn try_recv(&self) -> Received<T> {
        let mut state = self.lock();
        match state.store.take_free() {
            Some(taken) => self.took(state, taken),
            None if state.store.is_finished() => Received::Finished,
            None => Received::Empty,
        }
    }

    /// Takes the message that was promised to a node (C2).
    pub(super) fn recv_promised(&self) -> Received<T> {
        let mut state = self.lock();
        match state.store.take_promised() {
            Some(taken) => self.took(state, taken),
            // By M1 only if the promise is void: then nothing comes any more.
            None => Received::Finished,
        }
    }

    #[inline]
    fn took<'a>(&'a self, mut state: SpinGuard<'a, State<T>>, taken: Taken<T>) -> Received<T> {
        let waker = state.serve_sender();
        drop(state);
        if let Some(waker) = waker {
            // The message in hand must not be lost to a panic.
            contain(|| waker.wake());
        }
        drop(taken.used);
        Received::Message(taken.value)
    }

    /// Hands a promise back, to the next receiver.
    pub(super) fn release_promise(&self) {
        let mut state = self.lock();
        state.store.release_promise();
        let waker = state.serve_receiver();
        drop(state);
        if let Some(waker) = waker {
            wake_contained(waker);
        }
    }

    /// Refuses further messages. Those in the channel, and those of permits, can be received.
    pub(super) fn close(&self) {
        self.close_with(Store::close);
    }

    fn close_with(&self, close: impl FnOnce(&mut Store<T>)) {
        let mut state = self.lock();
        close(&mut state.store);
        let mut wakes = WakeBatch::new();
        state = self.end_waits(state, &mut wakes, |state| &mut state.senders);
        if state.store.is_settled() {
            state = self.end_waits(state, &mut wakes, |state| &mut state.receivers);
        }
        drop(state);
        self.closed.notify_waiters();
        wakes.wake_all();
    }

    /// Ends the waits of all receivers if no message will be put any more, and unlocks.
    #[inline]
    fn end_if_settled<'a>(&'a self, mut state: SpinGuard<'a, State<T>>) {
        if state.receivers.is_empty() || !state.store.is_settled() {
            return;
        }
        let mut wakes = WakeBatch::new();
        state = self.end_waits(state, &mut wakes, |state| &mut state.receivers);
        drop(state);
        wakes.wake_all();
    }

    /// Ends all waits of one list; by C3 nobody joins it any more. The last wakers are left in
    /// the batch.
    fn end_waits<'a>(
        &'a self,
        mut state: SpinGuard<'a, State<T>>,
        wakes: &mut WakeBatch,
        list: impl Fn(&mut State<T>) -> &mut WaitList,
    ) -> SpinGuard<'a, State<T>> {
        while !list(&mut state).is_empty() {
            if !wakes.can_push() {
                drop(state);
                wakes.wake_and_go_on();
                state = self.lock();
                continue;
            }
            if let Some(waker) = list(&mut state).finish_first(CLOSED) {
                wakes.push(waker);
            }
        }
        state
    }

    pub(super) fn remove_sender(&self) {
        if self.senders.remove() {
            // What is reserved now was leaked: permits and waits for them borrow a sender (M5).
            self.close_with(|store| {
                store.close();
                store.forget_reserved();
            });
        }
    }

    pub(super) fn remove_receiver(&self) {
        if !self.receivers.remove() {
            return;
        }
        /// Drops the messages also when a waker panics.
        struct Drain<'a, T>(&'a Chan<T>);
        impl<T> Drop for Drain<'_, T> {
            fn drop(&mut self) {
                let mut state = self.0.lock();
                state.is_abandoned = true;
                let messages: std::collections::VecDeque<Chunk<T>> = state.store.drain();
                drop(state);
                drop(messages);
            }
        }
        let _drain = Drain(self);
        self.close();
    }
}

impl<T> fmt::Debug for Chan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        let (len, is_closed) = (state.store.len(), state.store.is_closed());
        drop(state);
        f.debug_struct("Chan")
            .field("len", &len)
            .field("is_closed", &is_closed)
            .field("senders", &self.senders.strong())
            .field("receivers", &self.receivers.strong())
            .finish_non_exhaustive()
    }
}
