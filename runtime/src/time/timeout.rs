//! [`Timeout`]: a future with a limit.

use super::error::Elapsed;
use super::sleep::{Sleep, sleep, sleep_until};
use super::{Duration, Instant};
use crate::budget;
use pin_project_lite::pin_project;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Gives `future` at most `duration`, counted from the call.
///
/// The future is polled before the clock counts: one that is ready in its first poll succeeds
/// even with a duration of zero, and one that is not is stopped at the driver's next turn. A future
/// that never yields cannot be stopped.
///
/// # Cancel safety
///
/// Dropping the result drops the future inside: what that loses depends on it.
///
/// # Errors
///
/// [`Elapsed`] if the duration passed first; the future is then dropped with the `Timeout`.
///
/// # Panics
///
/// Panics outside of a runtime, or if its time is not enabled.
#[track_caller]
pub fn timeout<F: IntoFuture>(duration: Duration, future: F) -> Timeout<F::IntoFuture> {
    Timeout {
        value: future.into_future(),
        delay: sleep(duration),
    }
}

/// Gives `future` until `deadline`. See [`timeout`].
///
/// # Cancel safety
///
/// As for [`timeout`].
///
/// # Errors
///
/// [`Elapsed`] if the deadline passed first.
///
/// # Panics
///
/// Panics outside of a runtime, or if its time is not enabled.
#[track_caller]
pub fn timeout_at<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    Timeout {
        value: future.into_future(),
        delay: sleep_until(deadline),
    }
}

pin_project! {
    /// The future of [`timeout`] and [`timeout_at`].
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::time::{Duration, timeout};
    ///
    /// # let rt = runtime::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    /// # rt.block_on(async {
    /// let late = timeout(Duration::from_millis(1), std::future::pending::<()>()).await;
    /// assert!(late.is_err());
    /// # });
    /// ```
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    #[derive(Debug)]
    pub struct Timeout<T> {
        #[pin]
        value: T,
        #[pin]
        delay: Sleep,
    }
}

impl<T> Timeout<T> {
    /// Returns the future inside.
    pub fn get_ref(&self) -> &T {
        &self.value
    }

    /// Returns the future inside for a change.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.value
    }

    /// Returns the future inside, without its limit.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T: Future> Future for Timeout<T> {
    type Output = Result<T::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let had_budget = budget::has_remaining();
        if let Poll::Ready(output) = this.value.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        // A future that uses up the budget in every poll would otherwise never be stopped.
        let delay = if had_budget && !budget::has_remaining() {
            budget::with_unconstrained(|| this.delay.poll(cx))
        } else {
            this.delay.poll(cx)
        };
        delay.map(|()| Err(Elapsed::new()))
    }
}
