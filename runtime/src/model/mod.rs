//! Test facades for the models in `loom-tests`: internals behind small public types. No part of the API.

pub mod blocking;
pub mod cell;
#[cfg(feature = "io-std")]
pub mod io;
#[cfg(all(feature = "process", unix))]
pub mod process;
pub mod scheduler;
#[cfg(all(feature = "signal", unix))]
pub mod signal;
pub mod sync;
pub mod task;
pub mod timers;
