//! The one place from which `fs` reaches the system: the pool for blocking calls, and what the
//! system answers at once.
//!
//! Every operation tries the second if it can, and else makes one hop to the pool. A backend that
//! hands operations to the kernel (io_uring) would take the place of `hop`.
//!
//! - F1. What is tried at once blocks for no device: the kernel is asked to refuse then. Where it
//!   cannot be asked, or refuses for whatever reason, the hop does the whole operation, and its
//!   error is the operation's.
//! - F2. What is tried at once has no effect that the hop would have a second time.
//! - F3. At most [`MOST_BYTES`] are copied at once: tens of microseconds.

#[cfg_attr(not(target_os = "linux"), path = "uncached.rs")]
pub(super) mod cached;

use crate::budget;
use crate::cell::join::JoinHandle;
use crate::runtime::context;
use std::future::poll_fn;
use std::io;

/// How many bytes are copied without a hop.
pub(super) const MOST_BYTES: usize = 128 * 1024;

/// What came of trying an operation at once.
#[derive(Debug)]
pub(super) enum Attempt<T> {
    /// It is done.
    Done(T),
    /// It might block.
    MightBlock,
}

/// Does `operation` on the pool.
///
/// # Panics
///
/// Panics outside of a runtime.
pub(super) async fn hop<R, F>(operation: F) -> io::Result<R>
where
    F: FnOnce() -> io::Result<R> + Send + 'static,
    R: Send + 'static,
{
    // The handle is given back before the wait, so that it need not live in the future.
    let job = context::current().try_spawn_on_pool(operation)?;
    flatten(job.await)
}

/// Tries `at_once`, then does `operation` on the pool.
///
/// # Panics
///
/// As [`hop`].
pub(super) async fn try_then_hop<R, F>(
    at_once: impl FnOnce() -> Attempt<io::Result<R>>,
    operation: F,
) -> io::Result<R>
where
    F: FnOnce() -> io::Result<R> + Send + 'static,
    R: Send + 'static,
{
    require_runtime();
    {
        // What is always ready must yield now and then.
        let unit = poll_fn(budget::poll_proceed).await;
        if let Attempt::Done(result) = at_once() {
            unit.made_progress();
            return result;
        }
    }
    hop(operation).await
}

/// Starts what the caller was told is as good as done: it is done before the runtime ends.
///
/// # Errors
///
/// The pool has no thread and the system refuses one.
pub(super) fn start_promised<R, F>(operation: F) -> io::Result<JoinHandle<R>>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    context::current().spawn_promised(operation)
}

/// Starts `operation` on the pool.
///
/// # Errors
///
/// As [`start_promised`].
pub(super) fn start<R, F>(operation: F) -> io::Result<JoinHandle<R>>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    context::current().try_spawn_on_pool(operation)
}

/// The outcome of a job of the pool.
pub(super) fn flatten<R>(
    outcome: Result<io::Result<R>, crate::cell::error::JoinError>,
) -> io::Result<R> {
    outcome.unwrap_or_else(|_| Err(gone()))
}

/// A job was cancelled by the end of its runtime, or panicked.
pub(super) fn gone() -> io::Error {
    io::Error::other("background task failed: the runtime of the file operation was shut down")
}

/// Panics where a hop would.
#[track_caller]
pub(super) fn require_runtime() {
    if let Err(error) = context::with_handle(|_| ()) {
        panic!("{error}");
    }
}
