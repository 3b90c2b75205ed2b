//! tokio's names over `runtime`, so that crates which depend on tokio run on it unchanged:
//!
//! ```toml
//! [patch.crates-io]
//! tokio = { path = "…/tokio" }
//! ```
//!
//! There is nothing here but names; what they do is documented in `runtime`. The names are those
//! of tokio, behind its features, and no others but `sync::mpmc`: what `runtime` has besides would stand in the
//! way of a program's own names where it imports ours by a glob. Items that tokio hides behind
//! `--cfg tokio_unstable` are there without it.
//!
//! Some things differ from naming `runtime` directly, because nothing may change for tokio's
//! users unasked:
//!
//! - `#[tokio::main]` polls its body on the calling thread unless `root = "spawn"` says otherwise.
//! - Expansions of the attributes refer to `tokio`, whatever that is where they stand.
//! - With this package in the program, `TOKIO_WORKER_THREADS` sets the number of workers, threads
//!   are named `tokio-rt-worker`, and messages speak of tokio. That holds for the whole program,
//!   also for those parts of it that name `runtime`: it is built once.
#![forbid(unsafe_code)]

pub mod io;
pub mod net;
pub mod task;

/// Streams are in the crates `tokio-stream` and `futures`; there is nothing here.
pub mod stream {}

#[cfg(feature = "fs")]
pub mod fs;
#[cfg(all(feature = "process", unix))]
pub mod process;
#[cfg(feature = "rt")]
pub mod runtime;
#[cfg(feature = "signal")]
pub mod signal;
#[cfg(feature = "sync")]
pub mod sync;
#[cfg(feature = "time")]
pub mod time;

#[cfg(feature = "macros")]
pub use ::runtime::macros::support::{tokio_main as main, tokio_test as test};
pub use ::runtime::pin;
#[cfg(feature = "macros")]
pub use ::runtime::{join, select, try_join};
#[cfg(feature = "rt")]
pub use ::runtime::{spawn, task_local};

/// What expanded macros refer to.
#[doc(hidden)]
pub mod macros {
    #[cfg(feature = "macros")]
    pub use ::runtime::macros::support;
}
