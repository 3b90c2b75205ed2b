//! The names that users of this build know: ours, or tokio's if the package that stands in for it
//! is in the program.
//!
//! That package switches on the feature `tokio-names`. A feature holds for the whole program, so
//! who names `runtime` beside it sees tokio's names as well. Rejected: a `Builder` of its own for
//! the stand-in. It would be another type, in every signature that has one.

/// Whether tokio's names hold.
const TOKIO: bool = cfg!(feature = "tokio-names");

/// The crate as users write it.
pub(crate) const CRATE: &str = if TOKIO { "tokio" } else { "runtime" };

/// How threads are named unless a builder says otherwise.
pub(crate) const THREAD: &str = if TOKIO {
    "tokio-rt-worker"
} else {
    "runtime-worker"
};

/// The environment variables that set the default number of workers; the first that is set counts.
pub(crate) const WORKER_THREADS: &[&str] = if TOKIO {
    &["TOKIO_WORKER_THREADS", "RUNTIME_WORKER_THREADS"]
} else {
    &["RUNTIME_WORKER_THREADS"]
};
