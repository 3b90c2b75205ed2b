//! What a thread that holds the driver waits in: mio's poll where I/O is enabled, else a
//! condition variable. The one place that knows whether I/O is compiled in: both variants have
//! the same names and signatures.

#[cfg(any(feature = "net", feature = "signal"))]
mod with_io;
#[cfg(not(any(feature = "net", feature = "signal")))]
mod without_io;

pub(crate) mod signal;

#[cfg(any(feature = "net", feature = "signal"))]
pub(crate) use self::with_io::{Reactor, ReactorHandle};
#[cfg(not(any(feature = "net", feature = "signal")))]
pub(crate) use self::without_io::{Reactor, ReactorHandle};

/// How long a turn may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Not at all.
    Now,
    /// Until something happens.
    Forever,
    /// Until something happens or `until_ns` is reached, in nanoseconds of the runtime's clock.
    For {
        /// The present time.
        now_ns: u64,
        /// When to return.
        until_ns: u64,
    },
}

/// How often sources came, went and had something.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) registered: u64,
    pub(crate) deregistered: u64,
    pub(crate) ready: u64,
}

/// What a turn brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turn {
    /// How many sources reported readiness.
    pub(crate) events: usize,
    /// Whether a wake from another thread ended the turn, or would have.
    pub(crate) woken: bool,
}
