//! tokio's names over `runtime`, so that crates which depend on tokio run on it unchanged:
//!
//! ```toml
//! [patch.crates-io]
//! tokio = { path = "…/tokio" }
//! ```
//!
//! There is nothing here but names; what they do is documented in `runtime`. Two things differ
//! from naming `runtime` directly, because nothing may change for tokio's users unasked:
//! `#[tokio::main]` polls its body on the calling thread unless `root = "spawn"` says otherwise,
//! and expansions of the attributes refer to `tokio`, whatever that is where they stand.
#![forbid(unsafe_code)]

pub use ::runtime::{io, pin, runtime, spawn, sync, task, task_local, time};

#[cfg(feature = "fs")]
pub use ::runtime::fs;
#[cfg(feature = "net")]
pub use ::runtime::net;
#[cfg(all(feature = "process", unix))]
pub use ::runtime::process;
#[cfg(feature = "signal")]
pub use ::runtime::signal;

#[cfg(feature = "macros")]
pub use ::runtime::macros::support::{tokio_main as main, tokio_test as test};
#[cfg(feature = "macros")]
pub use ::runtime::{join, select, try_join};

/// What expanded macros refer to.
#[cfg(feature = "macros")]
#[doc(hidden)]
pub mod macros {
    pub use ::runtime::macros::support;
}
