//! The one place from which `fs` reaches the system: the pool for blocking calls, and what the
//! system answers at once.
//!
//! Every operation tries the second if it can, and else is offloaded to the pool, once. A backend that
//! hands operations to the kernel (io_uring) would take the place of `offload`.
//!
//! - F1. What is tried at once blocks for no device: the kernel is asked to refuse then. Where it
//!   cannot be asked, or refuses for whatever reason, the offloaded one does the whole operation,
//!   and its error is the operation's.
//! - F2. What is tried at once has no effect that the offloaded operation would have a second time.
//! - F3. At most [`MOST_BYTES`] are copied at once: tens of microseconds.
//! - F4. Once the shutdown of the current runtime has begun nothing is done any more, at once or
//!   on the pool: each operation ends with the error of [`gone`].

#[cfg_attr(not(target_os = "linux"), path = "uncached.rs")]
pub(super) mod cached;

use crate::budget;
use crate::cell::join::JoinHandle;
use crate::runtime::context;
use std::future::poll_fn;
use std::io;

/// How many bytes are copied without offloading.
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
pub(super) async fn offload<R, F>(operation: F) -> io::Result<R>
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
/// As [`offload`].
pub(super) async fn try_or_offload<R, F>(
    at_once: impl FnOnce() -> Attempt<io::Result<R>>,
    operation: F,
) -> io::Result<R>
where
    F: FnOnce() -> io::Result<R> + Send + 'static,
    R: Send + 'static,
{
    {
        // What is always ready must yield now and then.
        let unit = poll_fn(budget::poll_proceed).await;
        if let Attempt::Done(result) = attempt(at_once) {
            unit.made_progress();
            return result;
        }
    }
    offload(operation).await
}

/// Tries `at_once`. Without a runtime, or after the end of the current one (F4), it is not tried:
/// the offloading that follows says so.
pub(super) fn attempt<T>(at_once: impl FnOnce() -> Attempt<T>) -> Attempt<T> {
    match context::with_handle(|handle| handle.blocking().is_shut_down()) {
        Ok(false) => at_once(),
        Ok(true) | Err(_) => Attempt::MightBlock,
    }
}

/// Starts what the caller was told is as good as done: it is done before the runtime ends.
///
/// # Errors
///
/// The runtime has ended, or its pool has no thread and the system refuses one.
pub(super) fn start_promised<R, F>(operation: F) -> io::Result<JoinHandle<R>>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    let handle = context::current();
    if handle.blocking().is_shut_down() {
        return Err(gone());
    }
    handle.spawn_promised(operation)
}

/// Starts `operation` on the pool.
///
/// # Errors
///
/// The pool has no thread and the system refuses one.
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
    io::Error::other("background task failed")
}
