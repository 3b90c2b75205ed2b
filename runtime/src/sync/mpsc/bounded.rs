//! The channel with a limit: a message takes a permit, which the receiver gives back.

use super::chan::{self, Bounded, Rx, Tx, Weak};
use super::error::{SendError, TryRecvError, TrySendError};
use super::permit::{OwnedPermit, Permit, PermitIterator};
use crate::sync::block_on::block_on;
use crate::sync::permits::{Permits, Refused};
use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};

/// Sends to a [`Receiver`]; made by [`channel`].
pub struct Sender<T> {
    pub(super) tx: Tx<T, Bounded>,
}

/// Receives from [`Sender`]s; made by [`channel`].
pub struct Receiver<T> {
    rx: Rx<T, Bounded>,
}

/// Makes a channel that holds at most `buffer` messages; senders wait in order for room.
///
/// # Panics
///
/// Panics if `buffer` is 0 or exceeds [`Semaphore::MAX_PERMITS`](crate::sync::Semaphore).
///
/// ```
/// # use runtime::sync::mpsc;
/// let (tx, mut rx) = mpsc::channel(1);
/// tx.try_send(1).unwrap();
/// assert!(tx.try_send(2).is_err());
/// assert_eq!(rx.try_recv(), Ok(1));
/// ```
#[track_caller]
pub fn channel<T>(buffer: usize) -> (Sender<T>, Receiver<T>) {
    assert!(buffer > 0, "mpsc bounded channel requires buffer > 0");
    let (tx, rx) = chan::channel(Bounded {
        permits: Permits::new(buffer),
        bound: buffer,
    });
    (Sender { tx }, Receiver { rx })
}

impl<T> Sender<T> {
    /// Sends a message, waiting for room. A success does not say that it will be received.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the message, if the receiver is dropped or closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before it is ready sends nothing, but the message is lost with it.
    /// [`reserve`](Self::reserve) keeps the message out of the future.
    pub async fn send(&self, value: T) -> Result<(), SendError<T>> {
        match self.reserve().await {
            Ok(permit) => permit.send_or_give_back(value).map_err(SendError),
            Err(SendError(())) => Err(SendError(value)),
        }
    }

    /// Sends a message if there is room now.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] with the message.
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        match self.try_take(1) {
            Ok(()) => Permit::new(&self.tx)
                .send_or_give_back(message)
                .map_err(TrySendError::Closed),
            Err(Refused::NoPermits) => Err(TrySendError::Full(message)),
            Err(Refused::Closed) => Err(TrySendError::Closed(message)),
        }
    }

    /// Sends a message by blocking the thread until there is room.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the message, if the receiver is dropped or closed.
    ///
    /// # Panics
    ///
    /// Panics on a thread that runs asynchronous tasks.
    #[track_caller]
    pub fn blocking_send(&self, value: T) -> Result<(), SendError<T>> {
        block_on("mpsc::Sender::blocking_send", self.send(value))
    }

    fn try_take(&self, count: usize) -> Result<(), Refused> {
        self.tx.limit.permits.try_acquire(count)
    }

    async fn take(&self, count: usize) -> Result<(), SendError<()>> {
        /// A wait that got nothing may have held room until now, and the receiver of a closed
        /// channel waits for all of it.
        struct Unused<'a, T>(&'a Tx<T, Bounded>);
        impl<T> Drop for Unused<'_, T> {
            fn drop(&mut self) {
                self.0.wake_if_finished();
            }
        }
        // Dropped after the wait, in which it gives back.
        let unused = Unused(&self.tx);
        match self.tx.limit.permits.acquire(count).await {
            Ok(()) => {
                std::mem::forget(unused);
                Ok(())
            }
            Err(_) => Err(SendError(())),
        }
    }

    /// Waits for room for one message. The permit holds the room until it is used or dropped.
    ///
    /// # Errors
    ///
    /// [`SendError`] if the receiver is dropped or closed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: only the place in the queue is lost.
    pub async fn reserve(&self) -> Result<Permit<'_, T>, SendError<()>> {
        self.take(1).await?;
        Ok(Permit::new(&self.tx))
    }

    /// Waits for room for `n` messages.
    ///
    /// # Errors
    ///
    /// [`SendError`] if the receiver is dropped or closed, or `n` exceeds
    /// [`max_capacity`](Self::max_capacity).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: only the place in the queue is lost.
    pub async fn reserve_many(&self, n: usize) -> Result<PermitIterator<'_, T>, SendError<()>> {
        if n > self.max_capacity() {
            return Err(SendError(()));
        }
        self.take(n).await?;
        Ok(PermitIterator::new(&self.tx, n))
    }

    /// Waits for room for one message; the permit contains the sender.
    ///
    /// # Errors
    ///
    /// [`SendError`] if the receiver is dropped or closed; the sender is dropped.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, but the sender is dropped with the future.
    pub async fn reserve_owned(self) -> Result<OwnedPermit<T>, SendError<()>> {
        self.take(1).await?;
        Ok(OwnedPermit::new(self.tx))
    }

    /// Takes room for one message if there is some now.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] says why there was none.
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
        match self.try_take(1) {
            Ok(()) => Ok(Permit::new(&self.tx)),
            Err(Refused::NoPermits) => Err(TrySendError::Full(())),
            Err(Refused::Closed) => Err(TrySendError::Closed(())),
        }
    }

    /// Takes room for `n` messages if there is so much now.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] says why there was too little; more than
    /// [`max_capacity`](Self::max_capacity) counts as full.
    pub fn try_reserve_many(&self, n: usize) -> Result<PermitIterator<'_, T>, TrySendError<()>> {
        if n > self.max_capacity() {
            return Err(TrySendError::Full(()));
        }
        match self.try_take(n) {
            Ok(()) => Ok(PermitIterator::new(&self.tx, n)),
            Err(Refused::NoPermits) => Err(TrySendError::Full(())),
            Err(Refused::Closed) => Err(TrySendError::Closed(())),
        }
    }

    /// Takes room for one message if there is some now; the permit contains the sender.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] with the sender.
    pub fn try_reserve_owned(self) -> Result<OwnedPermit<T>, TrySendError<Self>> {
        match self.try_take(1) {
            Ok(()) => Ok(OwnedPermit::new(self.tx)),
            Err(Refused::NoPermits) => Err(TrySendError::Full(self)),
            Err(Refused::Closed) => Err(TrySendError::Closed(self)),
        }
    }

    /// Returns how many messages can be sent now without waiting.
    pub fn capacity(&self) -> usize {
        self.tx.limit.permits.available()
    }

    /// Returns the capacity that the channel was made with.
    pub fn max_capacity(&self) -> usize {
        self.tx.limit.bound
    }

    /// Waits until the receiver is dropped or closed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is lost.
    pub async fn closed(&self) {
        self.tx.closed().await;
    }

    /// Returns whether the receiver is dropped or closed.
    pub fn is_closed(&self) -> bool {
        self.tx.is_closed()
    }

    /// Returns whether both send to the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        self.tx.is_same(&other.tx)
    }

    /// Returns a handle that does not keep the channel open.
    #[must_use = "a weak sender that is dropped at once does nothing"]
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender {
            weak: self.tx.downgrade(),
        }
    }

    /// Returns how many senders there are.
    pub fn strong_count(&self) -> usize {
        self.tx.strong_count()
    }

    /// Returns how many weak senders there are.
    pub fn weak_count(&self) -> usize {
        self.tx.weak_count()
    }
}

impl<T> Receiver<T> {
    /// Receives the next message, or `None` once the channel is closed and empty.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future takes no message.
    pub async fn recv(&mut self) -> Option<T> {
        poll_fn(|cx| self.rx.poll_recv(cx)).await
    }

    /// Receives up to `limit` messages at once: waits for the first, then takes what is there
    /// and appends it to `buffer`. Returns how many; 0 means that the channel is closed and
    /// empty, or that `limit` is 0.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future takes no message.
    pub async fn recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
        poll_fn(|cx| self.rx.poll_recv_many(cx, buffer, limit)).await
    }

    /// Receives the next message if there is one.
    ///
    /// # Errors
    ///
    /// [`TryRecvError`] says whether one may still come. A message whose sending was complete is
    /// never missed.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.rx.try_recv()
    }

    /// Receives the next message by blocking the thread; `None` once the channel is closed and
    /// empty.
    ///
    /// # Panics
    ///
    /// Panics on a thread that runs asynchronous tasks.
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Option<T> {
        block_on("mpsc::Receiver::blocking_recv", self.recv())
    }

    /// Like [`Self::recv_many`], by blocking the thread.
    ///
    /// # Panics
    ///
    /// Panics on a thread that runs asynchronous tasks.
    #[track_caller]
    pub fn blocking_recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
        block_on(
            "mpsc::Receiver::blocking_recv_many",
            self.recv_many(buffer, limit),
        )
    }

    /// Refuses further messages; those in the channel, and those of permits that are out, can
    /// still be received. `recv` returns `None` when all of these are done.
    pub fn close(&mut self) {
        self.rx.close();
    }

    /// Returns whether the channel is closed: by [`Self::close`], or because all senders are
    /// gone. Messages may still be in it.
    pub fn is_closed(&self) -> bool {
        self.rx.is_closed()
    }

    /// Returns whether no message is in the channel.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many messages are in the channel.
    pub fn len(&self) -> usize {
        self.rx.len()
    }

    /// Returns how many messages can be sent now without waiting.
    pub fn capacity(&self) -> usize {
        self.rx.limit.permits.available()
    }

    /// Returns the capacity that the channel was made with.
    pub fn max_capacity(&self) -> usize {
        self.rx.limit.bound
    }

    /// Polls for the next message; the waker of the last call is woken.
    ///
    /// It may be pending with messages in the channel when the task's cooperative budget is used
    /// up; the task is woken then.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.rx.poll_recv(cx)
    }

    /// Polls for what [`Self::recv_many`] returns; the waker of the last call is woken.
    pub fn poll_recv_many(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut Vec<T>,
        limit: usize,
    ) -> Poll<usize> {
        self.rx.poll_recv_many(cx, buffer, limit)
    }

    /// Returns how many senders there are.
    pub fn sender_strong_count(&self) -> usize {
        self.rx.strong_count()
    }

    /// Returns how many weak senders there are.
    pub fn sender_weak_count(&self) -> usize {
        self.rx.weak_count()
    }
}

/// A handle that does not keep the channel open; made by [`Sender::downgrade`].
pub struct WeakSender<T> {
    weak: Weak<T, Bounded>,
}

impl<T> WeakSender<T> {
    /// Makes a sender, unless all senders are gone.
    pub fn upgrade(&self) -> Option<Sender<T>> {
        self.weak.upgrade().map(|tx| Sender { tx })
    }

    /// Returns how many senders there are.
    pub fn strong_count(&self) -> usize {
        self.weak.strong_count()
    }

    /// Returns how many weak senders there are.
    pub fn weak_count(&self) -> usize {
        self.weak.weak_count()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self {
            tx: self.tx.clone(),
        }
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        Self {
            weak: self.weak.clone(),
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("chan", &self.tx).finish()
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakSender").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("chan", &self.rx).finish()
    }
}
