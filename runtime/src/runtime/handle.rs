//! The cloneable handle to a runtime, and entering it.

use super::context;
use super::metrics::RuntimeMetrics;
use crate::blocking;
use crate::budget;
use crate::cell::NewTask;
use crate::cell::id::Id;
use crate::cell::join::JoinHandle;
use crate::driver::Driver;
use crate::driver::timers::Shard;
use crate::loom::sync::Arc;
use crate::park;
use crate::scheduler::config::Config;
use crate::scheduler::current_thread::clock_hold::ClockHold;
use crate::scheduler::job::{AtShutdown, Job};
use crate::scheduler::keep_alive;
use crate::scheduler::multi_thread::core;
use crate::scheduler::stats::Totals;
use crate::scheduler::{current_thread, multi_thread};
use crate::trace::{self, About};
use crate::util::entered::{self, Entered};
use crate::util::names;
use crate::util::rng;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The scheduler behind a handle.
#[derive(Clone, Debug)]
pub(crate) enum Scheduler {
    MultiThread(Arc<multi_thread::Shared>),
    CurrentThread(Arc<current_thread::Shared>),
}

/// A handle to a runtime: spawns onto it from anywhere.
///
/// Cheap to clone. It does not keep the runtime running: after the [`Runtime`](super::Runtime)
/// is gone, spawning gives a handle whose task was cancelled.
///
/// ```
/// let runtime = runtime::runtime::Runtime::new()?;
/// let handle = runtime.handle().clone();
/// std::thread::spawn(move || handle.spawn(async { /* … */ })).join().unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Handle {
    pub(crate) scheduler: Scheduler,
}

/// Which scheduler a runtime has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuntimeFlavor {
    /// Tasks run on the thread in `block_on`.
    CurrentThread,
    /// Tasks run on worker threads.
    MultiThread,
}

/// Leaves the runtime's context on drop; made by [`Handle::enter`].
#[derive(Debug)]
#[must_use = "the runtime is left again as soon as the guard is dropped"]
pub struct EnterGuard<'a> {
    _restore: context::Restore,
    // Stays on its thread, and may be shared.
    _handle: PhantomData<(&'a Handle, std::sync::MutexGuard<'static, ()>)>,
}

/// Why there is no current runtime.
pub struct TryCurrentError {
    destroyed: bool,
}

impl TryCurrentError {
    pub(crate) fn missing() -> Self {
        Self { destroyed: false }
    }

    pub(crate) fn destroyed() -> Self {
        Self { destroyed: true }
    }

    /// Whether the thread is in no runtime's context.
    pub fn is_missing_context(&self) -> bool {
        !self.destroyed
    }

    /// Whether the thread is ending and its thread-local context is gone.
    pub fn is_thread_local_destroyed(&self) -> bool {
        self.destroyed
    }
}

impl fmt::Display for TryCurrentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.destroyed {
            false => write!(
                f,
                "there is no reactor running, must be called from the context of a Tokio 1.x \
                 runtime: use `#[{}::main]`, or `Handle::enter` on threads of your own",
                names::CRATE
            ),
            true => f.write_str(
                "The Tokio context thread-local variable has been destroyed: the thread is \
                 ending. Clone a `Handle` while it runs and use that.",
            ),
        }
    }
}

impl fmt::Debug for TryCurrentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.destroyed {
            "ThreadLocalDestroyed"
        } else {
            "NoContext"
        };
        f.debug_struct("TryCurrentError")
            .field("kind", &format_args!("{kind}"))
            .finish()
    }
}

impl std::error::Error for TryCurrentError {}

impl Handle {
    /// The handle of the runtime that the calling thread runs in or has entered.
    ///
    /// # Panics
    ///
    /// Panics without one; [`try_current`](Self::try_current) does not.
    #[track_caller]
    pub fn current() -> Self {
        context::current()
    }

    /// The handle of the runtime that the calling thread runs in or has entered.
    ///
    /// # Errors
    ///
    /// Returns an error without one.
    pub fn try_current() -> Result<Self, TryCurrentError> {
        context::try_current()
    }

    /// Makes this the thread's current runtime until the guard is dropped: what is made meanwhile
    /// (tasks, timers, sockets) belongs to it. Guards are dropped in reverse order.
    ///
    /// # Panics
    ///
    /// Panics in a thread-local destructor that runs after the context is gone.
    #[track_caller]
    pub fn enter(&self) -> EnterGuard<'_> {
        EnterGuard {
            _restore: context::enter(self.clone()),
            _handle: PhantomData,
        }
    }

    /// Starts a task. It runs even if the returned handle is dropped.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn_as(future, &About::task::<F>())
    }

    /// As [`Self::spawn`], of a future that may be wrapped: `about` is what was given to us.
    #[track_caller]
    #[inline]
    pub(crate) fn spawn_as<F>(&self, future: F, about: &About<'_>) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let new_task = self.new_task(Id::next(), about);
        self.start(future, new_task).finish()
    }

    /// What a task that the caller is about to spawn is called. Runs a hook of the user's.
    #[track_caller]
    #[inline]
    pub(crate) fn new_task(&self, id: Id, about: &About<'_>) -> NewTask {
        match &self.config().observer {
            None => NewTask::new(id, about),
            Some(observer) => observer.new_task(id, about, Location::caller()),
        }
    }

    /// Whether spawns run code of the user's: such a one must hold no borrow.
    #[inline]
    pub(crate) fn is_observed(&self) -> bool {
        self.config().observer.is_some()
    }

    pub(crate) fn start<F>(&self, future: F, new_task: NewTask) -> keep_alive::Started<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        match &self.scheduler {
            Scheduler::MultiThread(shared) => multi_thread::Shared::spawn(shared, future, new_task),
            Scheduler::CurrentThread(shared) => {
                current_thread::Shared::spawn(shared, future, new_task)
            }
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
        match self.try_spawn_blocking(f, &About::blocking::<F>()) {
            Ok(handle) => handle,
            Err(error) => panic!("OS can't spawn worker thread: {error}"),
        }
    }

    /// As [`Self::spawn_blocking`], with the system's error where that panics.
    ///
    /// # Errors
    ///
    /// The pool has no thread and the system refuses one.
    pub(crate) fn try_spawn_blocking<F, R>(
        &self,
        f: F,
        about: &About<'_>,
    ) -> io::Result<JoinHandle<R>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.give_to_pool(f, about, AtShutdown::Await)
    }

    /// Runs a call that blocks for as long as the system likes and whose end nobody needs: the
    /// runtime's end does not wait for it.
    ///
    /// # Errors
    ///
    /// The pool has no thread and the system refuses one.
    #[cfg(feature = "net")]
    #[track_caller]
    pub(crate) fn spawn_abandonable<F, R>(&self, f: F) -> io::Result<JoinHandle<R>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.give_to_pool(f, &About::blocking::<F>(), AtShutdown::Abandon)
    }

    /// As [`spawn_blocking`](Self::spawn_blocking), for a caller with errors of its own.
    ///
    /// # Errors
    ///
    /// The pool has no thread and the system refuses one.
    #[cfg(feature = "fs")]
    #[track_caller]
    pub(crate) fn try_spawn_on_pool<F, R>(&self, f: F) -> io::Result<JoinHandle<R>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.try_spawn_blocking(f, &About::blocking::<F>())
    }

    /// Runs a call that has been promised to the caller: the runtime's end waits for it, also if
    /// it is still queued.
    ///
    /// # Errors
    ///
    /// The pool has no thread and the system refuses one.
    #[cfg(any(feature = "fs", feature = "io-std"))]
    #[track_caller]
    pub(crate) fn spawn_promised<F, R>(&self, f: F) -> io::Result<JoinHandle<R>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.give_to_pool(f, &About::blocking::<F>(), AtShutdown::Complete)
    }

    /// Gives a closure to the pool. If that is shutting down, the closure is cancelled.
    ///
    /// # Errors
    ///
    /// The pool has no thread and the system refuses one.
    fn give_to_pool<F, R>(
        &self,
        f: F,
        about: &About<'_>,
        at_shutdown: AtShutdown,
    ) -> io::Result<JoinHandle<R>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let task = BlockingTask {
            work: Some((f, self.clone())),
        };
        let spawned = keep_alive::spawn_blocking(task, NewTask::new(Id::next(), about));
        // No list of live tasks: the pool's queue is where shutdown finds it.
        drop(spawned.owned);
        let job = Job::Task {
            task: spawned.notified,
            at_shutdown,
            hold: match &self.scheduler {
                Scheduler::MultiThread(_) => None,
                Scheduler::CurrentThread(shared) => Some(ClockHold::new(shared.clone())),
            },
        };
        match self.blocking().spawn(job) {
            Ok(()) => {}
            Err(blocking::SpawnError::ShutDown(job)) => blocking::Job::cancel(job),
            Err(blocking::SpawnError::NoThreads(job, error)) => {
                blocking::Job::cancel(job);
                return Err(error);
            }
        }
        Ok(spawned.join)
    }

    /// Runs a future on this thread; the runtime's own threads run what it spawns. On a
    /// current-thread runtime somebody else must be in
    /// [`Runtime::block_on`](super::Runtime::block_on) for tasks, timers and I/O to go on.
    ///
    /// # Panics
    ///
    /// Panics inside of asynchronous code, which it would block, and if `future` panics.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        refuse_nested();
        let about = About::block_on::<F>();
        let future = trace::rooted(future, || Id::next().as_u64(), &about);
        let _context = self.enter();
        let _seeded = self.reseed();
        match &self.scheduler {
            Scheduler::MultiThread(shared) => {
                let _entered = entered::set(Entered::Yes {
                    allow_block_in_place: true,
                });
                shared.block_on(future)
            }
            Scheduler::CurrentThread(_) => {
                // This thread runs none of the runtime's tasks, so it may block.
                let _entered = entered::set(Entered::Yes {
                    allow_block_in_place: true,
                });
                park::block_on(future)
            }
        }
    }

    /// The poll on this thread used up its budget: the driver is looked at before the next ones.
    pub(super) fn poll_driver_soon(&self) {
        match &self.scheduler {
            Scheduler::MultiThread(_) => core::poll_driver_soon(),
            Scheduler::CurrentThread(shared) => shared.poll_driver_soon(),
        }
    }

    /// Which scheduler the runtime has.
    pub fn runtime_flavor(&self) -> RuntimeFlavor {
        match &self.scheduler {
            Scheduler::MultiThread(_) => RuntimeFlavor::MultiThread,
            Scheduler::CurrentThread(_) => RuntimeFlavor::CurrentThread,
        }
    }

    /// The runtime's id.
    pub fn id(&self) -> super::Id {
        self.config().id
    }

    /// The name that [`Builder::name`](super::Builder::name) gave the runtime.
    pub fn name(&self) -> Option<&str> {
        self.config().name.as_deref()
    }

    pub(super) fn config(&self) -> &Config {
        match &self.scheduler {
            Scheduler::MultiThread(shared) => shared.config(),
            Scheduler::CurrentThread(shared) => shared.config(),
        }
    }

    /// The runtime's counters.
    pub fn metrics(&self) -> RuntimeMetrics {
        RuntimeMetrics::new(self.clone())
    }

    pub(super) fn totals(&self) -> &Totals {
        match &self.scheduler {
            Scheduler::MultiThread(shared) => shared.totals(),
            Scheduler::CurrentThread(shared) => shared.totals(),
        }
    }

    /// Repeatable random choices for a thread that enters, if the runtime is to have them.
    pub(super) fn reseed(&self) -> Option<rng::Restore> {
        self.config().seeds.as_ref().map(|seeds| seeds.enter())
    }

    pub(crate) fn driver(&self) -> &Driver {
        match &self.scheduler {
            Scheduler::MultiThread(shared) => shared.driver(),
            Scheduler::CurrentThread(shared) => shared.driver(),
        }
    }

    pub(crate) fn blocking(&self) -> &blocking::Pool<Job> {
        match &self.scheduler {
            Scheduler::MultiThread(shared) => shared.blocking(),
            Scheduler::CurrentThread(shared) => shared.blocking(),
        }
    }

    /// The wheel of the calling worker, or the one for other threads; none without time.
    pub(crate) fn timer_shard(&self) -> Option<Arc<Shard>> {
        let timers = self.driver().timers()?;
        let worker = match &self.scheduler {
            Scheduler::MultiThread(shared) => shared.worker_index(),
            Scheduler::CurrentThread(shared) => shared.is_current().then_some(0),
        };
        Some(
            worker
                .map_or_else(|| timers.outside(), |worker| timers.shard(worker))
                .clone(),
        )
    }
}

/// Which worker the calling thread is: the number that
/// [`RuntimeMetrics`] names it by, 0 in the
/// [`block_on`](super::Runtime::block_on) that runs the tasks of a current-thread runtime.
///
/// `None` on threads that run no tasks, those of the blocking pool among them, and in
/// [`block_in_place`](crate::task::block_in_place), which hands the worker on. A task may go on as
/// another worker after each `.await`.
///
/// ```
/// let runtime = runtime::runtime::Runtime::new()?;
/// let index = runtime.block_on(runtime.spawn(async { runtime::runtime::worker_index() }));
/// assert!(index.unwrap().is_some());
/// assert_eq!(runtime::runtime::worker_index(), None);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn worker_index() -> Option<usize> {
    core::worker_index().or_else(|| current_thread::drives_a_core().then_some(0))
}

/// Refuses to block a thread that runs tasks.
#[track_caller]
pub(super) fn refuse_nested() {
    if entered::current() != Entered::No {
        panic!(
            "Cannot start a runtime from within a runtime. This happens because a function (like \
             `block_on`) attempted to block the current thread while the thread is being used to \
             drive asynchronous tasks. If you are in an async function, use `.await` on the future \
             instead of blocking on it. Otherwise move the call into `spawn_blocking`."
        );
    }
}

impl std::panic::UnwindSafe for Handle {}
impl std::panic::RefUnwindSafe for Handle {}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("flavor", &self.runtime_flavor())
            .finish_non_exhaustive()
    }
}

/// A blocking closure as a future that is ready at its first poll.
struct BlockingTask<F> {
    work: Option<(F, Handle)>,
}

// The closure is moved out before it runs, never polled in place.
impl<F> Unpin for BlockingTask<F> {}

impl<F: FnOnce() -> R, R> Future for BlockingTask<F> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<R> {
        let (work, handle) = self.work.take().expect("a blocking task is polled once");
        let _context = context::enter(handle);
        Poll::Ready(budget::with_unconstrained(work))
    }
}
