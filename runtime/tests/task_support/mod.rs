//! What the task tests share: runtimes of each flavour, a hang bound, values that count their
//! drops and panic where they are told.
#![allow(dead_code)] // each test file uses a part

use runtime::runtime::{Builder, Runtime};
use std::future::{Future, poll_fn};
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Once, mpsc};
use std::task::{Context, Poll};
use std::time::Duration;

/// No test comes near it unless it hangs.
const HANG: Duration = Duration::from_secs(120);

/// The text of all panics that tests make on purpose begins so, and is not reported.
pub(crate) const ON_PURPOSE: &str = "on purpose";

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

/// Runs `test` on a thread; fails if it panics or hangs.
pub(crate) fn within_bound(test: impl FnOnce() + Send + 'static) {
    quiet();
    let (done, ended) = mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        test();
        drop(done);
    });
    // Nothing is ever sent: the sender goes when the test ends or unwinds.
    let hangs = ended.recv_timeout(HANG) == Err(mpsc::RecvTimeoutError::Timeout);
    assert!(!hangs, "the test hangs");
    if let Err(payload) = thread.join() {
        panic::resume_unwind(payload);
    }
}

/// Does not report panics that are made on purpose.
fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let payload = info.payload();
            let text = payload.downcast_ref::<&str>().copied();
            let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
            let on_purpose =
                payload.is::<Bomb>() || text.is_some_and(|text| text.starts_with(ON_PURPOSE));
            if !on_purpose {
                report(info);
            }
        }));
    });
}

/// A panic's payload that panics in its drop.
pub(crate) struct Bomb(pub(crate) Count);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.add();
        panic!("on purpose: the payload's drop");
    }
}

/// A shared number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Yields to other tasks and threads until the number is there.
    pub(crate) async fn reaches(&self, goal: usize) {
        while self.get() < goal {
            runtime::task::yield_now().await;
        }
        assert_eq!(self.get(), goal);
    }
}

/// Counts its drop, then runs something.
pub(crate) struct OnDrop<F: FnMut()> {
    count: Count,
    act: F,
}

impl<F: FnMut()> OnDrop<F> {
    pub(crate) fn new(count: &Count, act: F) -> Self {
        Self {
            count: count.clone(),
            act,
        }
    }
}

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        self.count.add();
        (self.act)();
    }
}

/// A future with something that is dropped with it, but outside of its poll: the locals of an
/// async block would be dropped while its panic unwinds.
pub(crate) struct With<F, D> {
    future: Pin<Box<F>>,
    _beside: D,
}

impl<F, D> With<F, D> {
    pub(crate) fn new(future: F, beside: D) -> Self {
        Self {
            future: Box::pin(future),
            _beside: beside,
        }
    }
}

impl<F, D> Unpin for With<F, D> {}

impl<F: Future, D> Future for With<F, D> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.future.as_mut().poll(cx)
    }
}

/// Polls a future once.
pub(crate) async fn once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx))).await
}

/// The text of a panic.
pub(crate) fn text(payload: &(dyn std::any::Any + Send)) -> &str {
    payload.downcast_ref::<&str>().expect("a text")
}

/// Whether `f` panics.
pub(crate) fn panics(f: impl FnOnce()) -> bool {
    panic::catch_unwind(AssertUnwindSafe(f)).is_err()
}
