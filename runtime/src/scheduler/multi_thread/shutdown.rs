//! How a multi-thread runtime ends.
//!
//! 1. [`Shared::begin_shutdown`] (any thread): closes the lists of live tasks, so that a spawn
//!    gives a cancelled handle; then sets the flag and wakes every worker.
//! 2. Each worker, when it sees the flag: cancels the tasks of its own list, which queues the
//!    idle ones, and runs its queue empty. Running a cancelled task drops its future.
//! 3. The last worker to get there cancels the tasks spawned from outside, runs what is queued,
//!    and ends the driver, so that whoever still waits for I/O or time on another thread gets an
//!    error: nobody would turn it any more, and a task in `block_in_place` may wait for it.
//! 4. It waits until no task is alive: a foreign waker may still be handing one over, or a thread
//!    in `block_in_place` may still be polling one. Then the workers have ended.
//!
//! - S1. Every task spawned before step 1 is dropped exactly once, on a worker (or on the thread
//!   that is polling it). A task that came too late is dropped by its spawner, unrun.
//! - S2. No worker ends before every task in its deque has been run.
//! - S3. Each worker goes through steps 2 to 4 once: no core changes threads after it saw the
//!   flag.
//! - S4. Whoever queues or ends a task after step 1 wakes the last worker if it waits in step 4.
//!
//! The flag's `Release` store pairs with the workers' `Acquire` load; sleepers are woken after
//! it, and one about to sleep looks at it after publishing itself (as for P2 of `idle`). S4: the
//! last worker publishes that it waits, `fence(SeqCst)`, looks at the injector and at the number of
//! tasks; the others queue or end theirs, `fence(SeqCst)`, look whether it waits.
//!
//! Rejected: the driver ends last (a task that waits for it in `block_in_place` never ends, so the
//! end never came); looks for the last task in growing intervals (200 a second for ever, if a
//! blocking call does not end).

use super::Shared;
use super::core::Local;
use crate::cell::Notified;
use crate::loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use crate::loom::sync::{Condvar, Mutex, MutexGuard};
use crate::loom::thread;
use crate::park::{self, ThreadWaker};
use crate::scheduler::config::UNHANDLED_PANIC;
use crate::scheduler::keep_alive::Owner;
use crate::scheduler::queues::Steal;
use std::time::{Duration, Instant};

/// How far the end has come.
#[derive(Debug)]
pub(crate) struct Shutdown {
    begun: AtomicBool,
    /// A task panicked and the runtime was told to end then.
    poisoned: AtomicBool,
    /// Threads in `block_on`, if a panic is to end it.
    roots: Mutex<Vec<std::sync::Arc<ThreadWaker>>>,
    /// Workers that have run their own queue empty.
    drained: AtomicUsize,
    /// The last of them waits for tasks that others have: its index plus one, else zero (S4).
    last: AtomicUsize,
    /// Workers whose loop has not ended.
    running: Mutex<usize>,
    all_ended: Condvar,
}

impl Shutdown {
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            begun: AtomicBool::new(false),
            poisoned: AtomicBool::new(false),
            roots: Mutex::new(Vec::new()),
            drained: AtomicUsize::new(0),
            last: AtomicUsize::new(0),
            running: Mutex::new(workers),
            all_ended: Condvar::new(),
        }
    }

    #[inline]
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// A task panicked and the runtime was told to end then: every `block_on` panics.
    pub(crate) fn poison(&self) {
        let mut waiting = self.roots.lock();
        self.poisoned.store(true, Ordering::Release);
        let roots = std::mem::take(&mut *waiting);
        drop(waiting);
        for root in roots {
            root.unpark();
        }
    }

    /// Waits until all workers have ended. False if the time ran out first.
    pub(crate) fn wait(&self, timeout: Option<Duration>) -> bool {
        let deadline =
            timeout.and_then(|timeout| crate::driver::clock::system_now().checked_add(timeout));
        let mut running = self.running.lock();
        while *running > 0 {
            match (timeout, deadline) {
                (Some(_), Some(deadline)) => {
                    let left = deadline.saturating_duration_since(now());
                    if left.is_zero() {
                        return false;
                    }
                    running = self.all_ended.wait_timeout(running, left).0;
                }
                _ => running = self.all_ended.wait(running),
            }
        }
        true
    }

    fn running(&self) -> MutexGuard<'_, usize> {
        self.running.lock()
    }
}

/// A thread in `block_on`; leaves the list on drop.
struct Root<'a> {
    shutdown: &'a Shutdown,
    parker: &'a std::sync::Arc<ThreadWaker>,
}

impl Drop for Root<'_> {
    fn drop(&mut self) {
        let mut roots = self.shutdown.roots.lock();
        roots.retain(|root| !std::sync::Arc::ptr_eq(root, self.parker));
    }
}

fn now() -> Instant {
    crate::driver::clock::system_now()
}

impl Shared {
    /// Runs `future` on this thread, which is no worker.
    ///
    /// # Panics
    ///
    /// Panics if a task's panic was to end the runtime, and did.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        if !self.config.shutdown_on_panic {
            return park::block_on(future);
        }
        let parker = ThreadWaker::current();
        // After the flag was set under this lock nobody wakes the thread for it any more.
        let mut roots = self.shutdown.roots.lock();
        roots.push(parker.clone());
        drop(roots);
        let _root = Root {
            shutdown: &self.shutdown,
            parker: &parker,
        };
        park::block_on_with(&parker, future, || {
            if self.shutdown.poisoned.load(Ordering::Acquire) {
                panic!("{UNHANDLED_PANIC}");
            }
        })
    }

    /// Step 1. Idempotent.
    pub(crate) fn begin_shutdown(&self) {
        self.outside.close();
        for remote in &self.remotes {
            remote.owned.close();
        }
        if self.shutdown.begun.swap(true, Ordering::AcqRel) {
            return;
        }
        fence(Ordering::SeqCst);
        while let Some(worker) = self.idle.wake_any() {
            self.unpark(worker);
        }
        self.monitor.stop();
    }

    /// Waits until every worker has ended. False if the time ran out first.
    pub(crate) fn wait_for_workers(&self, timeout: Option<Duration>) -> bool {
        self.shutdown.wait(timeout)
    }

    /// Some workers will never be started: they count as ended. Called before step 1, so that a
    /// worker that runs does the last steps.
    pub(crate) fn workers_missing(&self, count: usize) {
        for _ in 0..count {
            if self.shutdown.drained.fetch_add(1, Ordering::AcqRel) + 1 == self.remotes.len() {
                self.driver.shutdown();
            }
            self.worker_ended();
        }
    }

    /// Step 4 for one worker, whose core is gone.
    pub(super) fn worker_ended(&self) {
        let mut running = self.shutdown.running();
        *running -= 1;
        let last = *running == 0;
        drop(running);
        if last {
            self.alive().workers_ended();
            self.shutdown.all_ended.notify_all();
        }
    }

    /// A task was queued from outside, or ended: the last worker may wait for it (S4).
    #[inline]
    pub(super) fn tell_last_worker(&self) {
        if self.shutdown.has_begun() {
            self.wake_last_worker();
        }
    }

    #[cold]
    fn wake_last_worker(&self) {
        fence(Ordering::SeqCst);
        let last = self.shutdown.last.load(Ordering::Relaxed);
        if let Some(worker) = last.checked_sub(1) {
            self.unpark(worker);
        }
    }
}

impl Local {
    /// Steps 2 and 3, by a worker with its core.
    pub(super) fn shut_down_worker(&self) {
        let shared = &*self.shared;
        let Some(index) = self.core().map(|core| core.index) else {
            return;
        };
        while let Some(task) = shared.remotes[index].owned.pop_for_cancel() {
            task.abort_by_value();
            if self.core().is_some_and(|core| core.queue.len() >= 256) {
                self.run_all_queued(index);
            }
        }
        self.run_all_queued(index);
        let drained = shared.shutdown.drained.fetch_add(1, Ordering::AcqRel) + 1;
        if drained == shared.remotes.len() {
            self.drain_the_rest(index);
        }
        self.hand_in_cells();
    }

    fn run_all_queued(&self, index: usize) {
        let shared = &*self.shared;
        while let Some(task) = shared.remotes[index]
            .slot
            .take()
            .or_else(|| self.core().and_then(|core| core.queue.pop()))
        {
            self.run_cancelled(task, index);
        }
        shared.remotes[index].stats.end_polls();
    }

    /// Not as a poll: a future that calls `block_in_place` when it is dropped blocks this worker.
    /// With its core gone to another thread the worker would end twice (S3).
    fn run_cancelled(&self, task: Notified, index: usize) {
        self.shared.remotes[index].stats.start_poll();
        task.cancel();
        task.run();
    }

    /// Steps 3 and 4: all other workers have left their queues empty.
    fn drain_the_rest(&self, index: usize) {
        let shared = &*self.shared;
        while let Some(task) = shared.outside.pop_for_cancel() {
            task.abort_by_value();
            self.run_all_queued(index);
        }
        self.run_all_injected(index);
        shared.driver.shutdown();
        shared.shutdown.last.store(index + 1, Ordering::Relaxed);
        loop {
            fence(Ordering::SeqCst);
            self.run_all_injected(index);
            if shared.alive_tasks() == 0 {
                break;
            }
            shared.remotes[index].parker.park();
        }
        shared.shutdown.last.store(0, Ordering::Relaxed);
    }

    fn run_all_injected(&self, index: usize) {
        loop {
            self.run_all_queued(index);
            match self.shared.injector.steal_one() {
                Steal::Task(task) => self.run_cancelled(task, index),
                Steal::Retry => thread::yield_now(),
                Steal::Empty => break,
            }
        }
        self.shared.remotes[index].stats.end_polls();
    }

    /// What this worker counted goes into the common number; see `cells`.
    fn hand_in_cells(&self) {
        if let Some(core) = self.core() {
            self.shared.alive().add(core.cells.replace(0));
        }
    }
}
