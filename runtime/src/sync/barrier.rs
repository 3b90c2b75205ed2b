//! A barrier: tasks wait until `size` of them have arrived, and all go on together.
//!
//! ```text
//!   arrived (locked):  0 ──► 1 ──► … ──► size - 1 ──the leader──► 0, next round
//! ```
//!
//! B1. A round is a generation of the [`Notify`]. Arrivals are counted and a round is ended under
//!     the lock, so every task belongs to one round: it waits for the generation of its arrival.
//! B2. Exactly one arrival of a round finds the others complete; it is the leader and never waits.
//! B3. The leader ends the round under the lock and wakes after it. A task that arrives in
//!     between belongs to the next round and is not let through with this one.
//!
//! The lock orders what tasks did before they arrived; the end of the generation, which a waiter
//! acquires, hands it to all of them.
//!
//! Rejected: a count by `fetch_add` (ending the round is then a second step, with late-comers in
//! between); two lists in turns (a third round may begin while the leader of the first still
//! wakes).

use super::futures::Notified;
use super::notify::Notify;
use crate::budget;
use crate::loom::sync::Mutex;
use std::future::{Future, poll_fn};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::pin;
use std::task::{Poll, ready};

/// Lets a fixed number of tasks wait for each other, again and again.
///
/// ```
/// # use runtime::sync::Barrier;
/// # let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
/// let barrier = Barrier::new(2);
/// let mut first = std::pin::pin!(barrier.wait());
/// assert!(first.as_mut().poll(&mut cx).is_pending());
/// let mut second = std::pin::pin!(barrier.wait());
/// assert!(second.as_mut().poll(&mut cx).is_ready());
/// assert!(first.as_mut().poll(&mut cx).is_ready());
/// ```
#[derive(Debug)]
pub struct Barrier {
    size: usize,
    arrived: Mutex<usize>,
    released: Notify,
}

// The count is changed in one step, and foreign code runs after that.
impl UnwindSafe for Barrier {}
impl RefUnwindSafe for Barrier {}

/// What [`Barrier::wait`] returns: whether this task is the leader of its round.
#[derive(Clone, Debug)]
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// Returns `true` for exactly one task of each round: the one that arrived last.
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

impl Barrier {
    /// Makes a barrier for `n` tasks; 0 counts as 1.
    pub fn new(n: usize) -> Self {
        Self {
            size: n.max(1),
            arrived: Mutex::new(0),
            released: Notify::new(),
        }
    }

    /// Waits until as many tasks have called this as the barrier is for. After that it can be
    /// used again.
    ///
    /// # Panics
    ///
    /// The last one to arrive panics when a foreign waker of another one does, after all were
    /// woken.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: an arrival stays counted when its future is dropped, so the others go on
    /// without it.
    pub async fn wait(&self) -> BarrierWaitResult {
        let Some(released) = self.arrive() else {
            return BarrierWaitResult(true);
        };
        // Who waits takes a unit of the budget; the leader, who never waits, takes none.
        let mut released = pin!(released);
        poll_fn(|cx| {
            let unit = ready!(budget::poll_proceed(cx));
            ready!(released.as_mut().poll(cx));
            unit.made_progress();
            Poll::Ready(())
        })
        .await;
        BarrierWaitResult(false)
    }

    /// Counts an arrival: what to wait for, or nothing for the leader, who has let the others go.
    fn arrive(&self) -> Option<Notified<'_>> {
        let mut arrived = self.arrived.lock();
        *arrived += 1;
        if *arrived < self.size {
            // Made under the lock: from here on the end of this round notifies it (B1).
            return Some(self.released.notified());
        }
        *arrived = 0;
        let past = self.released.end_generation();
        drop(arrived);
        if let Some(past) = past {
            past.wake();
        }
        None
    }
}
