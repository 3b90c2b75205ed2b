//! Tasks: light threads that the runtime switches between.
//!
//! [`spawn`] starts one, a [`JoinHandle`] waits for its output, [`spawn_blocking`] moves blocking
//! code to a thread of its own, [`yield_now`] lets the others run.
//!
//! - Many tasks: [`JoinSet`], which keeps their outputs; [`TaskTracker`], which only waits for them.
//! - Tasks that end with the code that spawned them: [`Scope`].
//! - Stopping them: [`CancellationToken`], [`AbortOnDropHandle`].
//! - Tasks that are not `Send`: [`LocalSet`], [`spawn_local`].
//! - Values that go with a task: [`task_local!`](crate::task_local); with those that it spawns, too:
//!   [`task_inherited!`](crate::task_inherited).
//! - Fairness inside of a poll: [`coop`].
//!
//! How it is made: `docs/design/task.md`, `docs/design/task_context.md`.

mod abort_on_drop;
mod builder;
pub mod cancellation;
pub mod coop;
mod inherited;
pub mod join_set;
mod local_key;
mod local_set;
pub(crate) mod scope;
mod spawn;
mod spawn_local;
mod tracker;
mod yield_now;

/// Futures that have a name because other types hold them.
pub mod futures {
    pub use super::inherited::InheritedFuture;
    pub use super::local_key::TaskLocalFuture;
}

/// What goes with a [`TaskTracker`].
pub mod task_tracker {
    pub use super::tracker::{TaskTracker, TaskTrackerToken, TaskTrackerWaitFuture, TrackedFuture};
}

pub use self::abort_on_drop::{AbortOnDrop, AbortOnDropHandle};
pub use self::builder::{Builder, name};
pub use self::cancellation::CancellationToken;
#[doc(hidden)]
pub use self::coop::{Unconstrained, consume_budget, unconstrained};
pub use self::inherited::{Inherited, InheritedKey};
pub use self::join_set::JoinSet;
pub use self::local_key::{AccessError, LocalKey};
pub use self::local_set::{LocalEnterGuard, LocalSet};
pub use self::scope::{
    Scope, ScopeBuilder, ScopedJoinHandle, TryScope, scope, scope_with_deadline, try_scope,
    try_scope_with_deadline,
};
pub use self::spawn::{block_in_place, id, spawn, spawn_blocking, try_id};
pub use self::spawn_local::spawn_local;
pub use self::tracker::TaskTracker;
pub use self::yield_now::yield_now;
pub use crate::cell::abort::AbortHandle;
pub use crate::cell::error::JoinError;
pub use crate::cell::id::Id;
pub use crate::cell::join::JoinHandle;
