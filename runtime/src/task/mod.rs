//! Tasks: light threads that the runtime switches between.
//!
//! [`spawn`] starts one, a [`JoinHandle`] waits for its output, [`spawn_blocking`] moves blocking
//! code to a thread of its own, [`yield_now`] lets the others run.

mod local_set;
mod spawn;
mod spawn_local;
mod yield_now;

pub use self::spawn::{block_in_place, id, spawn, spawn_blocking, try_id};
pub use self::local_set::{LocalEnterGuard, LocalSet};
pub use self::spawn_local::spawn_local;
pub use self::yield_now::yield_now;
pub use crate::cell::abort::AbortHandle;
pub use crate::cell::error::JoinError;
pub use crate::cell::id::Id;
pub use crate::cell::join::JoinHandle;
