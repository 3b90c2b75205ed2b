//! Small parts that know nothing of the runtime: lists, wake batches, counters, randomness.

pub(crate) mod adaptive_spin;
pub(crate) mod atomic_waker;
pub(crate) mod bomb;
pub(crate) mod entered;
#[cfg_attr(not(unix), path = "no_forks.rs")]
pub(crate) mod forks;
pub(crate) mod histogram;
pub(crate) mod list;
pub(crate) mod names;
#[cfg(any(feature = "io-std", feature = "signal"))]
#[cfg_attr(not(all(feature = "io-std", feature = "signal")), allow(dead_code))]
pub(crate) mod per_process;
pub(crate) mod rng;
pub(crate) mod scoped;
pub(crate) mod spin_lock;
pub(crate) mod thread_bound;
pub(crate) mod trace_leaf;
pub(crate) mod wake_batch;
