//! Channels and locks between tasks, on any executor.
//!
//! `sync` knows nothing of the runtime: the futures use the waker they are polled with and the
//! cooperative budget, and the `blocking_` methods park the thread.
//!
//! | need | type |
//! |---|---|
//! | one value, once | [`oneshot`] |
//! | many values to one receiver | [`mpsc`] |
//! | many values, each to all receivers | [`broadcast`] |
//! | many values, each to one of many receivers | [`mpmc`] |
//! | a wake-up without a value | [`Notify`] |
//! | at most n at once | [`Semaphore`] |
//! | one at a time, across `.await` | [`Mutex`] |
//!
//! The counted ones share one fair wait list (`permits`).

mod block_on;
mod mutex;
mod notify;
mod permits;
mod semaphore;
mod waiters;

pub mod broadcast;
pub mod mpmc;
pub mod mpsc;
pub mod oneshot;

/// Futures of this module that have a name.
pub mod futures {
    pub use super::notify::futures::{Notified, OwnedNotified};
}

pub use mutex::{
    MappedMutexGuard, Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard, TryLockError,
};
pub use notify::Notify;
pub use semaphore::{
    AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit, TryAcquireError,
};
