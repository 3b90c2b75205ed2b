//! Values that count their drops, and act or panic there.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

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

/// A panic's payload that panics in its drop.
pub(crate) struct Bomb(pub(crate) Count);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.add();
        panic!("on purpose: the payload's drop");
    }
}

/// Counts values made and dropped.
#[derive(Clone, Default)]
pub(crate) struct Tally {
    made: Arc<AtomicUsize>,
    dropped: Arc<AtomicUsize>,
}

impl Tally {
    pub(crate) fn one(&self) -> Counted {
        self.made.fetch_add(1, Ordering::SeqCst);
        Counted(self.clone())
    }

    pub(crate) fn made(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }

    pub(crate) fn dropped(&self) -> usize {
        self.dropped.load(Ordering::SeqCst)
    }

    #[track_caller]
    pub(crate) fn assert_balanced(&self) {
        assert_eq!(self.made(), self.dropped(), "made, dropped");
    }
}

/// One value of a [`Tally`].
pub(crate) struct Counted(Tally);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}
