//! The channel without a limit: sending never waits.

use super::chan::{self, Rx, Tx, Unbounded, Weak};
use super::error::{SendError, TryRecvError};
use crate::sync::block_on::block_on;
use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};

/// Sends to an [`UnboundedReceiver`]; made by [`unbounded_channel`].
pub struct UnboundedSender<T> {
    tx: Tx<T, Unbounded>,
}

/// Receives from [`UnboundedSender`]s; made by [`unbounded_channel`].
pub struct UnboundedReceiver<T> {
    rx: Rx<T, Unbounded>,
}

/// Makes a channel without a limit: a receiver that is too slow costs memory.
///
/// ```
/// # use runtime::sync::mpsc;
/// let (tx, mut rx) = mpsc::unbounded_channel();
/// tx.send(1).unwrap();
/// assert_eq!(rx.try_recv(), Ok(1));
/// ```
pub fn unbounded_channel<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    let (tx, rx) = chan::channel(Unbounded);
    (UnboundedSender { tx }, UnboundedReceiver { rx })
}

impl<T> UnboundedSender<T> {
    /// Sends a message without waiting. A success does not say that it will be received.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the message, if the receiver is dropped or closed.
    #[inline]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.tx.push(message).map_err(SendError)
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
    pub fn downgrade(&self) -> WeakUnboundedSender<T> {
        WeakUnboundedSender {
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

impl<T> UnboundedReceiver<T> {
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
        block_on("mpsc::UnboundedReceiver::blocking_recv", self.recv())
    }

    /// Like [`Self::recv_many`], by blocking the thread.
    ///
    /// # Panics
    ///
    /// Panics on a thread that runs asynchronous tasks.
    #[track_caller]
    pub fn blocking_recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
        block_on(
            "mpsc::UnboundedReceiver::blocking_recv_many",
            self.recv_many(buffer, limit),
        )
    }

    /// Refuses further messages; those in the channel can still be received. `recv` returns
    /// `None` when all of these are done.
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

/// A handle that does not keep the channel open; made by [`UnboundedSender::downgrade`].
pub struct WeakUnboundedSender<T> {
    weak: Weak<T, Unbounded>,
}

impl<T> WeakUnboundedSender<T> {
    /// Makes a sender, unless all senders are gone.
    pub fn upgrade(&self) -> Option<UnboundedSender<T>> {
        self.weak.upgrade().map(|tx| UnboundedSender { tx })
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

impl<T> Clone for UnboundedSender<T> {
    fn clone(&self) -> Self {
        Self {
            tx: self.tx.clone(),
        }
    }
}

impl<T> Clone for WeakUnboundedSender<T> {
    fn clone(&self) -> Self {
        Self {
            weak: self.weak.clone(),
        }
    }
}

impl<T> fmt::Debug for UnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnboundedSender")
            .field("chan", &self.tx)
            .finish()
    }
}

impl<T> fmt::Debug for WeakUnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakUnboundedSender")
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for UnboundedReceiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnboundedReceiver")
            .field("chan", &self.rx)
            .finish()
    }
}
