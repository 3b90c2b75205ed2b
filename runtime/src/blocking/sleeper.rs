//! One idle thread of the pool, as others see it: spinning or parked.
//!
//! # States of the word
//! `SPINNING` (the owner is on the stack of sleepers and spins), `PARKED` (it is parked or about to
//! be), `CLAIMED` (it has been popped from the stack and must look at the queue), `EXPIRED` (its time
//! is over by order of [`expire`](Sleeper::expire), not of the clock).
//!
//! # Invariants
//! - **S1** While the pool's lock is held, the word is `CLAIMED` exactly if the owner has been
//!   popped from the stack since it began to park: both change in one critical section. So an
//!   owner whose time is over takes the lock and believes the word, not the clock: a claim that
//!   came in between is honoured, never lost.
//! - **S2** Every claim and every expiry of an owner that is not `SPINNING` is followed by an unpark
//!   after the lock is dropped. From `SPINNING` the owner goes to `PARKED` by a compare-and-swap, so
//!   either it sees the claim, or the claim's swap sees it `PARKED`.
//!
//! # Order
//! The word is only a flag; jobs pass through the queue's lock. `claim` swaps with
//! AcqRel, `park` loads with Acquire, so a running owner sees what the claimer did even before
//! it takes the lock. A late unpark of an earlier claim only makes the owner read its word once
//! more.
//!
//! Rejected: a condition variable for the whole pool. It wakes in its own order (we want the
//! thread that was parked last, whose stack is still in the cache), and the unparked thread has to
//! find out by counting whether it was meant.

use crate::loom;
use crate::loom::sync::atomic::{AtomicU32, Ordering};
use crate::loom::thread::{self, Thread};
use std::time::{Duration, Instant};

const PARKED: u32 = 0;
const CLAIMED: u32 = 1;
const EXPIRED: u32 = 2;
const SPINNING: u32 = 3;

/// How a claim or an expiry found the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Found {
    /// It sees the word by itself.
    Spinning,
    /// It must be unparked.
    Parked,
}

/// One thread; made by the thread itself, shared through the stack of sleepers.
#[derive(Debug)]
pub(crate) struct Sleeper {
    word: AtomicU32,
    owner: Thread,
}

impl Sleeper {
    /// Stands for the current thread.
    pub(crate) fn new() -> Self {
        Self {
            word: AtomicU32::new(PARKED),
            owner: thread::current(),
        }
    }

    /// The owner is about to [`park`](Self::park), or, if it `spins`, to
    /// [`spin_wait`](Self::spin_wait) first. Call under the pool's lock, with the push (S1).
    pub(crate) fn begin_park(&self, spins: bool) {
        let word = if spins { SPINNING } else { PARKED };
        self.word.store(word, Ordering::Relaxed);
    }

    /// Spins for `limit` at most. If nobody has come by then the owner is to
    /// [`park`](Self::park). Returns how long it was, and whether somebody has come.
    pub(crate) fn spin_wait(&self, limit: Duration) -> (Duration, bool) {
        let is_over = || self.word.load(Ordering::Relaxed) != SPINNING;
        let (waited, came) = loom::spin_until(limit, is_over);
        let came = came
            || self
                .word
                .compare_exchange(SPINNING, PARKED, Ordering::AcqRel, Ordering::Acquire)
                .is_err();
        (waited, came)
    }

    /// Claims the owner. Call under the pool's lock, with the pop (S1). Unless it says that the
    /// owner spins, unpark it afterwards.
    pub(crate) fn claim(&self) -> Found {
        self.set(CLAIMED)
    }

    /// Ends the owner's time. Call under the pool's lock, on a sleeper that is on the
    /// stack; unpark afterwards as for [`claim`](Self::claim).
    pub(crate) fn expire(&self) -> Found {
        self.set(EXPIRED)
    }

    fn set(&self, word: u32) -> Found {
        match self.word.swap(word, Ordering::AcqRel) {
            SPINNING => Found::Spinning,
            _ => Found::Parked,
        }
    }

    /// Whether the owner has been claimed. Call under the pool's lock (S1).
    pub(crate) fn is_claimed(&self) -> bool {
        self.word.load(Ordering::Acquire) == CLAIMED
    }

    /// Unparks the owner. Call without a lock: this may be a system call.
    pub(crate) fn unpark(&self) {
        self.owner.unpark();
    }

    /// Parks until claimed, expired, or for `keep_alive`. Which of them happened is decided
    /// afterwards, under the lock, by [`is_claimed`](Self::is_claimed).
    /// Returns how long it took.
    pub(crate) fn park(&self, keep_alive: Duration) -> Duration {
        let start = Instant::now();
        self.park_from(start, keep_alive);
        if loom::CHECKED {
            return Duration::ZERO; // a model repeats itself exactly
        }
        start.elapsed()
    }

    fn park_from(&self, start: Instant, keep_alive: Duration) {
        // A time beyond the clock's range is no limit.
        let deadline = start.checked_add(keep_alive);
        while self.word.load(Ordering::Acquire) == PARKED {
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
