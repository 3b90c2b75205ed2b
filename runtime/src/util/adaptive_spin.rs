//! Whether to spin for what may come soon before parking, decided by what came of it before.
//!
//! A thread that parks and is unparked costs the two sides several microseconds of processor time,
//! and what it waited for comes that much later; on an idle machine a few dozen, because the core
//! has gone to sleep too. To spin costs what the wait takes. So it pays if what is waited for mostly
//! comes within about that time, and this is learnt:
//!
//! ```text
//!   steady ──came in time──► steady ──did not──► doubtful, with waits to be spent parked
//!   doubtful, none left: a trial ──came in time──► steady
//!                                ──did not──► doubtful, with twice as many
//! ```
//!
//! # Invariants
//! - **A1** Of waits without a success in between, the n-th trial comes after 2^n parked waits
//!   (at most 2^[`MOST_LOSSES`]): what spinning in vain costs is bounded by a share of the waits,
//!   whatever the other side does.
//! - **A2** A success that came late, because this thread was taken off its core meanwhile, is
//!   none: two threads on one core learn not to spin for each other.
//!
//! Rejected: a fixed time of spinning. It costs every wait that is long, and on a busy machine it takes
//! the core from the very thread that is waited for.

use std::time::Duration;

/// With so many losses the share of trials gets no smaller.
const MOST_LOSSES: u32 = 10;

/// What one waiting place has learnt, see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AdaptiveSpin {
    /// The longest spin, but for trials.
    limit: Duration,
    is_steady: bool,
    /// Losses, halved by each success.
    losses: u32,
    /// Waits to be spent parked before the next trial.
    skips: u32,
}

impl AdaptiveSpin {
    /// Knows nothing yet. Spins, but for trials, for `limit` at most.
    pub(crate) const fn new(limit: Duration) -> Self {
        Self {
            limit,
            is_steady: false,
            losses: 0,
            skips: 0,
        }
    }

    /// How long the next wait may spin, if at all. A trial may need longer than a steady
    /// wait, if the other side has yet to wake up: it lasts for `trial`; without one there is
    /// none.
    pub(crate) fn next(&mut self, trial: Option<Duration>) -> Option<Duration> {
        if self.is_steady {
            return Some(self.limit);
        }
        let trial = trial?;
        if self.skips > 0 {
            self.skips -= 1;
            return None;
        }
        Some(trial)
    }

    /// As [`Self::next`], with a trial as long as a steady wait.
    pub(crate) fn next_alike(&mut self) -> Option<Duration> {
        self.next(Some(self.limit))
    }

    /// A spin of at most `limit` has ended after `waited`, because what was waited for
    /// `came` or because it did not.
    pub(crate) fn ended(&mut self, limit: Duration, waited: Duration, came: bool) {
        if !came || waited > limit {
            return self.lost();
        }
        self.is_steady = true;
        if waited <= self.limit {
            self.losses /= 2;
        }
    }

    /// A spin was in vain, or would have been.
    pub(crate) fn lost(&mut self) {
        self.is_steady = false;
        self.losses = (self.losses + 1).min(MOST_LOSSES);
        self.skips = 1 << self.losses;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEADY: Duration = Duration::from_micros(10);
    const TRIAL: Option<Duration> = Some(Duration::from_micros(50));

    fn trial_lost(spin: &mut AdaptiveSpin) -> u32 {
        let mut parked = 0;
        loop {
            if let Some(limit) = spin.next(TRIAL) {
                spin.ended(limit, limit, false);
                return parked;
            }
            parked += 1;
        }
    }

    /// A1.
    #[test]
    fn trials_in_vain_become_rare() {
        let mut spin = AdaptiveSpin::new(STEADY);
        let parked: Vec<_> = (0..13).map(|_| trial_lost(&mut spin)).collect();
        assert_eq!(
            parked,
            [0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1024, 1024]
        );
    }

    #[test]
    fn success_makes_steady_and_is_forgotten_slowly() {
        let mut spin = AdaptiveSpin::new(STEADY);
        for _ in 0..5 {
            trial_lost(&mut spin);
        }
        while spin.next(TRIAL).is_none() {}
        spin.ended(Duration::from_micros(50), Duration::from_micros(30), true);
        assert_eq!(spin.losses, 5, "a slow success proves little");
        for _ in 0..3 {
            assert_eq!(spin.next(None), Some(STEADY));
            spin.ended(STEADY, Duration::from_nanos(300), true);
        }
        assert_eq!(spin.losses, 0);
        spin.lost();
        assert_eq!(spin.next(TRIAL), None);
    }

    /// A2.
    #[test]
    fn a_late_success_is_a_loss() {
        let mut spin = AdaptiveSpin::new(STEADY);
        assert_eq!(spin.next(None), None, "no trial, no wait");
        assert_eq!(spin.next_alike(), Some(STEADY));
        spin.ended(STEADY, STEADY + Duration::from_nanos(1), true);
        assert_eq!((spin.is_steady, spin.skips), (false, 2));
    }
}
