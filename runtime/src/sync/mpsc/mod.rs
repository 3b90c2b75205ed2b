//! Channels from many senders to one receiver, with a limit ([`channel`]) or without
//! ([`unbounded_channel`]).
//!
//! A channel is closed when all senders are dropped, when the receiver is, or by
//! [`Receiver::close`]. What was sent before can still be received. With a limit, senders wait in
//! the order in which they came. Both work on any executor, and with the `blocking_` methods
//! between threads.
//!
//! How it works: `block` (the queue), `chan` (closing and waking), `permits` of the parent (the
//! limit).

mod block;
mod bounded;
mod chan;
pub mod error;
mod permit;
mod unbounded;

pub use bounded::{Receiver, Sender, WeakSender, channel};
pub use permit::{OwnedPermit, Permit, PermitIterator};
pub use unbounded::{UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel};
