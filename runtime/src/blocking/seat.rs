//! Where one idle thread of the pool sleeps.
//!
//! # States of the word
//! `WAITING` (the owner sleeps or is about to), `CLAIMED` (the seat has been popped from the
//! stack of sleepers, its owner must look at the queue), `EXPIRED` (its time is over by order of
//! [`expire`](Seat::expire), not of the clock).
//!
//! # Invariants
//! - **S1** While the pool's lock is held, the word is `CLAIMED` exactly if the owner has been
//!   popped from the stack since it last lay down: both change in one critical section. So an
//!   owner whose time is over takes the lock and believes the word, not the clock: a claim that
//!   came in between is honoured, never lost.
//! - **S2** Every claim and every expiry is followed by an unpark, after the lock is dropped.
//!
//! # Order
//! The word is only a wake-up flag; jobs pass through the queue's lock. `claim` stores with
//! Release, `wait` loads with Acquire, so an awake owner sees what the claimer did even before
//! it takes the lock. A late unpark of an earlier claim only makes the owner read its word once
//! more.
//!
//! Rejected: a condition variable for the whole pool. It wakes in its own order (we want the
//! thread that slept shortest, whose stack is still in the cache), and the woken thread has to
//! find out by counting whether it was meant.

use crate::loom::sync::atomic::{AtomicU32, Ordering};
use crate::loom::thread::{self, Thread};
use std::time::{Duration, Instant};

const WAITING: u32 = 0;
const CLAIMED: u32 = 1;
const EXPIRED: u32 = 2;

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

    /// The owner lies down. Call under the pool's lock, with the push (S1).
    pub(crate) fn lie_down(&self) {
        self.word.store(WAITING, Ordering::Relaxed);
    }

    /// Claims the owner. Call under the pool's lock, with the pop (S1); unpark afterwards.
    pub(crate) fn claim(&self) {
        self.word.store(CLAIMED, Ordering::Release);
    }

    /// Ends the owner's time. Call under the pool's lock, on a seat that lies on the stack;
    /// unpark afterwards.
    pub(crate) fn expire(&self) {
        self.word.store(EXPIRED, Ordering::Release);
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
    ///
    /// A short spin over the word would go in front of the loop.
    pub(crate) fn wait(&self, keep_alive: Duration) {
        // A time beyond the clock's range is no limit.
        let deadline = Instant::now().checked_add(keep_alive);
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
