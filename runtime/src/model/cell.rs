//! A test facade of the task cell: a scheduler that is one queue, and the count of living cells.
//!
//! Counters are std's on purpose: they add no step to a model and order nothing.

use crate::cell::id::Id;
use crate::cell::owned::OwnedList;
use crate::cell::{Header, NewTask, Notified, TaskRef};
use crate::loom::sync::{Arc, Mutex};
use crate::scheduler::keep_alive::{self, KeepAlive, Owner};
use crate::task::JoinHandle;
use crate::trace::About;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

/// What has happened to the tasks of a [`Scheduler`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Tasks made.
    pub spawned: usize,
    /// Run-queue entries made, those of the spawns included.
    pub entries: usize,
    /// Entries run.
    pub runs: usize,
    /// Tasks that left the list of live tasks.
    pub released: usize,
    /// Cells freed.
    pub freed: usize,
    /// Panics caught.
    pub panics: usize,
}

/// Its `alive` is not used: the models hold the scheduler until all cells are gone.
#[derive(Debug)]
struct Shared {
    alive: KeepAlive<Self>,
    queue: Mutex<VecDeque<Notified>>,
    owned: OwnedList,
    spawned: AtomicUsize,
    entries: AtomicUsize,
    runs: AtomicUsize,
    released: AtomicUsize,
    freed: AtomicUsize,
    panics: AtomicUsize,
}

/// As a task of a user's: with a span, where a model has a subscriber.
fn new_task<F>() -> NewTask {
    NewTask::new(Id::next(), &About::task::<F>())
}

fn count(counter: &AtomicUsize) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Owner for Shared {
    fn alive(&self) -> &KeepAlive<Self> {
        &self.alive
    }

    /// Every thread counts as the scheduler's, which saves the models a reference per wake.
    fn schedule_local(&self, task: Notified, _yielded: bool) -> Result<(), Notified> {
        count(&self.entries);
        self.queue.lock().push_back(task);
        Ok(())
    }

    fn schedule_remote(&self, _task: Notified) {
        unreachable!("every thread is local");
    }

    fn release(&self, task: &Header) -> bool {
        let listed = self.owned.remove(task);
        if listed {
            count(&self.released);
        }
        listed
    }

    fn discount_local(&self) -> bool {
        count(&self.freed);
        true
    }

    fn task_panicked(&self, _joinable: bool) {
        count(&self.panics);
    }
}

/// A scheduler that runs nothing by itself: a queue and a list of live tasks. A model holds one
/// until all its tasks and wakers are gone.
#[derive(Clone, Debug)]
pub struct Scheduler(Arc<Shared>);

impl Default for Scheduler {
    fn default() -> Self {
        Self::new()
    }
}

impl Scheduler {
    /// A scheduler without tasks.
    pub fn new() -> Self {
        let zero = AtomicUsize::default;
        Self(Arc::new(Shared {
            alive: KeepAlive::new(),
            queue: Mutex::default(),
            owned: OwnedList::default(),
            spawned: zero(),
            entries: zero(),
            runs: zero(),
            released: zero(),
            freed: zero(),
            panics: zero(),
        }))
    }

    /// Makes a task, lists it and queues it. One that finds the list closed is cancelled here.
    pub fn spawn<F>(&self, future: F) -> (Task, JoinHandle<F::Output>)
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        count(&self.0.spawned);
        count(&self.0.entries);
        let spawned = keep_alive::spawn(future, &self.0, 0, new_task::<F>());
        let task = Task(spawned.owned.clone());
        match self.0.owned.insert(spawned.owned) {
            Ok(()) => self.0.queue.lock().push_back(spawned.notified),
            Err(refused) => {
                drop(refused);
                spawned.notified.cancel();
                self.run(spawned.notified);
            }
        }
        (task, spawned.join)
    }

    fn run(&self, entry: Notified) {
        count(&self.0.runs);
        entry.run();
    }

    /// Runs the first entry; false if there is none.
    pub fn run_one(&self) -> bool {
        // The guard ends with the statement: tasks run without the lock.
        let entry = self.0.queue.lock().pop_front();
        entry.map(|entry| self.run(entry)).is_some()
    }

    /// Runs entries until there are none.
    pub fn run_all(&self) {
        while self.run_one() {}
    }

    /// Refuses new tasks from now on.
    pub fn close(&self) {
        self.0.owned.close();
    }

    /// A live task that was not yet given out here.
    pub fn pop_for_cancel(&self) -> Option<Task> {
        self.0.owned.pop_for_cancel().map(Task)
    }

    /// Tasks that have not completed.
    pub fn live(&self) -> usize {
        self.0.owned.len()
    }

    /// What has happened so far.
    pub fn counts(&self) -> Counts {
        let get = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        Counts {
            spawned: get(&self.0.spawned),
            entries: get(&self.0.entries),
            runs: get(&self.0.runs),
            released: get(&self.0.released),
            freed: get(&self.0.freed),
            panics: get(&self.0.panics),
        }
    }
}

/// One reference to a task.
#[derive(Clone, Debug)]
pub struct Task(TaskRef);

impl Task {
    /// A waker that owns the reference.
    pub fn into_waker(self) -> Waker {
        self.0.into_waker()
    }

    /// Cancels the task and gives the reference up, as shutdown does.
    pub fn abort_by_value(self) {
        self.0.abort_by_value();
    }
}

/// A scheduler that keeps itself alive while cells point to it, see `scheduler::cells`.
/// `T` is dropped with it.
#[derive(Debug)]
pub struct Living<T: Send + Sync + 'static>(Arc<Kept<T>>);

#[derive(Debug)]
struct Kept<T: Send + Sync + 'static> {
    alive: KeepAlive<Self>,
    queue: Mutex<Vec<Notified>>,
    _value: T,
}

impl<T: Send + Sync + 'static> Owner for Kept<T> {
    fn alive(&self) -> &KeepAlive<Self> {
        &self.alive
    }

    fn schedule_local(&self, task: Notified, _yielded: bool) -> Result<(), Notified> {
        Err(task)
    }

    fn schedule_remote(&self, task: Notified) {
        self.queue.lock().push(task);
    }

    fn release(&self, _task: &Header) -> bool {
        false
    }

    fn discount_local(&self) -> bool {
        false
    }

    fn task_panicked(&self, _joinable: bool) {}
}

impl<T: Send + Sync + 'static> Clone for Living<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Send + Sync + 'static> Living<T> {
    /// A scheduler with one worker, which counts for itself until [`Self::worker_ended`].
    pub fn new(value: T) -> Self {
        let kept = Arc::new(Kept {
            alive: KeepAlive::new(),
            queue: Mutex::default(),
            _value: value,
        });
        kept.alive.keep(kept.clone());
        Self(kept)
    }

    /// Makes a task that the worker has counted (`by_worker`) or that is counted in common.
    pub fn spawn<F>(&self, future: F, by_worker: bool) -> (Task, JoinHandle<F::Output>)
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        if !by_worker {
            KeepAlive::made_elsewhere(&self.0);
        }
        let spawned = keep_alive::spawn(future, &self.0, 0, new_task::<F>());
        self.0.queue.lock().push(spawned.notified);
        (Task(spawned.owned), spawned.join)
    }

    /// Runs what is queued.
    pub fn run_all(&self) {
        loop {
            // The guard ends with the statement: tasks run without the lock.
            let entry = self.0.queue.lock().pop();
            let Some(entry) = entry else { return };
            entry.run();
        }
    }

    /// The worker has ended and had counted so many cells.
    pub fn worker_ended(self, cells: isize) {
        self.0.alive.add(cells);
        self.0.alive.workers_ended();
    }
}
