//! Leaves out the system call of a wake while an earlier one is still on its way.
//!
//! I1. From a `request` that returned `true` until the next `acknowledge` the flag is set, and
//!     the one who got `true` signals the driver. So others may leave the signal out.
//! I2. What was written before any `request` that precedes an `acknowledge` is visible after it:
//!     both are `AcqRel` swaps, hence `acknowledge` reads from the last `request` and, through the
//!     chain of swaps, acquires them all. With a plain store in its place it would read from none,
//!     and the work behind a signal that was left out could be missed for good.

use crate::loom::{AtomicBool, Ordering};

#[derive(Debug)]
pub(crate) struct WakeFlag(AtomicBool);

impl WakeFlag {
    pub(crate) fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Returns whether the caller has to signal the driver.
    #[must_use = "a `true` that is ignored leaves the driver waiting for ever"]
    pub(crate) fn request(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }

    /// Called by the driver when it saw a signal, before it looks for work; or by a requester
    /// whose signal failed.
    pub(crate) fn acknowledge(&self) {
        self.0.swap(false, Ordering::AcqRel);
    }
}
