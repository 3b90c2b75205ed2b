//! Fast randomness for fairness, not for secrets: xorshift64* per thread.
//!
//! The only random source of the crate, so that a seed can make a run repeatable.
//! Source: Marsaglia, "Xorshift RNGs", 2003; Vigna's multiplier.

use crate::loom::local;
// Seeds order nothing.
use crate::loom::unordered::{AtomicU64, Ordering};
use std::cell::Cell;

/// One generator.
#[derive(Clone, Debug)]
pub(crate) struct FastRand(u64);

impl FastRand {
    /// Any seed will do.
    pub(crate) fn from_seed(seed: u64) -> Self {
        // One splitmix64 step: neighbouring seeds give unrelated streams, none gives zero.
        let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self((z ^ (z >> 31)) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `n`; 0 when `n` is 0.
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        let high = self.next() >> 32;
        ((high * u64::from(n)) >> 32) as u32
    }
}

local! {
    static THREAD: Cell<u64> = Cell::new(0)
}

/// A number below `n` from this thread's generator; 0 when `n` is 0.
#[allow(unreachable_pub, reason = "the macros export it, if they are enabled")]
pub fn thread_rng_n(n: u32) -> u32 {
    THREAD
        .try_with(|cell| {
            let state = cell.get();
            let mut rng = if state == 0 {
                FastRand::from_seed(new_seed())
            } else {
                FastRand(state)
            };
            let value = rng.below(n);
            cell.set(rng.0);
            value
        })
        .unwrap_or(0)
}

/// A seed that differs from thread to thread and from run to run.
pub(crate) fn new_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    if crate::loom::CHECKED {
        // A checker repeats a schedule: the same numbers must come again.
        return 1;
    }
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    RandomState::new().hash_one(COUNTER.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_below_the_limit_comes_up() {
        let mut rng = FastRand::from_seed(7);
        let mut seen = [0_u32; 10];
        for _ in 0..10_000 {
            seen[rng.below(10) as usize] += 1;
        }
        assert!(seen.iter().all(|&count| count > 700), "{seen:?}");
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.below(1), 0);
    }
}
