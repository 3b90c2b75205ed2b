//! The runtime of one thread, whose tasks need not be `Send`.

use super::builder::Builder;
use super::handle::{EnterGuard, Handle, Scheduler};
use super::metrics::RuntimeMetrics;
use super::runtime::Runtime;
use crate::cell::NewTask;
use crate::cell::id::Id;
use crate::cell::join::JoinHandle;
use crate::scheduler::current_thread;
use crate::scheduler::keep_alive::Started;
use crate::trace::About;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::rc::Rc;
use std::time::Duration;

/// Options of [`Builder::build_local`]. There are none yet.
#[derive(Default)]
#[non_exhaustive]
pub struct LocalOptions {
    /// Options may come that stay on the thread.
    _not_send: PhantomData<Rc<()>>,
}

/// A runtime of the thread that made it: its tasks need not be `Send`, and it runs them inside of
/// [`block_on`](Self::block_on).
///
/// A [`Handle`] to it may go to other threads and start tasks that are `Send`. Dropping the runtime
/// cancels all tasks and drops their futures, on this thread; it waits for blocking calls as
/// [`Runtime`] does.
///
/// # Panics
///
/// Dropping it inside of asynchronous code panics, because the drop waits.
///
/// ```
/// use std::rc::Rc;
/// use runtime::runtime::LocalRuntime;
///
/// let runtime = LocalRuntime::new()?;
/// let text = runtime.block_on(async {
///     let text = Rc::new("not Send");
///     runtime::task::spawn_local(async move { text.len() }).await
/// });
/// assert_eq!(text.unwrap(), 8);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct LocalRuntime {
    runtime: Runtime,
    _not_send: PhantomData<Rc<()>>,
}

impl LocalRuntime {
    /// A runtime of the calling thread, with everything enabled.
    ///
    /// # Errors
    ///
    /// Returns the system's error if the reactor cannot be made.
    pub fn new() -> io::Result<Self> {
        Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())
    }

    pub(super) fn from_runtime(runtime: Runtime) -> Self {
        Self {
            runtime,
            _not_send: PhantomData,
        }
    }

    /// A handle that spawns onto this runtime from anywhere.
    pub fn handle(&self) -> &Handle {
        self.runtime.handle()
    }

    /// Starts a task, which need not be `Send`. It runs even if the returned handle is dropped.
    #[track_caller]
    pub fn spawn_local<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let new_task = self.handle().new_task(Id::next(), &About::local::<F>());
        match self.handle().start_local(future, new_task) {
            Ok(started) => started.finish(),
            Err(_) => unreachable!("the runtime was built as a local one"),
        }
    }

    /// Runs a blocking closure on a thread of the blocking pool.
    ///
    /// # Panics
    ///
    /// Panics if the pool has no thread and the system refuses one.
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.runtime.spawn_blocking(f)
    }

    /// Runs a future to its end on this thread, and with it the tasks, the timers and the I/O.
    ///
    /// # Panics
    ///
    /// Panics inside of asynchronous code, which it would block, and if `future` panics.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Makes this the thread's current runtime until the guard is dropped.
    #[track_caller]
    pub fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }

    /// The runtime's counters.
    pub fn metrics(&self) -> RuntimeMetrics {
        self.runtime.metrics()
    }

    /// Ends the runtime, waiting at most `duration` for blocking calls. What has not ended by then
    /// goes on in threads of its own, detached.
    pub fn shutdown_timeout(self, duration: Duration) {
        self.runtime.shutdown_timeout(duration);
    }

    /// Ends the runtime without waiting for anything. May be called in asynchronous code.
    pub fn shutdown_background(self) {
        self.runtime.shutdown_background();
    }
}

impl Handle {
    /// Whether it belongs to a local runtime.
    pub(crate) fn is_local(&self) -> bool {
        matches!(&self.scheduler, Scheduler::CurrentThread(shared) if shared.is_local())
    }

    /// Starts a task that need not be `Send`; gives the future back if the runtime is no local
    /// one. Ask [`is_local`](Self::is_local) before a [`NewTask`] is made.
    ///
    /// # Panics
    ///
    /// Panics on another thread than the local runtime's.
    #[track_caller]
    pub(crate) fn start_local<F>(
        &self,
        future: F,
        new_task: NewTask,
    ) -> Result<Started<F::Output>, F>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        match &self.scheduler {
            Scheduler::CurrentThread(shared) if shared.is_local() => Ok(
                current_thread::Shared::spawn_local(shared, future, new_task),
            ),
            _ => Err(future),
        }
    }
}

impl std::panic::UnwindSafe for LocalRuntime {}
impl std::panic::RefUnwindSafe for LocalRuntime {}

impl fmt::Debug for LocalRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalRuntime")
            .field("handle", self.handle())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for LocalOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalOptions").finish_non_exhaustive()
    }
}
