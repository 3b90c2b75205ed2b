//! `LocalSet`: tasks that need not be `Send`, on the thread that made it.
//!
//! The machinery is [`local_set`](crate::scheduler::local_set); this is its public face.

use crate::cell::NewTask;
use crate::cell::id::Id;
use crate::cell::join::JoinHandle;
use crate::loom::sync::Arc;
use crate::runtime::{Runtime, UnhandledPanic};
use crate::scheduler::local_set::{self, LocalTasks, SetPoller, Shared};
use crate::trace::About;
use pin_project_lite::pin_project;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// A set of tasks that run on one thread and need not be `Send`.
///
/// Tasks make progress while the set is driven: while a future of [`run_until`](Self::run_until)
/// or the set itself is awaited on the thread that made it. Awaiting the set waits until all its
/// tasks have ended.
///
/// On drop the set cancels its tasks and drops their futures, on its own thread. A set that is
/// leaked keeps them; nothing of them is dropped on another thread, not even if unsafe code drops
/// the set itself there. The drop waits for threads
/// that are about to queue a task of the set, which takes them a few instructions.
///
/// [`block_in_place`](crate::task::block_in_place) panics inside, because it would move the
/// thread's work away.
///
/// ```
/// use std::rc::Rc;
/// use runtime::task::{self, LocalSet};
///
/// # runtime::runtime::Runtime::new().unwrap().block_on(async {
/// let text = Rc::new("not Send");
/// let local = LocalSet::new();
/// let task = local.run_until(async move {
///     task::spawn_local(async move { text.len() }).await
/// });
/// assert_eq!(task.await.unwrap(), 8);
/// # });
/// ```
pub struct LocalSet {
    driver: SetPoller,
}

/// Leaves a [`LocalSet`] on drop; made by [`LocalSet::enter`].
pub struct LocalEnterGuard {
    _restore: local_set::Restore,
    _not_send: PhantomData<Rc<()>>,
}

impl LocalSet {
    /// A set without tasks, of the calling thread.
    pub fn new() -> Self {
        Self {
            driver: SetPoller::new(LocalTasks::new()),
        }
    }

    fn shared(&self) -> &Arc<Shared> {
        self.driver.set().shared()
    }

    /// Makes this the set that [`spawn_local`](crate::task::spawn_local) goes to, until the guard is
    /// dropped. Drives nothing.
    pub fn enter(&self) -> LocalEnterGuard {
        LocalEnterGuard {
            _restore: local_set::enter(self.driver.set()),
            _not_send: PhantomData,
        }
    }

    /// Starts a task. It runs while the set is driven, even if the returned handle is dropped.
    #[track_caller]
    pub fn spawn_local<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.spawn_as(future, &About::local::<F>())
    }

    /// As [`Self::spawn_local`], of a future that may be wrapped: `about` is what was given to us.
    pub(super) fn spawn_as<F>(&self, future: F, about: &About<'_>) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        Shared::spawn(self.shared(), future, NewTask::new(Id::next(), about)).finish()
    }

    /// Runs a future to its end on this thread and drives the set meanwhile. Tasks that have not
    /// ended by then stay in the set.
    ///
    /// # Panics
    ///
    /// As [`Runtime::block_on`].
    #[track_caller]
    pub fn block_on<F: Future>(&self, runtime: &Runtime, future: F) -> F::Output {
        runtime.block_on(self.run_until(future))
    }

    /// Runs a future and drives the set meanwhile. The future may call
    /// [`spawn_local`](crate::task::spawn_local).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe if `future` is: the tasks stay in the set.
    pub async fn run_until<F: Future>(&self, future: F) -> F::Output {
        RunUntil {
            driver: SetPoller::new(self.driver.set().clone()),
            future,
        }
        .await
    }

    /// The set's id: no other set and no runtime has the same.
    pub fn id(&self) -> crate::runtime::Id {
        self.shared().id()
    }

    /// Sets what happens when a task panics. Default: [`UnhandledPanic::Ignore`]. With
    /// [`UnhandledPanic::ShutdownRuntime`] whoever drives the set panics, and no task runs any more.
    ///
    /// # Panics
    ///
    /// Panics if the set has tasks already.
    #[track_caller]
    pub fn unhandled_panic(&mut self, behavior: UnhandledPanic) -> &mut Self {
        let shutdown = behavior == UnhandledPanic::ShutdownRuntime;
        assert!(
            self.shared().set_shutdown_on_panic(shutdown),
            "Unhandled Panic behavior modified after starting LocalSet: set it before the first \
             task is spawned"
        );
        self
    }
}

/// Runs tasks of the set; true if there are more.
fn tick(set: &Shared) -> bool {
    let more = !set.has_panicked() && set.tick();
    assert!(
        !set.has_panicked(),
        "a spawned task panicked and the LocalSet is configured to shutdown on unhandled panic"
    );
    more
}

impl Future for LocalSet {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let set = self.driver.set().clone();
        let more = self.driver.drive(cx.waker(), |_| tick(&set));
        if more {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if set.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

pin_project! {
    /// The future of `run_until`.
    struct RunUntil<F> {
        driver: SetPoller,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for RunUntil<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let set = this.driver.set().clone();
        let future = this.future;
        this.driver.drive(cx.waker(), |outermost| {
            if let Poll::Ready(output) = future.poll(cx) {
                return Poll::Ready(output);
            }
            if outermost && tick(&set) {
                cx.waker().wake_by_ref();
            }
            Poll::Pending
        })
    }
}

impl Default for LocalSet {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for LocalSet {
    fn drop(&mut self) {
        let set = self.driver.set().clone();
        // What the futures spawn while they are dropped is cancelled at once.
        local_set::with_set(&set, || set.shut_down());
    }
}

impl fmt::Debug for LocalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalSet")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for LocalEnterGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalEnterGuard")
    }
}
