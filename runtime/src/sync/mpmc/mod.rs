//! A channel from many senders to many receivers, each message to one of them.
//!
//! Messages leave in the order in which they came. Receivers that wait are served in the order in
//! which they began to, and so are senders that wait for room: nobody who comes later takes what
//! became free for them. A channel is closed when all handles of one side are dropped, or by
//! `close`; what was sent before can still be received. It works on any executor, and with the
//! `blocking_` methods between threads.
//!
//! tokio has no such channel; names follow [`mpsc`](super::mpsc).
//!
//! How it works: `store` (messages and who may have them, pure), `chan` (the lock, closing and
//! waking), `wait` (the futures).

mod chan;
mod permit;
mod receiver;
mod sender;
mod store;
mod wait;

/// Why a message was not sent or received: the errors of [`mpsc`](super::mpsc).
pub mod error {
    pub use crate::sync::mpsc::error::{SendError, TryRecvError, TrySendError};
}

use self::chan::Chan;
use crate::loom::sync::Arc;

pub use permit::Permit;
pub use receiver::{Receiver, WeakReceiver};
pub use sender::{Sender, WeakSender};

/// Stands for no limit.
const UNBOUNDED: usize = usize::MAX;

/// Makes a channel that holds at most `bound` messages; senders wait in order for room.
///
/// # Panics
///
/// Panics if `bound` is 0.
///
/// ```
/// # use runtime::sync::mpmc;
/// let (tx, rx) = mpmc::channel(2);
/// let other = rx.clone();
/// tx.try_send(1).unwrap();
/// tx.try_send(2).unwrap();
/// assert!(tx.try_send(3).is_err());
/// assert_eq!((rx.try_recv(), other.try_recv()), (Ok(1), Ok(2)));
/// ```
#[track_caller]
pub fn channel<T>(bound: usize) -> (Sender<T>, Receiver<T>) {
    assert!(bound > 0, "mpmc bounded channel requires bound > 0");
    pair(bound)
}

/// Makes a channel without a limit: sending never waits, and receivers that are too slow cost
/// memory.
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    pair(UNBOUNDED)
}

fn pair<T>(bound: usize) -> (Sender<T>, Receiver<T>) {
    let chan = Arc::new(Chan::new(bound));
    (Sender::new(chan.clone()), Receiver::new(chan))
}

/// What both sides can ask; `$kind` is their own kind of handle in [`Chan`].
macro_rules! questions {
    ($handle:ident $kind:ident) => {
        impl<T> $handle<T> {
            /// Refuses further messages; those in the channel, and those of permits that are out,
            /// can still be received. Senders that wait get an error.
            pub fn close(&self) {
                self.chan.close();
            }

            /// Returns whether the channel is closed: by `close`, or because all handles of one
            /// side are gone. Messages may still be in it.
            pub fn is_closed(&self) -> bool {
                self.chan.lock().store.is_closed()
            }

            /// Returns whether no message is in the channel.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Returns how many messages are in the channel, with those that a receiver was woken
            /// for but has not taken yet.
            pub fn len(&self) -> usize {
                self.chan.lock().store.len()
            }

            /// Returns how many messages can be sent now without waiting; `None` without a limit.
            pub fn capacity(&self) -> Option<usize> {
                let state = self.chan.lock();
                (state.store.bound() != super::UNBOUNDED).then(|| state.store.room())
            }

            /// Returns how many messages the channel holds at most; `None` without a limit.
            pub fn max_capacity(&self) -> Option<usize> {
                let bound = self.chan.lock().store.bound();
                (bound != super::UNBOUNDED).then_some(bound)
            }

            /// Returns whether both belong to the same channel.
            pub fn same_channel(&self, other: &Self) -> bool {
                Arc::ptr_eq(&self.chan, &other.chan)
            }

            /// Returns how many handles of this kind there are.
            pub fn strong_count(&self) -> usize {
                self.chan.$kind.strong()
            }

            /// Returns how many weak handles of this kind there are.
            pub fn weak_count(&self) -> usize {
                self.chan.$kind.weak()
            }
        }

        impl<T> Clone for $handle<T> {
            fn clone(&self) -> Self {
                self.chan.$kind.add();
                Self {
                    chan: self.chan.clone(),
                }
            }
        }

        impl<T> fmt::Debug for $handle<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($handle))
                    .field("chan", &self.chan)
                    .finish()
            }
        }
    };
}

/// A handle that counts as none; `$handle` is what it may become.
macro_rules! weak {
    ($weak:ident $handle:ident $kind:ident) => {
        impl<T> $handle<T> {
            /// Returns a handle that does not keep the channel open.
            #[must_use = "a weak handle that is dropped at once does nothing"]
            pub fn downgrade(&self) -> $weak<T> {
                self.chan.$kind.add_weak();
                $weak {
                    chan: self.chan.clone(),
                }
            }
        }

        impl<T> $weak<T> {
            /// Makes a full handle, unless all of its kind are gone.
            #[must_use = "a handle that is dropped at once does nothing"]
            pub fn upgrade(&self) -> Option<$handle<T>> {
                self.chan.$kind.try_add().then(|| $handle {
                    chan: self.chan.clone(),
                })
            }

            /// Returns how many full handles of its kind there are.
            pub fn strong_count(&self) -> usize {
                self.chan.$kind.strong()
            }

            /// Returns how many weak handles of this kind there are.
            pub fn weak_count(&self) -> usize {
                self.chan.$kind.weak()
            }
        }

        impl<T> Clone for $weak<T> {
            fn clone(&self) -> Self {
                self.chan.$kind.add_weak();
                Self {
                    chan: self.chan.clone(),
                }
            }
        }

        impl<T> Drop for $weak<T> {
            fn drop(&mut self) {
                self.chan.$kind.remove_weak();
            }
        }

        impl<T> fmt::Debug for $weak<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($weak)).finish_non_exhaustive()
            }
        }
    };
}

use {questions, weak};
