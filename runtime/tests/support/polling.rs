//! Futures polled by hand, and wakers that count or panic.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Polls once with a waker that nobody hears.
pub(crate) fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls a future once.
pub(crate) async fn once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx))).await
}

/// Waits until `poll` is ready, by polling it on and on.
pub(crate) async fn until_ready<R>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<R>) -> R {
    std::future::poll_fn(|cx| poll(cx)).await
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

/// Lets the reactor look at what the system has for it.
pub(crate) async fn turns() {
    for _ in 0..50 {
        runtime::task::yield_now().await;
    }
}

/// Counts wakes.
#[derive(Default)]
pub(crate) struct WakeCount(AtomicUsize);

impl WakeCount {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let count = Arc::new(Self::default());
        (count.clone(), Waker::from(count))
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for WakeCount {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A pinned future with a waker of its own that counts.
pub(crate) struct Polled<F> {
    pub(crate) future: Pin<Box<F>>,
    pub(crate) count: Arc<WakeCount>,
}

impl<F: Future> Polled<F> {
    pub(crate) fn new(future: F) -> Self {
        Self {
            future: Box::pin(future),
            count: Arc::default(),
        }
    }

    pub(crate) fn poll(&mut self) -> Poll<F::Output> {
        let waker = Waker::from(self.count.clone());
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    /// Polls with a waker that differs from the last one.
    pub(crate) fn poll_with_new_waker(&mut self) -> Poll<F::Output> {
        self.count = Arc::default();
        self.poll()
    }

    pub(crate) fn is_pending(&mut self) -> bool {
        self.poll().is_pending()
    }

    /// The output; panics if it is not ready.
    pub(crate) fn ready(&mut self) -> F::Output {
        match self.poll() {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("the future is not ready"),
        }
    }

    /// How often its last waker was woken.
    pub(crate) fn wakes(&self) -> usize {
        self.count.get()
    }

    /// How often it was woken since the last call.
    pub(crate) fn take_wakes(&self) -> usize {
        self.count.0.swap(0, Ordering::SeqCst)
    }
}

/// The output of a future that is ready at once.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    Polled::new(future).ready()
}

struct Panicking;

impl Wake for Panicking {
    fn wake(self: Arc<Self>) {
        panic!("foreign waker");
    }
}

/// Polls a future with a waker that panics when it is woken.
pub(crate) fn poll_with_panicking_waker<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&Waker::from(Arc::new(Panicking))))
}
