//! When a busy worker serves what others wait for: the driver, its own wheel, the injector, and
//! the queue of a worker that is stuck. By the clock, because a number of turns says nothing about
//! time: 61 polls take 6 µs or 300 ms. One of the heuristics of `docs/design/heuristics.md`.
//!
//! - B1. A busy worker serves all its duties at the first checkpoint that lies [`AIM`] or more
//!   behind the last such one. Checkpoints are at most [`MOST_TURNS`] turns apart, and one turn
//!   apart while turns take longer than a few microseconds: however long the polls are, nothing
//!   waits for more than `AIM` and one poll, but for the one time that short polls become long,
//!   when it may be [`MOST_TURNS`] polls.
//! - B2. Besides, the driver and the injector each have their number of turns: short polls serve
//!   them more often than the clock asks for. Whoever told the builder a number for the injector
//!   gets that number, whatever the clock says.
//!
//! ```text
//!   turn, turn, … checkpoint ──less than AIM──► the next one is 1 to MOST_TURNS turns away
//!                     └───────AIM or more─────► all duties are due, in this turn
//! ```
//!
//! A checkpoint reads the clock, so turns of 100 ns pay for a sixteenth of a reading each. The
//! distance grows twofold while checkpoints follow each other quickly, and falls to one turn at
//! once: a measure that saw the worker without a core costs a few readings, a missed long poll
//! would cost everybody else. After a sleep it starts at one turn, and nothing is measured across
//! a sleep.
//!
//! Under a checker there is no time: only the numbers of turns count.
//!
//! Rejected: a number of turns that is adapted at the looks themselves (127 turns learnt with short
//! polls were all served with long ones, for up to a second); measuring in the monitor (it sees
//! milliseconds as a whole, and one worker alone has none). Source: the time slices of Go's
//! `sysmon`, here kept by the worker itself.

use super::config::Config;
use crate::driver::clock::system_now;
use crate::loom::CHECKED;
use std::cell::Cell;
use std::time::{Duration, Instant};

/// No duty of a busy worker is served later than this and one poll.
const AIM: Duration = Duration::from_micros(200);

/// The most turns between two checkpoints.
const MOST_TURNS: u32 = 16;

/// Checkpoints that follow each other more quickly move apart.
const QUICK: Duration = Duration::from_micros(2);

/// Checkpoints that follow each other more slowly are one turn apart.
const SLOW: Duration = Duration::from_micros(6);

/// Turns between two looks at the injector, if none was told: one look costs little, so this is
/// about what turns of 100 ns may cost a task from outside.
const INJECTOR_INTERVAL: u32 = 127;

/// The bounds of [`DutyClock::turns_in_aim`].
const FEWEST_IN_AIM: u64 = 2;
const MOST_IN_AIM: u64 = 127;

/// So that fading does not round a few turns.
const SCALE: u64 = 64;

/// What is due in a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    /// The driver, or at least the own wheel.
    pub(super) driver: bool,
    /// The injector, and what a stuck worker left.
    pub(super) injector: bool,
}

impl Due {
    const NOTHING: Self = Self {
        driver: false,
        injector: false,
    };
}

/// One worker's clock. Plain cells: one thread uses it.
#[derive(Debug)]
pub(super) struct DutyClock {
    driver_interval: u32,
    injector_interval: u32,
    injector_by_clock: bool,
    driver_left: Cell<u32>,
    injector_left: Cell<u32>,
    /// Turns to the next checkpoint, and from the last one to it.
    left: Cell<u32>,
    step: Cell<u32>,
    /// The distance of checkpoints that suits the length of turns.
    distance: Cell<u32>,
    /// The last checkpoint, and the last one that served all; none since the worker slept.
    read: Cell<Option<Instant>>,
    served: Cell<Option<Instant>>,
    /// Turns, times [`SCALE`], and the time that they took; what is past counts less and less.
    turns: Cell<u64>,
    turns_ns: Cell<u64>,
}

impl DutyClock {
    pub(super) fn new(config: &Config) -> Self {
        Self::with(
            config.event_interval,
            config.injector_interval,
            INJECTOR_INTERVAL,
        )
    }

    /// For the current-thread scheduler, which counts the turns between looks at the driver itself.
    pub(super) fn for_current_thread(config: &Config) -> Self {
        Self::with(u32::MAX, config.injector_interval, 31)
    }

    /// All intervals are at least 1.
    fn with(driver_interval: u32, told: Option<u32>, injector_default: u32) -> Self {
        let injector_interval = told.unwrap_or(injector_default);
        Self {
            driver_interval,
            injector_interval,
            injector_by_clock: told.is_none(),
            driver_left: Cell::new(driver_interval),
            injector_left: Cell::new(injector_interval),
            left: Cell::new(1),
            step: Cell::new(1),
            distance: Cell::new(1),
            read: Cell::new(None),
            served: Cell::new(None),
            turns: Cell::new(SCALE),
            turns_ns: Cell::new(0),
        }
    }

    /// Counts a turn, and tells what it begins with.
    #[inline]
    pub(super) fn turn(&self) -> Due {
        let left = self.left.get() - 1;
        self.left.set(left);
        if left > 0 {
            return Due::NOTHING;
        }
        let now = (!CHECKED).then(system_now);
        self.checkpoint(now)
    }

    fn checkpoint(&self, now: Option<Instant>) -> Due {
        let passed = self.step.get();
        let by_clock = now.is_some_and(|now| self.is_late(passed, now));
        let is_due = |left: &Cell<u32>, interval: u32, by_clock: bool| {
            let rest = left.get().saturating_sub(passed);
            let due = by_clock || rest == 0;
            left.set(if due { interval } else { rest });
            due
        };
        let due = Due {
            driver: is_due(&self.driver_left, self.driver_interval, by_clock),
            injector: is_due(
                &self.injector_left,
                self.injector_interval,
                by_clock && self.injector_by_clock,
            ),
        };
        let distance = match now {
            Some(_) => self.distance.get(),
            None => MOST_TURNS,
        };
        let step = distance
            .min(self.driver_left.get())
            .min(self.injector_left.get());
        self.step.set(step);
        self.left.set(step);
        due
    }

    /// Notes the time, and tells whether [`AIM`] has passed since all was served.
    fn is_late(&self, passed: u32, now: Instant) -> bool {
        if let Some(before) = self.read.replace(Some(now)) {
            self.measure(passed, now.saturating_duration_since(before));
        }
        let since = self.served.get().map_or(Duration::ZERO, |served| {
            now.saturating_duration_since(served)
        });
        let late = since >= AIM;
        if late || self.served.get().is_none() {
            self.served.set(Some(now));
        }
        late
    }

    fn measure(&self, passed: u32, window: Duration) {
        let distance = self.distance.get();
        if window < QUICK {
            self.distance.set((2 * distance).min(MOST_TURNS));
        } else if window > SLOW {
            self.distance.set(1);
        }
        let window_ns = u64::try_from(window.as_nanos()).unwrap_or(u64::MAX / 16);
        let fade = |sum: u64| sum - sum / 8;
        self.turns
            .set(fade(self.turns.get()) + SCALE * u64::from(passed));
        self.turns_ns
            .set(fade(self.turns_ns.get()).saturating_add(window_ns));
    }

    /// How many turns take about [`AIM`], as far as that is known: 2 to 127.
    pub(super) fn turns_in_aim(&self) -> u32 {
        let aim_ns = AIM.as_nanos() as u64;
        let turns_ns = self.turns_ns.get().saturating_mul(SCALE).max(1);
        let in_aim = aim_ns * self.turns.get() / turns_ns;
        in_aim.clamp(FEWEST_IN_AIM, MOST_IN_AIM) as u32
    }

    /// The worker goes to sleep.
    pub(super) fn sleeps(&self) {
        self.read.set(None);
        self.served.set(None);
        self.distance.set(1);
        // The turns since the checkpoint do not count; the present one ends in a sleep.
        self.step.set(1);
        self.left.set(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Turns of `turn` each, until `count` checkpoints served all; the turns between them.
    fn serve(clock: &DutyClock, now: &mut Instant, turn: Duration, count: usize) -> Vec<u32> {
        let mut turns = Vec::new();
        let mut since = 0;
        while turns.len() < count {
            *now += turn;
            since += 1;
            assert!(since < 1_000_000, "never served");
            let left = clock.left.get() - 1;
            clock.left.set(left);
            if left == 0 {
                let before = clock.served.get();
                let _ = clock.checkpoint(Some(*now));
                if clock.served.get() != before {
                    turns.push(since);
                    since = 0;
                }
            }
        }
        turns
    }

    /// B1.
    #[test]
    fn duties_are_served_by_the_clock_whatever_turns_take() {
        for (turn_ns, most) in [
            (100, 2_016),
            (1_000, 210),
            (60_000, 4),
            (200_000, 1),
            (5_000_000, 1),
        ] {
            let clock = DutyClock::with(u32::MAX, None, u32::MAX);
            let mut now = system_now();
            let turn = Duration::from_nanos(turn_ns);
            let turns = serve(&clock, &mut now, turn, 20);
            // The first only starts the clock.
            assert!(turns[1..].iter().all(|&it| it <= most), "{turns:?}");
        }
    }

    /// B1: also when polls that were short become long.
    #[test]
    fn long_turns_after_short_ones_are_noticed_at_once() {
        let clock = DutyClock::with(61, Some(31), 1);
        let mut now = system_now();
        serve(&clock, &mut now, Duration::from_nanos(50), 20);
        assert_eq!(clock.distance.get(), MOST_TURNS);
        let turns = serve(&clock, &mut now, Duration::from_millis(5), 10);
        assert!(turns[0] <= MOST_TURNS, "{turns:?}");
        assert!(turns[1..].iter().all(|&it| it == 1), "{turns:?}");
    }

    /// B2.
    #[test]
    fn numbers_of_turns_hold_too() {
        for (driver, injector) in [(61, 31), (1, 1), (1_000, 7), (16, 17)] {
            let clock = DutyClock::with(driver, Some(injector), 1);
            let start = system_now();
            let mut due = Vec::new();
            for turn in 1..=8_000_u32 {
                let left = clock.left.get() - 1;
                clock.left.set(left);
                // No time passes.
                let now = if left == 0 {
                    clock.checkpoint(Some(start))
                } else {
                    Due::NOTHING
                };
                assert_eq!(now.driver, turn % driver == 0, "turn {turn}");
                assert_eq!(now.injector, turn % injector == 0, "turn {turn}");
                due.push(now);
            }
            assert!(due.iter().any(|due| due.driver && due.injector));
        }
    }

    /// B2: a number that was told holds also while polls are long.
    #[test]
    fn a_told_interval_of_the_injector_is_kept() {
        let clock = DutyClock::with(61, Some(17), 1);
        let mut now = system_now();
        let due: Vec<_> = (1..=200)
            .filter(|_| {
                now += Duration::from_millis(1);
                let left = clock.left.get() - 1;
                clock.left.set(left);
                left == 0 && clock.checkpoint(Some(now)).injector
            })
            .collect();
        assert_eq!(
            due,
            (1..=200).filter(|turn| turn % 17 == 0).collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_clock_that_was_without_a_core_once_goes_back_to_its_distance() {
        let clock = DutyClock::with(61, Some(31), 1);
        let mut now = system_now();
        serve(&clock, &mut now, Duration::from_nanos(50), 10);
        now += Duration::from_millis(50);
        serve(&clock, &mut now, Duration::from_nanos(50), 1);
        serve(&clock, &mut now, Duration::from_nanos(50), 1);
        assert_eq!(clock.distance.get(), MOST_TURNS);
    }

    #[test]
    fn nothing_is_measured_across_a_sleep() {
        let clock = DutyClock::with(61, Some(31), 1);
        let mut now = system_now();
        serve(&clock, &mut now, Duration::from_nanos(50), 10);
        let before = clock.turns_in_aim();
        clock.sleeps();
        now += Duration::from_secs(3600);
        assert_eq!(clock.checkpoint(Some(now)), Due::NOTHING);
        assert_eq!(clock.turns_in_aim(), before);
        // A clock that goes back is no time.
        assert!(!clock.checkpoint(Some(now - Duration::from_secs(1))).driver);
    }

    #[test]
    fn the_number_of_turns_in_the_aim_follows_their_length() {
        let clock = DutyClock::with(61, Some(31), 1);
        let mut now = system_now();
        for (turn_ns, turns) in [(100, 127), (60_000, 3), (5_000_000, 2), (100, 127)] {
            serve(&clock, &mut now, Duration::from_nanos(turn_ns), 400);
            let seen = clock.turns_in_aim();
            assert!(seen.abs_diff(turns) <= 1, "{turn_ns} ns: {seen}");
        }
    }
}
