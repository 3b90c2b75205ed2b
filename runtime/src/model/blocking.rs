//! A test facade of the blocking pool: jobs are closures, thread creation fails where the model says.

use crate::blocking::{self, Body, Config, OsThreads, SpawnError, SpawnThread};
use crate::loom::thread::JoinHandle;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::Duration;

type Act = Box<dyn FnOnce() + Send>;

/// A job: what to do when it is run, and when it is cancelled.
pub struct Job {
    run: Act,
    cancel: Act,
    mandatory: bool,
    abandonable: bool,
    extra: bool,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job")
            .field("mandatory", &self.mandatory)
            .finish_non_exhaustive()
    }
}

impl Job {
    /// A job that calls exactly one of the two.
    pub fn new(
        run: impl FnOnce() + Send + 'static,
        cancel: impl FnOnce() + Send + 'static,
    ) -> Self {
        Self {
            run: Box::new(run),
            cancel: Box::new(cancel),
            mandatory: false,
            abandonable: false,
            extra: false,
        }
    }

    /// The same job, with a thread beyond the limit; run at shutdown, too.
    #[must_use]
    pub fn extra(self) -> Self {
        Self {
            extra: true,
            mandatory: true,
            ..self
        }
    }

    /// The same job, run even at shutdown.
    #[must_use]
    pub fn mandatory(self) -> Self {
        Self {
            mandatory: true,
            ..self
        }
    }

    /// The same job, which shutdown leaves alone once it runs.
    #[must_use]
    pub fn abandonable(self) -> Self {
        Self {
            abandonable: true,
            ..self
        }
    }
}

impl blocking::Job for Job {
    fn run(self) {
        (self.run)();
    }

    fn cancel(self) {
        (self.cancel)();
    }

    fn is_mandatory(&self) -> bool {
        self.mandatory
    }

    fn is_extra(&self) -> bool {
        self.extra
    }

    fn may_be_abandoned(&self) -> bool {
        self.abandonable
    }
}

/// Why a job came back.
#[derive(Debug)]
pub enum Refused {
    /// The pool is shutting down.
    ShutDown(Job),
    /// No thread, and none could be created.
    NoThreads(Job),
}

/// Lets the n-th creation fail where bit n of `failures` is set. The counter is std's on
/// purpose: it adds no step to the model.
struct FailingThreads {
    failures: u32,
    asked: AtomicU32,
}

impl SpawnThread for FailingThreads {
    fn spawn(
        &self,
        name: String,
        stack_size: Option<usize>,
        body: Body,
    ) -> io::Result<JoinHandle<()>> {
        let turn = self.asked.fetch_add(1, Ordering::Relaxed);
        if self.failures.checked_shr(turn).unwrap_or(0) & 1 == 1 {
            drop(body);
            // Between the system's refusal and its consequences others may run.
            crate::loom::thread::yield_now();
            return Err(io::ErrorKind::WouldBlock.into());
        }
        OsThreads.spawn(name, stack_size, body)
    }
}

/// The pool, see `blocking::Pool`.
#[derive(Clone, Debug)]
pub struct Pool {
    pool: blocking::Pool<Job>,
    /// Asks the pool to try again to create a thread. Std's lock: it adds no step.
    reminder: Arc<Mutex<Option<Waker>>>,
}

impl Pool {
    /// At most `max_threads` threads; bit n of `failures` lets the n-th creation fail.
    pub fn new(max_threads: usize, failures: u32) -> Self {
        let spawner = FailingThreads {
            failures,
            asked: AtomicU32::new(0),
        };
        let reminder = Arc::new(Mutex::new(None));
        let asked = reminder.clone();
        let pool = blocking::Pool::new(Config {
            remind: Some(Arc::new(move |waker| {
                *asked.lock().expect("no panic under it") = Some(waker);
                true
            })),
            max_threads,
            keep_alive: Duration::from_secs(3600),
            spawner: Arc::new(spawner),
            ..Config::default()
        });
        Self { pool, reminder }
    }

    /// Gives a job to the pool.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn spawn(&self, job: Job) -> Result<(), Refused> {
        self.pool.spawn(job).map_err(|error| match error {
            SpawnError::ShutDown(job) => Refused::ShutDown(job),
            SpawnError::NoThreads(job, _) => Refused::NoThreads(job),
        })
    }

    /// If the pool has asked to be reminded of a failed creation, reminds it. Whether it had.
    pub fn remind(&self) -> bool {
        let reminder = self.reminder.lock().expect("no panic under it").take();
        reminder.map(Waker::wake).is_some()
    }

    /// Ends the keep-alive time of all sleepers.
    pub fn expire_idle(&self) {
        self.pool.expire_idle();
    }

    /// Begins the shutdown.
    pub fn begin_shutdown(&self) {
        self.pool.begin_shutdown();
    }

    /// Shuts down; waits for the threads if `wait`. Whether they have all ended.
    pub fn shutdown(&self, wait: bool) -> bool {
        let ended = self
            .pool
            .shutdown(if wait { None } else { Some(Duration::ZERO) });
        if ended {
            // It holds the pool, as a timer does until the runtime's timers end.
            drop(self.reminder.lock().expect("no panic under it").take());
        }
        ended
    }

    /// Threads, idle threads, queued jobs.
    pub fn counts(&self) -> (usize, usize, usize) {
        (
            self.pool.num_threads(),
            self.pool.num_idle(),
            self.pool.queue_depth(),
        )
    }
}
