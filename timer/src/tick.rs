//! [`Tick`]: a point on a clock that the wheel never sees.
//!
//! How long a tick lasts, where zero lies and which way durations round is the caller's
//! business; the wheel only compares ticks and looks at their digits. Arithmetic saturates, so
//! that "never" ([`Tick::MAX`]) plus something stays "never" and a clock that stands still or
//! steps back gives no underflow.

/// A point in time, counted in ticks from an origin that the caller chose.
///
/// # Examples
///
/// ```
/// use timer::Tick;
///
/// let now = Tick::from_raw(100);
/// let deadline = now.saturating_add(50);
/// assert_eq!(deadline.saturating_sub(now), 50);
/// assert_eq!(now.saturating_sub(deadline), 0);
/// assert_eq!(now.saturating_add(u64::MAX), Tick::MAX);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Tick(u64);

impl Tick {
    /// The origin.
    pub const ZERO: Tick = Tick(0);

    /// The last tick. It is an ordinary deadline that no clock reaches in practice.
    pub const MAX: Tick = Tick(u64::MAX);

    /// Makes the tick that lies `ticks` after the origin.
    #[inline]
    pub const fn from_raw(ticks: u64) -> Tick {
        Tick(ticks)
    }

    /// Returns how many ticks this one lies after the origin.
    #[inline]
    pub const fn raw(self) -> u64 {
        self.0
    }

    /// Returns the tick that lies `ticks` later, or [`Tick::MAX`] if there is none.
    #[inline]
    pub const fn saturating_add(self, ticks: u64) -> Tick {
        Tick(self.0.saturating_add(ticks))
    }

    /// Returns how many ticks this one is later than `earlier`; 0 if it is not later.
    #[inline]
    pub const fn saturating_sub(self, earlier: Tick) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(Tick::MAX.saturating_add(1), Tick::MAX);
        assert_eq!(Tick::from_raw(u64::MAX - 2).saturating_add(2), Tick::MAX);
        assert_eq!(Tick::ZERO.saturating_sub(Tick::MAX), 0);
        assert_eq!(Tick::MAX.saturating_sub(Tick::ZERO), u64::MAX);
    }

    #[test]
    fn ticks_order_as_their_counts() {
        assert!(Tick::ZERO < Tick::from_raw(1));
        assert!(Tick::from_raw(u64::MAX - 1) < Tick::MAX);
        assert_eq!(Tick::default(), Tick::ZERO);
    }
}
