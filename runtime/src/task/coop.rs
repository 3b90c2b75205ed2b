//! Cooperative scheduling: the budget that keeps one task from starving the others.
//!
//! Each poll of a task starts with 128 units. A future of this crate that is ready takes one; with
//! none left it wakes its task and stays pending, so that the other tasks get their turn. Code
//! that loops without awaiting such a future takes part through [`consume_budget`]; a future of
//! your own through [`cooperative`] or [`poll_proceed`]; and [`unconstrained`] opts out.
//!
//! Outside of tasks, and in blocking closures, there is no limit. A poll that goes on all the same
//! after 256 refusals gets its units anew: so another executor's `block_on` within a task goes on.

use crate::budget;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pub use crate::budget::RestoreOnPending;

/// Whether the running task has budget left. True outside of tasks.
///
/// ```
/// # runtime::runtime::Runtime::new().unwrap().block_on(async {
/// use runtime::task::coop;
///
/// assert!(coop::has_budget_remaining());
/// # });
/// ```
#[inline]
pub fn has_budget_remaining() -> bool {
    budget::ask_for_remaining()
}

/// Takes one unit of the budget; pending when there is none left, with the task woken to try
/// again in its next turn.
///
/// Call [`RestoreOnPending::made_progress`] when the operation gets ready. Dropped without, the
/// guard puts the budget back as it was.
///
/// ```
/// use runtime::task::coop;
/// use std::task::{Context, Poll, ready};
///
/// fn poll_read(cx: &mut Context<'_>, queue: &mut Vec<u8>) -> Poll<u8> {
///     let unit = ready!(coop::poll_proceed(cx));
///     let Some(byte) = queue.pop() else { return Poll::Pending };
///     unit.made_progress();
///     Poll::Ready(byte)
/// }
/// # let _ = poll_read;
/// ```
#[inline]
pub fn poll_proceed(cx: &mut Context<'_>) -> Poll<RestoreOnPending> {
    budget::poll_proceed(cx)
}

/// Takes one unit of the budget, and lets the other tasks run first if there is none left.
///
/// # Cancel safety
///
/// Cancel safe: there is nothing to lose but the unit.
///
/// ```
/// # runtime::runtime::Runtime::new().unwrap().block_on(async {
/// let mut sum = 0_u64;
/// for i in 0..1_000 {
///     sum += i;
///     runtime::task::coop::consume_budget().await;
/// }
/// # assert_eq!(sum, 499_500);
/// # });
/// ```
pub async fn consume_budget() {
    std::future::poll_fn(|cx| {
        ready!(poll_proceed(cx)).made_progress();
        Poll::Ready(())
    })
    .await;
}

pin_project! {
    /// A future that takes no notice of the budget; made by [`unconstrained`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Unconstrained<F> {
        #[pin]
        future: F,
    }
}

/// Exempts a future from the budget: it never yields for others' sake.
///
/// ```
/// # runtime::runtime::Runtime::new().unwrap().block_on(async {
/// use runtime::sync::mpsc;
/// use runtime::task::coop::unconstrained;
///
/// let (sender, mut receiver) = mpsc::unbounded_channel();
/// (0..1_000).for_each(|i| sender.send(i).unwrap());
/// drop(sender);
/// let all = unconstrained(async { while receiver.recv().await.is_some() {} });
/// all.await;
/// # });
/// ```
pub fn unconstrained<F>(inner: F) -> Unconstrained<F> {
    Unconstrained { future: inner }
}

impl<F: Future> Future for Unconstrained<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let future = self.project().future;
        budget::with_unconstrained(|| future.poll(cx))
    }
}

pin_project! {
    /// A future that takes a unit of the budget for each poll that is ready; made by
    /// [`cooperative`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Coop<F: Future> {
        #[pin]
        future: F,
    }
}

/// Makes a future take part in the budget: with none left it is not polled, and the other tasks
/// run first.
///
/// ```
/// # runtime::runtime::Runtime::new().unwrap().block_on(async {
/// use runtime::task::coop::cooperative;
///
/// assert_eq!(cooperative(std::future::ready(1)).await, 1);
/// # });
/// ```
pub fn cooperative<F: Future>(fut: F) -> Coop<F> {
    Coop { future: fut }
}

impl<F: Future> Future for Coop<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let unit = ready!(poll_proceed(cx));
        let output = ready!(self.project().future.poll(cx));
        unit.made_progress();
        Poll::Ready(output)
    }
}
