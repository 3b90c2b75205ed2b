//! Which signals came and were not delivered yet: one bit for each, set in a signal handler.
//!
//! - N1. A signal whose bit is set was announced by its setter, or is about to be: only the one
//!   who finds the bit clear has to write to the pipe.
//! - N2. Whoever takes the bits delivers all that it took.
//!
//! The `fetch_or` releases and the `swap` acquires, so that what the process did before it raised
//! the signal is visible to the listener. The two are RMWs on one word: a bit is either taken, or
//! its setter came after the `swap` and finds it clear (N1).

use crate::loom::sync::atomic::{AtomicU64, Ordering};

/// One more than the largest signal number for which there is a bit.
pub(crate) const SIGNALS: usize = 128;

const BITS: usize = 64;

/// A set of signal numbers below [`SIGNALS`].
#[derive(Debug, Default)]
pub(crate) struct Pending([AtomicU64; SIGNALS / BITS]);

impl Pending {
    /// Adds `number`. Returns whether it was not there: then the caller announces it.
    ///
    /// Async-signal-safe: one atomic operation.
    #[must_use = "a signal that is not announced is not delivered"]
    pub(crate) fn add(&self, number: usize) -> bool {
        let bit = 1 << (number % BITS);
        self.0[number / BITS].fetch_or(bit, Ordering::AcqRel) & bit == 0
    }

    /// Takes all numbers out.
    pub(crate) fn take(&self) -> impl Iterator<Item = usize> {
        let words = self.0.each_ref();
        words.into_iter().enumerate().flat_map(|(index, word)| {
            // Most often there is nothing, in one word for sure: no write then.
            let mut bits = match word.load(Ordering::Relaxed) {
                0 => 0,
                _ => word.swap(0, Ordering::AcqRel),
            };
            std::iter::from_fn(move || {
                let number = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
                bits &= bits - 1;
                Some(index * BITS + number)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N1, N2.
    #[test]
    fn each_number_is_taken_once_and_announced_once() {
        let pending = Pending::default();
        for number in [0, 1, 15, 63, 64, 127] {
            assert!(pending.add(number));
            assert!(!pending.add(number), "{number} is announced already");
        }
        assert_eq!(pending.take().collect::<Vec<_>>(), [0, 1, 15, 63, 64, 127]);
        assert_eq!(pending.take().next(), None);
        assert!(pending.add(15));
    }
}
