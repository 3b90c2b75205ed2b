//! Channels and locks.

pub use ::runtime::sync::{
    AcquireError, Barrier, BarrierWaitResult, MappedMutexGuard, Mutex, MutexGuard, Notify,
    OnceCell, OwnedMappedMutexGuard, OwnedMutexGuard, OwnedRwLockMappedWriteGuard,
    OwnedRwLockReadGuard, OwnedRwLockWriteGuard, OwnedSemaphorePermit, RwLock,
    RwLockMappedWriteGuard, RwLockReadGuard, RwLockWriteGuard, Semaphore, SemaphorePermit,
    SetError, SetOnce, SetOnceError, TryAcquireError, TryLockError,
};

/// Many producers, many consumers, each of which sees every value.
pub mod broadcast {
    pub use ::runtime::sync::broadcast::{Receiver, Sender, WeakSender, channel};

    /// What may go wrong.
    pub mod error {
        pub use ::runtime::sync::broadcast::error::{RecvError, SendError, TryRecvError};
    }
}

/// Many producers, many consumers, each value to one of them. Not tokio's, the one exception here:
/// std's own module of this name is to come, so no program's own name stands against it for long.
#[doc(hidden)]
pub mod mpmc {
    pub use ::runtime::sync::mpmc::*;
}

/// Futures of this module that have a name.
pub mod futures {
    pub use ::runtime::sync::futures::{Notified, OwnedNotified};
}

/// Many producers, one consumer.
pub mod mpsc {
    pub use ::runtime::sync::mpsc::{
        OwnedPermit, Permit, PermitIterator, Receiver, Sender, UnboundedReceiver, UnboundedSender,
        WeakSender, WeakUnboundedSender, channel, unbounded_channel,
    };

    /// What may go wrong.
    pub mod error {
        #[doc(hidden)]
        #[allow(deprecated, reason = "as it is in tokio")]
        pub use ::runtime::sync::mpsc::error::RecvError;
        #[cfg(feature = "time")]
        pub use ::runtime::sync::mpsc::error::SendTimeoutError;
        pub use ::runtime::sync::mpsc::error::{SendError, TryRecvError, TrySendError};
    }
}

/// One value, from one task to another.
pub mod oneshot {
    pub use ::runtime::sync::oneshot::{Receiver, Sender, channel};

    /// What may go wrong.
    pub mod error {
        pub use ::runtime::sync::oneshot::error::{RecvError, TryRecvError};
    }
}

/// One value that many watch, of which only the last matters.
pub mod watch {
    pub use ::runtime::sync::watch::{Receiver, Ref, Sender, channel};

    /// What may go wrong.
    pub mod error {
        pub use ::runtime::sync::watch::error::{RecvError, SendError};
    }
}
