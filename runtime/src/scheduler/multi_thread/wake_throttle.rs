//! Whether a yielded task is worth the wake of a sleeper.
//!
//! Waking a thread costs both sides several microseconds. A worker whose task yields runs it again
//! after the few tasks before it, often within one. So a sleeper that is woken for a yielded task
//! may find it gone, or find that it only joins a queue that the others wait in, and sleep again
//! soon: sixteen tasks that hand a lock round made such a wake every 33 µs.
//!
//! - H1. Only pushes of yielded tasks are held back, only while their worker's deque is short, and
//!   only after sleepers woken by pushes had next to nothing to do, one after the other.
//! - H2. After k futile wakes in a row a worker still wakes somebody for one push in a quarter of
//!   the turns that take about 200 µs (see [`DutyClock`](crate::scheduler::duty_clock::DutyClock)) at k = 1,
//!   twice as many at each step, up to eight times as many at [`MOST`]. So a worker that is needed again is found within 2 ms of yields, or 16 of them, and one
//!   wake that was worth its price ends the holding back.
//!
//! The worker that holds back is awake and looks at its own deque before it sleeps, which is all
//! that P2 of `idle` asks for; should its next poll be long, the monitor wakes somebody.
//!
//! Hints: they order nothing. Under a checker nothing is held back, as a clock decides.

use crate::loom::sized;
use crate::loom::unordered::{AtomicU64, Ordering};
use std::cell::Cell;
use std::time::Duration;

/// Somebody who was awake for less was not worth the wake: on a virtual machine it costs the two
/// threads some 25 µs together.
const WORTH: Duration = Duration::from_micros(80);

/// How many futile wakes count.
const MOST: u64 = sized(6, 0) as u64;

/// A deque with more tasks is shared at once.
const SHORT: usize = 4;

/// How many wakes in a row were throttle, up to [`MOST`].
#[derive(Debug)]
pub(super) struct WakeThrottle(AtomicU64);

impl WakeThrottle {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Somebody who was woken for a push goes to sleep after so long.
    pub(super) fn learn(&self, awake: Duration) {
        let before = self.0.load(Ordering::Relaxed);
        let after = if awake < WORTH {
            (before + 1).min(MOST)
        } else {
            0
        };
        // The line is read at many pushes: it is written for news only.
        if after != before {
            self.0.store(after, Ordering::Relaxed);
        }
    }

    /// Whether the push of a yielded task into a deque that now has `len` tasks wakes nobody.
    /// `turns` is how many take about 200 µs, `held` counts its pushes since it last did not hold back.
    #[inline]
    pub(super) fn suppresses(
        &self,
        len: usize,
        turns: impl FnOnce() -> u32,
        held: &Cell<u32>,
    ) -> bool {
        let futile = self.0.load(Ordering::Relaxed);
        if futile == 0 || len > SHORT {
            return false;
        }
        let count = held.get() + 1;
        let is_due = u64::from(count) > (u64::from(turns()) << futile) / 8;
        held.set(if is_due { 0 } else { count });
        !is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pushes out of `count` that wake somebody, at 64 turns.
    fn wakes(throttle: &WakeThrottle, len: usize, count: usize) -> usize {
        let held = Cell::new(0);
        (0..count)
            .filter(|_| !throttle.suppresses(len, || 64, &held))
            .count()
    }

    #[test]
    fn futile_wakes_become_rare_but_do_not_end() {
        let throttle = WakeThrottle::new();
        assert_eq!(wakes(&throttle, 1, 100), 100);
        for turns in [16, 32, 64, 128, 256, 512, 512, 512] {
            throttle.learn(Duration::from_micros(3));
            assert_eq!(wakes(&throttle, 1, turns), 0);
            assert_eq!(wakes(&throttle, 1, 3 * (turns + 1)), 3);
        }
    }

    #[test]
    fn one_wake_that_was_worth_it_ends_the_holding_back() {
        let throttle = WakeThrottle::new();
        (0..10).for_each(|_| throttle.learn(Duration::ZERO));
        throttle.learn(WORTH);
        assert_eq!(wakes(&throttle, 1, 64), 64);
    }

    #[test]
    fn a_long_deque_is_shared_whatever_was_learned() {
        let throttle = WakeThrottle::new();
        (0..10).for_each(|_| throttle.learn(Duration::ZERO));
        assert_eq!(wakes(&throttle, SHORT + 1, 64), 64);
    }
}
