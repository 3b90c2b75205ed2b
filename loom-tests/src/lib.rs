<<<<<<< HEAD
//! Runs the models of the workspace: exhaustively under `--cfg loom`, repeated on plain threads
//! otherwise, so that `cargo test` keeps them compiling and running.
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

/// Checks `body` under every schedule within the bounds and prints how many there were.
///
/// # Panics
///
/// Panics if `body` does in some schedule, or if it deadlocks or leaks there.
pub fn model(body: impl Fn() + Send + Sync + 'static) {
    let name = std::thread::current()
        .name()
        .unwrap_or("unnamed")
        .to_owned();
    let start = Instant::now();
    let iterations = check(body);
    let seconds = start.elapsed().as_secs_f64();
    println!("model {name}: {iterations} iterations, {seconds:.2} s");
}

#[cfg(loom)]
fn check(body: impl Fn() + Send + Sync + 'static) -> usize {
    use std::sync::atomic::{AtomicUsize, Ordering};

    // Not loom's: it counts across schedules.
    let iterations = std::sync::Arc::new(AtomicUsize::new(0));
    let counted = iterations.clone();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.max_branches = 10_000;
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        body();
    });
    iterations.load(Ordering::Relaxed)
}

#[cfg(not(loom))]
fn check(body: impl Fn() + Send + Sync + 'static) -> usize {
    const ROUNDS: usize = 200;
    (0..ROUNDS).for_each(|_| body());
    ROUNDS
=======
//! Runs model bodies: under loom every interleaving, on plain std many rounds.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p loom-tests --profile model -- --nocapture` explores;
//! a plain `cargo test -p loom-tests` only repeats the bodies on real threads, which keeps them
//! compiling and catches gross mistakes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Threads of the current arm.
pub mod thread {
    #[cfg(loom)]
    pub use loom::thread::{JoinHandle, spawn, yield_now};
    #[cfg(not(loom))]
    pub use std::thread::{JoinHandle, spawn, yield_now};
}

/// Rounds of a model body on plain std.
#[cfg(not(loom))]
const STD_ROUNDS: u64 = 200;

/// Preemptions per execution unless `LOOM_MAX_PREEMPTIONS` says otherwise.
#[cfg(loom)]
const PREEMPTIONS: usize = 3;

/// Checks `body` and prints how many executions that took.
///
/// # Panics
/// When an execution panics, deadlocks, races or leaks.
pub fn model(body: impl Fn() + Send + Sync + 'static) {
    model_within(usize::MAX, body);
}

/// Like [`model`], with at most `preemptions` preemptions per execution: for bodies whose full
/// search takes too long. `LOOM_MAX_PREEMPTIONS` wins over it.
///
/// # Panics
/// As [`model`].
pub fn model_within(preemptions: usize, body: impl Fn() + Send + Sync + 'static) {
    let executions = Arc::new(AtomicU64::new(0));
    let counted = {
        let executions = Arc::clone(&executions);
        move || {
            executions.fetch_add(1, Ordering::Relaxed);
            body();
        }
    };
    let start = Instant::now();
    explore(preemptions, counted);
    let name = std::thread::current().name().unwrap_or("model").to_owned();
    let executions = executions.load(Ordering::Relaxed);
    println!(
        "{name}: {executions} executions, {:.2} s",
        start.elapsed().as_secs_f64()
    );
}

#[cfg(loom)]
fn explore(preemptions: usize, body: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder
        .preemption_bound
        .or(Some(preemptions.min(PREEMPTIONS)));
    builder.max_branches = 10_000;
    builder.check(body);
}

#[cfg(not(loom))]
fn explore(_preemptions: usize, body: impl Fn() + Send + Sync + 'static) {
    for _ in 0..STD_ROUNDS {
        body();
    }
>>>>>>> blocking
}
