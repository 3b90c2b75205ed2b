//! Holds a paused clock still while a blocking call runs: its thread works outside of the clock's
//! sight, and whoever awaits it is to be told before the clock moves on.

use super::Shared;
use crate::loom::sync::Arc;

/// The clock of a current-thread runtime does not move on by itself while this is there. That of
/// several threads cannot be paused.
pub(crate) struct ClockHold(Arc<Shared>);

impl ClockHold {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        shared.driver().clock().inhibit_auto_advance();
        Self(shared)
    }
}

impl Drop for ClockHold {
    fn drop(&mut self) {
        let driver = self.0.driver();
        driver.clock().allow_auto_advance();
        // The driver may be waiting for this.
        if driver.clock().is_paused() {
            driver.wake();
        }
    }
}
