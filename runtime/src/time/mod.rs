//! Waiting for a point in time, limiting a wait, and repeating on a schedule.
//!
//! - [`sleep`] and [`sleep_until`] wait;
//! - [`timeout`] and [`timeout_at`] give a future a limit;
//! - [`interval`] and [`interval_at`] tick with a period, without drift.
//!
//! They need a runtime whose time is enabled
//! ([`Builder::enable_time`](crate::runtime::Builder::enable_time)). Nothing fires early; on an
//! idle machine timers are late by some tens of microseconds, or by up to a millisecond where the
//! system has no timer descriptors (`timerfd`) or a sandbox refuses them, and on other systems than
//! Linux.
//!
//! # Paused time
//!
//! With the feature `test-util` a current-thread runtime can stop its clock: `pause`, or
//! `Builder::start_paused`. Then time moves by `advance`, or by itself: when all tasks wait,
//! the clock jumps to the next timer. A test of an hour of time-outs takes no time. Timers of a
//! paused clock fire at whole milliseconds.
//!
//! # Examples
//!
//! ```
//! use runtime::time::{self, Duration};
//!
//! # let rt = runtime::runtime::Builder::new_current_thread().enable_time().build().unwrap();
//! # rt.block_on(async {
//! let answer = time::timeout(Duration::from_secs(1), async { 42 }).await;
//! assert_eq!(answer, Ok(42));
//! # });
//! ```
//!
//! How it is made: `docs/design/time.md`.

pub mod error;
mod instant;
mod interval;
mod send_timeout;
mod sleep;
mod timeout;

#[cfg(feature = "test-util")]
mod pause;

pub use instant::Instant;
pub use interval::{Interval, MissedTickBehavior, interval, interval_at};
#[cfg(feature = "test-util")]
pub use pause::{advance, pause, resume};
pub use sleep::{Sleep, sleep, sleep_until};
pub use std::time::Duration;
pub use timeout::{Timeout, timeout, timeout_at};
