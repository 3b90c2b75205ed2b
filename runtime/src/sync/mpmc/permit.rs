//! The right to send one message, taken before the message exists.

use super::chan::Chan;
use std::fmt;
use std::mem::ManuallyDrop;

/// Room for one message; made by [`Sender::reserve`](super::Sender::reserve). A permit that is
/// dropped gives the room back.
#[must_use = "a permit that is dropped at once reserves nothing"]
pub struct Permit<'a, T> {
    chan: &'a Chan<T>,
}

impl<'a, T> Permit<'a, T> {
    pub(super) fn new(chan: &'a Chan<T>) -> Self {
        Self { chan }
    }

    /// Sends a message into the room, also when the channel was closed meanwhile. If there is no
    /// receiver any more, the message is dropped.
    pub fn send(self, value: T) {
        // The message takes the room over, also when a receiver's waker panics.
        let this = ManuallyDrop::new(self);
        drop(this.chan.send_reserved(value, false));
    }
}

impl<T> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        self.chan.unreserve();
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("chan", self.chan).finish()
    }
}
