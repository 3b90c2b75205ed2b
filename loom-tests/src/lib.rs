//! Runs the models of the workspace: exhaustively under `--cfg loom`, repeated on plain threads
//! otherwise, so that plain tests keep them compiling and running.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p loom-tests --profile model -- --nocapture
//! ```
//!
//! `LOOM_MAX_PREEMPTIONS` (3 unless set) bounds how often a schedule may switch away from a thread
//! that could go on.
#![forbid(unsafe_code)]

use std::time::Instant;

#[cfg(loom)]
pub use loom::{
    sync::{Arc, Condvar, Mutex, atomic},
    thread,
};
#[cfg(not(loom))]
pub use std::{
    sync::{Arc, Condvar, Mutex, atomic},
    thread,
};

/// The bound of [`model`] unless `LOOM_MAX_PREEMPTIONS` sets another.
const PREEMPTIONS: usize = 3;

/// Checks `body` under every schedule within the bounds and prints how many there were.
///
/// # Panics
///
/// Panics if `body` does in some schedule, or if it deadlocks or leaks there.
pub fn model(body: impl Fn() + Send + Sync + 'static) {
    model_within(PREEMPTIONS, body);
}

/// As [`model`], with a bound of its own for bodies whose full search takes too long.
/// `LOOM_MAX_PREEMPTIONS` wins over it.
///
/// # Panics
///
/// As [`model`].
pub fn model_within(preemptions: usize, body: impl Fn() + Send + Sync + 'static) {
    let name = std::thread::current()
        .name()
        .unwrap_or("unnamed")
        .to_owned();
    let start = Instant::now();
    let iterations = check(preemptions, body);
    let seconds = start.elapsed().as_secs_f64();
    println!("model {name}: {iterations} iterations, {seconds:.2} s");
}

/// Whether the longer models are to run too.
pub fn is_nightly() -> bool {
    std::env::var_os("RUNTIME_LOOM_NIGHTLY").is_some()
}

#[cfg(loom)]
fn check(preemptions: usize, body: impl Fn() + Send + Sync + 'static) -> usize {
    use std::sync::atomic::{AtomicUsize, Ordering};

    // Not loom's: it counts across schedules.
    let iterations = std::sync::Arc::new(AtomicUsize::new(0));
    let counted = iterations.clone();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.max_branches = 10_000;
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        body();
    });
    iterations.load(Ordering::Relaxed)
}

#[cfg(not(loom))]
fn check(_preemptions: usize, body: impl Fn() + Send + Sync + 'static) -> usize {
    const ROUNDS: usize = 200;
    (0..ROUNDS).for_each(|_| body());
    ROUNDS
}

/// Polls `future` on this thread until it is ready.
pub fn block_on<F: Future>(future: F) -> F::Output {
    use std::task::{Context, Poll, Wake, Waker};

    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(std::sync::Arc::new(Unpark(thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
