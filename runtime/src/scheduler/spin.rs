//! Whether a worker without work looks around a little longer before it sleeps.
//!
//! Waking a sleeping thread costs its waker a system call and several microseconds, more than
//! hundreds of task switches. So where sleeps turn out short a worker keeps searching for a
//! bounded time first; while it does, pushes wake nobody (P2 of [`super::idle`]).
//!
//! The rule is a credit: a sleep that a push ended soon earns some, a search that found something
//! earns more, one in vain costs. Without credit there is no spinning, so a worker whose sleeps are
//! long burns nothing. Searching is limited to half of the awake workers anyway, and there is
//! none with one core.
//!
//! Sources: competitive spinning (Karlin et al., 1991); adaptive mutexes.

use std::time::Duration;

/// How long one search goes on: less than what a wake costs both sides.
pub(super) const LONGEST_SPIN: Duration = Duration::from_micros(8);

/// A sleep shorter than this would have been better spent searching.
const SHORT_SLEEP: Duration = Duration::from_micros(40);

const MAX_CREDIT: u8 = 16;

/// How well spinning has paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Credit(u8);

impl Credit {
    pub(super) fn allows_spin(self) -> bool {
        self.0 > 0
    }

    pub(super) fn after_spin(self, found: bool) -> Self {
        Self(if found {
            (self.0 + 2).min(MAX_CREDIT)
        } else {
            self.0.saturating_sub(2)
        })
    }

    pub(super) fn after_sleep(self, slept: Duration) -> Self {
        if slept < SHORT_SLEEP {
            Self((self.0 + 1).min(MAX_CREDIT))
        } else {
            Self(self.0.saturating_sub(1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sleeps_end_all_spinning() {
        let mut credit = Credit(MAX_CREDIT);
        for _ in 0..MAX_CREDIT {
            credit = credit
                .after_spin(false)
                .after_sleep(Duration::from_millis(1));
        }
        assert!(!credit.allows_spin());
        assert_eq!(credit.after_sleep(Duration::from_millis(1)), credit);
    }

    #[test]
    fn short_sleeps_begin_it_and_success_keeps_it() {
        let credit = Credit::default().after_sleep(Duration::from_micros(5));
        assert!(credit.allows_spin());
        assert!(credit.after_spin(true).allows_spin());
        assert!(!credit.after_spin(false).allows_spin());
    }
}
