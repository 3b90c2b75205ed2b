//! Runtimes of each kind, with and without a bound on hangs.

use super::within_bound;
use runtime::runtime::{Builder, Runtime};
use runtime::time::{Duration, Instant};
use std::future::Future;

/// How threads are named unless a builder says otherwise. Tokio's name where the package that
/// stands in for it is built as well.
pub(crate) const THREAD: &str = match cfg!(feature = "tokio-names") {
    true => "tokio-rt-worker",
    false => "runtime-worker",
};

/// The attribute that messages name.
pub(crate) const MAIN: &str = match cfg!(feature = "tokio-names") {
    true => "#[tokio::main",
    false => "#[runtime::main",
};

pub(crate) fn multi(workers: usize) -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .unwrap()
}

pub(crate) fn current() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Both kinds of runtime, the first one with `workers`.
pub(crate) fn both(workers: usize) -> [Runtime; 2] {
    [multi(workers), current()]
}

pub(crate) fn current_thread<F: Future>(future: F) -> F::Output {
    let mut builder = Builder::new_current_thread();
    bounded(builder.enable_all().build().unwrap(), future)
}

pub(crate) fn multi_thread<F: Future>(future: F) -> F::Output {
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build().unwrap();
    bounded(runtime, future)
}

/// Runs a future that hangs for less than a minute.
fn bounded<F: Future>(runtime: Runtime, future: F) -> F::Output {
    let limit = Duration::from_secs(60);
    runtime
        .block_on(async { runtime::time::timeout(limit, future).await })
        .expect("hangs")
}

/// Runs `test` on a current-thread runtime, on one worker and on two, each on its own thread and
/// with a bound for hangs.
pub(crate) fn on_each_flavour(test: fn(&Runtime)) {
    for runtime in flavours() {
        within_bound(move || {
            test(&runtime);
        });
    }
}

/// As [`on_each_flavour`], for tests that end the runtime themselves.
pub(crate) fn on_each_flavour_owned(test: fn(Runtime)) {
    for runtime in flavours() {
        within_bound(move || test(runtime));
    }
}

/// A current-thread runtime, one worker, two workers.
pub(crate) fn flavours() -> [Runtime; 3] {
    let workers = |count| {
        Builder::new_multi_thread()
            .worker_threads(count)
            .enable_all()
            .build()
    };
    [
        Builder::new_current_thread().enable_all().build(),
        workers(1),
        workers(2),
    ]
    .map(|runtime| runtime.expect("a runtime"))
}

/// Runs `future` on a runtime whose clock moves only when everything waits.
pub(crate) fn paused<F: Future>(future: F) -> F::Output {
    Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(future)
}

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Whole milliseconds since `start`; fails on a fraction.
pub(crate) fn ms_since(start: Instant) -> u64 {
    let elapsed = start.elapsed();
    assert_eq!(
        elapsed.subsec_nanos() % 1_000_000,
        0,
        "{elapsed:?} has a fraction"
    );
    elapsed.as_millis() as u64
}
