//! What a pool is made of: its jobs, its hooks, its limits, its errors.

use super::start::{OsThreads, SpawnThread};
use std::task::Waker;
use std::time::Duration;
use std::{fmt, io};

/// Work for a pool thread. Both methods contain the panics of user code; one that escapes all
/// the same ends the job, not the thread.
pub(crate) trait Job: Send + 'static {
    /// Does the work.
    fn run(self);

    /// Gives the work up, because the pool shuts down or lost its only thread.
    fn cancel(self);

    /// Whether the work must be done even at shutdown (a write that the user believes done).
    fn is_mandatory(&self) -> bool {
        false
    }

    /// Whether the work may last as long as the pool and needs a thread beyond the limit.
    fn is_extra(&self) -> bool {
        false
    }

    /// Whether shutdown leaves the work alone once it runs, because it may block for as long as
    /// the system likes and nobody needs its end (a lookup of a name).
    fn may_be_abandoned(&self) -> bool {
        false
    }
}

/// A hook at the start or end of a thread.
pub(crate) type Hook = std::sync::Arc<dyn Fn() + Send + Sync>;

/// See [`Config::remind`].
pub(crate) type Remind = std::sync::Arc<dyn Fn(Waker) -> bool + Send + Sync>;

/// What a thread's life is put into, see [`Config::around`].
pub(crate) type Around = std::sync::Arc<dyn Fn(&mut dyn FnMut()) + Send + Sync>;

/// How to build a [`Pool`].
pub(crate) struct Config {
    /// At most this many threads run jobs; zero counts as one. A thread on its way out (its
    /// `on_stop` hook, its thread-local destructors) is not counted.
    pub(crate) max_threads: usize,
    /// How long an idle thread waits for a job before it ends.
    pub(crate) keep_alive: Duration,
    /// Stack of a thread in bytes; `None` leaves it to std.
    pub(crate) stack_size: Option<usize>,
    /// Names a new thread. A panic counts as a thread that could not be created.
    pub(crate) thread_name: std::sync::Arc<dyn Fn() -> String + Send + Sync>,
    /// Runs first on each thread, inside `around`. A panic is reported by the panic hook and
    /// otherwise ignored.
    pub(crate) on_start: Option<Hook>,
    /// Runs last on each thread, inside `around`; panics as for `on_start`.
    pub(crate) on_stop: Option<Hook>,
    /// Runs the whole life of a thread, which it gets as an argument: the place to enter the
    /// runtime's context. If it does not call its argument, the thread lives outside of it.
    pub(crate) around: Around,
    /// Where threads come from.
    pub(crate) spawner: std::sync::Arc<dyn SpawnThread>,
    /// Wakes a waker after a moment, or says that it cannot; for jobs that wait because a thread
    /// could not be created. Without it they wait for the next call, or for a thread's job to end.
    pub(crate) remind: Option<Remind>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_threads: 512,
            keep_alive: Duration::from_secs(10),
            stack_size: None,
            thread_name: std::sync::Arc::new(|| "blocking".to_owned()),
            on_start: None,
            on_stop: None,
            around: std::sync::Arc::new(|life| life()),
            spawner: std::sync::Arc::new(OsThreads),
            remind: None,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("max_threads", &self.max_threads)
            .field("keep_alive", &self.keep_alive)
            .field("stack_size", &self.stack_size)
            .finish_non_exhaustive()
    }
}

/// Why a job was not accepted; it comes back.
pub(crate) enum SpawnError<J> {
    /// The pool is shutting down.
    ShutDown(J),
    /// The pool has no thread for the job and could not create one.
    NoThreads(J, io::Error),
}

impl<J> fmt::Debug for SpawnError<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShutDown(_) => f.write_str("ShutDown"),
            Self::NoThreads(_, error) => f.debug_tuple("NoThreads").field(error).finish(),
        }
    }
}
