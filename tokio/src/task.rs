//! Tasks. All of it needs the feature `rt`.

#[cfg(all(feature = "rt", feature = "tracing"))]
pub use ::runtime::task::Builder;
#[cfg(feature = "rt-multi-thread")]
pub use ::runtime::task::block_in_place;
#[cfg(feature = "rt")]
pub use ::runtime::task::{
    AbortHandle, Id, JoinError, JoinHandle, JoinSet, LocalEnterGuard, LocalKey, LocalSet, id,
    spawn, spawn_blocking, spawn_local, try_id, yield_now,
};
#[cfg(feature = "rt")]
#[doc(hidden)]
pub use ::runtime::task::{Unconstrained, consume_budget, unconstrained};

/// The budget that makes tasks yield.
#[cfg(feature = "rt")]
pub mod coop {
    pub use ::runtime::task::coop::{
        Coop, RestoreOnPending, Unconstrained, consume_budget, cooperative, has_budget_remaining,
        poll_proceed, unconstrained,
    };
}

/// Futures that have a name because other types hold them.
#[cfg(feature = "rt")]
pub mod futures {
    pub use ::runtime::task::futures::TaskLocalFuture;
}

/// Sets of tasks.
#[cfg(feature = "rt")]
pub mod join_set {
    #[cfg(feature = "tracing")]
    pub use ::runtime::task::join_set::Builder;
    pub use ::runtime::task::join_set::JoinSet;
}
