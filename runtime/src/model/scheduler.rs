//! A test facade of the scheduler's parts: the real queues, idle word, parkers, driver and monitor, with
//! the model as the threads that use them.

use crate::blocking::{self, Pool};
use crate::cell::Notified;
use crate::cell::id::Id;
use crate::driver::{self, Driver};
use crate::loom::sync::Arc;
use crate::runtime::{Builder, Runtime};
use crate::scheduler::config::Config;
use crate::scheduler::keep_alive::{self, Owner};
use crate::scheduler::multi_thread::core::Core;
use crate::scheduler::multi_thread::idle::GotUp;
use crate::scheduler::multi_thread::{Origin, Shared};
use crate::scheduler::queues::Slot as RealSlot;
use std::task::Waker;

/// A multi-thread runtime without a monitor: a model has few threads to spare.
///
/// # Panics
///
/// Panics if a thread cannot be made.
pub fn multi_thread(workers: usize) -> Runtime {
    multi_thread_with(workers, false)
}

/// As [`multi_thread`]; `has_source`: as with a registered socket.
///
/// # Panics
///
/// Panics if a thread cannot be made.
pub fn multi_thread_with(workers: usize, has_source: bool) -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder
        .worker_threads(workers)
        .without_monitor()
        .with_source(has_source)
        .build()
        .expect("threads")
}

/// An entry of a run queue. Its task does nothing.
#[derive(Debug)]
pub struct Task(Notified);

impl Task {
    /// A fresh task.
    #[allow(clippy::new_without_default)] // each is another task
    pub fn new() -> Self {
        let spawned = keep_alive::spawn_blocking(async {}, Id::next().into());
        drop((spawned.owned, spawned.join));
        Self(spawned.notified)
    }

    /// Tells tasks apart.
    pub fn id(&self) -> Id {
        self.0.header().id()
    }

    /// Polls it, which touches all of its cell.
    pub fn run(self) {
        self.0.run();
    }
}

/// A next-task slot.
#[derive(Debug)]
pub struct Slot(RealSlot);

impl Slot {
    /// An empty one.
    #[allow(clippy::new_without_default)] // as the type behind it
    pub fn new() -> Self {
        Self(RealSlot::new())
    }

    /// Puts a task in, returns the one that was there. Owner only.
    pub fn put(&self, task: Task) -> Option<Task> {
        self.0.put(task.0).map(Task)
    }

    /// Takes the task out.
    pub fn take(&self) -> Option<Task> {
        self.0.take().map(Task)
    }
}

/// What the workers of one runtime share; nobody runs them but the model.
#[derive(Clone, Debug)]
pub struct Workers(Arc<Shared>);

impl Workers {
    /// The shared part and the workers, all awake. `time`: with timers, over a clock that stands
    /// and moves on by itself.
    ///
    /// # Panics
    ///
    /// Panics if the driver cannot be made.
    pub fn new(workers: usize, time: bool) -> (Self, Vec<Worker>) {
        Self::with_source(workers, time, false)
    }

    /// The same; `has_source`: as with a registered socket.
    ///
    /// # Panics
    ///
    /// Panics if the driver cannot be made.
    pub fn with_source(workers: usize, time: bool, has_source: bool) -> (Self, Vec<Worker>) {
        let driver = Driver::new(driver::Config {
            io_events: has_source.then_some(1),
            time,
            wheels: workers,
            can_pause: true,
            start_paused: time,
        });
        let driver = driver.expect("a driver without I/O");
        let pool = Arc::new(Pool::new(crate::blocking::Config::default()));
        let config = Config {
            id: crate::scheduler::id::Id::next(),
            name: None,
            workers,
            event_interval: 61,
            injector_interval: Some(31),
            slot: true,
            on_thread_park: None,
            on_thread_unpark: None,
            shutdown_on_panic: false,
            observer: None,
            seeds: None,
        };
        let (shared, cores) = Shared::new(config, driver, pool, |_, _| {
            unreachable!("no task of a model blocks in place")
        });
        let workers = cores.into_iter().map(|core| Worker {
            shared: shared.clone(),
            core: Box::new(core),
        });
        (Self(shared.clone()), workers.collect())
    }

    /// Queues a task as another thread does.
    pub fn post(&self, task: Task) {
        self.0.schedule_remote(task.0);
    }

    /// Ends the workers' turns.
    pub fn begin_shutdown(&self) {
        self.0.begin_shutdown();
    }

    /// How many workers search or were just woken to do so.
    pub fn searching(&self) -> usize {
        self.0.idle.searching()
    }

    /// Wakes one worker that waits in [`Worker::wait`].
    pub fn unpark(&self, worker: usize) {
        self.0.unpark(worker);
    }

    /// Something happens in the reactor.
    pub fn event(&self) {
        self.0.driver().wake();
    }

    /// The monitor's sleep: returns when a worker is awake.
    pub fn sleep_as_monitor(&self) {
        self.0.monitor.bind_thread();
        self.0.monitor.sleep(&self.0);
    }

    /// Drops what keeps the scheduler alive; at the end of each model.
    pub fn end(&self) {
        self.0.alive().workers_ended();
    }
}

/// One worker: its thread in the model calls this.
#[derive(Debug)]
pub struct Worker {
    shared: Arc<Shared>,
    core: Box<Core>,
}

impl Worker {
    /// Names the calling thread as this worker's.
    pub fn bind_thread(&self) {
        self.shared.remotes[self.core.index].parker.bind_thread();
    }

    /// The loop of a worker up to its next task; `None` at shutdown.
    pub fn next(&self) -> Option<Task> {
        loop {
            if self.shared.shutdown.has_begun() {
                return None;
            }
            if let Some(task) = self.core.turn(&self.shared) {
                return Some(Task(task));
            }
        }
    }

    /// Tasks in the deque.
    pub fn queued(&self) -> usize {
        self.core.queue.len()
    }

    /// Queues a task as a task of this worker does: in the slot.
    pub fn push(&self, task: Task) {
        self.core.schedule(&self.shared, task.0, Origin::Woken);
    }

    /// Publishes, looks once more, waits.
    pub fn sleep(&self) {
        self.core.sleep(&self.shared);
    }

    /// Looks at the driver, as a busy worker does.
    pub fn poll_driver(&self) {
        self.core.poll_driver(&self.shared);
    }

    /// Waits, in the reactor if nobody is there.
    pub fn wait(&self) {
        self.core.wait(&self.shared);
    }

    /// The calling thread has just given a job to the blocking pool: it spins at its next wait.
    pub fn has_handed_a_job_over(&self) {
        blocking::set_handed_to(blocking::HandedTo::Spinning);
    }

    /// Puts the worker on the list of sleepers.
    pub fn fall_asleep(&self) {
        self.core.fall_asleep(&self.shared);
    }

    /// Takes the worker off that list; whether it did so itself.
    pub fn get_up(&self) -> bool {
        self.core.get_up(&self.shared, false) == GotUp::Alone
    }

    /// Arms a timer on this worker's own wheel.
    ///
    /// # Panics
    ///
    /// Panics without timers, and if the deadline has passed.
    pub fn arm_ms(&self, ms: u64, waker: Waker) {
        let timers = self.shared.driver().timers().expect("the model has timers");
        let armed = timers
            .shard(self.core.index)
            .arm(ms * 1_000_000, &waker, true);
        assert!(
            matches!(armed, Ok(driver::timers::Arm::Armed(_))),
            "a model arms in the future"
        );
    }
}
