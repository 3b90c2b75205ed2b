//! [`Interval`]: ticks with a period.
//!
//! Which tick comes next is a pure function ([`MissedTickBehavior::next_tick`]) of the tick
//! that was due, the time it was taken, and the period.

use super::sleep::{Sleep, sleep_until};
use super::{Duration, Instant};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A tick taken at most this late was not missed: programs observe tokio's slack.
const SLACK: Duration = Duration::from_millis(5);

/// Makes an [`Interval`] whose first tick comes at once: at the driver's next turn.
///
/// # Panics
///
/// Panics if `period` is zero, outside of a runtime, or if its time is not enabled.
///
/// # Examples
///
/// ```
/// use runtime::time::{Duration, interval};
///
/// # let rt = runtime::runtime::Builder::new_current_thread().enable_time().build().unwrap();
/// # rt.block_on(async {
/// let mut every = interval(Duration::from_millis(1));
/// let first = every.tick().await;
/// let third = { every.tick().await; every.tick().await };
/// assert_eq!(third - first, Duration::from_millis(2));
/// # });
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    Interval::new(Instant::now(), period)
}

/// Makes an [`Interval`] whose first tick comes at `start`.
///
/// # Panics
///
/// Panics if `period` is zero, outside of a runtime, or if its time is not enabled.
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    Interval::new(start, period)
}

/// What an [`Interval`] does when its ticks are not taken in time.
///
/// With a period of 50 ms and one tick taken 120 ms late, at `t = 170`:
///
/// | behavior | next ticks at |
/// |---|---|
/// | `Burst` | 100 (at once), 150 (at once), 200, 250 |
/// | `Delay` | 220, 270, 320 |
/// | `Skip` | 200, 250, 300 |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedTickBehavior {
    /// Ticks as fast as they are taken, until it has caught up.
    #[default]
    Burst,
    /// Counts the period anew from when the late tick was taken.
    Delay,
    /// Leaves out what was missed and goes on with the old schedule.
    Skip,
}

impl MissedTickBehavior {
    /// The tick after the one that was due at `due` and was taken at `now`.
    fn next_tick(self, due: Instant, now: Instant, period: Duration) -> Instant {
        if now <= due.saturating_add(SLACK) {
            return due.saturating_add(period);
        }
        match self {
            Self::Burst => due.saturating_add(period),
            Self::Delay => now.saturating_add(period),
            Self::Skip => now.saturating_add(period - remainder(now - due, period)),
        }
    }
}

/// `elapsed` modulo `period`, which is not zero.
fn remainder(elapsed: Duration, period: Duration) -> Duration {
    let ns = elapsed.as_nanos() % period.as_nanos();
    // Less than a period, so the seconds fit; the rest is below 10^9.
    Duration::new((ns / 1_000_000_000) as u64, (ns % 1_000_000_000) as u32)
}

/// Ticks with a period, from [`interval`] and [`interval_at`].
///
/// The period counts from tick to tick, not from the end of the work done in between, so ticks
/// do not drift.
#[derive(Debug)]
pub struct Interval {
    delay: Pin<Box<Sleep>>,
    period: Duration,
    missed_tick_behavior: MissedTickBehavior,
}

impl Interval {
    #[track_caller]
    fn new(start: Instant, period: Duration) -> Self {
        assert!(!period.is_zero(), "`period` must be non-zero.");
        let delay = Box::pin(sleep_until(start));
        Self {
            delay,
            period,
            missed_tick_behavior: MissedTickBehavior::default(),
        }
    }

    /// Waits for the next tick and returns when it was due.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future before it is ready takes no tick.
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// Polls for the next tick: when it was due, or pending with the task woken at that time.
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        ready!(self.delay.as_mut().poll(cx));
        let due = self.delay.deadline();
        let next = self
            .missed_tick_behavior
            .next_tick(due, Instant::now(), self.period);
        self.delay.as_mut().restart(next);
        Poll::Ready(due)
    }

    /// Makes the next tick come one period from now.
    pub fn reset(&mut self) {
        self.reset_at(Instant::after(self.period));
    }

    /// Makes the next tick come at once.
    pub fn reset_immediately(&mut self) {
        self.reset_at(Instant::now());
    }

    /// Makes the next tick come after `after`, and those after it by the period.
    pub fn reset_after(&mut self, after: Duration) {
        self.reset_at(Instant::after(after));
    }

    /// Makes the next tick come at `deadline`, and those after it by the period.
    pub fn reset_at(&mut self, deadline: Instant) {
        self.delay.as_mut().reset(deadline);
    }

    /// Returns what happens when ticks are missed.
    pub fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.missed_tick_behavior
    }

    /// Sets what happens when ticks are missed.
    pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.missed_tick_behavior = behavior;
    }

    /// Returns the period.
    pub fn period(&self) -> Duration {
        self.period
    }
}

#[cfg(test)]
mod tests {
    use super::MissedTickBehavior::{Burst, Delay, Skip};
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Ticks at `taken_ms`, period 50 ms, first due at 0: when each following one is due.
    #[test]
    fn the_next_tick_follows_the_table() {
        let start = Instant::far_future();
        for (behavior, due_ms, taken_ms, next_ms) in [
            (Burst, 0, 0, 50),
            (Burst, 50, 170, 100),
            (Burst, 100, 170, 150),
            (Delay, 50, 170, 220),
            (Skip, 50, 170, 200),
            (Skip, 50, 199, 200),
            (Skip, 50, 200, 250),
            (Skip, 50, 1_000_049, 1_000_050),
            // Within the slack nothing was missed, whatever the behavior.
            (Delay, 50, 55, 100),
            (Skip, 50, 55, 100),
            (Delay, 50, 56, 106),
            (Skip, 50, 56, 100),
        ] {
            let next = behavior.next_tick(start + ms(due_ms), start + ms(taken_ms), ms(50));
            assert_eq!(
                next - start,
                ms(next_ms),
                "{behavior:?} {due_ms} {taken_ms}"
            );
        }
    }

    #[test]
    fn a_period_without_end_never_ticks_again() {
        let now = Instant::far_future();
        for behavior in [Burst, Delay, Skip] {
            assert!(behavior.next_tick(now, now, Duration::MAX) > now - ms(1_000));
            assert!(behavior.next_tick(now, now + ms(10), Duration::MAX) > now - ms(1_000));
        }
        assert_eq!(remainder(Duration::MAX, Duration::MAX), Duration::ZERO);
        assert_eq!(
            remainder(Duration::MAX, Duration::from_nanos(1)),
            Duration::ZERO
        );
    }
}
