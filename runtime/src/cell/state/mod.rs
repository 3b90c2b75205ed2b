//! The state word: flags and reference count in one atomic. [`Snapshot`] is a pure value whose
//! named transitions return what the caller must do next; [`State`] applies them in one
//! compare-and-swap loop.
//!
//! | bit | name | set by | cleared by |
//! |---|---|---|---|
//! | 0 | `RUNNING` | the run-queue entry's holder | end of the poll, completion |
//! | 1 | `COMPLETE` | the runner | never |
//! | 2 | `NOTIFIED` | wake, abort, spawn | start of the poll |
//! | 3 | `CANCELLED` | abort, shutdown | never |
//! | 4 | `JOIN_INTEREST` | spawn | drop of the `JoinHandle` |
//! | 5 | `JOIN_WAKER` | the `JoinHandle` | the `JoinHandle` before completion, the completer after |
//! | 6.. | references | | |
//!
//! The invariants I1 to I7 are those of [`super`].

use crate::loom::sync::atomic::{AtomicUsize, Ordering};
use std::fmt;

const RUNNING: usize = 1;
const COMPLETE: usize = 1 << 1;
const NOTIFIED: usize = 1 << 2;
const CANCELLED: usize = 1 << 3;
const JOIN_INTEREST: usize = 1 << 4;
const JOIN_WAKER: usize = 1 << 5;
const REF_ONE: usize = 1 << 6;

/// A spawned task has three references: live list, run-queue entry, `JoinHandle`.
const INITIAL: usize = NOTIFIED | JOIN_INTEREST | (3 * REF_ONE);

/// What the holder of a run-queue entry does.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnStart {
    /// Poll the future; the entry's reference goes with it.
    Poll,
    /// Drop the future and complete as cancelled.
    Cancel,
}

/// What the runner does after a poll that was not ready.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnPending {
    /// Nothing: the runner's reference is gone.
    Done,
    /// It was the last reference: free the cell.
    Free,
    /// Woken meanwhile: the runner's reference is a run-queue entry again.
    Reschedule,
    /// Aborted meanwhile: still running; drop the future and complete.
    Cancel,
}

/// What the completer does.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnComplete {
    /// Nothing: its references are gone.
    Done,
    /// Its references were the last.
    Free,
    /// Wake the joiner, then give up the waker and the references.
    WakeJoiner,
    /// Drop the output, which nobody will take, then the references.
    DropOutput,
}

/// What the completer that woke the joiner does.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnGiveUp {
    /// Nothing: its references are gone, and the `JoinHandle` has one.
    Done,
    /// The `JoinHandle` was dropped meanwhile and left its waker: drop that, then the references.
    DropWaker,
}

/// What a waker does.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnWake {
    /// Nothing.
    Done,
    /// Queue the task: one reference belongs to the entry.
    Schedule,
    /// It was the last reference: free the cell.
    Free,
}

/// What the dropped `JoinHandle` does.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnJoinDrop {
    /// Nothing: its reference is gone.
    Done,
    /// Its reference was the last.
    Free,
    /// Take the join waker out and drop it: the slot is the handle's.
    DropWaker,
    /// The task completed: drop output and waker, then interest and reference together.
    Completed,
}

/// A value read from the word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Snapshot(usize);

impl Snapshot {
    pub(super) fn is_running(self) -> bool {
        self.0 & RUNNING != 0
    }

    pub(super) fn is_complete(self) -> bool {
        self.0 & COMPLETE != 0
    }

    pub(super) fn is_notified(self) -> bool {
        self.0 & NOTIFIED != 0
    }

    pub(super) fn is_cancelled(self) -> bool {
        self.0 & CANCELLED != 0
    }

    pub(super) fn has_join_interest(self) -> bool {
        self.0 & JOIN_INTEREST != 0
    }

    pub(super) fn has_join_waker(self) -> bool {
        self.0 & JOIN_WAKER != 0
    }

    pub(super) fn refs(self) -> usize {
        self.0 / REF_ONE
    }

    fn with(self, flags: usize) -> Self {
        Self(self.0 | flags)
    }

    fn without(self, flags: usize) -> Self {
        Self(self.0 & !flags)
    }

    fn ref_inc(self) -> Self {
        assert!(
            self.0 <= isize::MAX as usize,
            "too many references to one task"
        );
        Self(self.0 + REF_ONE)
    }

    fn ref_dec(self) -> Self {
        debug_assert!(self.refs() > 0, "{self:?} has no reference to drop");
        Self(self.0 - REF_ONE)
    }

    /// The holder of the entry starts: by I1 the task is queued and nobody runs it.
    fn start_poll(self) -> (Self, OnStart) {
        debug_assert!(
            self.is_notified() && !self.is_running() && !self.is_complete(),
            "{self:?} broke I1"
        );
        let action = if self.is_cancelled() {
            OnStart::Cancel
        } else {
            OnStart::Poll
        };
        (self.with(RUNNING).without(NOTIFIED), action)
    }

    /// A poll returned pending.
    fn finish_pending(self) -> (Self, OnPending) {
        debug_assert!(
            self.is_running() && !self.is_complete(),
            "{self:?} is not being polled"
        );
        if self.is_cancelled() {
            return (self, OnPending::Cancel);
        }
        let idle = self.without(RUNNING);
        if self.is_notified() {
            return (idle, OnPending::Reschedule);
        }
        let idle = idle.ref_dec();
        (
            idle,
            if idle.refs() == 0 {
                OnPending::Free
            } else {
                OnPending::Done
            },
        )
    }

    /// The future is gone and the output stored. A wake during the last poll is forgotten. The
    /// completer's `count` references go too, unless it still has to look after output or waker.
    fn complete(self, count: usize) -> (Self, OnComplete) {
        debug_assert!(
            self.is_running() && !self.is_complete(),
            "{self:?} completed twice"
        );
        debug_assert!(
            self.refs() >= count,
            "{self:?} has fewer than {count} references"
        );
        let complete = self.with(COMPLETE).without(RUNNING | NOTIFIED);
        if !self.has_join_interest() {
            return (complete, OnComplete::DropOutput);
        }
        if self.has_join_waker() {
            return (complete, OnComplete::WakeJoiner);
        }
        let complete = Self(complete.0 - count * REF_ONE);
        (
            complete,
            if complete.refs() == 0 {
                OnComplete::Free
            } else {
                OnComplete::Done
            },
        )
    }

    /// A waker is used up: its reference becomes the entry's where one is needed.
    fn wake_by_value(self) -> (Self, OnWake) {
        if self.is_complete() || self.is_notified() {
            return self.drop_ref();
        }
        if self.is_running() {
            // The runner holds a reference, so this is not the last.
            return (self.with(NOTIFIED).ref_dec(), OnWake::Done);
        }
        (self.with(NOTIFIED), OnWake::Schedule)
    }

    fn wake_by_ref(self) -> (Self, OnWake) {
        if self.is_complete() || self.is_notified() {
            return (self, OnWake::Done);
        }
        if self.is_running() {
            return (self.with(NOTIFIED), OnWake::Done);
        }
        (self.with(NOTIFIED).ref_inc(), OnWake::Schedule)
    }

    /// Marks the task cancelled and sees that somebody runs it once more.
    fn abort(self) -> (Self, OnWake) {
        if self.is_complete() {
            return (self, OnWake::Done);
        }
        let marked = self.with(CANCELLED);
        if self.is_running() || self.is_notified() {
            // The runner looks again after the poll; a queued entry looks before it.
            return (marked, OnWake::Done);
        }
        (marked.with(NOTIFIED).ref_inc(), OnWake::Schedule)
    }

    /// As [`Self::abort`], using up a reference.
    fn abort_by_value(self) -> (Self, OnWake) {
        if self.is_complete() {
            return self.drop_ref();
        }
        let marked = self.with(CANCELLED);
        if self.is_running() || self.is_notified() {
            // The runner or the entry holds another reference.
            return (marked.ref_dec(), OnWake::Done);
        }
        (marked.with(NOTIFIED), OnWake::Schedule)
    }

    fn drop_ref(self) -> (Self, OnWake) {
        let after = self.ref_dec();
        (
            after,
            if after.refs() == 0 {
                OnWake::Free
            } else {
                OnWake::Done
            },
        )
    }

    /// Hands the join waker to the completer; false after completion.
    fn set_join_waker(self) -> (Self, bool) {
        debug_assert!(
            self.has_join_interest() && !self.has_join_waker(),
            "{self:?} broke I5"
        );
        if self.is_complete() {
            (self, false)
        } else {
            (self.with(JOIN_WAKER), true)
        }
    }

    /// Takes the join waker back; false after completion.
    fn unset_join_waker(self) -> (Self, bool) {
        debug_assert!(self.has_join_interest(), "{self:?} broke I5");
        // After completion the completer may have cleared the bit already.
        debug_assert!(
            self.is_complete() || self.has_join_waker(),
            "{self:?} broke I5"
        );
        if self.is_complete() {
            (self, false)
        } else {
            (self.without(JOIN_WAKER), true)
        }
    }

    /// The completer has woken the joiner: gives the waker up and drops `count` references.
    fn give_up_waker(self, count: usize) -> (Self, OnGiveUp) {
        debug_assert!(
            self.is_complete() && self.has_join_waker(),
            "{self:?} broke I5"
        );
        let given_up = self.without(JOIN_WAKER);
        if !self.has_join_interest() {
            return (given_up, OnGiveUp::DropWaker);
        }
        // Not the last: the `JoinHandle` has one.
        debug_assert!(
            self.refs() > count,
            "{self:?} lost the reference of its join handle"
        );
        (Self(given_up.0 - count * REF_ONE), OnGiveUp::Done)
    }

    /// The `JoinHandle` of a complete task, whose output is gone, is dropped.
    fn drop_join_after_complete(self, waker_taken: bool) -> (Self, OnJoinDrop) {
        debug_assert!(self.is_complete() && self.has_join_interest(), "{self:?}");
        if !self.has_join_waker() && !waker_taken {
            return (self, OnJoinDrop::DropWaker);
        }
        let left = self.without(JOIN_INTEREST).ref_dec();
        (
            left,
            if left.refs() == 0 {
                OnJoinDrop::Free
            } else {
                OnJoinDrop::Done
            },
        )
    }

    fn drop_join(self) -> (Self, OnJoinDrop) {
        debug_assert!(
            self.has_join_interest(),
            "{self:?} lost its join handle twice"
        );
        if self.is_complete() {
            return (self, OnJoinDrop::Completed);
        }
        let left = self.without(JOIN_INTEREST);
        if self.has_join_waker() {
            return (left.without(JOIN_WAKER), OnJoinDrop::DropWaker);
        }
        let left = left.ref_dec();
        (
            left,
            if left.refs() == 0 {
                OnJoinDrop::Free
            } else {
                OnJoinDrop::Done
            },
        )
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("running", &self.is_running())
            .field("complete", &self.is_complete())
            .field("notified", &self.is_notified())
            .field("cancelled", &self.is_cancelled())
            .field("join_interest", &self.has_join_interest())
            .field("join_waker", &self.has_join_waker())
            .field("refs", &self.refs())
            .finish()
    }
}

/// The word in the cell.
#[derive(Debug)]
pub(super) struct State(AtomicUsize);

impl State {
    pub(super) fn new() -> Self {
        Self(AtomicUsize::new(INITIAL))
    }

    #[inline]
    fn update<R>(&self, transition: impl Fn(Snapshot) -> (Snapshot, R)) -> R {
        // A stale first guess only costs one more round.
        let mut current = self.0.load(Ordering::Relaxed);
        loop {
            let (next, action) = transition(Snapshot(current));
            // Also when nothing changes: the release edge is part of I4.
            match self
                .0
                .compare_exchange_weak(current, next.0, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return action,
                Err(seen) => current = seen,
            }
        }
    }

    pub(super) fn load(&self) -> Snapshot {
        Snapshot(self.0.load(Ordering::Acquire))
    }

    pub(super) fn start_poll(&self) -> OnStart {
        self.update(Snapshot::start_poll)
    }

    pub(super) fn finish_pending(&self) -> OnPending {
        self.update(Snapshot::finish_pending)
    }

    pub(super) fn complete(&self, count: usize) -> OnComplete {
        self.update(|snapshot| snapshot.complete(count))
    }

    pub(super) fn wake_by_value(&self) -> OnWake {
        self.update(Snapshot::wake_by_value)
    }

    pub(super) fn wake_by_ref(&self) -> OnWake {
        self.update(Snapshot::wake_by_ref)
    }

    pub(super) fn abort(&self) -> OnWake {
        self.update(Snapshot::abort)
    }

    pub(super) fn abort_by_value(&self) -> OnWake {
        self.update(Snapshot::abort_by_value)
    }

    pub(super) fn set_join_waker(&self) -> bool {
        self.update(Snapshot::set_join_waker)
    }

    pub(super) fn unset_join_waker(&self) -> bool {
        self.update(Snapshot::unset_join_waker)
    }

    pub(super) fn drop_join(&self) -> OnJoinDrop {
        self.update(Snapshot::drop_join)
    }

    pub(super) fn ref_inc(&self) {
        // Relaxed: the new reference is made from one that the caller holds.
        let before = self.0.fetch_add(REF_ONE, Ordering::Relaxed);
        if before > isize::MAX as usize {
            std::process::abort();
        }
    }

    /// Drops `count` references; true if they were the last.
    #[must_use]
    pub(super) fn ref_dec(&self, count: usize) -> bool {
        let before = Snapshot(self.0.fetch_sub(count * REF_ONE, Ordering::AcqRel));
        debug_assert!(
            before.refs() >= count,
            "{before:?} has fewer than {count} references"
        );
        before.refs() == count
    }

    pub(super) fn give_up_waker(&self, count: usize) -> OnGiveUp {
        self.update(|snapshot| snapshot.give_up_waker(count))
    }

    pub(super) fn drop_join_after_complete(&self, waker_taken: bool) -> OnJoinDrop {
        self.update(|snapshot| snapshot.drop_join_after_complete(waker_taken))
    }
}

#[cfg(test)]
mod tests;
