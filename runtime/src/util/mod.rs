//! Small parts that know nothing of the runtime: lists, wake batches, counters, randomness.

pub(crate) mod atomic_waker;
pub(crate) mod bomb;
pub(crate) mod entered;
pub(crate) mod histogram;
pub(crate) mod leaf;
pub(crate) mod list;
pub(crate) mod names;
pub(crate) mod patience;
pub(crate) mod rng;
pub(crate) mod spin_lock;
pub(crate) mod thread_bound;
pub(crate) mod wake_batch;
