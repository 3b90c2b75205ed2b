//! Futures that wait for a token.

use super::CancellationToken;
use super::wait::Waiter;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// Ready when a token is cancelled; made by [`CancellationToken::cancelled`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct WaitForCancellationFuture<'a> {
        token: &'a CancellationToken,
        #[pin]
        waiter: Waiter,
    }

    impl PinnedDrop for WaitForCancellationFuture<'_> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.waiter.cancel(&this.token.node);
        }
    }
}

impl<'a> WaitForCancellationFuture<'a> {
    pub(super) fn new(token: &'a CancellationToken) -> Self {
        Self {
            token,
            waiter: Waiter::new(),
        }
    }
}

impl Future for WaitForCancellationFuture<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.waiter.poll(&this.token.node, cx)
    }
}

impl fmt::Debug for WaitForCancellationFuture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitForCancellationFuture")
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// Ready when a token is cancelled; made by [`CancellationToken::cancelled_owned`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct WaitForCancellationFutureOwned {
        token: CancellationToken,
        #[pin]
        waiter: Waiter,
    }

    impl PinnedDrop for WaitForCancellationFutureOwned {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.waiter.cancel(&this.token.node);
        }
    }
}

impl WaitForCancellationFutureOwned {
    pub(super) fn new(token: CancellationToken) -> Self {
        Self {
            token,
            waiter: Waiter::new(),
        }
    }
}

impl Future for WaitForCancellationFutureOwned {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.waiter.poll(&this.token.node, cx)
    }
}

impl fmt::Debug for WaitForCancellationFutureOwned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitForCancellationFutureOwned")
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// A future that ends with a token.
    pub(super) struct RunUntil<C, F> {
        #[pin]
        cancelled: C,
        #[pin]
        future: F,
    }
}

impl<C, F> RunUntil<C, F> {
    pub(super) fn new(cancelled: C, future: F) -> Self {
        Self { cancelled, future }
    }
}

impl<C: Future<Output = ()>, F: Future> Future for RunUntil<C, F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(Some(output));
        }
        this.cancelled.poll(cx).map(|()| None)
    }
}
