//! Fast randomness for fairness, not for secrets: xorshift64* per thread.
//!
//! The only random source of the crate, so that a seed can make a run repeatable.
//! Source: Marsaglia, "Xorshift RNGs", 2003; Vigna's multiplier.

use crate::loom::local;
// Seeds order nothing.
use crate::loom::unordered::{AtomicU64, Ordering};
use crate::util::scoped::{self, Scoped};
use std::cell::Cell;

/// One generator.
#[derive(Clone, Debug)]
pub(crate) struct FastRand(u64);

impl FastRand {
    /// Any seed will do.
    pub(crate) fn from_seed(seed: u64) -> Self {
        // Neighbouring seeds give unrelated streams, none gives zero.
        Self(mixed(seed, 0) | 1)
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

/// Where the random choices of a runtime start: the same seed gives the same choices, of
/// `select!` say, as long as tasks do not depend on which thread runs them. Which numbers come
/// from a seed is not fixed: it may change from one version to the next.
///
/// ```
/// use runtime::runtime::{Builder, RngSeed};
///
/// let seed = RngSeed::from_bytes(b"a run to repeat");
/// let runtime = Builder::new_current_thread().rng_seed(seed).build()?;
/// # drop(runtime);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RngSeed(u64);

impl RngSeed {
    /// A seed from any number of bytes.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        // FNV-1a.
        let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(hash)
    }
}

/// Seeds for the threads of one runtime.
#[derive(Debug)]
pub(crate) struct Seeds {
    seed: u64,
    next: AtomicU64,
}

impl Seeds {
    pub(crate) fn new(seed: RngSeed) -> Self {
        Self {
            seed: seed.0,
            next: AtomicU64::new(0),
        }
    }

    /// Reseeds this thread for its time as worker `index`.
    pub(crate) fn enter_worker(&self, index: usize) -> Restore {
        // From the far end, away from those that enter.
        self.enter_stream(!(index as u64))
    }

    /// Reseeds this thread, which enters the runtime, until the guard is dropped.
    pub(crate) fn enter(&self) -> Restore {
        self.enter_stream(self.next.fetch_add(1, Ordering::Relaxed))
    }

    fn enter_stream(&self, stream: u64) -> Restore {
        let stream = stream.wrapping_mul(0xd134_2543_de82_ef95);
        let state = FastRand::from_seed(self.seed ^ stream).0;
        scoped::set(&THREAD, state)
    }
}

/// Goes on with the numbers from before, on drop.
pub(crate) type Restore = Scoped<Cell<u64>>;

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

/// A seed that differs from call to call, from run to run and from a process to its forks.
///
/// Not made of the system's random numbers: nobody needs to be kept from guessing it, and a
/// sandbox may refuse them.
pub(crate) fn new_seed() -> u64 {
    use std::time::{SystemTime, UNIX_EPOCH};
    if crate::loom::CHECKED {
        // A checker repeats a schedule: the same numbers must come again.
        return 1;
    }
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let call = COUNTER.fetch_add(1, Ordering::Relaxed);
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    let time_ns = since_epoch.map_or(0, |time| time.as_nanos() as u64);
    // The system puts stacks at random places.
    let place = (&raw const call).addr() as u64;
    let process = u64::from(std::process::id());
    [time_ns, place, process, call].into_iter().fold(0, mixed)
}

/// A number to which each bit of both contributes, as in SplitMix64.
fn mixed(state: u64, more: u64) -> u64 {
    let mut mix = (state ^ more).wrapping_add(0x9e37_79b9_7f4a_7c15);
    mix = (mix ^ (mix >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mix = (mix ^ (mix >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mix ^ (mix >> 31)
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

    #[test]
    fn a_seed_repeats_its_numbers_and_no_other() {
        let numbers = |bytes: &[u8]| {
            let seeds = Seeds::new(RngSeed::from_bytes(bytes));
            let mut numbers = Vec::new();
            for enter in [
                &|| seeds.enter() as Restore,
                &|| seeds.enter(),
                &|| seeds.enter_worker(0),
                &|| seeds.enter_worker(1),
            ] as [&dyn Fn() -> Restore; 4]
            {
                let _entered = enter();
                numbers.push([0; 4].map(|_| thread_rng_n(u32::MAX)));
            }
            numbers
        };
        let first = numbers(b"one");
        assert_eq!(first, numbers(b"one"));
        assert_ne!(first, numbers(b"two"));
        for (at, one) in first.iter().enumerate() {
            assert!(!first[..at].contains(one), "two streams are the same");
        }
    }

    #[test]
    fn after_a_seeded_time_the_numbers_before_go_on() {
        let before = Seeds::new(RngSeed::from_bytes(b"before"));
        let other = Seeds::new(RngSeed::from_bytes(b"other"));
        let _entered = before.enter_worker(7);
        let straight = [0; 2].map(|_| thread_rng_n(1_000_000));
        let _again = before.enter_worker(7);
        let first = thread_rng_n(1_000_000);
        drop(other.enter());
        assert_eq!(straight, [first, thread_rng_n(1_000_000)]);
    }

    #[test]
    fn seeds_differ_in_all_their_bits() {
        let seeds: Vec<_> = (0..1_000).map(|_| new_seed()).collect();
        let mut sorted = seeds.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), seeds.len(), "two are the same");
        for bit in 0..64 {
            let set = seeds.iter().filter(|&seed| seed >> bit & 1 == 1).count();
            assert!((350..650).contains(&set), "bit {bit}: {set} of 1,000");
        }
    }
}
