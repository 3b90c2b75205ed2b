//! When the holder of the core looks at the driver although there are tasks to run: after some of
//! them only yielded, so that ready I/O and timers are reached within ten turns.
//!
//! After a look that found something, or a wait, one yield is enough, and each look that finds
//! nothing doubles the number up to [`MOST_YIELDS`]: answers of a peer come one after the other,
//! and a few yields are enough for all of them.
//!
//! - Y1. Between two looks there are at most [`MOST_YIELDS`] yields.
//! - Y2. After a poll in which the root began to wait, or a task used up its budget, the next yield
//!   is enough: it may wait for the driver, and others that only yield do not keep it waiting.

use std::cell::Cell;

const MOST_YIELDS: u32 = 8;

/// Yields since the last look, and how many make the next one due.
#[derive(Debug)]
pub(super) struct DriverInterval {
    yields: Cell<u32>,
    /// 1 to `MOST_YIELDS`.
    enough: Cell<u32>,
}

impl DriverInterval {
    pub(super) fn new() -> Self {
        Self {
            yields: Cell::new(0),
            enough: Cell::new(1),
        }
    }

    /// A task, or the root, woke itself while it ran.
    #[inline]
    pub(super) fn yielded(&self) {
        self.yields.set(self.yields.get() + 1);
    }

    /// The next yield is enough (Y2).
    pub(super) fn after_next_yield(&self) {
        self.yields.set(MOST_YIELDS - 1);
    }

    /// The present poll is enough.
    pub(super) fn soon(&self) {
        self.yields.set(MOST_YIELDS);
    }

    #[inline]
    pub(super) fn is_due(&self) -> bool {
        self.yields.get() >= self.enough.get()
    }

    /// The driver was looked at, and had so much.
    pub(super) fn looked(&self, found: usize) {
        self.yields.set(0);
        self.enough.set(match found {
            0 => (2 * self.enough.get()).min(MOST_YIELDS),
            _ => 1,
        });
    }

    /// The driver was waited for.
    pub(super) fn waited(&self) {
        self.enough.set(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Yields until a look is due, which then finds so much.
    fn yields_to_look(driver_interval: &DriverInterval, found: usize) -> u32 {
        let mut yields = 0;
        while !driver_interval.is_due() {
            driver_interval.yielded();
            yields += 1;
        }
        driver_interval.looked(found);
        yields
    }

    /// Y1.
    #[test]
    fn looks_in_vain_become_rare_up_to_a_bound() {
        let driver_interval = DriverInterval::new();
        let numbers = [0; 6].map(|found| yields_to_look(&driver_interval, found));
        assert_eq!(numbers, [1, 2, 4, 8, 8, 8]);
        assert_eq!(yields_to_look(&driver_interval, 3), 8);
        assert_eq!(
            yields_to_look(&driver_interval, 0),
            1,
            "something was found"
        );
        assert_eq!(yields_to_look(&driver_interval, 0), 2);
        driver_interval.waited();
        assert_eq!(yields_to_look(&driver_interval, 0), 1);
    }

    /// Y2.
    #[test]
    fn whoever_waits_for_the_driver_is_not_kept_waiting_by_yields() {
        let driver_interval = DriverInterval::new();
        let _ = [0; 6].map(|found| yields_to_look(&driver_interval, found));
        driver_interval.after_next_yield();
        assert!(!driver_interval.is_due());
        assert_eq!(yields_to_look(&driver_interval, 0), 1);
        assert_eq!(yields_to_look(&driver_interval, 0), 8);
        driver_interval.soon();
        assert!(driver_interval.is_due());
    }
}
