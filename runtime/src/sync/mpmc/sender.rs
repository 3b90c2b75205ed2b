//! The sending side.

use super::chan::{Chan, Refused};
use super::error::{SendError, TrySendError};
use super::permit::Permit;
use super::wait::{Reserve, Send};
use crate::loom::sync::Arc;
use crate::sync::block_on::block_on;
use std::fmt;

/// Sends to [`Receiver`](super::Receiver)s; made by [`channel`](super::channel) and
/// [`unbounded`](super::unbounded).
pub struct Sender<T> {
    chan: Arc<Chan<T>>,
}

/// A handle that does not keep the channel open; made by [`Sender::downgrade`].
pub struct WeakSender<T> {
    chan: Arc<Chan<T>>,
}

super::questions!(Sender senders);
super::weak!(WeakSender Sender senders);

impl<T> Sender<T> {
    pub(super) fn new(chan: Arc<Chan<T>>) -> Self {
        Self { chan }
    }

    /// Sends a message, waiting for room. A success does not say that it will be received.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the message, if the channel is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before it is ready sends nothing, but the message is lost with it.
    /// [`reserve`](Self::reserve) keeps the message out of the future.
    pub async fn send(&self, value: T) -> Result<(), SendError<T>> {
        Send::new(&self.chan, value).await.map_err(SendError)
    }

    /// Sends a message if there is room now.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] with the message.
    #[inline]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.chan
            .try_send(value)
            .map_err(|(refused, value)| match refused {
                Refused::Full => TrySendError::Full(value),
                Refused::Closed => TrySendError::Closed(value),
            })
    }

    /// Sends a message by blocking the thread until there is room.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the message, if the channel is closed.
    ///
    /// # Panics
    ///
    /// Panics on a thread that runs asynchronous tasks.
    #[track_caller]
    pub fn blocking_send(&self, value: T) -> Result<(), SendError<T>> {
        block_on("mpmc::Sender::blocking_send", self.send(value))
    }

    /// Waits for room for one message. The permit holds the room until it is used or dropped.
    ///
    /// # Errors
    ///
    /// [`SendError`] if the channel is closed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: only the place in the queue is lost.
    pub async fn reserve(&self) -> Result<Permit<'_, T>, SendError<()>> {
        match Reserve::new(&self.chan).await {
            Ok(()) => Ok(Permit::new(&self.chan)),
            Err(()) => Err(SendError(())),
        }
    }

    /// Takes room for one message if there is some now.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] says why there was none.
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
        match self.chan.try_reserve() {
            Ok(()) => Ok(Permit::new(&self.chan)),
            Err(Refused::Full) => Err(TrySendError::Full(())),
            Err(Refused::Closed) => Err(TrySendError::Closed(())),
        }
    }

    /// Waits until the channel is closed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is lost.
    pub async fn closed(&self) {
        loop {
            let closed = self.chan.closed.notified();
            if self.is_closed() {
                return;
            }
            closed.await;
        }
    }

    /// Returns how many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.chan.receivers.strong()
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.chan.remove_sender();
    }
}
