//! Letting other tasks run.

use crate::budget;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Lets other tasks run: the task goes to the back of its queue.
///
/// # Cancel safety
///
/// Cancel safe: there is nothing to lose.
///
/// ```
/// # runtime::runtime::Runtime::new().unwrap().block_on(async {
/// for step in 0..1_000_000_u64 {
///     if step % 1_000 == 0 {
///         runtime::task::yield_now().await;
///     }
/// }
/// # });
/// ```
pub async fn yield_now() {
    YieldNow { yielded: false }.await;
}

struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if budget::is_traced() {
            return budget::refuse(cx);
        }
        if std::mem::replace(&mut self.yielded, true) {
            return Poll::Ready(());
        }
        // A task that wakes itself while it runs is queued behind the others.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
