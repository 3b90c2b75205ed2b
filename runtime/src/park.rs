//! A thread that waits for a future: one word, the thread's own park, and a waker for it.
//!
//! - W1. A wake before or during a wait ends that wait; wakes add up to one.
//!
//! The waker's `Release` swap pairs with the waiter's `Acquire` swap.

use crate::loom::sync::atomic::{AtomicBool, Ordering};
use crate::loom::thread::{self, Thread};
use std::pin::pin;
// `Wake` wants std's `Arc`.
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// Wakes one thread.
#[derive(Debug)]
pub(crate) struct ThreadWaker {
    woken: AtomicBool,
    thread: Thread,
}

impl ThreadWaker {
    /// For the calling thread.
    pub(crate) fn current() -> Arc<Self> {
        Arc::new(Self {
            woken: AtomicBool::new(false),
            thread: thread::current(),
        })
    }

    pub(crate) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(self.clone())
    }

    /// Waits until woken. Only on the thread that made it.
    pub(crate) fn park(&self) {
        while !self.woken.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }

    /// Ends a wait without a `Waker`.
    pub(crate) fn unpark(&self) {
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.thread.unpark();
        }
    }
}

impl Wake for ThreadWaker {
    fn wake(self: Arc<Self>) {
        self.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.unpark();
    }
}

/// Polls `future` on this thread until it is ready. The caller has checked that it may block.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    block_on_with(&ThreadWaker::current(), future, || {})
}

/// As [`block_on`], with this thread's `parker`; `check` runs before each poll.
pub(crate) fn block_on_with<F: Future>(
    parker: &Arc<ThreadWaker>,
    future: F,
    check: impl Fn(),
) -> F::Output {
    let mut future = pin!(future);
    wait_for(parker, |cx| {
        check();
        crate::budget::with_initial(|| future.as_mut().poll(cx))
    })
}

/// Calls `poll` until it is ready; between two calls this thread waits for a wake. Leaves the budget
/// as it is.
pub(crate) fn wait_for<R>(
    parker: &Arc<ThreadWaker>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<R>,
) -> R {
    let waker = parker.waker();
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = poll(&mut cx) {
            return output;
        }
        parker.park();
    }
}
