//! Whether to wait awake for what may come soon, decided by what came of it before.
//!
//! A thread that goes to sleep and is woken costs the two sides several microseconds of
//! processor time, and what it waited for comes that much later; on an idle machine a few dozen,
//! because the core has gone to sleep too. To wait awake costs what the wait takes. So it pays
//! if what is waited for mostly comes within about that time, and this is learnt:
//!
//! ```text
//!   steady ──came in time──► steady ──did not──► doubtful, with waits to be spent asleep
//!   doubtful, none left: a trial ──came in time──► steady
//!                                ──did not──► doubtful, with twice as many
//! ```
//!
//! # Invariants
//! - **A1** Of waits without a success in between, the n-th trial comes after 2^n waits asleep
//!   (at most 2^[`MOST_LOSSES`]): what waiting awake costs in vain is bounded by a share of the
//!   waits, whatever the other side does.
//! - **A2** A success that came late, because this thread was taken off its core meanwhile, is
//!   none: two threads on one core learn not to wait for each other awake.
//!
//! Rejected: a fixed time awake. It costs every wait that is long, and on a busy machine it takes
//! the core from the very thread that is waited for.

use std::time::Duration;

/// With so many losses the share of trials gets no smaller.
const MOST_LOSSES: u32 = 10;

/// What one waiting place has learnt, see the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience {
    /// The longest wait awake, but for trials.
    limit: Duration,
    is_steady: bool,
    /// Losses, halved by each success.
    losses: u32,
    /// Waits to be spent asleep before the next trial.
    skips: u32,
}

impl Patience {
    /// Knows nothing yet. Waits awake, but for trials, for `limit` at most.
    pub(crate) const fn new(limit: Duration) -> Self {
        Self {
            limit,
            is_steady: false,
            losses: 0,
            skips: 0,
        }
    }

    /// How long the next wait may be awake, if at all. A trial may need longer than a steady
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

    /// A wait awake for at most `limit` has ended after `waited`, because what was waited for
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

    /// A wait awake was in vain, or would have been.
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

    fn trial_lost(patience: &mut Patience) -> u32 {
        let mut asleep = 0;
        loop {
            if let Some(limit) = patience.next(TRIAL) {
                patience.ended(limit, limit, false);
                return asleep;
            }
            asleep += 1;
        }
    }

    /// A1.
    #[test]
    fn trials_in_vain_become_rare() {
        let mut patience = Patience::new(STEADY);
        let asleep: Vec<_> = (0..13).map(|_| trial_lost(&mut patience)).collect();
        assert_eq!(
            asleep,
            [0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1024, 1024]
        );
    }

    #[test]
    fn success_makes_steady_and_is_forgotten_slowly() {
        let mut patience = Patience::new(STEADY);
        for _ in 0..5 {
            trial_lost(&mut patience);
        }
        while patience.next(TRIAL).is_none() {}
        patience.ended(Duration::from_micros(50), Duration::from_micros(30), true);
        assert_eq!(patience.losses, 5, "a slow success proves little");
        for _ in 0..3 {
            assert_eq!(patience.next(None), Some(STEADY));
            patience.ended(STEADY, Duration::from_nanos(300), true);
        }
        assert_eq!(patience.losses, 0);
        patience.lost();
        assert_eq!(patience.next(TRIAL), None);
    }

    /// A2.
    #[test]
    fn a_late_success_is_a_loss() {
        let mut patience = Patience::new(STEADY);
        assert_eq!(patience.next(None), None, "no trial, no wait");
        assert_eq!(patience.next_alike(), Some(STEADY));
        patience.ended(STEADY, STEADY + Duration::from_nanos(1), true);
        assert_eq!((patience.is_steady, patience.skips), (false, 2));
    }
}
