//! A join handle that does not detach its task.

use crate::cell::abort::AbortHandle;
use crate::cell::error::JoinError;
use crate::cell::join::JoinHandle;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A [`JoinHandle`] that aborts its task when it is dropped.
///
/// Awaiting it gives what the join handle gives. An abort takes effect at the task's next await
/// point; a blocking closure that has started runs to its end.
///
/// ```
/// # runtime::runtime::Runtime::new().unwrap().block_on(async {
/// use runtime::task::AbortOnDropHandle;
///
/// let task = runtime::spawn(std::future::pending::<()>());
/// let abort = task.abort_handle();
/// drop(AbortOnDropHandle::new(task));
/// while !abort.is_finished() {
///     runtime::task::yield_now().await;
/// }
/// # });
/// ```
#[must_use = "dropping the handle aborts the task at once"]
pub struct AbortOnDropHandle<T> {
    /// Taken on detachment only.
    handle: Option<JoinHandle<T>>,
}

impl<T> AbortOnDropHandle<T> {
    /// Takes a task's handle over.
    pub fn new(handle: JoinHandle<T>) -> Self {
        Self {
            handle: Some(handle),
        }
    }

    fn handle(&self) -> &JoinHandle<T> {
        self.handle.as_ref().expect("taken on detachment only")
    }

    /// Cancels the task now.
    pub fn abort(&self) {
        self.handle().abort();
    }

    /// Whether the task has finished, with its future dropped.
    pub fn is_finished(&self) -> bool {
        self.handle().is_finished()
    }

    /// A handle that can only cancel the task.
    pub fn abort_handle(&self) -> AbortHandle {
        self.handle().abort_handle()
    }

    /// Gives the join handle back, whose drop detaches the task.
    pub fn detach(mut self) -> JoinHandle<T> {
        self.handle.take().expect("taken on detachment only")
    }
}

impl<T> Future for AbortOnDropHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let handle = self.handle.as_mut().expect("taken on detachment only");
        Pin::new(handle).poll(cx)
    }
}

impl<T> Drop for AbortOnDropHandle<T> {
    fn drop(&mut self) {
        if let Some(handle) = &self.handle {
            handle.abort();
        }
    }
}

impl<T> AsRef<JoinHandle<T>> for AbortOnDropHandle<T> {
    fn as_ref(&self) -> &JoinHandle<T> {
        self.handle()
    }
}

/// As [`AbortOnDropHandle::new`].
impl<T> From<JoinHandle<T>> for AbortOnDropHandle<T> {
    fn from(handle: JoinHandle<T>) -> Self {
        Self::new(handle)
    }
}

impl<T> fmt::Debug for AbortOnDropHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortOnDropHandle")
            .field("id", &self.handle().id())
            .finish()
    }
}

/// An [`AbortHandle`] that aborts its task when it is dropped: for a task whose output is nobody's
/// business.
///
/// ```
/// # runtime::runtime::Runtime::new().unwrap().block_on(async {
/// use runtime::task::AbortOnDrop;
///
/// let task = runtime::spawn(std::future::pending::<()>());
/// drop(AbortOnDrop::new(task.abort_handle()));
/// assert!(task.await.unwrap_err().is_cancelled());
/// # });
/// ```
#[derive(Debug)]
#[must_use = "dropping the handle aborts the task at once"]
pub struct AbortOnDrop {
    /// Taken on detachment only.
    handle: Option<AbortHandle>,
}

impl AbortOnDrop {
    /// Takes a handle over.
    pub fn new(handle: AbortHandle) -> Self {
        Self {
            handle: Some(handle),
        }
    }

    fn handle(&self) -> &AbortHandle {
        self.handle.as_ref().expect("taken on detachment only")
    }

    /// Cancels the task now.
    pub fn abort(&self) {
        self.handle().abort();
    }

    /// Whether the task has finished, with its future dropped.
    pub fn is_finished(&self) -> bool {
        self.handle().is_finished()
    }

    /// Gives the handle back, whose drop does nothing to the task.
    pub fn detach(mut self) -> AbortHandle {
        self.handle.take().expect("taken on detachment only")
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let Some(handle) = &self.handle {
            handle.abort();
        }
    }
}
