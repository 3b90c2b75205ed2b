//! When a wait in the reactor ends for timers: on time for one alone, in steps for a crowd.
//!
//! The end of a wait costs a few system calls and, if several tasks are ready, the wake of another
//! worker: microseconds, while a timer itself takes a fraction of one. If a wait ended for each
//! tick of a crowd, the crowd would keep a core busy with nothing but waits.
//!
//! ```text
//!   exact ──a firing of several timers──► stepping ──a firing of one, or of none──► exact
//! ```
//!
//! - C1. No wait ends more than [`STEP_NS`] after the deadline it is for.
//! - C2. After a firing of one timer, or of none, the next wait ends at its deadline: whoever has
//!   the runtime for himself sleeps as exactly as the system lets him.
//!
//! Rejected: a coarser tick (everybody is late then, also one timer alone); asking the wheel how
//! many timers a later end would bring (it would have to walk its slots for each wait).

/// The time between two firings of a crowd.
const STEP_NS: u64 = 100_000;

/// What the holder of the driver knows of the last firing.
#[derive(Debug, Default)]
pub(super) struct TimerCoalescing {
    /// No wait ends for a timer before; in the past if the last firing was of no crowd.
    not_before_ns: u64,
}

impl TimerCoalescing {
    /// When a wait ends whose first deadline is `first_ns`.
    pub(super) fn end_of_wait(&self, first_ns: u64) -> u64 {
        first_ns.max(self.not_before_ns)
    }

    /// After a wait so many timers fired; `now_ns` is asked only if it matters.
    pub(super) fn fired(&mut self, count: usize, now_ns: impl FnOnce() -> u64) {
        self.not_before_ns = match count {
            0 | 1 => 0,
            _ => now_ns().saturating_add(STEP_NS),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C2.
    #[test]
    fn one_timer_at_a_time_is_waited_for_exactly() {
        let mut coalescing = TimerCoalescing::default();
        for deadline_ns in [5, 1_000, 1_001, 90_000] {
            assert_eq!(coalescing.end_of_wait(deadline_ns), deadline_ns);
            coalescing.fired(1, || panic!("the clock is not read for one timer"));
        }
    }

    /// C1.
    #[test]
    fn a_crowd_is_waited_for_in_steps() {
        let mut coalescing = TimerCoalescing::default();
        coalescing.fired(2, || 1_000);
        assert_eq!(coalescing.end_of_wait(1_001), 1_000 + STEP_NS);
        assert_eq!(coalescing.end_of_wait(500_000), 500_000, "far enough");
        coalescing.fired(0, || unreachable!());
        assert_eq!(coalescing.end_of_wait(1_002), 1_002, "the crowd is gone");
        coalescing.fired(9, || u64::MAX - 5);
        assert_eq!(coalescing.end_of_wait(7), u64::MAX);
    }
}
