//! Waits for a future of this module by parking the thread: what the `blocking_` methods do. Needs no
//! runtime.

use crate::park::{self, ThreadWaker};
use crate::util::entered;
use std::future::Future;
use std::pin::pin;

/// Blocks the thread until `future` is ready. `what` names the caller for the panic message.
///
/// # Panics
///
/// Panics on a thread that runs asynchronous tasks.
#[track_caller]
pub(crate) fn block_on<F: Future>(what: &str, future: F) -> F::Output {
    entered::refuse_blocking(what);
    let mut future = pin!(future);
    park::wait_for(&ThreadWaker::current(), |cx| future.as_mut().poll(cx))
}
