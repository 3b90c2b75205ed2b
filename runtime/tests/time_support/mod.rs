//! What the tests of `time` share: a paused runtime, and futures polled by hand.
#![allow(dead_code)] // each test file uses its part

use runtime::runtime::{Builder, Runtime};
use runtime::time::{Duration, Instant};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake};

pub(crate) fn real() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
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

/// Ends this poll of the task: one poll has a budget of 128 operations.
pub(crate) async fn yield_once() {
    let mut has_yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A pinned future with a waker of its own that counts.
pub(crate) struct Polled<F: ?Sized> {
    pub(crate) wakes: Arc<Wakes>,
    pub(crate) future: Pin<Box<F>>,
}

#[derive(Default)]
pub(crate) struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

impl<F: Future> Polled<F> {
    pub(crate) fn new(future: F) -> Self {
        Self {
            wakes: Arc::default(),
            future: Box::pin(future),
        }
    }

    pub(crate) fn poll(&mut self) -> Poll<F::Output> {
        let waker = self.wakes.clone().into();
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    /// How often it was woken since the last call.
    pub(crate) fn wakes(&self) -> usize {
        self.wakes.0.swap(0, SeqCst)
    }
}
