//! The right to send one message (or several) to a bounded channel, taken before the message
//! exists. A permit that is dropped gives the room back.

use super::Sender;
use super::chan::{Bounded, Chan, Tx};
use std::fmt;
use std::iter::FusedIterator;
use std::mem::ManuallyDrop;

/// Gives room back that was not used, and wakes the receiver if it waits only for that.
fn give_back<T>(chan: &Chan<T, Bounded>, count: usize) {
    chan.limit.permits.release(count);
    chan.wake_if_finished();
}

/// Sends with a permit in hand. Gives the value back if the receiver is gone (C4 of `chan`); the
/// room is given back then.
#[inline]
fn send_with_permit<T>(chan: &Chan<T, Bounded>, value: T) -> Result<(), T> {
    chan.push(value)
        .inspect_err(|_| chan.limit.permits.release(1))
}

/// Room for one message; made by [`Sender::reserve`].
pub struct Permit<'a, T> {
    tx: &'a Tx<T, Bounded>,
}

impl<'a, T> Permit<'a, T> {
    #[inline]
    pub(super) fn new(tx: &'a Tx<T, Bounded>) -> Self {
        Self { tx }
    }

    /// Sends a message into the room, also when the receiver was closed meanwhile. If the receiver
    /// is dropped, so is the message.
    #[inline]
    pub fn send(self, value: T) {
        drop(self.send_or_give_back(value));
    }

    #[inline]
    pub(super) fn send_or_give_back(self, value: T) -> Result<(), T> {
        // The message takes the permit over, also when the receiver's waker panics.
        let this = ManuallyDrop::new(self);
        send_with_permit(this.tx, value)
    }
}

impl<T> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        give_back(self.tx, 1);
    }
}

/// Room for several messages; made by [`Sender::reserve_many`]. What is not taken out is given
/// back on drop.
pub struct PermitIterator<'a, T> {
    tx: &'a Tx<T, Bounded>,
    count: usize,
}

impl<'a, T> PermitIterator<'a, T> {
    pub(super) fn new(tx: &'a Tx<T, Bounded>, count: usize) -> Self {
        Self { tx, count }
    }
}

impl<'a, T> Iterator for PermitIterator<'a, T> {
    type Item = Permit<'a, T>;

    fn next(&mut self) -> Option<Self::Item> {
        self.count = self.count.checked_sub(1)?;
        Some(Permit::new(self.tx))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count, Some(self.count))
    }
}

impl<T> ExactSizeIterator for PermitIterator<'_, T> {}
impl<T> FusedIterator for PermitIterator<'_, T> {}

impl<T> Drop for PermitIterator<'_, T> {
    fn drop(&mut self) {
        if self.count > 0 {
            give_back(self.tx, self.count);
        }
    }
}

/// Room for one message, with its sender; made by [`Sender::reserve_owned`].
pub struct OwnedPermit<T> {
    // Empty once used or released.
    tx: Option<Tx<T, Bounded>>,
}

impl<T> OwnedPermit<T> {
    pub(super) fn new(tx: Tx<T, Bounded>) -> Self {
        Self { tx: Some(tx) }
    }

    fn tx(&self) -> &Tx<T, Bounded> {
        self.tx
            .as_ref()
            .expect("a permit has its sender until it is consumed")
    }

    fn into_tx(mut self) -> Tx<T, Bounded> {
        self.tx
            .take()
            .expect("a permit has its sender until it is consumed")
    }

    /// Sends a message into the room, also when the receiver was closed meanwhile; returns the
    /// sender. If the receiver is dropped, so is the message.
    pub fn send(self, value: T) -> Sender<T> {
        let tx = self.into_tx();
        drop(send_with_permit(&tx, value));
        Sender { tx }
    }

    /// Gives the room back and returns the sender.
    pub fn release(self) -> Sender<T> {
        let tx = self.into_tx();
        give_back(&tx, 1);
        Sender { tx }
    }

    /// Returns whether both permits belong to the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        self.tx().is_same(other.tx())
    }

    /// Returns whether the permit belongs to the channel of `sender`.
    pub fn same_channel_as_sender(&self, sender: &Sender<T>) -> bool {
        self.tx().is_same(&sender.tx)
    }
}

impl<T> Drop for OwnedPermit<T> {
    fn drop(&mut self) {
        if let Some(tx) = &self.tx {
            give_back(tx, 1);
        }
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("chan", self.tx).finish()
    }
}

impl<T> fmt::Debug for PermitIterator<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PermitIterator")
            .field("chan", self.tx)
            .field("capacity", &self.count)
            .finish()
    }
}

impl<T> fmt::Debug for OwnedPermit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedPermit")
            .field("chan", &self.tx)
            .finish()
    }
}
