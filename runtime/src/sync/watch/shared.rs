//! What the ends of a watch channel share: the value, its lock and its version in one word, and
//! those who wait.
//!
//! ```text
//!   word:  version (40 bits) | readers (20 bits) | WAITING | PARKED | WRITER | CLOSED
//!
//!   read:   fetch_add(reader) ──WRITER──► undo, wait, again       end: fetch_sub(reader)
//!   write:  fetch_or(WRITER) ──readers──► wait until none is left
//!           end: CAS { !WRITER, !PARKED; if changed: !WAITING, version + 1 }
//! ```
//!
//! - W1. The value is written only by the thread whose `fetch_or` set `WRITER`, after it saw no
//!   reader; it is read by those whose `fetch_add` found no `WRITER`. A reader that found one
//!   counts for a moment, but does not read.
//! - W2. The version changes only in the step that ends a write. So a reader learns the version of
//!   what it reads from its `fetch_add`.
//! - W3. While a receiver is in `waiters` with the present version, `WAITING` is set: it is set
//!   under the lock of the list before a node joins, and only the step to the next version
//!   clears it; whoever takes that step then wakes. It may be set with nobody there (cancelled).
//! - W4. A thread that waits for the lock sets `PARKED` under `gate` before it looks for the last
//!   time. Whoever clears the bit has seen to the condition, passes through `gate` and notifies.
//!
//! Pairs: the release step that ends a write with the acquire RMW or load of readers and
//! receivers; the release `fetch_sub` of a reader with the acquire load of the writer that waits
//! for it. W3 spans no second location: joining and the next version are RMWs of the same word.
//!
//! A version is equal to an old one after 2^40 changes: a receiver that looks exactly then, and
//! did not wait in between, misses them.
//!
//! Rejected: `RwLock` and a version beside it (a third RMW for each change, and the second for
//! joining); a place for each receiver's waker (no list, but an allocation for each receiver, and
//! a change visits those that do not wait).
//! Source: the two-phase writer is the one of Courtois' second readers-writers solution.
#![allow(unsafe_code)]

use crate::loom::cell::UnsafeCell;
use crate::loom::hint;
use crate::loom::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::loom::sync::{Condvar, Mutex};
use crate::sync::Notify;
use crate::sync::futures::Notified;
use crate::sync::version_waiters::{VersionWaiters, Waiter};
use std::fmt;
use std::pin::Pin;
use std::task::{Poll, Waker};

/// No sender is left.
const CLOSED: u64 = 1;
/// A sender changes the value, or waits for readers to leave.
const WRITER: u64 = 1 << 1;
/// A thread may be parked at `gate`.
const PARKED: u64 = 1 << 2;
/// The next change must look at `waiters`.
const WAITING: u64 = 1 << 3;
const READER: u64 = 1 << 4;
const VERSION: u64 = 1 << 24;
const READERS: u64 = VERSION - READER;

/// Half of what the bits can count: the other half is room for threads that are about to undo.
const MAX_READERS: u64 = (READERS / READER).div_ceil(2);

/// Looks at the word before a thread parks: readers copy a value and leave.
const SPINS: usize = crate::loom::sized(100, 0);

/// The word as a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Snapshot(u64);

/// Which change of the value this is; counts modulo 2^40.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Version(u64);

impl Version {
    /// The one before.
    pub(super) const fn previous(self) -> Self {
        Self(self.0.wrapping_sub(VERSION))
    }
}

impl Snapshot {
    pub(super) const fn version(self) -> Version {
        Version(self.0 & !(VERSION - 1))
    }

    pub(super) const fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    const fn is_writing(self) -> bool {
        self.0 & WRITER != 0
    }

    const fn is_waiting(self) -> bool {
        self.0 & WAITING != 0
    }

    const fn is_parked(self) -> bool {
        self.0 & PARKED != 0
    }

    const fn readers(self) -> u64 {
        (self.0 & READERS) / READER
    }

    /// Whether somebody who has seen `version` need not wait any longer.
    const fn is_over(self, version: Version) -> bool {
        self.is_closed() || self.version().0 != version.0
    }

    /// The step that ends a write.
    const fn end_write(self, is_changed: bool) -> Self {
        let unlocked = self.0 & !(WRITER | PARKED);
        Self(if is_changed {
            (unlocked & !WAITING).wrapping_add(VERSION)
        } else {
            unlocked
        })
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("version", &(self.0 / VERSION))
            .field("readers", &self.readers())
            .field("is_waiting", &self.is_waiting())
            .field("is_writing", &self.is_writing())
            .field("is_closed", &self.is_closed())
            .finish()
    }
}

/// See the module's head.
pub(super) struct Shared<T> {
    word: AtomicU64,
    waiters: VersionWaiters,
    value: UnsafeCell<T>,
    gate: Mutex<()>,
    opened: Condvar,
    receivers: AtomicUsize,
    senders: AtomicUsize,
    /// Notified when the last receiver leaves.
    unwatched: Notify,
}

// SAFETY: a `T` is dropped by whichever end is the last.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: by W1 the value is lent to many threads as `&T`, or to one as `&mut T`.
unsafe impl<T: Send + Sync> Sync for Shared<T> {}

// A closure that panics leaves what it wrote, which is documented; all else is consistent.
impl<T> std::panic::UnwindSafe for Shared<T> {}
impl<T> std::panic::RefUnwindSafe for Shared<T> {}

/// Construction and counts.
impl<T> Shared<T> {
    /// With one sender and `receivers` receivers.
    pub(super) fn new(value: T, receivers: usize) -> Self {
        Self {
            word: AtomicU64::new(0),
            waiters: VersionWaiters::new(),
            value: UnsafeCell::new(value),
            gate: Mutex::new(()),
            opened: Condvar::new(),
            receivers: AtomicUsize::new(receivers),
            senders: AtomicUsize::new(1),
            unwatched: Notify::new(),
        }
    }

    #[inline]
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot(self.word.load(Ordering::Acquire))
    }

    pub(super) fn receivers(&self) -> usize {
        self.receivers.load(Ordering::Acquire)
    }

    pub(super) fn senders(&self) -> usize {
        self.senders.load(Ordering::Acquire)
    }

    pub(super) fn add_receiver(&self) {
        self.receivers.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn remove_receiver(&self) {
        if self.receivers.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.unwatched.notify_waiters();
        }
    }

    pub(super) fn add_sender(&self) {
        self.senders.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn remove_sender(&self) {
        if self.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            let before = Snapshot(self.word.fetch_or(CLOSED, Ordering::AcqRel));
            if before.is_waiting() {
                self.wake();
            }
        }
    }

    /// Waits for the last receiver of this moment, or a later one, to leave.
    pub(super) fn unwatched(&self) -> Notified<'_> {
        self.unwatched.notified()
    }
}

/// Waiting for the next version.
impl<T> Shared<T> {
    /// Sees to it that `waker` is woken when there is a version other than `seen`, or no sender.
    /// Ready if that is so.
    pub(super) fn poll_over(
        &self,
        waiter: Pin<&Waiter>,
        seen: Version,
        waker: &Waker,
    ) -> Poll<Snapshot> {
        let now = self.snapshot();
        if now.is_over(seen) {
            return Poll::Ready(now);
        }
        // By W3: with the bit there, a load is enough. The lock of the list orders it after every
        // change whose wake is over, and the change that comes next will find the bit.
        let is_over = || {
            let mut now = self.snapshot();
            if !now.is_over(seen) && !now.is_waiting() {
                now = Snapshot(self.word.fetch_or(WAITING, Ordering::AcqRel));
            }
            now.is_over(seen)
        };
        self.waiters
            .poll(waiter, seen.0, waker, is_over)
            .map(|()| self.snapshot())
    }

    /// Gives the place in the list up.
    pub(super) fn leave(&self, waiter: Pin<&Waiter>) {
        self.waiters.leave(waiter);
    }

    #[cold]
    fn wake(&self) {
        self.waiters
            .wake(|stamp| self.snapshot().is_over(Version(stamp)));
    }
}

/// The lock.
impl<T> Shared<T> {
    /// Lends the value out for reading, and tells its version. Blocks the thread while a sender
    /// changes it.
    #[inline]
    pub(super) fn read(&self) -> (Reading<'_, T>, Version) {
        let before = self.add_reader();
        if before.is_writing() {
            return self.read_later();
        }
        (Reading { shared: self }, before.version())
    }

    /// Counts one reader; it may read if nobody writes (W1). Returns the word before.
    #[inline]
    fn add_reader(&self) -> Snapshot {
        let before = Snapshot(self.word.fetch_add(READER, Ordering::Acquire));
        if before.readers() >= MAX_READERS {
            self.remove_reader();
            panic!("too many borrows of a watch channel's value at once: drop some of the `Ref`s");
        }
        before
    }

    #[inline]
    fn remove_reader(&self) {
        // Release: we have read before the writer writes.
        let before = Snapshot(self.word.fetch_sub(READER, Ordering::Release));
        if before.is_parked() && before.readers() == 1 {
            self.open();
        }
    }

    #[cold]
    fn read_later(&self) -> (Reading<'_, T>, Version) {
        loop {
            self.remove_reader();
            self.wait_until(|now| !now.is_writing());
            let before = self.add_reader();
            if !before.is_writing() {
                return (Reading { shared: self }, before.version());
            }
        }
    }

    /// Lends the value out for changes. Blocks the thread while others have it.
    #[inline]
    pub(super) fn write(&self) -> Writing<'_, T> {
        let before = Snapshot(self.word.fetch_or(WRITER, Ordering::Acquire));
        if before.is_writing() || before.readers() != 0 {
            self.write_later(before);
        }
        Writing { shared: self }
    }

    #[cold]
    fn write_later(&self, mut before: Snapshot) {
        while before.is_writing() {
            self.wait_until(|now| !now.is_writing());
            before = Snapshot(self.word.fetch_or(WRITER, Ordering::Acquire));
        }
        self.wait_until(|now| now.readers() == 0);
    }

    /// Ends a write. After a change it wakes the receivers that wait.
    #[inline]
    fn end_write(&self, is_changed: bool) {
        let mut now = Snapshot(self.word.load(Ordering::Relaxed));
        loop {
            let next = now.end_write(is_changed);
            match self.word.compare_exchange_weak(
                now.0,
                next.0,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(seen) => now = Snapshot(seen),
            }
        }
        if now.is_parked() {
            self.notify_parked();
        }
        if is_changed && now.is_waiting() {
            self.wake();
        }
    }

    /// Blocks the thread until `is_open` holds, which must become so by a step that sees
    /// `PARKED` (W4).
    #[cold]
    fn wait_until(&self, is_open: impl Fn(Snapshot) -> bool) {
        for _ in 0..SPINS {
            if is_open(self.snapshot()) {
                return;
            }
            hint::spin_loop();
        }
        let mut gate = self.gate.lock();
        while !is_open(Snapshot(self.word.fetch_or(PARKED, Ordering::AcqRel))) {
            gate = self.opened.wait(gate);
        }
    }

    /// Lets all that are parked look again.
    #[cold]
    fn open(&self) {
        self.word.fetch_and(!PARKED, Ordering::AcqRel);
        self.notify_parked();
    }

    /// For a caller that has cleared `PARKED`.
    #[cold]
    fn notify_parked(&self) {
        // A thread that set the bit before we cleared it parks as soon as `gate` is free (W4).
        drop(self.gate.lock());
        self.opened.notify_all();
    }
}

/// The right to read the value, and its version.
pub(super) struct Reading<'a, T> {
    shared: &'a Shared<T>,
}

// SAFETY: a shared reference to it lends `&T` and nothing else of the channel. The value is not
// dropped by a reader, which borrows the channel from one of its ends.
unsafe impl<T: Sync> Sync for Reading<'_, T> {}

impl<T> std::ops::Deref for Reading<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.shared.value.with(|value| {
            // SAFETY: by W1 nobody writes while this reader is counted.
            unsafe { &*value }
        })
    }
}

impl<T> Drop for Reading<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.shared.remove_reader();
    }
}

/// The right to change the value.
pub(super) struct Writing<'a, T> {
    shared: &'a Shared<T>,
}

impl<T> Writing<'_, T> {
    /// Runs `f` on the value.
    #[inline]
    pub(super) fn with<R>(&mut self, f: impl FnOnce(&mut T) -> R) -> R {
        self.shared.value.with_mut(|value| {
            // SAFETY: by W1 this is the only access.
            f(unsafe { &mut *value })
        })
    }

    /// Ends the write with a new version, and wakes the receivers that wait.
    #[inline]
    pub(super) fn publish(self) {
        let shared = self.shared;
        std::mem::forget(self);
        shared.end_write(true);
    }
}

/// Ends the write without a new version, also when the closure panics.
impl<T> Drop for Writing<'_, T> {
    fn drop(&mut self) {
        self.shared.end_write(false);
    }
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = self.snapshot();
        f.debug_struct("Channel")
            .field("version", &(now.0 / VERSION))
            .field("is_closed", &now.is_closed())
            .field("senders", &self.senders())
            .field("receivers", &self.receivers())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = Snapshot> {
        let versions = [0, VERSION, VERSION * 7, !(VERSION - 1)];
        let readers = [0, READER, MAX_READERS * READER];
        (0..READER).flat_map(move |flags| {
            versions
                .into_iter()
                .flat_map(move |version| readers.map(|readers| Snapshot(version | readers | flags)))
        })
    }

    /// W2: the end of a write moves the version by one, or not at all, and keeps the readers.
    #[test]
    fn the_end_of_a_write_touches_nothing_else() {
        for before in all().filter(|now| now.is_writing()) {
            for is_changed in [false, true] {
                let after = before.end_write(is_changed);
                assert!(!after.is_writing() && !after.is_parked());
                assert_eq!(after.readers(), before.readers());
                assert_eq!(after.is_closed(), before.is_closed());
                assert_eq!(after.is_waiting(), before.is_waiting() && !is_changed);
                let seen = if is_changed {
                    after.version().previous()
                } else {
                    after.version()
                };
                assert_eq!(seen, before.version());
            }
        }
    }

    #[test]
    fn a_version_is_over_when_another_came_or_none_will() {
        for now in all() {
            assert_eq!(now.is_over(now.version()), now.is_closed());
            assert!(now.is_over(now.version().previous()));
        }
    }

    /// The count cannot run into the version, however many threads are about to undo.
    #[test]
    fn too_many_borrows_are_refused_and_undone() {
        let shared = Shared::new(0, 1);
        let reading: Vec<_> = (0..MAX_READERS).map(|_| shared.read()).collect();
        let refused = std::panic::catch_unwind(|| drop(shared.read()));
        assert!(refused.is_err());
        assert_eq!(shared.snapshot().readers(), MAX_READERS);
        drop(reading);
        assert_eq!(shared.snapshot(), Snapshot(0));
        let mut writing = shared.write();
        writing.with(|value| *value = 1);
        writing.publish();
        assert_eq!(*shared.read().0, 1);
    }
}
