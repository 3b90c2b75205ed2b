//! A condition variable for the async [`Mutex`].
//!
//! ```text
//!   wait:  lock held ──queue──► unlock ──► wait ──notified──► lock again ──► guard
//! ```
//!
//! V1. A waiter is in the list before it unlocks. Whoever changes the condition under the lock
//!     comes after that and sees it there: no notification falls between unlocking and waiting.
//! V2. A notification is for tasks that wait when it is sent: it is never stored. So the
//!     [`Notify`] underneath never leaves `EMPTY` and `WAITING`.
//! V3. One that `notify_one` gave to a waiter is used when the waiter has the lock again. If it
//!     is dropped before, not polled yet or waiting for the lock, the next waiter gets it.
//!
//! The mutex orders the condition: the unlock of the waiter, after it queued, happens before the
//! lock of the notifier, whose look at the list therefore needs no fence.
//!
//! Every waiter locks the mutex it came with, so guards of different mutexes do no harm.
//!
//! Rejected: moving waiters from here to the queue of the mutex (saves a wake-up each when the
//! notifier keeps the lock for long, but binds the list to one mutex, and a cancelled waiter
//! would have two places to look for itself).

use super::notify::Notify;
use super::{Mutex, MutexGuard, OwnedMutexGuard};
use std::fmt;
use std::pin::pin;
use std::sync::Arc;

/// Lets tasks wait, with a [`Mutex`] let go meanwhile, until another task says that what the
/// mutex guards has changed.
///
/// A wait may end without a notification; [`Self::wait_while`] looks at the condition itself.
/// One may use it with several mutexes: each waiter gets the guard of its own back. It needs no
/// runtime.
///
/// ```
/// # use runtime::sync::{Condvar, Mutex};
/// # let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
/// let (queue, filled) = (Mutex::new(vec![]), Condvar::new());
/// let guard = queue.try_lock().unwrap();
/// let mut waiting = std::pin::pin!(filled.wait_while(guard, |queue| queue.is_empty()));
/// assert!(waiting.as_mut().poll(&mut cx).is_pending());
/// queue.try_lock().unwrap().push(7);
/// filled.notify_one();
/// assert!(waiting.as_mut().poll(&mut cx).is_ready());
/// ```
pub struct Condvar {
    waiters: Notify,
}

/// A notification in hand (V3): goes on to the next waiter on drop.
struct InHand<'a> {
    condvar: &'a Condvar,
    is_used: bool,
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        if !self.is_used {
            self.condvar.notify_one();
        }
    }
}

impl Condvar {
    /// Makes one that nobody waits for.
    pub fn new() -> Self {
        Self::const_new()
    }

    crate::loom::const_fn! {
        /// Makes one that nobody waits for, in a constant.
        pub const fn const_new() -> Self {
            Self { waiters: Notify::const_new() }
        }
    }

    /// Unlocks, waits for a notification, and locks again.
    ///
    /// The task is in the queue before the mutex is unlocked: a notification by whoever locks
    /// it next is not lost. A wait may end without a notification, so look at the condition
    /// again.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the mutex unlocked: the guard is gone. No notification gets
    /// lost with it: one that it had received goes to the next waiter.
    pub async fn wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        let mutex = MutexGuard::mutex(&guard);
        let in_hand = self.unlock_and_wait(guard).await;
        let guard = mutex.lock().await;
        in_hand.used();
        guard
    }

    /// Waits as long as `condition` returns `true` for the guarded value.
    ///
    /// Does not wait at all if it returns `false` at first.
    ///
    /// # Cancel safety
    ///
    /// As for [`Self::wait`]: the guard is gone, no notification is lost.
    pub async fn wait_while<'a, T: ?Sized, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: F,
    ) -> MutexGuard<'a, T>
    where
        F: FnMut(&mut T) -> bool,
    {
        while condition(&mut guard) {
            guard = self.wait(guard).await;
        }
        guard
    }

    /// Like [`Self::wait`], with a guard that keeps its mutex alive.
    ///
    /// # Cancel safety
    ///
    /// As for [`Self::wait`]: the guard is gone, no notification is lost.
    pub async fn wait_owned<T: ?Sized>(&self, guard: OwnedMutexGuard<T>) -> OwnedMutexGuard<T> {
        let mutex: Arc<Mutex<T>> = OwnedMutexGuard::mutex(&guard).clone();
        let in_hand = self.unlock_and_wait(guard).await;
        let guard = mutex.lock_owned().await;
        in_hand.used();
        guard
    }

    /// Like [`Self::wait_while`], with a guard that keeps its mutex alive.
    ///
    /// # Cancel safety
    ///
    /// As for [`Self::wait`]: the guard is gone, no notification is lost.
    pub async fn wait_while_owned<T: ?Sized, F>(
        &self,
        mut guard: OwnedMutexGuard<T>,
        mut condition: F,
    ) -> OwnedMutexGuard<T>
    where
        F: FnMut(&mut T) -> bool,
    {
        while condition(&mut guard) {
            guard = self.wait_owned(guard).await;
        }
        guard
    }

    /// Queues, then drops the guard, then waits.
    async fn unlock_and_wait<G>(&self, guard: G) -> InHand<'_> {
        let mut notified = pin!(self.waiters.notified());
        notified.as_mut().enable();
        drop(guard);
        notified.as_mut().await;
        InHand {
            condvar: self,
            is_used: !notified.is_signalled(),
        }
    }

    /// Notifies the task that waits longest. Nothing is stored if none waits.
    ///
    /// Change the condition under the mutex before; the mutex need not be held during the call,
    /// and it is cheaper not to.
    pub fn notify_one(&self) {
        self.waiters.signal();
    }

    /// Notifies all tasks that wait now. They get the mutex one after the other.
    pub fn notify_all(&self) {
        self.waiters.notify_waiters();
    }
}

impl InHand<'_> {
    fn used(mut self) {
        self.is_used = true;
    }
}

impl Default for Condvar {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}
