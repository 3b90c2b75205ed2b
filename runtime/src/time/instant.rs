//! [`Instant`]: std's, read from the runtime's clock.

use crate::driver::clock;
use crate::runtime::context;
use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::time::Duration;

/// A point on a clock that never goes back, for use with [`Duration`].
///
/// It wraps [`std::time::Instant`] and converts from and to it; the difference is that
/// [`Instant::now`] follows the runtime's clock when that is paused (feature `test-util`).
///
/// # Examples
///
/// ```
/// use runtime::time::{Duration, Instant};
///
/// let start = Instant::now();
/// let deadline = start + Duration::from_secs(5);
/// assert_eq!(deadline - start, Duration::from_secs(5));
/// assert_eq!(start - deadline, Duration::ZERO);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(std::time::Instant);

impl Instant {
    /// Returns the current time: the runtime's if its clock is paused, else the system's.
    #[inline]
    pub fn now() -> Self {
        if clock::any_ever_paused() {
            Self::runtime_now()
        } else {
            Self(clock::system_now())
        }
    }

    #[cold]
    fn runtime_now() -> Self {
        Self(context::with_clock(|clock| {
            clock.map_or_else(clock::system_now, |clock| clock.now())
        }))
    }

    /// Wraps a [`std::time::Instant`].
    pub fn from_std(std: std::time::Instant) -> Self {
        Self(std)
    }

    /// Returns the [`std::time::Instant`] inside.
    pub fn into_std(self) -> std::time::Instant {
        self.0
    }

    /// Stands for a deadline too late to be represented: 30 years from now.
    pub(crate) fn far_future() -> Self {
        Self(clock::far_future())
    }

    /// Now plus `duration`, or a point far in the future if that overflows.
    #[inline]
    pub(crate) fn after(duration: Duration) -> Self {
        Self::now().saturating_add(duration)
    }

    /// This plus `duration`, or a point far in the future if that overflows.
    #[inline]
    pub(crate) fn saturating_add(self, duration: Duration) -> Self {
        self.checked_add(duration).unwrap_or_else(Self::far_future)
    }

    /// Returns the time from `earlier` to this, zero if `earlier` is later.
    pub fn duration_since(&self, earlier: Instant) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }

    /// Returns the time from `earlier` to this, or `None` if `earlier` is later.
    pub fn checked_duration_since(&self, earlier: Instant) -> Option<Duration> {
        self.0.checked_duration_since(earlier.0)
    }

    /// Returns the time from `earlier` to this, zero if `earlier` is later.
    pub fn saturating_duration_since(&self, earlier: Instant) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }

    /// Returns the time since this instant, zero if it is in the future.
    pub fn elapsed(&self) -> Duration {
        Self::now().saturating_duration_since(*self)
    }

    /// Returns this plus `duration`, or `None` if that cannot be represented.
    pub fn checked_add(&self, duration: Duration) -> Option<Instant> {
        self.0.checked_add(duration).map(Self)
    }

    /// Returns this less `duration`, or `None` if that cannot be represented.
    pub fn checked_sub(&self, duration: Duration) -> Option<Instant> {
        self.0.checked_sub(duration).map(Self)
    }
}

impl From<std::time::Instant> for Instant {
    fn from(std: std::time::Instant) -> Self {
        Self(std)
    }
}

impl From<Instant> for std::time::Instant {
    fn from(instant: Instant) -> Self {
        instant.0
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, duration: Duration) -> Self {
        Self(self.0 + duration)
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Instant) -> Duration {
        self.saturating_duration_since(earlier)
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0 - duration)
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
