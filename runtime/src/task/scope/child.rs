//! The future of a child, and the handle of it.

use super::shared::{Failure, Shared, Ticket};
use crate::cell::error::JoinError;
use crate::cell::id::Id;
use crate::cell::join::JoinHandle;
use crate::loom::sync::Arc;
use crate::sync::OwnedSemaphorePermit;
use crate::task::cancellation::WaitForCancellationFutureOwned;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Says whether an output is an error.
pub(super) type Judge<O, T, E> = fn(O) -> Result<T, E>;

/// How a child ended.
pub(super) enum Ended<T> {
    Done(T),
    /// Or it gave an error, which is the scope's.
    Cancelled,
    Panicked,
}

pin_project! {
    /// A future that ends with its scope's token and tells its scope how it ended.
    pub(super) struct Child<F, T, E>
    where
        F: Future,
    {
        #[pin]
        future: Option<F>,
        #[pin]
        cancelled: WaitForCancellationFutureOwned,
        judge: Judge<F::Output, T, E>,
        queue: Option<Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>>,
        permit: Option<OwnedSemaphorePermit>,
        // The last: the scope may end when it is dropped.
        ticket: Ticket<E>,
    }

    impl<F: Future, T, E> PinnedDrop for Child<F, T, E> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // Only if the task was aborted.
            if this.future.is_some() {
                this.ticket.shared().contain(|| this.future.set(None));
            }
        }
    }
}

impl<F: Future, T, E> Child<F, T, E> {
    pub(super) fn new(future: F, judge: Judge<F::Output, T, E>, ticket: Ticket<E>) -> Self {
        let shared = ticket.shared();
        let cancelled = shared.children.clone().cancelled_owned();
        let queue = shared.limit.clone().map(|limit| {
            let permit = async { limit.acquire_owned().await.ok() };
            Box::pin(permit) as Pin<Box<dyn Future<Output = _> + Send>>
        });
        Self {
            future: Some(future),
            cancelled,
            judge,
            queue,
            permit: None,
            ticket,
        }
    }
}

impl<F: Future, T, E> Future for Child<F, T, E> {
    type Output = Ended<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended<T>> {
        let mut this = self.project();
        let shared = this.ticket.shared();
        let ended = if this.cancelled.poll(cx).is_ready() {
            Ended::Cancelled
        } else {
            if let Some(queue) = this.queue {
                *this.permit = ready!(queue.as_mut().poll(cx));
                *this.queue = None;
            }
            let future = &mut this.future;
            let polled = shared.contain(|| {
                let future = future.as_mut().as_pin_mut();
                future.expect("it is there until the end").poll(cx)
            });
            match polled {
                Some(polled) => judged(shared, ready!(polled), *this.judge),
                None => Ended::Panicked,
            }
        };
        match shared.contain(|| this.future.set(None)) {
            Some(()) => Poll::Ready(ended),
            None => Poll::Ready(Ended::Panicked),
        }
    }
}

fn judged<O, T, E>(shared: &Shared<E>, output: O, judge: Judge<O, T, E>) -> Ended<T> {
    match judge(output) {
        Ok(output) => Ended::Done(output),
        Err(error) => {
            shared.fail(Failure::Error(error));
            Ended::Cancelled
        }
    }
}

/// Runs the closure of a blocking child, unless its scope has been cancelled before.
pub(super) fn block<O, T, E>(
    f: impl FnOnce() -> O,
    judge: Judge<O, T, E>,
    ticket: &Ticket<E>,
) -> Ended<T> {
    let shared: &Arc<Shared<E>> = ticket.shared();
    if shared.children.is_cancelled() {
        shared.contain(|| drop(f));
        return Ended::Cancelled;
    }
    match shared.contain(f) {
        Some(output) => judged(shared, output, judge),
        None => Ended::Panicked,
    }
}

/// Waits for a child of a [`Scope`](crate::task::Scope) or [`TryScope`](crate::task::TryScope) and
/// gives its output.
///
/// The child belongs to its scope: dropping the handle changes nothing for it, and its panic is the
/// scope's. Awaiting gives an error that [`is_panic`](JoinError::is_panic) after a panic, with a text
/// in place of the payload; and one that [`is_cancelled`](JoinError::is_cancelled) after
/// [`abort`](Self::abort), if the scope was cancelled, and if the child gave an error, which is
/// the scope's, too.
///
/// # Cancel safety
///
/// Cancel safe when awaited through `&mut handle`: the output stays for the next await.
///
/// # Panics
///
/// Polling again after the output was given out panics.
///
/// ```
/// # runtime::runtime::Runtime::new().unwrap().block_on(async {
/// let sum = runtime::task::scope(|scope| async move {
///     let (one, two) = (scope.spawn(async { 1 }), scope.spawn(async { 2 }));
///     one.await.unwrap() + two.await.unwrap()
/// });
/// assert_eq!(sum.await, 3);
/// # });
/// ```
pub struct ScopedJoinHandle<T> {
    /// None if the scope took no more children.
    handle: Option<JoinHandle<Ended<T>>>,
    id: Id,
}

impl<T> ScopedJoinHandle<T> {
    pub(super) fn new(handle: JoinHandle<Ended<T>>) -> Self {
        Self {
            id: handle.id(),
            handle: Some(handle),
        }
    }

    /// Of a child that came too late.
    pub(super) fn refused() -> Self {
        Self {
            handle: None,
            id: Id::next(),
        }
    }

    /// Cancels the child alone, at its next await point. That is no failure of the scope.
    pub fn abort(&self) {
        if let Some(handle) = &self.handle {
            handle.abort();
        }
    }

    /// Whether the child has finished, with its future dropped.
    pub fn is_finished(&self) -> bool {
        self.handle.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// The child's id, unique among the tasks that are alive.
    pub fn id(&self) -> Id {
        self.id
    }
}

impl<T> Future for ScopedJoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let id = self.id;
        let Some(handle) = &mut self.handle else {
            return Poll::Ready(Err(JoinError::cancelled(id)));
        };
        Poll::Ready(match ready!(Pin::new(handle).poll(cx)) {
            Ok(Ended::Done(output)) => Ok(output),
            Ok(Ended::Cancelled) => Err(JoinError::cancelled(id)),
            Ok(Ended::Panicked) => {
                let text = "a child of a task scope panicked; the scope panics with its payload";
                Err(JoinError::panic(id, Box::new(text)))
            }
            Err(error) => Err(error),
        })
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle")
            .field("id", &self.id)
            .finish()
    }
}
