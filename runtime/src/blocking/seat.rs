//! Where one idle thread of the pool sleeps.
//!
//! # States of the word
//! `AWAKE` (the owner lies on the stack and waits awake), `WAITING` (it sleeps or is about to),
//! `CLAIMED` (the seat has been popped from the
//! stack of sleepers, its owner must look at the queue), `EXPIRED` (its time is over by order of
//! [`expire`](Seat::expire), not of the clock).
//!
//! # Invariants
//! - **S1** While the pool's lock is held, the word is `CLAIMED` exactly if the owner has been
//!   popped from the stack since it last lay down: both change in one critical section. So an
//!   owner whose time is over takes the lock and believes the word, not the clock: a claim that
//!   came in between is honoured, never lost.
//! - **S2** Every claim and every expiry of an owner that is not `AWAKE` is followed by an unpark,
//!   after the lock is dropped. From `AWAKE` the owner goes to `WAITING` by a compare-and-swap, so
//!   either it sees the claim, or the claim's swap sees it `WAITING`.
//!
//! # Order
//! The word is only a wake-up flag; jobs pass through the queue's lock. `claim` swaps with
//! AcqRel, `wait` loads with Acquire, so an awake owner sees what the claimer did even before
//! it takes the lock. A late unpark of an earlier claim only makes the owner read its word once
//! more.
//!
//! Rejected: a condition variable for the whole pool. It wakes in its own order (we want the
//! thread that slept shortest, whose stack is still in the cache), and the woken thread has to
//! find out by counting whether it was meant.

use crate::loom;
use crate::loom::sync::atomic::{AtomicU32, Ordering};
use crate::loom::thread::{self, Thread};
use std::time::{Duration, Instant};

const WAITING: u32 = 0;
const CLAIMED: u32 = 1;
const EXPIRED: u32 = 2;
const AWAKE: u32 = 3;

/// How a claim or an expiry found the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Found {
    /// It sees the word by itself.
    Awake,
    /// It must be unparked.
    Asleep,
}

/// The place of one thread; made by the thread itself, shared through the stack of sleepers.
#[derive(Debug)]
pub(crate) struct Seat {
    word: AtomicU32,
    owner: Thread,
}

impl Seat {
    /// A seat for the current thread.
    pub(crate) fn new() -> Self {
        Self {
            word: AtomicU32::new(WAITING),
            owner: thread::current(),
        }
    }

    /// The owner lies down, or, if it is to `linger`, waits awake at first. Call under the pool's
    /// lock, with the push (S1).
    pub(crate) fn lie_down(&self, linger: bool) {
        let word = if linger { AWAKE } else { WAITING };
        self.word.store(word, Ordering::Relaxed);
    }

    /// Waits awake for `limit` at most, after it lay down to linger. If nobody has come by then
    /// it is to [`wait`](Self::wait). Returns how long it was, and whether somebody has come.
    pub(crate) fn linger(&self, limit: Duration) -> (Duration, bool) {
        let is_over = || self.word.load(Ordering::Relaxed) != AWAKE;
        let (waited, came) = loom::spin_until(limit, is_over);
        let came = came
            || self
                .word
                .compare_exchange(AWAKE, WAITING, Ordering::AcqRel, Ordering::Acquire)
                .is_err();
        (waited, came)
    }

    /// Claims the owner. Call under the pool's lock, with the pop (S1). Unless it says that the
    /// owner is awake, unpark it afterwards.
    pub(crate) fn claim(&self) -> Found {
        self.set(CLAIMED)
    }

    /// Ends the owner's time. Call under the pool's lock, on a seat that lies on the stack;
    /// unpark afterwards as for [`claim`](Self::claim).
    pub(crate) fn expire(&self) -> Found {
        self.set(EXPIRED)
    }

    fn set(&self, word: u32) -> Found {
        match self.word.swap(word, Ordering::AcqRel) {
            AWAKE => Found::Awake,
            _ => Found::Asleep,
        }
    }

    /// Whether the owner has been claimed. Call under the pool's lock (S1).
    pub(crate) fn is_claimed(&self) -> bool {
        self.word.load(Ordering::Acquire) == CLAIMED
    }

    /// Wakes the owner. Call without a lock: this may be a system call.
    pub(crate) fn unpark(&self) {
        self.owner.unpark();
    }

    /// Sleeps until claimed, expired, or for `keep_alive`. Which of them happened is decided
    /// afterwards, under the lock, by [`is_claimed`](Self::is_claimed).
    /// Returns how long it took.
    pub(crate) fn wait(&self, keep_alive: Duration) -> Duration {
        let start = Instant::now();
        self.wait_from(start, keep_alive);
        if loom::CHECKED {
            return Duration::ZERO; // a model repeats itself exactly
        }
        start.elapsed()
    }

    fn wait_from(&self, start: Instant, keep_alive: Duration) {
        // A time beyond the clock's range is no limit.
        let deadline = start.checked_add(keep_alive);
        while self.word.load(Ordering::Acquire) == WAITING {
            let Some(deadline) = deadline else {
                thread::park();
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::park_timeout(left);
        }
    }
}
