//! Counters of a runtime. Always on: they are plain stores of the workers' own.

use super::handle::{Handle, Scheduler};
use crate::scheduler::stats::WorkerStats;
use std::fmt;
use std::thread::ThreadId;
use std::time::Duration;

/// The counters of one runtime, read while it runs: each value is exact, but two read one after
/// the other belong to two moments.
///
/// ```
/// # runtime::runtime::Runtime::new().unwrap().block_on(async {
/// let metrics = runtime::runtime::Handle::current().metrics();
/// assert!(metrics.num_workers() >= 1);
/// # });
/// ```
#[derive(Clone)]
pub struct RuntimeMetrics {
    pub(super) handle: Handle,
}

impl RuntimeMetrics {
    pub(super) fn new(handle: Handle) -> Self {
        Self { handle }
    }

    /// How many workers run tasks; 1 on a current-thread runtime.
    pub fn num_workers(&self) -> usize {
        match &self.handle.scheduler {
            Scheduler::MultiThread(shared) => shared.remotes().len(),
            Scheduler::CurrentThread(_) => 1,
        }
    }

    /// How many tasks have been spawned and have not finished.
    pub fn num_alive_tasks(&self) -> usize {
        match &self.handle.scheduler {
            Scheduler::MultiThread(shared) => shared.alive_tasks(),
            Scheduler::CurrentThread(shared) => shared.alive_tasks(),
        }
    }

    /// The former name of [`num_alive_tasks`](Self::num_alive_tasks).
    #[deprecated = "renamed to `num_alive_tasks`"]
    pub fn active_tasks_count(&self) -> usize {
        self.num_alive_tasks()
    }

    /// How many tasks were ever spawned. Blocking closures and the tasks of a `LocalSet` are none
    /// of the runtime's tasks.
    pub fn spawned_tasks_count(&self) -> u64 {
        match &self.handle.scheduler {
            Scheduler::MultiThread(shared) => shared.spawned_tasks(),
            Scheduler::CurrentThread(shared) => shared.spawned_tasks(),
        }
    }

    /// How many tasks wait in the queue for tasks from other threads.
    pub fn global_queue_depth(&self) -> usize {
        match &self.handle.scheduler {
            Scheduler::MultiThread(shared) => shared.injector_depth(),
            Scheduler::CurrentThread(shared) => shared.injector_depth(),
        }
    }

    /// The former name of [`global_queue_depth`](Self::global_queue_depth).
    #[deprecated = "renamed to `global_queue_depth`"]
    #[doc(hidden)]
    pub fn injection_queue_depth(&self) -> usize {
        self.global_queue_depth()
    }

    /// How many threads the blocking pool has.
    pub fn num_blocking_threads(&self) -> usize {
        self.handle.blocking().num_threads()
    }

    /// How many threads of the blocking pool wait for work.
    pub fn num_idle_blocking_threads(&self) -> usize {
        self.handle.blocking().num_idle()
    }

    /// How many closures wait for a thread of the blocking pool.
    pub fn blocking_queue_depth(&self) -> usize {
        self.handle.blocking().queue_depth()
    }

    /// How often tasks were queued from threads that are not workers.
    pub fn remote_schedule_count(&self) -> u64 {
        self.handle.totals().remote_schedules.get()
    }

    /// How many polls were refused something that was ready because they had used up their
    /// budget, so that others got their turn. Each poll counts once.
    pub fn budget_forced_yield_count(&self) -> u64 {
        self.handle.totals().forced_yields.get()
    }

    /// How many sources of events were ever registered with the runtime: sockets, pipes, signals.
    pub fn io_driver_fd_registered_count(&self) -> u64 {
        self.handle.driver().handle().counts().registered
    }

    /// How many sources of events were removed again.
    pub fn io_driver_fd_deregistered_count(&self) -> u64 {
        self.handle.driver().handle().counts().deregistered
    }

    /// How many readiness events the runtime took from the system.
    pub fn io_driver_ready_count(&self) -> u64 {
        self.handle.driver().handle().counts().ready
    }
}

/// Counters of one worker; on a current-thread runtime there is worker 0 alone.
impl RuntimeMetrics {
    /// How long the worker was not asleep. It grows while a poll runs.
    ///
    /// # Panics
    ///
    /// Panics if there is no worker `worker`.
    #[track_caller]
    pub fn worker_total_busy_duration(&self, worker: usize) -> Duration {
        self.worker(worker, WorkerStats::busy)
    }

    /// How often the worker went to sleep.
    ///
    /// # Panics
    ///
    /// Panics if there is no worker `worker`.
    #[track_caller]
    pub fn worker_park_count(&self, worker: usize) -> u64 {
        self.worker(worker, WorkerStats::parks)
    }

    /// How often the worker went to sleep and woke up, counted together: odd while it sleeps.
    ///
    /// # Panics
    ///
    /// Panics if there is no worker `worker`.
    #[track_caller]
    pub fn worker_park_unpark_count(&self, worker: usize) -> u64 {
        self.worker(worker, WorkerStats::parks_and_unparks)
    }

    /// How often the worker woke up and found no task.
    ///
    /// # Panics
    ///
    /// Panics if there is no worker `worker`.
    #[track_caller]
    pub fn worker_noop_count(&self, worker: usize) -> u64 {
        self.worker(worker, |stats| stats.noops.get())
    }

    /// How many tasks the worker took from others.
    ///
    /// # Panics
    ///
    /// Panics if there is no worker `worker`.
    #[track_caller]
    pub fn worker_steal_count(&self, worker: usize) -> u64 {
        self.worker(worker, |stats| stats.steals.get())
    }

    /// How often the worker took tasks from another.
    ///
    /// # Panics
    ///
    /// Panics if there is no worker `worker`.
    #[track_caller]
    pub fn worker_steal_operations(&self, worker: usize) -> u64 {
        self.worker(worker, |stats| stats.steal_operations.get())
    }

    /// How many polls of tasks the worker has begun.
    ///
    /// # Panics
    ///
    /// Panics if there is no worker `worker`.
    #[track_caller]
    pub fn worker_poll_count(&self, worker: usize) -> u64 {
        self.worker(worker, WorkerStats::polls)
    }

    /// How long a poll takes: the busy time over the polls in it, the latest polls weighing most.
    /// Zero on a current-thread runtime.
    ///
    /// # Panics
    ///
    /// Panics if there is no worker `worker`.
    #[track_caller]
    pub fn worker_mean_poll_time(&self, worker: usize) -> Duration {
        match &self.handle.scheduler {
            Scheduler::MultiThread(_) => self.worker(worker, WorkerStats::mean_poll),
            Scheduler::CurrentThread(_) => self.worker(worker, |_| Duration::ZERO),
        }
    }

    /// How many tasks the worker queued for itself.
    ///
    /// # Panics
    ///
    /// Panics if there is no worker `worker`.
    #[track_caller]
    pub fn worker_local_schedule_count(&self, worker: usize) -> u64 {
        self.worker(worker, |stats| stats.local_schedules.get())
    }

    /// How often the worker's own queue was full: never, because it grows.
    ///
    /// # Panics
    ///
    /// Panics if there is no worker `worker`.
    #[track_caller]
    pub fn worker_overflow_count(&self, worker: usize) -> u64 {
        self.worker(worker, |_| 0)
    }

    /// How many tasks wait in the worker's own queue, about.
    ///
    /// # Panics
    ///
    /// Panics if there is no worker `worker`.
    #[track_caller]
    pub fn worker_local_queue_depth(&self, worker: usize) -> usize {
        self.check(worker);
        match &self.handle.scheduler {
            Scheduler::MultiThread(shared) => shared
                .remotes()
                .nth(worker)
                .map_or(0, |remote| remote.queue_depth()),
            Scheduler::CurrentThread(shared) => shared.local_depth(),
        }
    }

    /// The thread that runs the worker, or ran it last; `None` if none has run it yet.
    /// [`block_in_place`](crate::task::block_in_place) moves a worker to another thread, and each
    /// `block_on` the one of a current-thread runtime.
    ///
    /// # Panics
    ///
    /// Panics if there is no worker `worker`.
    #[track_caller]
    pub fn worker_thread_id(&self, worker: usize) -> Option<ThreadId> {
        self.check(worker);
        match &self.handle.scheduler {
            Scheduler::MultiThread(shared) => shared
                .remotes()
                .nth(worker)
                .and_then(|remote| remote.parker.thread_id()),
            Scheduler::CurrentThread(shared) => shared.thread_id(),
        }
    }

    #[track_caller]
    pub(super) fn worker<R>(&self, worker: usize, read: impl FnOnce(&WorkerStats) -> R) -> R {
        self.check(worker);
        match &self.handle.scheduler {
            Scheduler::MultiThread(shared) => {
                let remote = shared.remotes().nth(worker);
                read(remote.expect("it was checked").stats())
            }
            Scheduler::CurrentThread(shared) => read(shared.stats()),
        }
    }

    #[track_caller]
    fn check(&self, worker: usize) {
        let workers = self.num_workers();
        assert!(
            worker < workers,
            "there is no worker {worker}: the runtime has {workers}"
        );
    }
}

impl fmt::Debug for RuntimeMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeMetrics")
            .field("num_workers", &self.num_workers())
            .field("num_alive_tasks", &self.num_alive_tasks())
            .finish_non_exhaustive()
    }
}
