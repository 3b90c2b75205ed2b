//! A channel from many senders to many receivers, each of which gets every value.
//!
//! A receiver gets what is sent after it was made. The channel keeps the last `capacity` values;
//! a receiver that is slower misses the older ones and is told how many. A value is dropped as
//! soon as the last receiver has it, each of which gets a clone. It works on any executor.
//!
//! How it works: `ring` (which value is where, pure), `shared` (locks and waking), `receiver`.

pub mod error;
mod receiver;
mod ring;
mod shared;

use self::error::SendError;
use self::shared::Shared;
use crate::loom::sync::Arc;
use std::fmt;

pub use receiver::Receiver;

/// Makes a channel that keeps the last `capacity` values, rounded up to a power of two.
///
/// # Panics
///
/// Panics if `capacity` is 0 or exceeds `usize::MAX / 2`.
///
/// ```
/// # use runtime::sync::broadcast;
/// let (tx, mut first) = broadcast::channel(16);
/// let mut second = tx.subscribe();
/// tx.send("both").unwrap();
/// assert_eq!(first.try_recv(), Ok("both"));
/// assert_eq!(second.try_recv(), Ok("both"));
/// ```
#[track_caller]
pub fn channel<T: Clone>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(capacity);
    let receiver = sender.subscribe();
    (sender, receiver)
}

/// Sends to all [`Receiver`]s; made by [`channel`] and [`Sender::new`].
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Makes a channel as [`channel`] does, but without a receiver.
    ///
    /// # Panics
    ///
    /// Panics if `capacity` is 0 or exceeds `usize::MAX / 2`.
    #[track_caller]
    pub fn new(capacity: usize) -> Self {
        Self {
            shared: Arc::new(Shared::new(capacity)),
        }
    }

    /// Sends a value to all receivers there are now and returns their number. It never waits. A
    /// success does not say that it will be received: a receiver may be dropped, or lag behind.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the value, if there is no receiver. A later call may succeed, since
    /// there may be receivers again.
    pub fn send(&self, value: T) -> Result<usize, SendError<T>> {
        self.shared.send(value).map_err(SendError)
    }

    /// Makes a receiver for the values that are sent from now on.
    ///
    /// # Panics
    ///
    /// Panics if there would be more than `usize::MAX / 4` receivers.
    #[track_caller]
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::new(self.shared.clone())
    }

    /// Returns a handle that does not keep the channel open.
    #[must_use = "a weak sender that is dropped at once does nothing"]
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender::new(self.shared.clone())
    }

    /// Returns how many values some receiver has still to receive; at most the capacity.
    ///
    /// Takes a lock and looks at as many values as the capacity has binary digits.
    pub fn len(&self) -> usize {
        self.shared.len()
    }

    /// Returns whether every receiver has received all values that are kept.
    pub fn is_empty(&self) -> bool {
        self.shared.is_empty()
    }

    /// Returns how many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.shared.lock().tail.receivers()
    }

    /// Returns whether both send to the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Waits until there is no receiver. There may be one again later.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is lost.
    pub async fn closed(&self) {
        loop {
            let left = self.shared.last_receiver_left.notified();
            if self.receiver_count() == 0 {
                return;
            }
            left.await;
        }
    }

    /// Returns how many senders there are.
    pub fn strong_count(&self) -> usize {
        self.shared.strong_count()
    }

    /// Returns how many weak senders there are.
    pub fn weak_count(&self) -> usize {
        self.shared.weak_count()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.add_sender();
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.remove_sender();
    }
}

/// A handle that does not keep the channel open; made by [`Sender::downgrade`].
pub struct WeakSender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> WeakSender<T> {
    fn new(shared: Arc<Shared<T>>) -> Self {
        shared.add_weak_sender();
        Self { shared }
    }

    /// Makes a sender, unless all senders are gone.
    #[must_use = "a sender that is dropped at once does nothing"]
    pub fn upgrade(&self) -> Option<Sender<T>> {
        self.shared.try_add_sender().then(|| Sender {
            shared: self.shared.clone(),
        })
    }

    /// Returns how many senders there are.
    pub fn strong_count(&self) -> usize {
        self.shared.strong_count()
    }

    /// Returns how many weak senders there are.
    pub fn weak_count(&self) -> usize {
        self.shared.weak_count()
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        Self::new(self.shared.clone())
    }
}

impl<T> Drop for WeakSender<T> {
    fn drop(&mut self) {
        self.shared.remove_weak_sender();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("broadcast::Sender").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("broadcast::WeakSender")
            .finish_non_exhaustive()
    }
}
