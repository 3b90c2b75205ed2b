//! The receiving side.

use super::chan::{Chan, Received};
use super::error::TryRecvError;
use super::wait::Recv;
use crate::loom::sync::Arc;
use crate::sync::block_on::block_on;
use std::fmt;

/// Receives from [`Sender`](super::Sender)s, in competition with its clones; made by
/// [`channel`](super::channel) and [`unbounded`](super::unbounded).
pub struct Receiver<T> {
    chan: Arc<Chan<T>>,
}

/// A handle that does not keep the channel open; made by [`Receiver::downgrade`].
pub struct WeakReceiver<T> {
    chan: Arc<Chan<T>>,
}

super::questions!(Receiver receivers);
super::weak!(WeakReceiver Receiver receivers);

impl<T> Receiver<T> {
    pub(super) fn new(chan: Arc<Chan<T>>) -> Self {
        Self { chan }
    }

    /// Receives the next message, or `None` once the channel is closed and empty and no permit is
    /// out. Receivers that wait get messages in the order in which they began to.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a message that this future was woken for goes to the next receiver.
    ///
    /// A future that is leaked ([`mem::forget`](std::mem::forget)) while it waits may keep one
    /// message, and its room, to itself as long as there are senders.
    pub async fn recv(&self) -> Option<T> {
        Recv::new(&self.chan).await
    }

    /// Receives the next message if there is one that no other receiver was woken for.
    ///
    /// # Errors
    ///
    /// [`TryRecvError`] says whether one may still come.
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        match self.chan.try_recv() {
            Received::Message(value) => Ok(value),
            Received::Empty => Err(TryRecvError::Empty),
            Received::Finished => Err(TryRecvError::Disconnected),
        }
    }

    /// Receives the next message by blocking the thread; `None` as for [`Self::recv`].
    ///
    /// # Panics
    ///
    /// Panics on a thread that runs asynchronous tasks.
    #[track_caller]
    pub fn blocking_recv(&self) -> Option<T> {
        block_on("mpmc::Receiver::blocking_recv", self.recv())
    }

    /// Returns how many senders there are.
    pub fn sender_count(&self) -> usize {
        self.chan.senders.strong()
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.chan.remove_receiver();
    }
}
