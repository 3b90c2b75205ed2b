//! Channels and locks between tasks, on any executor.
//!
//! `sync` knows nothing of the runtime: the futures use the waker they are polled with and the
//! cooperative budget, and the `blocking_` methods park the thread.
//!
//! | need | type |
//! |---|---|
//! | one value, once | [`oneshot`] |
//! | many values to one receiver | [`mpsc`] |
//! | the newest value, to many | [`watch`] |
//! | many values, each to all receivers | [`broadcast`] |
//! | many values, each to one of many receivers | [`mpmc`] |
//! | a wake-up without a value | [`Notify`] |
//! | at most n at once | [`Semaphore`] |
//! | a value made once, by an async function | [`OnceCell`] |
//! | a value set once, that others wait for | [`SetOnce`] |
//! | one at a time, across `.await` | [`Mutex`] |
//! | many readers or one writer, across `.await` | [`RwLock`] |
//! | wait, with a [`Mutex`] let go, for a change of what it guards | [`Condvar`] |
//! | a fixed number of tasks meet | [`Barrier`] |
//!
//! # Leaked futures
//!
//! Leaking a future that waits ([`mem::forget`](std::mem::forget)) is as good as waiting for ever: it
//! keeps its place in the queue, and what reaches that place, be it a lock, a permit, a notification
//! or a message, is lost with it. That is all: others are served before and after it, and channels
//! end when one side is gone.
//!
//! The counted ones share one fair wait list (`permits`).
//!
//! How it is made: `docs/design/sync.md`, `docs/design/sync_channels.md`,
//! `docs/design/sync_locks.md`, `docs/design/sync_watch.md`.

mod barrier;
mod block_on;
mod condvar;
mod guard_fmt;
mod mutex;
mod notify;
mod once_cell;
pub(crate) mod permits;
mod rwlock;
mod semaphore;
mod set_once;
mod version_waiters;
mod wait_list;

pub mod broadcast;
pub mod mpmc;
pub mod mpsc;
pub mod oneshot;
pub mod watch;

/// Futures of this module that have a name.
pub mod futures {
    pub use super::notify::futures::{Notified, OwnedNotified};
}

pub use barrier::{Barrier, BarrierWaitResult};
pub use condvar::Condvar;
pub use mutex::{
    MappedMutexGuard, Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard, TryLockError,
};
pub use notify::Notify;
pub use once_cell::{OnceCell, SetError};
pub use rwlock::{
    OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock,
    RwLockMappedWriteGuard, RwLockReadGuard, RwLockWriteGuard,
};
pub use semaphore::{
    AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit, TryAcquireError,
};
pub use set_once::{SetOnce, SetOnceError};
