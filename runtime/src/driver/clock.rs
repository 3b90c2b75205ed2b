//! The clock of one runtime: the only place that asks the system for the time.
//!
//! ```text
//!   plain ──pause──► paused ──resume──► resumed ──pause──► paused
//! ```
//!
//! Time is counted in nanoseconds since the clock was made, and for the wheels in ticks of
//! 2^14 ns. A plain clock is the system's monotonic one. A paused clock moves only by `advance`
//! and `advance_to`; a resumed one runs at the system's speed, a fixed distance away from it.
//! Few programs ever pause a clock, so the plain case costs one load and a predicted branch.
//!
//! I1. In every mode a timer fires at a tick at which its deadline has passed: never early.
//! I2. Under a paused clock timers fire at whole milliseconds, exactly: programs under test
//!     observe tokio's granularity.
//! I3. Nothing here underflows: a clock that steps back or stands still reads as no progress.
//!
//! How one wheel serves both granularities. A deadline `d` of a running clock gets the tick
//! after it (`ceil`), and the tick of `now` is the one before it (`floor`): late by one tick at
//! most. Under a paused clock the deadline is rounded up to a millisecond `m` and gets the tick
//! *before* `m`; `now` is rounded down to a millisecond and then to the tick before. A
//! millisecond has 61 ticks, so two milliseconds never share one, and the timer fires exactly
//! when `now` reaches `m` (I2). I1 across a change of mode:
//! - armed running, fires paused: tick `t` fires if `t <= floor(m)`, so `d <= t <= m <= now`;
//! - armed paused, fires resumed: the tick of a resumed clock lags by one, which makes up for
//!   the tick before `m`;
//! - the tick of the moment of pausing can be that of the next millisecond already, and the
//!   wheel may have been told of it: `pause_tick` moves such a deadline on by a millisecond.
//!
//! The mode is written last (release) and read first (acquire), so a reader has values at
//! least as new as the mode. Changes are serialised by a lock that readers never take.
//!
//! Rejected: ticks of 1 ms under a paused clock (the ticks of what is armed would change their
//! meaning); a lock around the whole clock (every sleep would take it).

use crate::loom::sync::Mutex;
use crate::loom::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use crate::loom::unordered::{self, AtomicBool};
use std::time::{Duration, Instant};

/// A tick lasts 2^14 ns, about 16 µs.
const TICK_SHIFT: u32 = 14;

/// Granularity of a paused clock.
const MS: u64 = 1_000_000;

/// Stands for "so late that it never comes" where an `Instant` is needed: 30 years.
const FAR_FUTURE: Duration = Duration::from_secs(30 * 365 * 86_400);

const PLAIN: u8 = 0;
const PAUSED: u8 = 1;
const RESUMED: u8 = 2;

/// Whether any clock of the process was ever paused. A std atomic: it orders nothing, it only
/// lets the public `Instant::now` skip looking for the current runtime.
static ANY_EVER_PAUSED: AtomicBool = AtomicBool::new(false);

/// The system's monotonic clock.
#[inline]
pub(crate) fn system_now() -> Instant {
    Instant::now()
}

/// Whether a clock may exist that differs from the system's.
#[inline]
pub(crate) fn any_ever_paused() -> bool {
    ANY_EVER_PAUSED.load(unordered::Ordering::Relaxed)
}

/// A point 30 years from the system's now.
pub(crate) fn far_future() -> Instant {
    system_now() + FAR_FUTURE
}

/// Why the clock could not be paused, resumed or moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClockError {
    /// This runtime runs on several threads: they would not see one time.
    CannotPause,
    /// `pause` on a paused clock.
    AlreadyPaused,
    /// `resume` or `advance` on a running clock.
    NotPaused,
}

/// The time of one runtime; share it behind an `Arc`.
#[derive(Debug)]
pub(crate) struct Clock {
    base: Instant,
    can_pause: bool,
    mode: AtomicU8,
    /// The time while paused.
    frozen_ns: AtomicU64,
    /// While resumed: what to add (wrapping) to the system's time.
    skew_ns: AtomicU64,
    /// The tick of the moment of the last pause.
    pause_tick: AtomicU64,
    /// How many hold the automatic advance back.
    inhibitors: AtomicUsize,
    change: Mutex<()>,
}

impl Clock {
    /// A plain clock that starts at 0; `can_pause` for a runtime of one thread.
    pub(crate) fn new(can_pause: bool) -> Self {
        Self {
            base: system_now(),
            can_pause,
            mode: AtomicU8::new(PLAIN),
            frozen_ns: AtomicU64::new(0),
            skew_ns: AtomicU64::new(0),
            pause_tick: AtomicU64::new(0),
            inhibitors: AtomicUsize::new(0),
            change: Mutex::new(()),
        }
    }

    /// A clock that stands at 0 until it is advanced.
    pub(crate) fn new_paused() -> Self {
        ANY_EVER_PAUSED.store(true, unordered::Ordering::Relaxed);
        let mut clock = Self::new(true);
        clock.mode = AtomicU8::new(PAUSED);
        clock
    }

    /// Nanoseconds since the clock was made.
    #[inline]
    pub(crate) fn now_ns(&self) -> u64 {
        if self.is_plain() {
            self.system_ns()
        } else {
            self.shifted_ns()
        }
    }

    /// Now, as the type the public `Instant` wraps.
    #[inline]
    pub(crate) fn now(&self) -> Instant {
        if self.is_plain() {
            system_now()
        } else {
            self.instant(self.shifted_ns())
        }
    }

    /// The instant `ns` after the clock was made, or one far in the future if there is none.
    pub(crate) fn instant(&self, ns: u64) -> Instant {
        self.base
            .checked_add(Duration::from_nanos(ns))
            .unwrap_or_else(far_future)
    }

    /// Nanoseconds from the making of the clock to `instant`: 0 if it was before, `u64::MAX`
    /// if it is more than 584 years after.
    #[inline]
    pub(crate) fn ns_of(&self, instant: Instant) -> u64 {
        to_ns(instant.saturating_duration_since(self.base))
    }

    /// Whether the clock was never paused.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.mode.load(Ordering::Acquire) == PLAIN
    }

    /// Whether the clock stands.
    #[inline]
    pub(crate) fn is_paused(&self) -> bool {
        self.mode.load(Ordering::Acquire) == PAUSED
    }

    /// Stops the clock.
    #[allow(dead_code)] // only `test-util` calls it
    pub(crate) fn pause(&self) -> Result<(), ClockError> {
        if !self.can_pause {
            return Err(ClockError::CannotPause);
        }
        let _changing = self.change.lock();
        if self.is_paused() {
            return Err(ClockError::AlreadyPaused);
        }
        ANY_EVER_PAUSED.store(true, unordered::Ordering::Relaxed);
        let now_ns = self.now_ns();
        self.frozen_ns.store(now_ns, Ordering::Relaxed);
        self.pause_tick
            .store(now_ns >> TICK_SHIFT, Ordering::Relaxed);
        self.mode.store(PAUSED, Ordering::Release);
        Ok(())
    }

    /// Lets the clock run on from where it stands.
    #[allow(dead_code)] // only `test-util` calls it
    pub(crate) fn resume(&self) -> Result<(), ClockError> {
        let _changing = self.change.lock();
        if !self.is_paused() {
            return Err(ClockError::NotPaused);
        }
        let frozen_ns = self.frozen_ns.load(Ordering::Relaxed);
        self.skew_ns
            .store(frozen_ns.wrapping_sub(self.system_ns()), Ordering::Relaxed);
        self.mode.store(RESUMED, Ordering::Release);
        Ok(())
    }

    /// Moves a paused clock on by `step`.
    #[allow(dead_code)] // only `test-util` calls it
    pub(crate) fn advance(&self, step: Duration) -> Result<(), ClockError> {
        let _changing = self.change.lock();
        if !self.is_paused() {
            return Err(ClockError::NotPaused);
        }
        let now_ns = self.frozen_ns.load(Ordering::Relaxed);
        self.frozen_ns
            .store(now_ns.saturating_add(to_ns(step)), Ordering::Release);
        Ok(())
    }

    /// Moves a paused clock to `ns` unless it is there already; a running one goes by itself.
    pub(crate) fn advance_to(&self, ns: u64) {
        let _changing = self.change.lock();
        if self.is_paused() && ns > self.frozen_ns.load(Ordering::Relaxed) {
            self.frozen_ns.store(ns, Ordering::Release);
        }
    }

    /// Whether an idle runtime may move this clock to its next timer.
    pub(crate) fn can_auto_advance(&self) -> bool {
        self.is_paused() && self.inhibitors.load(Ordering::Acquire) == 0
    }

    /// Holds the automatic advance back, because a thread works outside of the clock's sight.
    pub(crate) fn inhibit_auto_advance(&self) {
        self.inhibitors.fetch_add(1, Ordering::AcqRel);
    }

    /// Takes one [`inhibit_auto_advance`](Self::inhibit_auto_advance) back.
    pub(crate) fn allow_auto_advance(&self) {
        let before = self.inhibitors.fetch_sub(1, Ordering::AcqRel);
        debug_assert!(before > 0, "allowed more often than inhibited");
    }

    /// The tick at which a timer with this deadline fires.
    #[inline]
    pub(crate) fn deadline_tick(&self, deadline_ns: u64) -> u64 {
        if self.is_paused() {
            self.paused_deadline_tick(deadline_ns)
        } else {
            deadline_ns.div_ceil(1 << TICK_SHIFT)
        }
    }

    /// The tick up to which timers fire when it is `now_ns`.
    #[inline]
    pub(crate) fn tick_at(&self, now_ns: u64) -> u64 {
        match self.mode.load(Ordering::Acquire) {
            PLAIN => now_ns >> TICK_SHIFT,
            PAUSED => (now_ns - now_ns % MS) >> TICK_SHIFT,
            _ => (now_ns >> TICK_SHIFT).saturating_sub(1),
        }
    }

    /// The tick up to which timers fire now.
    #[inline]
    pub(crate) fn now_tick(&self) -> u64 {
        self.tick_at(self.now_ns())
    }

    /// The earliest time at which [`tick_at`](Self::tick_at) is `tick` or later.
    #[inline]
    pub(crate) fn ns_of_tick(&self, tick: u64) -> u64 {
        let begin_ns = tick.saturating_mul(1 << TICK_SHIFT);
        match self.mode.load(Ordering::Acquire) {
            PLAIN => begin_ns,
            PAUSED => ceil_ms(begin_ns),
            _ => begin_ns.saturating_add(1 << TICK_SHIFT),
        }
    }

    #[cold]
    fn paused_deadline_tick(&self, deadline_ns: u64) -> u64 {
        let ms_ns = ceil_ms(deadline_ns);
        let tick = ms_ns >> TICK_SHIFT;
        let is_future = ms_ns > self.frozen_ns.load(Ordering::Relaxed);
        if is_future && tick <= self.pause_tick.load(Ordering::Relaxed) {
            return ms_ns.saturating_add(MS) >> TICK_SHIFT;
        }
        tick
    }

    #[inline]
    fn system_ns(&self) -> u64 {
        self.ns_of(system_now())
    }

    #[cold]
    fn shifted_ns(&self) -> u64 {
        if self.is_paused() {
            self.frozen_ns.load(Ordering::Acquire)
        } else {
            self.system_ns()
                .wrapping_add(self.skew_ns.load(Ordering::Relaxed))
        }
    }
}

/// Nanoseconds of a duration, at most `u64::MAX`.
#[inline]
pub(crate) fn to_ns(duration: Duration) -> u64 {
    let subsec_ns = u64::from(duration.subsec_nanos());
    duration
        .as_secs()
        .saturating_mul(1_000_000_000)
        .saturating_add(subsec_ns)
}

/// Rounds up to a whole millisecond; the last one where there is none.
fn ceil_ms(ns: u64) -> u64 {
    ns.checked_next_multiple_of(MS)
        .unwrap_or(u64::MAX - u64::MAX % MS)
}

#[cfg(all(test, not(loom), not(shuttle)))]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn a_paused_clock_moves_only_when_told() {
        let clock = Clock::new_paused();
        assert_eq!(clock.now_ns(), 0);
        clock.advance(Duration::from_nanos(1_500)).unwrap();
        assert_eq!(clock.now_ns(), 1_500);
        clock.advance_to(1_000);
        assert_eq!(clock.now_ns(), 1_500, "never back");
        assert_eq!(clock.pause(), Err(ClockError::AlreadyPaused));
        assert_eq!(clock.ns_of(clock.now()), 1_500);
    }

    #[test]
    fn a_resumed_clock_goes_on_from_where_it_stood() {
        let clock = Clock::new_paused();
        clock.advance(DAY).unwrap();
        clock.resume().unwrap();
        let first_ns = clock.now_ns();
        assert!(first_ns >= to_ns(DAY) && first_ns < to_ns(2 * DAY));
        assert_eq!(clock.resume(), Err(ClockError::NotPaused));
        assert_eq!(clock.advance(DAY), Err(ClockError::NotPaused));
        clock.pause().unwrap();
        assert!(clock.now_ns() >= first_ns);
    }

    #[test]
    fn the_clock_of_several_threads_cannot_be_paused() {
        assert_eq!(Clock::new(false).pause(), Err(ClockError::CannotPause));
    }

    /// I3.
    #[test]
    fn conversions_saturate_at_both_ends() {
        let clock = Clock::new_paused();
        assert_eq!(clock.ns_of(clock.base - Duration::from_nanos(1)), 0);
        assert!(clock.instant(u64::MAX) > clock.base + DAY);
        clock.advance(Duration::MAX).unwrap();
        assert_eq!(clock.now_ns(), u64::MAX);
        assert!(clock.deadline_tick(u64::MAX) <= clock.now_tick());
        clock.advance(Duration::MAX).unwrap();
        assert_eq!(clock.now_ns(), u64::MAX);
        assert!(clock.ns_of_tick(u64::MAX) > u64::MAX - MS);
        assert_eq!(Clock::new(true).ns_of_tick(u64::MAX), u64::MAX);
    }

    /// A resumed clock wraps below the system's: a pause of a second puts it a second behind.
    #[test]
    fn a_clock_behind_the_systems_does_not_underflow() {
        let clock = Clock::new(true);
        clock.frozen_ns.store(3, Ordering::Relaxed);
        clock.mode.store(PAUSED, Ordering::Relaxed);
        while clock.system_ns() < 1_000 {}
        clock.resume().unwrap();
        assert!(clock.skew_ns.load(Ordering::Relaxed) > u64::MAX / 2);
        assert!(clock.now_ns() >= 3 && clock.now_ns() < to_ns(DAY));
    }

    /// I1 and I2 for a paused clock, around every kind of boundary.
    #[test]
    fn paused_timers_fire_exactly_at_the_next_millisecond() {
        let clock = Clock::new_paused();
        for deadline_ns in (0..40 * MS)
            .step_by(7_919)
            .chain((0..500).map(|ms| ms * MS))
        {
            let tick = clock.deadline_tick(deadline_ns);
            let ms_ns = ceil_ms(deadline_ns);
            assert!(clock.tick_at(ms_ns) >= tick, "late at {deadline_ns}");
            assert!(
                ms_ns == 0 || clock.tick_at(ms_ns - 1) < tick,
                "early at {deadline_ns}"
            );
            assert_eq!(clock.ns_of_tick(tick), ms_ns, "the wait for {deadline_ns}");
        }
    }

    /// I1 for every change of mode between arming and firing.
    #[test]
    fn no_change_of_mode_fires_a_timer_early() {
        let plain = Clock::new(true);
        let paused = Clock::new_paused();
        let resumed = Clock::new_paused();
        resumed.resume().unwrap();
        for deadline_ns in (1..20 * MS).step_by(1_117) {
            for armed_by in [&plain, &paused, &resumed] {
                let tick = armed_by.deadline_tick(deadline_ns);
                for fired_by in [&plain, &paused, &resumed] {
                    // From a resumed clock there is no way back to a plain one.
                    if std::ptr::eq(fired_by, &raw const plain) && !std::ptr::eq(armed_by, fired_by)
                    {
                        continue;
                    }
                    assert!(
                        fired_by.tick_at(deadline_ns - 1) < tick,
                        "early: {deadline_ns}"
                    );
                    let wait_ns = fired_by.ns_of_tick(tick);
                    assert!(fired_by.tick_at(wait_ns) >= tick, "the wait ends too soon");
                    assert!(wait_ns <= deadline_ns + 2 * MS, "late: {deadline_ns}");
                }
            }
        }
    }

    /// I1: pausing within the tick of a millisecond to come.
    #[test]
    fn a_pause_just_before_a_millisecond_does_not_fire_its_timers() {
        let clock = Clock::new_paused();
        let ms_ns = 7 * MS;
        let paused_at = (ms_ns >> TICK_SHIFT) << TICK_SHIFT;
        assert!(paused_at < ms_ns);
        clock.advance_to(paused_at);
        clock
            .pause_tick
            .store(paused_at >> TICK_SHIFT, Ordering::Relaxed);
        let told = paused_at >> TICK_SHIFT;
        assert!(clock.deadline_tick(ms_ns - 10) > told);
        clock.advance_to(8 * MS);
        assert!(clock.tick_at(8 * MS) >= clock.deadline_tick(ms_ns - 10));
    }

    #[test]
    fn whoever_works_elsewhere_holds_the_automatic_advance_back() {
        let clock = Clock::new_paused();
        assert!(clock.can_auto_advance());
        clock.inhibit_auto_advance();
        clock.inhibit_auto_advance();
        clock.allow_auto_advance();
        assert!(!clock.can_auto_advance());
        clock.allow_auto_advance();
        assert!(clock.can_auto_advance());
        clock.resume().unwrap();
        assert!(!clock.can_auto_advance(), "a running clock goes by itself");
    }
}
