//! Decides which worker searches, sleeps or is woken. Counts only: no queue, no clock, no I/O.
//!
//! ```text
//!     running ──start_search──► searching ──fall_asleep──► sleeping
//!        ▲  ▲                    │    ▲                      │  │
//!        │  └────stop_search─────┘    └──────wake_one────────┘  │
//!        └──────────────get_up (an event, no waker)─────────────┘
//! ```
//!
//! - P1. `searching + sleeping <= workers`; a worker is in at most one of the two.
//! - P2. If a task is in a deque or the injector and nobody searches, some worker is awake and
//!   looks at all queues before it sleeps, or a sleeper has been taken off and is being woken.
//! - P3. Whoever takes a sleeper off the list counts it as searching and wakes it exactly once.
//!
//! Push: queue the task, `fence(SeqCst)`, read the word ([`Idle::should_wake`]). Sleep: write the
//! word, `fence(SeqCst)`, look at all queues again ([`Idle::fall_asleep`] and its caller). One
//! fence is first, so either the pusher sees the sleeper or the sleeper sees the task (P2). The
//! last searcher that finds work looks at the queues once more and wakes one, because pushes
//! that saw it search woke nobody. A searcher whose last look finds work searches again, for the
//! same pushes: if it got up as a mere runner it would take one task and leave the others to
//! sleepers that nobody wakes.
//!
//! The word is the only thing a push reads, so the line stays shared while all are busy.
//! The list of sleepers is behind a lock that is taken only to sleep and to wake, next to a
//! system call each. It works for any number of workers.
//!
//! Rejected: a wake per push (thrashes), a `fetch_add(0)` in place of the fence (writes a shared
//! line on each push), the sleeper taking itself off after the wake (two pushers wake the same
//! one). Sources: rayon's sleep module; Go's `proc.go`; Dekker's mutual exclusion.

use crate::loom::sync::Mutex;
use crate::loom::sync::atomic::{AtomicU64, Ordering, fence};

/// Searching in the high half, sleeping in the low.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts(u64);

const SLEEPING_ONE: u64 = 1;
const SEARCHING_ONE: u64 = 1 << 32;

impl Counts {
    fn sleeping(self) -> usize {
        (self.0 & 0xffff_ffff) as usize
    }

    fn searching(self) -> usize {
        (self.0 >> 32) as usize
    }

    /// A push wakes one exactly when nobody would find the task otherwise.
    fn should_wake(self) -> bool {
        self.searching() == 0 && self.sleeping() > 0
    }

    /// At most half of the awake workers search.
    fn may_search(self, workers: usize) -> bool {
        2 * self.searching() < workers.saturating_sub(self.sleeping())
    }
}

/// The word and the list of sleepers.
#[derive(Debug)]
pub(crate) struct Idle {
    counts: AtomicU64,
    /// Last to sleep, first to wake: its caches are warm.
    sleepers: Mutex<Vec<usize>>,
    workers: usize,
}

/// How a worker that wanted to get up finds itself.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GotUp {
    /// It took itself off the list; it is counted as searching only if it asked for it.
    Alone,
    /// A waker took it off, counted it as searching, and sends it a wake-up.
    Woken,
}

impl Idle {
    /// All workers start awake and not searching.
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            counts: AtomicU64::new(0),
            sleepers: Mutex::new(Vec::with_capacity(workers)),
            workers,
        }
    }

    fn load(&self) -> Counts {
        Counts(self.counts.load(Ordering::Relaxed))
    }

    /// Whether somebody must be woken for a task that was queued before this call.
    #[inline]
    pub(crate) fn should_wake(&self) -> bool {
        fence(Ordering::SeqCst);
        self.load().should_wake()
    }

    /// [`Self::should_wake`] without the fence: may miss who falls asleep at this moment.
    #[inline]
    pub(crate) fn seems_to_need_wake(&self) -> bool {
        self.load().should_wake()
    }

    /// Takes one sleeper off, if still nobody searches; the caller wakes it (P3).
    #[must_use]
    pub(crate) fn wake_one(&self) -> Option<usize> {
        let mut sleepers = self.sleepers.lock();
        if !self.load().should_wake() {
            return None;
        }
        self.take(&mut sleepers)
    }

    /// As [`Self::wake_one`], also while others search: for the monitor and for shutdown.
    #[must_use]
    pub(crate) fn wake_any(&self) -> Option<usize> {
        self.take(&mut self.sleepers.lock())
    }

    fn take(&self, sleepers: &mut Vec<usize>) -> Option<usize> {
        let worker = sleepers.pop()?;
        self.counts
            .fetch_add(SEARCHING_ONE - SLEEPING_ONE, Ordering::AcqRel);
        Some(worker)
    }

    /// Counts the caller as searching, unless half of the awake workers search already.
    #[must_use]
    pub(crate) fn start_search(&self) -> bool {
        if !self.load().may_search(self.workers) {
            return false;
        }
        // Two may pass the test at once: the limit saves work, nothing rests on it.
        self.counts.fetch_add(SEARCHING_ONE, Ordering::AcqRel);
        true
    }

    /// The caller found work. True if it was the last searcher: it must look at the queues once
    /// more, for pushes that relied on it.
    #[must_use]
    pub(crate) fn stop_search(&self) -> bool {
        let before = Counts(self.counts.fetch_sub(SEARCHING_ONE, Ordering::AcqRel));
        debug_assert!(before.searching() > 0, "P1: {before:?}");
        fence(Ordering::SeqCst);
        before.searching() == 1
    }

    /// Publishes the caller as a sleeper. It must look at all queues once more after this call,
    /// and [`Self::get_up`] if it finds something.
    pub(crate) fn fall_asleep(&self, worker: usize, was_searching: bool) {
        let mut sleepers = self.sleepers.lock();
        debug_assert!(
            !sleepers.contains(&worker),
            "P1: worker {worker} sleeps twice"
        );
        sleepers.push(worker);
        let searching = if was_searching { SEARCHING_ONE } else { 0 };
        self.counts
            .fetch_add(SLEEPING_ONE.wrapping_sub(searching), Ordering::AcqRel);
        drop(sleepers);
        fence(Ordering::SeqCst);
    }

    /// Takes the caller off the list, if no waker did, and counts it as searching if it
    /// `searches`.
    pub(crate) fn get_up(&self, worker: usize, searches: bool) -> GotUp {
        let mut sleepers = self.sleepers.lock();
        let Some(place) = sleepers.iter().rposition(|&sleeper| sleeper == worker) else {
            return GotUp::Woken;
        };
        sleepers.remove(place);
        let searching = if searches { SEARCHING_ONE } else { 0 };
        self.counts
            .fetch_add(searching.wrapping_sub(SLEEPING_ONE), Ordering::AcqRel);
        GotUp::Alone
    }

    /// Whether every worker sleeps.
    pub(crate) fn all_asleep(&self) -> bool {
        self.load().sleeping() == self.workers
    }

    /// Whether some worker sleeps.
    pub(crate) fn any_asleep(&self) -> bool {
        self.load().sleeping() > 0
    }

    #[allow(dead_code, reason = "for models")]
    pub(crate) fn searching(&self) -> usize {
        self.load().searching()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(searching: u64, sleeping: u64) -> Counts {
        Counts(searching * SEARCHING_ONE + sleeping)
    }

    #[test]
    fn a_push_wakes_only_when_nobody_searches_and_somebody_sleeps() {
        for searching in 0..5 {
            for sleeping in 0..5 {
                let expected = searching == 0 && sleeping > 0;
                assert_eq!(counts(searching, sleeping).should_wake(), expected);
            }
        }
    }

    #[test]
    fn at_most_half_of_the_awake_workers_search() {
        assert!(counts(0, 0).may_search(1));
        assert!(counts(0, 1).may_search(2));
        assert!(!counts(1, 0).may_search(2));
        assert!(counts(1, 0).may_search(3));
        assert!(!counts(2, 0).may_search(4));
        assert!(!counts(1, 98).may_search(100));
    }

    /// P1 and P3 over every short sequence of calls of two workers and a pusher.
    #[test]
    fn counts_balance_over_all_short_sequences() {
        #[derive(Clone, Copy, Debug, PartialEq)]
        enum W {
            Running,
            Searching,
            Sleeping,
        }
        for code in 0..5_u32.pow(7) {
            let idle = Idle::new(2);
            let mut state = [W::Running; 2];
            let mut rest = code;
            for _ in 0..7 {
                let (op, rest_of) = (rest % 5, rest / 5);
                rest = rest_of;
                let who = (rest as usize + op as usize) % 2;
                match (op, state[who]) {
                    (0, W::Running) if idle.start_search() => state[who] = W::Searching,
                    (1, W::Searching) => {
                        let last = idle.stop_search();
                        state[who] = W::Running;
                        assert_eq!(last, !state.contains(&W::Searching));
                    }
                    (2, W::Running | W::Searching) => {
                        idle.fall_asleep(who, state[who] == W::Searching);
                        state[who] = W::Sleeping;
                    }
                    (3, _) if idle.should_wake() => {
                        let woken = idle.wake_one().expect("somebody sleeps");
                        assert_eq!(state[woken], W::Sleeping);
                        state[woken] = W::Searching;
                    }
                    (4, W::Sleeping) => {
                        let searches = rest % 2 == 1;
                        assert_eq!(idle.get_up(who, searches), GotUp::Alone);
                        state[who] = if searches { W::Searching } else { W::Running };
                    }
                    _ => {}
                }
                let count = |w| state.iter().filter(|&&s| s == w).count();
                assert_eq!(idle.load().searching(), count(W::Searching));
                assert_eq!(idle.load().sleeping(), count(W::Sleeping));
            }
        }
    }
}
