//! The receiving side: a position of its own, and what happens when it is behind or ahead.
//!
//! V1. A node joins the waiting list of its receiver's channel, under that channel's lock, and is
//!     taken out under the same lock when its future is dropped; the future borrows the receiver,
//!     so the channel outlives the node.
//! V2. What a receiver has not passed when it is dropped, it releases then (R2 of `ring`).
#![allow(unsafe_code)]

use super::error::{RecvError, TryRecvError};
use super::ring::Look;
use super::shared::Shared;
use crate::budget;
use crate::loom::sync::Arc;
use crate::sync::block_on::block_on;
use crate::sync::wait_list::{Stage, Waiter};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

/// Receives every value that is sent from its making on; made by [`channel`](super::channel),
/// [`Sender::subscribe`](super::Sender::subscribe) and [`Receiver::resubscribe`].
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// The position of the next value.
    next: u64,
}

impl<T> Receiver<T> {
    #[track_caller]
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        let next = shared.lock().tail.subscribe();
        Self { shared, next }
    }

    /// Returns how many values were sent that this receiver has not received. Those that it will
    /// never receive, because it lags behind, count too: the result may exceed the capacity.
    pub fn len(&self) -> usize {
        (self.shared.lock().tail.position() - self.next) as usize
    }

    /// Returns whether all values that were sent have been received.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether both receive from the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Returns how many senders there are.
    pub fn sender_strong_count(&self) -> usize {
        self.shared.strong_count()
    }

    /// Returns how many weak senders there are.
    pub fn sender_weak_count(&self) -> usize {
        self.shared.weak_count()
    }

    /// Returns whether all senders are gone. Values may still be there to receive.
    pub fn is_closed(&self) -> bool {
        self.shared.strong_count() == 0
    }
}

impl<T: Clone> Receiver<T> {
    /// Makes another receiver, which begins with the next value that is sent: what this one has
    /// not received yet is none of its business.
    ///
    /// # Panics
    ///
    /// Panics if there would be more than `usize::MAX / 4` receivers.
    #[track_caller]
    pub fn resubscribe(&self) -> Self {
        Self::new(self.shared.clone())
    }

    /// Receives the next value, a clone of what was sent.
    ///
    /// # Errors
    ///
    /// [`RecvError::Closed`] when all senders are gone and all values were received;
    /// [`RecvError::Lagged`] when values were overwritten before this receiver came to them: the
    /// next call returns the oldest one that is left.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future takes no value.
    // No `async fn`: that would keep the receiver twice, and this sits in every receiving task.
    pub fn recv(&mut self) -> impl Future<Output = Result<T, RecvError>> + use<'_, T> {
        Recv {
            receiver: self,
            waiter: Waiter::new(),
        }
    }

    /// Receives the next value if there is one.
    ///
    /// # Errors
    ///
    /// As for [`Self::recv`], and [`TryRecvError::Empty`] if there is no value now.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        loop {
            if let Some(value) = self.shared.take(&mut self.next) {
                return Ok(value);
            }
            let look = self.shared.look(&self.shared.lock(), self.next);
            match look {
                Look::Ready => {}
                Look::Empty => return Err(TryRecvError::Empty),
                Look::Closed => return Err(TryRecvError::Closed),
                Look::Lagged { missed, oldest } => {
                    self.next = oldest;
                    return Err(TryRecvError::Lagged(missed));
                }
            }
        }
    }

    /// Receives the next value by blocking the thread.
    ///
    /// # Errors
    ///
    /// As for [`Self::recv`].
    ///
    /// # Panics
    ///
    /// Panics on a thread that runs asynchronous tasks.
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Result<T, RecvError> {
        block_on("broadcast::Receiver::blocking_recv", self.recv())
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        /// Goes on with the rest when a value panics in its drop.
        struct Leave<'a, T> {
            shared: &'a Shared<T>,
            next: u64,
            end: u64,
            is_last: bool,
        }
        impl<T> Leave<'_, T> {
            fn release_all(&mut self) {
                while self.next < self.end {
                    let position = self.next;
                    self.next += 1;
                    if let Some(value) = self.shared.release(position) {
                        drop(value);
                        continue;
                    }
                    // Overwritten by now: there may be many, so jump to the oldest.
                    let look = self.shared.look(&self.shared.lock(), position);
                    if let Look::Lagged { oldest, .. } = look {
                        self.next = oldest;
                    }
                }
            }
        }
        impl<T> Drop for Leave<'_, T> {
            fn drop(&mut self) {
                self.release_all();
                if self.is_last {
                    self.shared.last_receiver_left.notify_waiters();
                }
            }
        }
        let mut gate = self.shared.lock();
        let end = gate.tail.unsubscribe();
        let is_last = gate.tail.receivers() == 0;
        drop(gate);
        let mut leave = Leave {
            shared: &self.shared,
            next: self.next,
            end,
            is_last,
        };
        leave.release_all();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("broadcast::Receiver")
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// The wait of one `recv`.
    #[must_use = "futures do nothing unless polled"]
    struct Recv<'a, T> {
        receiver: &'a mut Receiver<T>,
        #[pin]
        waiter: Waiter,
    }

    impl<T> PinnedDrop for Recv<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let waiter = this.waiter.into_ref();
            if waiter.stage() == Stage::Waiting {
                this.receiver.leave(waiter);
            }
        }
    }
}

impl<T: Clone> Future for Recv<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let unit = ready!(budget::poll_proceed(cx));
        let this = self.project();
        let waiter = this.waiter.into_ref();
        let polled = this.receiver.poll_recv(waiter, cx.waker());
        if polled.is_ready() {
            unit.made_progress();
        }
        polled
    }
}

impl<T: Clone> Receiver<T> {
    fn poll_recv(&mut self, waiter: Pin<&Waiter>, waker: &Waker) -> Poll<Result<T, RecvError>> {
        if waiter.stage() == Stage::Waiting && self.renew(waiter, waker) {
            return Poll::Pending;
        }
        loop {
            if let Some(value) = self.shared.take(&mut self.next) {
                return Poll::Ready(Ok(value));
            }
            match self.look_or_wait(waiter, waker) {
                Look::Ready => {}
                Look::Empty => return Poll::Pending,
                Look::Closed => return Poll::Ready(Err(RecvError::Closed)),
                Look::Lagged { missed, oldest } => {
                    self.next = oldest;
                    return Poll::Ready(Err(RecvError::Lagged(missed)));
                }
            }
        }
    }
}

/// What a future does with its node.
impl<T> Receiver<T> {
    /// Looks at the tail, and joins the waiting list if there is nothing.
    fn look_or_wait(&self, waiter: Pin<&Waiter>, waker: &Waker) -> Look {
        if waiter.stage() != Stage::New {
            waiter.reset(); // Woken before.
        }
        let waker = waker.clone();
        let mut gate = self.shared.lock();
        let look = self.shared.look(&gate, self.next);
        if look == Look::Empty {
            // SAFETY: the node is new and pinned; the drop of `Recv` takes it out (V1).
            unsafe { gate.waiting.join(waiter, waker, self.next) };
        } else {
            drop(gate);
            drop(waker);
        }
        look
    }

    /// Has a node that waits wake `waker`; false if it does not wait any more.
    fn renew(&self, waiter: Pin<&Waiter>, waker: &Waker) -> bool {
        let mut fresh = None;
        loop {
            let mut gate = self.shared.lock();
            if waiter.stage() != Stage::Waiting {
                drop(gate);
                return false;
            }
            // SAFETY: it waits, and in this list (V1).
            let is_settled = unsafe { gate.waiting.renew(waiter, waker, &mut fresh) };
            // Unlock before `fresh` (by now the replaced waker) is dropped or cloned.
            drop(gate);
            if is_settled {
                return true;
            }
            fresh = Some(waker.clone());
        }
    }

    fn leave(&self, waiter: Pin<&Waiter>) {
        let mut gate = self.shared.lock();
        if waiter.stage() == Stage::Waiting {
            // SAFETY: it waits, and in this list (V1).
            unsafe { gate.waiting.leave(waiter) };
        }
    }
}
