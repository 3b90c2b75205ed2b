//! The owner of a runtime's threads.

use super::builder::Builder;
use super::context;
use super::handle::{EnterGuard, Handle, Scheduler, refuse_nested};
use super::metrics::RuntimeMetrics;
use crate::cell::id::Id;
use crate::cell::join::JoinHandle;
use crate::loom::thread;
use crate::scheduler::current_thread;
use crate::trace::{self, About};
use crate::util::entered::{self, Entered};
use crate::util::forks::ProcessMark;
use std::fmt;
use std::io;
use std::time::Duration;

/// A runtime: worker threads, a driver for time and I/O, a pool for blocking calls.
///
/// Dropping it cancels all tasks, drops their futures, and waits for its threads, blocking calls
/// that are under way or queued included, but for lookups of names and reads of standard input,
/// which may take for ever. To wait less, use [`shutdown_timeout`](Self::shutdown_timeout) or
/// [`shutdown_background`](Self::shutdown_background).
///
/// # Panics
///
/// Dropping it inside of asynchronous code panics, because the drop waits; its tasks are
/// cancelled all the same.
///
/// # Forks
///
/// A process that was forked from one with a runtime may make a runtime of its own, outside of the
/// parent's. Of the parent's it should use nothing: no thread of it is there. Dropping a copy of a
/// multi-thread runtime does nothing.
///
/// ```
/// let runtime = runtime::runtime::Runtime::new()?;
/// assert_eq!(runtime.block_on(async { 1 + 1 }), 2);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Runtime {
    handle: Handle,
    /// The threads of a multi-thread runtime, until shutdown.
    pub(super) threads: Vec<thread::JoinHandle<()>>,
    ended: bool,
    /// Whose threads they are.
    process: ProcessMark,
}

impl Runtime {
    /// A multi-thread runtime with one worker per core and everything enabled.
    ///
    /// # Errors
    ///
    /// Returns the system's error if a thread or the reactor cannot be made.
    pub fn new() -> io::Result<Self> {
        Builder::new_multi_thread().enable_all().build()
    }

    pub(super) fn from_parts(handle: Handle, threads: Vec<thread::JoinHandle<()>>) -> Self {
        Self {
            handle,
            threads,
            ended: false,
            process: ProcessMark::current(),
        }
    }

    /// A handle that spawns onto this runtime from anywhere.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Starts a task. It runs even if the returned handle is dropped.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.handle.spawn(future)
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
        self.handle.spawn_blocking(f)
    }

    /// Runs a future to its end on this thread. On a current-thread runtime this also runs the
    /// tasks, the timers and the I/O.
    ///
    /// # Panics
    ///
    /// Panics inside of asynchronous code, which it would block, and if `future` panics.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        refuse_nested();
        let about = About::block_on::<F>();
        let future = trace::rooted(future, || Id::next().as_u64(), &about);
        let _context = self.handle.enter();
        let _seeded = self.handle.reseed();
        match &self.handle.scheduler {
            Scheduler::MultiThread(shared) => {
                let _entered = entered::set(Entered::Yes {
                    allow_block_in_place: true,
                });
                shared.block_on(future)
            }
            Scheduler::CurrentThread(shared) => {
                let _entered = entered::set(Entered::Yes {
                    allow_block_in_place: false,
                });
                current_thread::Shared::block_on(shared, future)
            }
        }
    }

    /// Makes this the thread's current runtime until the guard is dropped.
    #[track_caller]
    pub fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }

    /// The runtime's counters.
    pub fn metrics(&self) -> RuntimeMetrics {
        self.handle.metrics()
    }

    /// Ends the runtime, waiting at most `duration` for tasks that are being polled and for
    /// blocking calls. What has not ended by then goes on in threads of its own, detached; blocking
    /// calls for which there is no thread then are cancelled.
    pub fn shutdown_timeout(mut self, duration: Duration) {
        self.shut_down(Some(duration));
    }

    /// Ends the runtime without waiting for anything. May be called in asynchronous code.
    pub fn shutdown_background(self) {
        self.shutdown_timeout(Duration::ZERO);
    }

    /// Ends a runtime that was never complete, in asynchronous code too: nothing can have been
    /// started that takes long.
    pub(super) fn abandon(mut self) {
        self.begin_shutdown();
        self.wait_for_end(None);
    }

    fn shut_down(&mut self, timeout: Option<Duration>) {
        if !self.begin_shutdown() {
            return;
        }
        if timeout == Some(Duration::ZERO) || !is_inside_runtime() {
            self.wait_for_end(timeout);
            return;
        }
        // The runtime ends all the same, but nobody waits for it.
        self.wait_for_end(Some(Duration::ZERO));
        if !std::thread::panicking() {
            refuse_drop();
        }
    }

    /// Cancels all tasks. On a current-thread runtime their futures are dropped here, else on
    /// the workers. False if that was done before.
    fn begin_shutdown(&mut self) -> bool {
        if std::mem::replace(&mut self.ended, true) {
            return false;
        }
        match &self.handle.scheduler {
            // A fork has none of its workers: nobody drops the tasks there, or could be waited for.
            Scheduler::MultiThread(_) if self.process != ProcessMark::current() => {
                std::mem::forget(self.handle.clone());
                return false;
            }
            Scheduler::MultiThread(shared) => {
                shared.begin_shutdown();
                self.handle.blocking().begin_shutdown();
            }
            Scheduler::CurrentThread(shared) => {
                // A runtime may be dropped by a thread-local's destructor.
                let _context = context::try_enter(self.handle.clone());
                self.handle.blocking().begin_shutdown();
                current_thread::Shared::shut_down(shared);
            }
        }
        true
    }

    fn wait_for_end(&mut self, timeout: Option<Duration>) {
        let now = crate::driver::clock::system_now;
        let deadline = timeout.and_then(|timeout| now().checked_add(timeout));
        // A time-out beyond the clock's range is none.
        let left = || deadline.map(|deadline| deadline.saturating_duration_since(now()));
        let ended = match &self.handle.scheduler {
            Scheduler::MultiThread(shared) => shared.wait_for_workers(left()),
            Scheduler::CurrentThread(_) => true,
        };
        for thread in self.threads.drain(..) {
            // With a limit there is no join: a hook or a thread-local destructor may outlast it.
            if ended && deadline.is_none() {
                // A worker contains the panics of foreign code; its own end the process.
                let _ = thread.join();
            }
        }
        self.handle.blocking().shutdown(left());
    }
}

/// Whether this thread runs tasks: waiting for threads is no business of such a one.
fn is_inside_runtime() -> bool {
    entered::current() != Entered::No
}

#[cold]
#[track_caller]
fn refuse_drop() -> ! {
    panic!(
        "Cannot drop a runtime in a context where blocking is not allowed. This happens when a \
         runtime is dropped from within an asynchronous context. Use `shutdown_background`, or \
         drop it in `spawn_blocking`."
    );
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.shut_down(None);
    }
}

impl std::panic::UnwindSafe for Runtime {}
impl std::panic::RefUnwindSafe for Runtime {}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}
