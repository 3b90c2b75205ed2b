//! What all handles share: the ring behind its locks, the waiting receivers, the counts.
//!
//! ```text
//!   tail (mutex): position, receivers, waiting list        slot: published │ entry (mutex)
//!
//!   send:    lock tail ─ lock entry ─ put ─ unlock ─ publish ─ take waiters ─ unlock ─ wake
//!   receive: published? ──yes──► lock entry ─ read          (the tail is not touched)
//!               └──no──► lock tail: join the waiting list, or closed, lagged, or try again
//! ```
//!
//! S1. Positions are claimed and published under the tail's lock, so in order. A receiver that
//!     holds it knows whether its value is there, and joins the list under the same lock as a
//!     sender empties it: no wake is lost.
//! S2. An entry changes only under its own lock. `clone` of a value runs under it, because values
//!     need not be `Sync`: two receivers never look at one value at the same time.
//! S3. Locks are taken in the order tail, entry. A receiver with an entry locked takes no other
//!     (its `clone` must not use the channel; a sender may wait for it).
//! S4. A node that waits is marked with the position that it waits for, and nodes join in the
//!     order of their marks, so a sender stops at the first one that came after its own value.
//! S5. `senders` never rises from 0. Whoever takes it there closes the tail and wakes all.
//!
//! `published` is a hint, stored with release after the entry is unlocked and loaded with acquire:
//! a receiver that sees its position goes for the entry, whose lock orders the rest; one that
//! does not sees the truth under the tail's lock.
//!
//! Rejected: a reader count per slot, so that receivers clone side by side (values would have to
//! be `Sync`); one lock for everything (eight receivers queue for it at each value).

use super::ring::{Entry, Look, Read, Tail, count_wanted};
use crate::loom::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::sync::Notify;
use crate::sync::wait_list::{FIRST_OUTCOME, WaitList};
use crate::util::spin_lock::{SpinGuard, SpinLock};
use crate::util::wake_batch::WakeBatch;
use std::fmt;

/// The value is there, or the channel is closed. The only outcome of a wait.
pub(super) const WOKEN: u8 = FIRST_OUTCOME;

/// In `published`: no value was ever here.
const NEVER: u64 = u64::MAX;

struct Slot<T> {
    published: AtomicU64,
    /// Whether some receiver has still to see the value: what the entry says, for `len`.
    is_wanted: AtomicBool,
    entry: SpinLock<Entry<T>>,
}

/// Behind the tail's lock.
pub(super) struct Gate {
    pub(super) tail: Tail,
    pub(super) waiting: WaitList,
}

pub(super) struct Shared<T> {
    /// A power of two.
    slots: Box<[Slot<T>]>,
    gate: SpinLock<Gate>,
    senders: AtomicUsize,
    weak_senders: AtomicUsize,
    pub(super) last_receiver_left: Notify,
}

// A panic of foreign code (wakers, clones and drops of values) leaves the channel usable.
impl<T> std::panic::UnwindSafe for Shared<T> {}
impl<T> std::panic::RefUnwindSafe for Shared<T> {}

impl<T> Shared<T> {
    /// With one sender and no receiver.
    ///
    /// # Panics
    ///
    /// Panics if `capacity` is 0 or above `usize::MAX / 2`.
    #[track_caller]
    pub(super) fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "broadcast channel capacity cannot be zero");
        assert!(
            capacity <= usize::MAX >> 1,
            "broadcast channel capacity exceeded `usize::MAX / 2`"
        );
        let slot = |_| Slot {
            published: AtomicU64::new(NEVER),
            is_wanted: AtomicBool::new(false),
            entry: SpinLock::new(Entry::new()),
        };
        Self {
            slots: (0..capacity.next_power_of_two()).map(slot).collect(),
            gate: SpinLock::new(Gate {
                tail: Tail::new(),
                waiting: WaitList::new(),
            }),
            senders: AtomicUsize::new(1),
            weak_senders: AtomicUsize::new(0),
            last_receiver_left: Notify::new(),
        }
    }

    #[inline]
    fn capacity(&self) -> u64 {
        self.slots.len() as u64
    }

    #[inline]
    fn slot(&self, position: u64) -> &Slot<T> {
        &self.slots[position as usize & (self.slots.len() - 1)]
    }

    pub(super) fn lock(&self) -> SpinGuard<'_, Gate> {
        self.gate.lock()
    }

    /// Sends to all receivers and returns their number, or gives the value back without any.
    pub(super) fn send(&self, value: T) -> Result<usize, T> {
        let mut gate = self.lock();
        let Some((position, receivers)) = gate.tail.claim() else {
            drop(gate);
            return Err(value);
        };
        let slot = self.slot(position);
        let mut entry = slot.entry.lock();
        let overwritten = entry.put(position, receivers, value);
        slot.is_wanted.store(true, Ordering::Relaxed); // In the order of the lock.
        drop(entry);
        // Release: by convention; a receiver that sees it takes the entry's lock.
        slot.published.store(position, Ordering::Release);
        self.wake_until(gate, position + 1);
        drop(overwritten);
        Ok(receivers)
    }

    /// Unlocks, and wakes the receivers that wait for a position before `end` (S4).
    #[inline]
    fn wake_until<'a>(&'a self, gate: SpinGuard<'a, Gate>, end: u64) {
        if !gate.waiting.is_empty() {
            self.wake_some_until(gate, end);
        }
    }

    fn wake_some_until<'a>(&'a self, mut gate: SpinGuard<'a, Gate>, end: u64) {
        let mut wakes = WakeBatch::new();
        loop {
            let is_more = gate.waiting.first_mark().is_some_and(|mark| mark < end);
            if is_more && wakes.can_push() {
                if let Some(waker) = gate.waiting.finish_first(WOKEN) {
                    wakes.push(waker);
                }
                continue;
            }
            drop(gate);
            if !is_more {
                break;
            }
            wakes.wake_and_go_on();
            gate = self.lock();
        }
        wakes.wake_all();
    }

    /// Passes `position` and runs `f` on its value, if the value is published.
    #[inline]
    fn read<R>(&self, position: u64, f: impl FnOnce(Read<'_, T>) -> R) -> Option<R> {
        let slot = self.slot(position);
        // Acquire: by convention, as for the store.
        if slot.published.load(Ordering::Acquire) != position {
            return None;
        }
        let mut entry = slot.entry.lock();
        match entry.read(position)? {
            shared @ Read::Shared(_) => Some(f(shared)),
            Read::Last(value) => {
                slot.is_wanted.store(false, Ordering::Relaxed); // In the order of the lock.
                drop(entry);
                Some(f(Read::Last(value)))
            }
        }
    }

    /// Takes the value at `next`, if it is published, and moves `next` on.
    #[inline]
    pub(super) fn take(&self, next: &mut u64) -> Option<T>
    where
        T: Clone,
    {
        self.read(*next, |value| {
            *next += 1; // First: `clone` may panic.
            match value {
                Read::Shared(value) => value.clone(),
                // Cloned all the same, so that each receiver sees a clone; the value goes.
                Read::Last(value) => value.clone(),
            }
        })
    }

    /// Passes the value at `next` without looking at it; hands it out if nobody else wants it.
    /// `None` if it is gone, or not there.
    pub(super) fn release(&self, next: u64) -> Option<Option<T>> {
        self.read(next, |value| match value {
            Read::Shared(_) => None,
            Read::Last(value) => Some(value),
        })
    }

    /// What is at `next`, by the truth of the tail.
    pub(super) fn look(&self, gate: &Gate, next: u64) -> Look {
        gate.tail.look(next, self.capacity())
    }

    /// How many values some receiver has still to see.
    pub(super) fn len(&self) -> usize {
        let gate = self.lock();
        let is_wanted = |position| self.slot(position).is_wanted.load(Ordering::Acquire);
        count_wanted(gate.tail.position(), self.capacity(), is_wanted) as usize
    }

    /// Whether [`Self::len`] is 0.
    pub(super) fn is_empty(&self) -> bool {
        let gate = self.lock();
        // By R3 the newest value is wanted as long as any.
        let newest = gate.tail.position().checked_sub(1);
        newest.is_none_or(|newest| !self.slot(newest).is_wanted.load(Ordering::Acquire))
    }

    pub(super) fn strong_count(&self) -> usize {
        self.senders.load(Ordering::Acquire)
    }

    pub(super) fn weak_count(&self) -> usize {
        self.weak_senders.load(Ordering::Acquire)
    }

    pub(super) fn add_sender(&self) {
        // Relaxed: as for any count, a new handle comes from a living one (S5).
        self.senders.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a sender in unless there is none left.
    pub(super) fn try_add_sender(&self) -> bool {
        let mut count = self.senders.load(Ordering::Relaxed);
        while count != 0 {
            match self.senders.compare_exchange_weak(
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

    /// Counts a sender out; the last one closes the channel.
    pub(super) fn remove_sender(&self) {
        // AcqRel: what all senders did happens before the close.
        if self.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            let mut gate = self.lock();
            gate.tail.close();
            self.wake_until(gate, u64::MAX);
        }
    }

    pub(super) fn add_weak_sender(&self) {
        self.weak_senders.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn remove_weak_sender(&self) {
        self.weak_senders.fetch_sub(1, Ordering::AcqRel);
    }
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let receivers = self.lock().tail.receivers();
        f.debug_struct("Shared")
            .field("capacity", &self.slots.len())
            .field("senders", &self.strong_count())
            .field("receivers", &receivers)
            .finish_non_exhaustive()
    }
}
