//! Waits for a future of this module by parking the thread: what the `blocking_` methods do.
//!
//! Needs no runtime. The waker sets a flag and unparks, so that stray unparks only cost a look.

use crate::loom::sync::atomic::{AtomicBool, Ordering};
use crate::loom::thread::{self, Thread};
use crate::util::entered;
use std::future::Future;
use std::pin::pin;
// `Wake` wants std's `Arc`.
use std::sync::Arc;
use std::task::{Context, Poll, Wake};

/// Wakes a parked thread.
struct Unpark {
    thread: Thread,
    is_woken: AtomicBool,
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Release: pairs with the acquire swap of the parked thread.
        if !self.is_woken.swap(true, Ordering::AcqRel) {
            self.thread.unpark();
        }
    }
}

/// Blocks the thread until `future` is ready. `what` names the caller for the panic message.
///
/// # Panics
///
/// Panics on a thread that runs asynchronous tasks.
#[track_caller]
pub(crate) fn block_on<F: Future>(what: &str, future: F) -> F::Output {
    entered::refuse_blocking(what);
    let mut future = pin!(future);
    let unpark = Arc::new(Unpark {
        thread: thread::current(),
        is_woken: AtomicBool::new(false),
    });
    let waker = unpark.clone().into();
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        while !unpark.is_woken.swap(false, Ordering::AcqRel) {
            thread::park();
        }
    }
}
