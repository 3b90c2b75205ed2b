//! The end that changes the value.

use super::error::SendError;
use super::shared::Shared;
use super::{Receiver, Ref};
use crate::budget;
use crate::loom::sync::Arc;
use crate::sync::futures::Notified;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Changes the value that [`Receiver`]s watch; made by [`channel`](super::channel) or alone.
///
/// The channel is closed when there is no receiver, and open again after [`Self::subscribe`].
///
/// ```
/// # use runtime::sync::watch;
/// let tx = watch::Sender::new(1);
/// assert!(tx.is_closed() && tx.send(2).is_err());
/// let rx = tx.subscribe();
/// tx.send_modify(|value| *value += 2);
/// assert_eq!(*rx.borrow(), 3);
/// ```
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    pub(super) fn from_shared(shared: Arc<Shared<T>>) -> Self {
        Self { shared }
    }

    /// Makes a channel without a receiver.
    pub fn new(init: T) -> Self {
        Self::from_shared(Arc::new(Shared::new(init, 0)))
    }

    /// Replaces the value and wakes the receivers that wait.
    ///
    /// Blocks the thread while somebody holds a [`Ref`].
    ///
    /// # Errors
    ///
    /// The value itself if there is no receiver. A success does not say that one will look.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.is_closed() {
            return Err(SendError(value));
        }
        self.send_replace(value);
        Ok(())
    }

    /// Changes the value in place and wakes the receivers that wait; works without receivers.
    ///
    /// Blocks the thread while somebody holds a [`Ref`]. Receivers that look wait for `modify`,
    /// so it should be short, and must not use this channel, which would deadlock.
    ///
    /// # Panics
    ///
    /// Panics if `modify` does. Then nobody is woken; what it wrote before stays.
    pub fn send_modify<F>(&self, modify: F)
    where
        F: FnOnce(&mut T),
    {
        self.send_if_modified(|value| {
            modify(value);
            true
        });
    }

    /// Changes the value in place, and wakes the receivers that wait only if `modify` returns
    /// `true`; returns what it returned. Works without receivers.
    ///
    /// A change made with `false` is visible, but counts as seen. Otherwise as
    /// [`Self::send_modify`].
    ///
    /// # Panics
    ///
    /// Panics if `modify` does. Then nobody is woken; what it wrote before stays.
    ///
    /// ```
    /// # use runtime::sync::watch;
    /// let (tx, rx) = watch::channel(1);
    /// let is_sent = tx.send_if_modified(|value| std::mem::replace(value, 1) != 1);
    /// assert!(!is_sent && !rx.has_changed().unwrap());
    /// ```
    pub fn send_if_modified<F>(&self, modify: F) -> bool
    where
        F: FnOnce(&mut T) -> bool,
    {
        let mut writing = self.shared.write();
        let is_modified = writing.with(modify);
        if is_modified {
            writing.publish();
        }
        is_modified
    }

    /// Replaces the value, wakes the receivers that wait and returns the old value; works without
    /// receivers.
    ///
    /// Blocks the thread while somebody holds a [`Ref`].
    pub fn send_replace(&self, mut value: T) -> T {
        let mut writing = self.shared.write();
        writing.with(|current| mem::swap(current, &mut value));
        writing.publish();
        value
    }

    /// Borrows the value. See [`Ref`] for what this blocks.
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref::new(self.shared.read().0, false)
    }

    /// Returns whether there is no receiver.
    pub fn is_closed(&self) -> bool {
        self.receiver_count() == 0
    }

    /// Waits until there is no receiver. Ends at once if there is none.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is lost.
    pub async fn closed(&self) {
        Unwatched {
            shared: &self.shared,
            notified: self.shared.unwatched(),
        }
        .await;
    }

    /// Makes a receiver, which has seen the present value.
    pub fn subscribe(&self) -> Receiver<T> {
        self.shared.add_receiver();
        Receiver::from_shared(self.shared.clone())
    }

    /// Returns how many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.shared.receivers()
    }

    /// Returns how many senders there are.
    pub fn sender_count(&self) -> usize {
        self.shared.senders()
    }

    /// Returns whether both senders belong to the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

pin_project! {
    /// [`Sender::closed`].
    struct Unwatched<'a, T> {
        shared: &'a Shared<T>,
        // Older than each look at the count: a receiver that leaves after it is not missed.
        #[pin]
        notified: Notified<'a>,
    }
}

impl<T> Future for Unwatched<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let unit = ready!(budget::poll_proceed(cx));
        let mut this = self.project();
        while this.shared.receivers() != 0 {
            ready!(this.notified.as_mut().poll(cx));
            // Perhaps somebody subscribed meanwhile.
            this.notified.set(this.shared.unwatched());
        }
        unit.made_progress();
        Poll::Ready(())
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.add_sender();
        Self::from_shared(self.shared.clone())
    }
}

impl<T: Default> Default for Sender<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

/// The last sender wakes the receivers that wait.
impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.remove_sender();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("channel", &*self.shared)
            .finish()
    }
}
