//! Channels and locks between tasks, on any executor.
//!
//! `sync` knows nothing of the runtime: the futures use the waker they are polled with and the
//! cooperative budget, and the `blocking_` methods park the thread.
//!
//! | need | type |
//! |---|---|

//! | at most n at once | [`Semaphore`] |

//!
//! The counted ones share one fair wait list (`permits`).

mod block_on;
mod permits;

mod semaphore;
pub use semaphore::{
    AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit, TryAcquireError,
};

mod mutex;
pub use mutex::{
    MappedMutexGuard, Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard, TryLockError,
};
