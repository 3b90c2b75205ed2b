//! Waiting for time to pass.

pub use ::runtime::time::{
    Instant, Interval, MissedTickBehavior, Sleep, Timeout, interval, interval_at, sleep,
    sleep_until, timeout, timeout_at,
};
#[cfg(feature = "test-util")]
pub use ::runtime::time::{advance, pause, resume};
pub use ::std::time::Duration;

/// What may go wrong.
pub mod error {
    pub use ::runtime::time::error::{Elapsed, Error};
}
