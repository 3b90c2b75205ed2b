//! One registered source: its readiness word and its waiters, joined so that no wake is lost.
//!
//! ```text
//!  poll:      look at the word ─► clone waker ─► lock { look again; store waker } ─► drop old
//!  dispatch:  set the word ─► lock { right generation? take wakers } ─► wake
//!  release:   lock { next generation; take all wakers } ─► drop them ─► slot to the free list
//! ```
//!
//! I1. A waiter that was told to wait is woken by the next event for it. Either its locked part
//!     comes first, then the dispatch finds the waker; or the dispatch's does, and then the look
//!     inside the lock sees the bits, which were set before that lock was taken.
//! I2. An event is for the generation its token names. The word refuses others, and a dispatch
//!     that set the word just before a release looks at the generation again under the lock: the
//!     next owner's waker got there under the same lock after the generation had moved on, so
//!     where its waker is to be seen, so is its generation, and it is not woken.
//! I3. Under the lock no waker is cloned, woken or dropped, and nothing is allocated.
//!
//! Rejected: lock-free waker slots (saves 5 ns of 13 µs, and the list needs a lock anyway);
//! waking one of many `readiness` futures (a cancelled one would swallow the wake).

use std::mem;
use std::task::{Context, Poll};

use crate::loom::{AtomicU32, Mutex};
use crate::readiness::{ReadyEvent, ReadyWord};
use crate::ready::{Interest, Ready};
use crate::waiters::{Direction, PlaceKey, Waiters};
use crate::wake_batch::WakeBatch;

#[derive(Debug)]
pub(crate) struct Source {
    word: ReadyWord,
    waiters: Mutex<Waiters>,
    /// Link of the registry's free list; only touched under the registry's lock.
    pub(crate) next_free: AtomicU32,
}

impl Source {
    pub(crate) fn new() -> Self {
        Self {
            word: ReadyWord::new(),
            waiters: Mutex::new(Waiters::default()),
            next_free: AtomicU32::new(0),
        }
    }

    /// The generation of the present owner, or of the next one while the slot is free.
    #[inline]
    pub(crate) fn generation(&self) -> u32 {
        self.word.load().generation()
    }

    #[inline]
    pub(crate) fn event(&self, mask: Ready) -> ReadyEvent {
        self.word.load().event(mask)
    }

    #[inline]
    pub(crate) fn clear(&self, event: ReadyEvent) {
        self.word.clear(event);
    }

    #[inline]
    pub(crate) fn clear_blocked(&self, event: ReadyEvent) {
        self.word.clear_blocked(event);
    }

    #[inline]
    pub(crate) fn clear_unless(&self, event: ReadyEvent, unless: Ready) {
        self.word.clear_unless(event, unless);
    }

    /// Records what is likely to be true of a source on which nobody waits yet.
    pub(crate) fn assume_ready(&self, generation: u32, ready: Ready) {
        let is_owner = self.word.set(generation, ready);
        debug_assert!(is_owner, "only the present owner assumes anything");
    }

    #[inline]
    pub(crate) fn poll_ready(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
    ) -> Poll<ReadyEvent> {
        match self.word.load().event_if_any(direction.mask()) {
            Some(event) => Poll::Ready(event),
            None => self.wait(cx, direction),
        }
    }

    /// The way of `poll_ready` when nothing was ready.
    #[inline(never)]
    fn wait(&self, cx: &mut Context<'_>, direction: Direction) -> Poll<ReadyEvent> {
        let mask = direction.mask();
        let waker = cx.waker().clone();
        let mut waiters = self.waiters.lock();
        let (result, unused) = match self.word.load().event_if_any(mask) {
            Some(event) => (Poll::Ready(event), Some(waker)),
            None => (Poll::Pending, waiters.replace(direction, waker)),
        };
        drop(waiters);
        drop(unused);
        result
    }

    /// Polls for a `readiness` future, whose place is kept in `place` while it waits.
    pub(crate) fn poll_readiness(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        place: &mut Option<PlaceKey>,
    ) -> Poll<ReadyEvent> {
        let mask = Ready::from_interest(interest);
        if let Some(event) = self.word.load().event_if_any(mask) {
            self.leave(place);
            return Poll::Ready(event);
        }
        let mut waker = cx.waker().clone();
        loop {
            let mut waiters = self.waiters.lock();
            if let Some(event) = self.word.load().event_if_any(mask) {
                let old = place.take().and_then(|key| waiters.remove(key));
                drop(waiters);
                drop((old, waker));
                return Poll::Ready(event);
            }
            if let Some(key) = *place {
                let old = waiters.update(key, waker);
                drop(waiters);
                drop(old);
                return Poll::Pending;
            }
            match waiters.insert(interest, waker) {
                Ok(key) => {
                    *place = Some(key);
                    return Poll::Pending;
                }
                Err(unplaced) => waker = unplaced,
            }
            let capacity = waiters.grown_capacity();
            drop(waiters);
            let bigger = Vec::with_capacity(capacity);
            let outgrown = self.waiters.lock().grow(bigger);
            drop(outgrown);
        }
    }

    /// Gives up the place of a `readiness` future, if it has one.
    pub(crate) fn leave(&self, place: &mut Option<PlaceKey>) {
        if let Some(key) = place.take() {
            let old = self.waiters.lock().remove(key);
            drop(old);
        }
    }

    /// Records an event and collects who waited for it. Returns whether it was for the present
    /// owner (I2). The caller wakes what is left in the batch.
    pub(crate) fn dispatch(&self, generation: u32, ready: Ready, batch: &mut WakeBatch) -> bool {
        self.word.set(generation, ready) && self.wake_waiters(generation, ready, batch)
    }

    /// Ends every present and future wait of the present owner with an error.
    pub(crate) fn shut_down(&self, batch: &mut WakeBatch) {
        self.word.shut_down();
        // Read after the flag is set: an owner who comes later does so after the registry closed.
        let generation = self.generation();
        self.wake_waiters(generation, Ready::ALL, batch);
    }

    fn wake_waiters(&self, generation: u32, ready: Ready, batch: &mut WakeBatch) -> bool {
        let mut from = 0;
        loop {
            let mut waiters = self.waiters.lock();
            if self.generation() != generation {
                return false;
            }
            let rest = waiters.take_ready(ready, from, batch);
            drop(waiters);
            let Some(next) = rest else { return true };
            batch.wake_all();
            from = next;
        }
    }

    /// Ends the present ownership; from now on its events are stale. The caller drops the
    /// returned waiters, without a lock, before it frees the slot.
    #[must_use = "the wakers are dropped without a lock"]
    pub(crate) fn release(&self) -> Waiters {
        let mut waiters = self.waiters.lock();
        self.word.release();
        mem::take(&mut *waiters)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// With the 16 bytes of a `Registration` a socket costs the driver at most 128 bytes.
    #[test]
    fn a_source_is_small() {
        assert!(size_of::<Source>() <= 112, "{}", size_of::<Source>());
    }
}
