//! A multi-threaded work-stealing async runtime.
#![deny(unsafe_code)]

mod loom;
mod util;

mod budget;

pub mod io;
pub mod sync;

mod blocking;

#[cfg(feature = "loom")]
#[doc(hidden)]
pub mod model;
