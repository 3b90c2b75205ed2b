//! After how many turns a worker looks at the injector although it has tasks of its own.
//!
//! - C1. The number is fixed, or stays between 2 and 127: whatever was measured, neither the
//!   injector nor the worker's own tasks starve.
//! - C2. If it is not fixed, a worker that is busy looks about every [`AIM_NS`]: a fixed number
//!   would let tasks from outside wait for so many times whatever a poll takes.
//!
//! At each look the worker reads the clock, so once in about 200 µs or 127 turns, and divides the
//! time since the look before by the turns in between. A measure counts one eighth: of the looks
//! of a worker that is taken off its core now and then, few see it, and those are forgotten soon.
//! Nothing is measured across a sleep.
//!
//! Rejected: the monitor, which needs no clock of the worker's, but sees milliseconds as a whole:
//! on a busy machine each of them holds time without a core. And one worker alone has none.

use super::shared::Config;
use crate::driver::clock::system_now;
use std::cell::Cell;
use std::time::{Duration, Instant};

/// The time between two looks at the injector.
const AIM_NS: u64 = 200_000;

/// The bounds of the interval, in turns.
const FEWEST_TURNS: u64 = 2;
const MOST_TURNS: u64 = 127;

/// One worker's looks at the injector.
#[derive(Debug)]
pub(super) struct Pace {
    adapts: bool,
    /// Turns from one look to the next.
    interval: Cell<u32>,
    /// Turns to the next look.
    left: Cell<u32>,
    /// The mean length of a turn.
    turn_ns: Cell<u64>,
    /// When the last look was, if the worker has not slept since.
    looked: Cell<Option<Instant>>,
}

impl Pace {
    pub(super) fn new(config: &Config) -> Self {
        Self::with(config.injector_interval, config.adapts_injector_interval)
    }

    /// `turns` is at least 1.
    fn with(turns: u32, adapts: bool) -> Self {
        Self {
            adapts,
            interval: Cell::new(turns),
            left: Cell::new(turns),
            turn_ns: Cell::new(AIM_NS / u64::from(turns)),
            looked: Cell::new(None),
        }
    }

    /// Counts a turn, and tells whether it begins with a look at the injector.
    #[inline]
    pub(super) fn is_time_to_look(&self) -> bool {
        let left = self.left.get() - 1;
        self.left.set(left);
        if left > 0 {
            return false;
        }
        if self.adapts {
            self.adapt(system_now());
        }
        self.left.set(self.interval.get());
        true
    }

    /// How many turns take at most about [`AIM_NS`], as far as that is known.
    #[inline]
    pub(super) fn short_while(&self) -> u32 {
        if self.adapts {
            self.interval.get()
        } else {
            FEWEST_TURNS as u32
        }
    }

    /// The worker goes to sleep.
    pub(super) fn sleeps(&self) {
        self.looked.set(None);
    }

    fn adapt(&self, now: Instant) {
        let Some(before) = self.looked.replace(Some(now)) else {
            return;
        };
        let window = now.saturating_duration_since(before);
        self.count(window / self.interval.get());
    }

    /// The turns since the last look took `turn` each.
    fn count(&self, turn: Duration) {
        let new_ns = u64::try_from(turn.as_nanos()).unwrap_or(u64::MAX);
        let old_ns = self.turn_ns.get();
        let turn_ns = old_ns - old_ns / 8 + new_ns / 8;
        self.turn_ns.set(turn_ns);
        let turns = (AIM_NS / turn_ns.max(1)).clamp(FEWEST_TURNS, MOST_TURNS);
        self.interval.set(turns as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The interval after so many looks with turns of the same length.
    fn after(pace: &Pace, looks: u32, turn: Duration) -> u32 {
        for _ in 0..looks {
            pace.count(turn);
        }
        pace.interval.get()
    }

    #[test]
    fn the_interval_follows_the_length_of_turns() {
        let pace = Pace::with(31, true);
        for (turn, turns) in [
            (Duration::from_micros(60), 3),
            (Duration::from_nanos(100), 127),
            (Duration::from_micros(6), 33),
            (Duration::MAX, 2),
            (Duration::ZERO, 127),
            (Duration::from_micros(60), 3),
        ] {
            assert_eq!(after(&pace, 400, turn), turns, "{turn:?}");
        }
        // From many turns to few ones it takes the time of a few hundred.
        assert_eq!(after(&pace, 400, Duration::from_nanos(100)), 127);
        assert!(after(&pace, 8, Duration::from_micros(60)) <= 8);
    }

    #[test]
    fn a_look_that_saw_the_worker_without_a_core_is_forgotten_soon() {
        let pace = Pace::with(31, true);
        assert_eq!(after(&pace, 400, Duration::from_micros(1)), 127);
        assert!(after(&pace, 1, Duration::from_micros(80)) > 16);
        assert_eq!(after(&pace, 30, Duration::from_micros(1)), 127);
    }

    #[test]
    fn a_fixed_interval_stays() {
        for turns in [1, 2, 31, 1_000] {
            let pace = Pace::with(turns, false);
            for _ in 0..3 {
                let looks: Vec<_> = (0..turns).map(|_| pace.is_time_to_look()).collect();
                assert_eq!(looks.iter().position(|&it| it), Some(turns as usize - 1));
            }
            assert_eq!(pace.looked.get(), None, "no clock is read");
        }
    }

    #[test]
    fn nothing_is_measured_across_a_sleep() {
        let pace = Pace::with(31, true);
        let start = system_now();
        let hour = Duration::from_secs(3600);
        pace.adapt(start);
        pace.sleeps();
        pace.adapt(start + hour);
        assert_eq!(pace.interval.get(), 31);
        pace.adapt(start + hour + Duration::from_micros(60) * 31);
        assert!(pace.interval.get() < 31);
        // A clock that goes back is no time.
        pace.adapt(start);
        assert!(pace.interval.get() >= FEWEST_TURNS as u32);
    }
}
