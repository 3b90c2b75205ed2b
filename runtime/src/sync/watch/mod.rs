//! One value that many watch: receivers see the newest, not each.
//!
//! [`Sender`]s change the value; each [`Receiver`] borrows it at any time, or waits until it was
//! changed. Nothing is queued: a slow receiver skips values, and one that comes late sees the
//! present one. The first value counts as seen.
//!
//! The channel ends for receivers when all senders are dropped: [`Receiver::changed`] then tells
//! of the last value if it was not seen, and fails after that. It ends for senders while there is
//! no receiver: [`Sender::send`] fails, [`Sender::closed`] ends.
//!
//! ```
//! # use runtime::sync::watch;
//! # runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
//! let (tx, mut rx) = watch::channel("starting");
//! let watching = runtime::spawn(async move {
//!     rx.wait_for(|state| *state == "ready").await.unwrap().len()
//! });
//! tx.send("loading").unwrap();
//! tx.send("ready").unwrap();
//! assert_eq!(watching.await.unwrap(), 5);
//! # });
//! ```

mod borrow;
mod receiver;
mod sender;
mod shared;

pub mod error;

pub use borrow::Ref;
pub use receiver::Receiver;
pub use sender::Sender;

use crate::loom::sync::Arc;

/// Makes a channel that holds `init`, with one sender and one receiver.
pub fn channel<T>(init: T) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(shared::Shared::new(init, 1));
    (
        Sender::from_shared(shared.clone()),
        Receiver::from_shared(shared),
    )
}
