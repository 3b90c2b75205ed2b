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

/// Polls `future` on this thread, which sleeps in between, until it is ready.
///
/// With a condition variable, because loom takes a late `unpark` for the end of a `join`.
pub fn block_on<F: Future>(future: F) -> F::Output {
    use std::task::{Context, Poll, Wake};

    struct Signal {
        is_woken: Mutex<bool>,
        changed: Condvar,
    }

    impl Wake for Signal {
        fn wake(self: std::sync::Arc<Self>) {
            *self.is_woken.lock().unwrap() = true;
            self.changed.notify_one();
        }
    }

    let signal = std::sync::Arc::new(Signal {
        is_woken: Mutex::new(false),
        changed: Condvar::new(),
    });
    let waker = signal.clone().into();
    let mut cx = Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        let mut is_woken = signal.is_woken.lock().unwrap();
        while !*is_woken {
            is_woken = signal.changed.wait(is_woken).unwrap();
        }
        *is_woken = false;
    }
}

/// Polls `future` once with a waker that does nothing.
pub fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> std::task::Poll<F::Output> {
    future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
}
