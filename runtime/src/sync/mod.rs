//! Channels and locks between tasks, on any executor.
//!
//! `sync` knows nothing of the runtime: the futures use the waker they are polled with and the
//! cooperative budget, and the `blocking_` methods park the thread.
//!
//! | need | type |
//! |---|---|
//! | one value, once | [`oneshot`] |
//! | many values to one receiver | [`mpsc`] |
//! | a wake-up without a value | [`Notify`] |
//! | at most n at once | [`Semaphore`] |
//! | one at a time, across `.await` | [`Mutex`] |
//! | many readers or one writer, across `.await` | [`RwLock`] |
//! | wait, with a [`Mutex`] let go, for a change of what it guards | [`Condvar`] |
//! | a fixed number of tasks meet | [`Barrier`] |
//!
//! The counted ones share one fair wait list (`permits`).

mod barrier;
mod block_on;
mod condvar;
mod mutex;
mod notify;
mod permits;
mod rwlock;
mod semaphore;
mod show;

pub mod mpsc;
pub mod oneshot;

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
pub use rwlock::{
    OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock,
    RwLockMappedWriteGuard, RwLockReadGuard, RwLockWriteGuard,
};
pub use semaphore::{
    AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit, TryAcquireError,
};
