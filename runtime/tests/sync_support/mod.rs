//! Polling by hand: `sync` needs no runtime.
#![allow(dead_code, unreachable_pub)] // each test file uses a part of it

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Counts wake-ups.
#[derive(Default)]
pub struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A pinned future with its own counting waker.
pub struct Polled<F> {
    pub future: Pin<Box<F>>,
    counter: Arc<Counter>,
}

impl<F: Future> Polled<F> {
    pub fn new(future: F) -> Self {
        Self {
            future: Box::pin(future),
            counter: Arc::default(),
        }
    }

    pub fn poll(&mut self) -> Poll<F::Output> {
        let waker = Waker::from(self.counter.clone());
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    /// Polls with a waker that differs from the last one.
    pub fn poll_with_new_waker(&mut self) -> Poll<F::Output> {
        self.counter = Arc::default();
        self.poll()
    }

    pub fn is_pending(&mut self) -> bool {
        self.poll().is_pending()
    }

    /// The output; panics if it is not ready.
    pub fn ready(&mut self) -> F::Output {
        match self.poll() {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("the future is not ready"),
        }
    }

    pub fn wakes(&self) -> usize {
        self.counter.0.load(Ordering::SeqCst)
    }
}

/// The output of a future that is ready at once.
pub fn now<F: Future>(future: F) -> F::Output {
    Polled::new(future).ready()
}

struct Panicking;

impl Wake for Panicking {
    fn wake(self: Arc<Self>) {
        panic!("foreign waker");
    }
}

/// Polls a future with a waker that panics when it is woken.
pub fn poll_with_panicking_waker<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&Waker::from(Arc::new(Panicking))))
}

/// Whether `f` panics.
pub fn panics(f: impl FnOnce()) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).is_err()
}
