//! Counters of a runtime. Always on: they are plain stores of the workers' own.

use super::handle::{Handle, Scheduler};
use crate::scheduler::stats::WorkerStats;
use std::fmt;

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
    handle: Handle,
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

    /// How many tasks wait in the queue for tasks from other threads.
    pub fn global_queue_depth(&self) -> usize {
        match &self.handle.scheduler {
            Scheduler::MultiThread(shared) => shared.injector_depth(),
            Scheduler::CurrentThread(shared) => shared.injector_depth(),
        }
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
        match &self.handle.scheduler {
            Scheduler::MultiThread(shared) => shared.remote_schedules(),
            Scheduler::CurrentThread(shared) => shared.remote_schedules(),
        }
    }

    /// How often the worker went to sleep.
    ///
    /// # Panics
    ///
    /// Panics if there is no worker `worker`.
    #[track_caller]
    pub fn worker_park_count(&self, worker: usize) -> u64 {
        self.worker(worker, |stats| stats.parks.get())
    }

    /// How often the worker woke up and found nothing to do.
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

    /// How many tasks the worker queued for itself.
    ///
    /// # Panics
    ///
    /// Panics if there is no worker `worker`.
    #[track_caller]
    pub fn worker_local_schedule_count(&self, worker: usize) -> u64 {
        self.worker(worker, |stats| stats.local_schedules.get())
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

    #[track_caller]
    fn worker(&self, worker: usize, read: impl FnOnce(&WorkerStats) -> u64) -> u64 {
        self.check(worker);
        match &self.handle.scheduler {
            Scheduler::MultiThread(shared) => shared
                .remotes()
                .nth(worker)
                .map_or(0, |remote| read(remote.stats())),
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
