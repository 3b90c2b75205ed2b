//! Waiting until all tasks of a kind have ended.
//!
//! - R1. `state` counts tokens in its upper bits; the lowest says *closed*. Waiters are notified by
//!   whoever makes it "closed and none", in the same read-modify-write.
//! - R2. A waiter makes its `Notified` first, then looks at the state: a change after the look
//!   notifies it, one before is seen. (A `Notified` gets all notifications since it was made.)
//!
//! A waiter is ready if the tracker was closed and empty at any time since the call of `wait`, also
//! if it has been opened again since. Each token's `AcqRel` decrement carries what its task did to
//! the waiter.

use super::{LocalSet, spawn_local};
use crate::cell::join::JoinHandle;
use crate::loom::sync::Arc;
use crate::loom::sync::atomic::{AtomicUsize, Ordering};
use crate::runtime::Handle;
use crate::sync::Notify;
use crate::sync::futures::Notified;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

const CLOSED: usize = 1;
const ONE: usize = 2;

/// Counts tasks, and waits for their end.
///
/// Unlike a [`JoinSet`](crate::task::JoinSet) it keeps no outputs, so a task that has ended takes
/// no memory; and it may be cloned and used by many tasks. [`wait`](Self::wait) is ready once the
/// tracker is [closed](Self::close) and all tracked tasks have ended, with their futures dropped.
///
/// ```
/// # runtime::runtime::Runtime::new().unwrap().block_on(async {
/// let tracker = runtime::task::TaskTracker::new();
/// for _ in 0..10 {
///     tracker.spawn(async { /* … */ });
/// }
/// tracker.close();
/// tracker.wait().await;
/// assert!(tracker.is_empty());
/// # });
/// ```
pub struct TaskTracker {
    shared: Arc<Shared>,
}

struct Shared {
    state: AtomicUsize,
    ended: Notify,
}

impl Shared {
    fn is_closed_and_empty(&self) -> bool {
        self.state.load(Ordering::Acquire) == CLOSED
    }

    fn exit(&self) {
        if self.state.fetch_sub(ONE, Ordering::AcqRel) == ONE | CLOSED {
            self.ended.notify_waiters();
        }
    }
}

impl TaskTracker {
    /// An open tracker without tasks.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                state: AtomicUsize::new(0),
                ended: Notify::new(),
            }),
        }
    }

    /// A future that is ready once the tracker was closed and empty, at the call of this method or
    /// later. Opening it again after that does not matter.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: there is nothing to lose.
    pub fn wait(&self) -> TaskTrackerWaitFuture<'_> {
        let notified = self.shared.ended.notified();
        // By R2 in this order.
        let is_ready = self.shared.is_closed_and_empty();
        TaskTrackerWaitFuture {
            notified,
            tracker: (!is_ready).then_some(self),
        }
    }

    /// Closes the tracker, which lets [`wait`](Self::wait) end. Tasks may still be added. False if
    /// it was closed.
    pub fn close(&self) -> bool {
        let before = self.shared.state.fetch_or(CLOSED, Ordering::AcqRel);
        if before == 0 {
            self.shared.ended.notify_waiters();
        }
        before & CLOSED == 0
    }

    /// Opens a closed tracker again. False if it was open.
    pub fn reopen(&self) -> bool {
        self.shared.state.fetch_and(!CLOSED, Ordering::AcqRel) & CLOSED != 0
    }

    /// Whether the tracker is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.state.load(Ordering::Acquire) & CLOSED != 0
    }

    /// How many tasks and tokens there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.state.load(Ordering::Acquire) / ONE
    }

    /// Whether there are no tasks and no tokens.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Starts a task on the current runtime and tracks it.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime.
    #[track_caller]
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        super::spawn(self.track_future(task))
    }

    /// Starts a task on the runtime of `handle` and tracks it.
    #[track_caller]
    pub fn spawn_on<F>(&self, task: F, handle: &Handle) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        handle.spawn(self.track_future(task))
    }

    /// Starts a task on the current [`LocalSet`] or local runtime and tracks it.
    ///
    /// # Panics
    ///
    /// Panics outside of both.
    #[track_caller]
    pub fn spawn_local<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        spawn_local(self.track_future(task))
    }

    /// Starts a task on `local_set` and tracks it.
    #[track_caller]
    pub fn spawn_local_on<F>(&self, task: F, local_set: &LocalSet) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        local_set.spawn_local(self.track_future(task))
    }

    /// Starts a closure on the blocking pool of the current runtime and tracks it.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, and if the pool has no thread and the system refuses one.
    #[track_caller]
    pub fn spawn_blocking<F, T>(&self, task: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let token = self.token();
        super::spawn_blocking(move || tracked(task, token))
    }

    /// Starts a closure on the blocking pool of the runtime of `handle` and tracks it.
    ///
    /// # Panics
    ///
    /// Panics if the pool has no thread and the system refuses one.
    #[track_caller]
    pub fn spawn_blocking_on<F, T>(&self, task: F, handle: &Handle) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let token = self.token();
        handle.spawn_blocking(move || tracked(task, token))
    }

    /// A future that is tracked until it is dropped, wherever it runs. It drops its inner future,
    /// then its token.
    pub fn track_future<F: Future>(&self, future: F) -> TrackedFuture<F> {
        TrackedFuture {
            future,
            token: self.token(),
        }
    }

    /// A token: it counts as a task until it is dropped.
    pub fn token(&self) -> TaskTrackerToken {
        self.shared.state.fetch_add(ONE, Ordering::Relaxed);
        TaskTrackerToken {
            tracker: self.clone(),
        }
    }

    /// Whether both are the same tracker.
    #[must_use]
    pub fn ptr_eq(left: &Self, right: &Self) -> bool {
        Arc::ptr_eq(&left.shared, &right.shared)
    }
}

/// The closure and what it holds go before the token, also by a panic.
fn tracked<T>(task: impl FnOnce() -> T, _token: TaskTrackerToken) -> T {
    task()
}

impl Clone for TaskTracker {
    /// The same tracker.
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl Default for TaskTracker {
    fn default() -> Self {
        Self::new()
    }
}

impl std::panic::UnwindSafe for TaskTracker {}
impl std::panic::RefUnwindSafe for TaskTracker {}

impl fmt::Debug for TaskTracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state.load(Ordering::Acquire);
        f.debug_struct("TaskTracker")
            .field("len", &(state / ONE))
            .field("is_closed", &(state & CLOSED != 0))
            .finish()
    }
}

/// Counts as a task of a [`TaskTracker`] until it is dropped; made by [`TaskTracker::token`].
#[must_use = "the tracker counts a token until it is dropped"]
pub struct TaskTrackerToken {
    tracker: TaskTracker,
}

impl TaskTrackerToken {
    /// The tracker that counts this token.
    pub fn task_tracker(&self) -> &TaskTracker {
        &self.tracker
    }
}

impl Clone for TaskTrackerToken {
    /// One more token.
    fn clone(&self) -> Self {
        self.tracker.token()
    }
}

impl Drop for TaskTrackerToken {
    fn drop(&mut self) {
        self.tracker.shared.exit();
    }
}

impl fmt::Debug for TaskTrackerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskTrackerToken")
            .field("tracker", &self.tracker)
            .finish()
    }
}

pin_project! {
    /// A future that a [`TaskTracker`] counts; made by [`TaskTracker::track_future`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct TrackedFuture<F> {
        // In this order: the future is gone when the tracker hears of it.
        #[pin]
        future: F,
        token: TaskTrackerToken,
    }
}

impl<F: Future> Future for TrackedFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().future.poll(cx)
    }
}

pin_project! {
    /// Ready once a [`TaskTracker`] was closed and empty; made by [`TaskTracker::wait`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct TaskTrackerWaitFuture<'a> {
        #[pin]
        notified: Notified<'a>,
        // None once it is known to be ready.
        tracker: Option<&'a TaskTracker>,
    }
}

impl Future for TaskTrackerWaitFuture<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if this.tracker.is_none() {
            return Poll::Ready(());
        }
        let polled = this.notified.poll(cx);
        if polled.is_ready() {
            *this.tracker = None;
        }
        polled
    }
}

impl fmt::Debug for TaskTrackerWaitFuture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskTrackerWaitFuture")
            .field("tracker", &self.tracker)
            .finish_non_exhaustive()
    }
}
