//! The life of a scope: its body, then its children, then its failure.

use super::shared::{Failure, Shared};
use crate::loom::sync::Arc;
use crate::time::{Instant, Sleep, sleep_until};
use std::future::poll_fn;
use std::panic;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

/// When a scope is out of time, and the error that it ends with then.
pub(super) struct Deadline<E> {
    pub(super) at: Instant,
    pub(super) error: fn() -> E,
}

/// Cancels all that is left when the scope's future ends or is dropped.
struct CancelOnDrop<'a, E>(&'a Shared<E>);

impl<E> Drop for CancelOnDrop<'_, E> {
    fn drop(&mut self) {
        self.0.failed.cancel();
    }
}

/// A deadline that passes once.
struct Clock<E> {
    deadline: Option<Deadline<E>>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<E> Clock<E> {
    fn new(deadline: Option<Deadline<E>>) -> Self {
        let sleep = deadline.as_ref().map(|deadline| sleep_until(deadline.at));
        Self {
            sleep: sleep.map(Box::pin),
            deadline,
        }
    }

    /// Fails the scope when the deadline passes.
    fn poll(&mut self, shared: &Shared<E>, cx: &mut Context<'_>) {
        let Some(sleep) = &mut self.sleep else { return };
        if sleep.as_mut().poll(cx).is_ready() {
            self.sleep = None;
            if let Some(deadline) = self.deadline.take() {
                shared.fail(Failure::Error((deadline.error)()));
            }
        }
    }
}

/// Runs the body that `start` makes, then waits for the children.
pub(super) async fn run<E, R, B>(
    shared: Arc<Shared<E>>,
    deadline: Option<Deadline<E>>,
    start: impl FnOnce() -> B,
) -> Result<R, E>
where
    B: Future<Output = Result<R, E>>,
{
    let _cancel = CancelOnDrop(&shared);
    let mut clock = Clock::new(deadline);
    let mut output = None;
    // In a box, so that it can be dropped before the children are waited for.
    if let Some(mut body) = shared.contain(|| Box::pin(start())) {
        let mut failed = pin!(shared.failed.cancelled());
        output = poll_fn(|cx| {
            if failed.as_mut().poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            match shared.contain(|| body.as_mut().poll(cx)) {
                Some(Poll::Ready(output)) => Poll::Ready(Some(output)),
                None => Poll::Ready(None),
                Some(Poll::Pending) => {
                    clock.poll(&shared, cx);
                    Poll::Pending
                }
            }
        })
        .await;
        shared.contain(|| drop(body));
    }
    let output = match output {
        Some(Ok(output)) => Some(output),
        Some(Err(error)) => {
            shared.fail(Failure::Error(error));
            None
        }
        None => None,
    };
    poll_fn(|cx| {
        clock.poll(&shared, cx);
        shared.live.poll_end(cx)
    })
    .await;
    match (shared.take_failure(), output) {
        (None, Some(output)) => Ok(output),
        (Some(Failure::Error(error)), _) => Err(error),
        (Some(Failure::Panic(payload)), _) => panic::resume_unwind(payload),
        (None, None) => unreachable!("by S3 a body without output has failed"),
    }
}
