//! Whoever watches the tasks: the builder's task hooks, and the clock for histograms.
//!
//! A scheduler without an observer pays one predicted branch per spawn, wake, poll and end of a
//! task. With one, each task leaves a [`TaskStamps`] in its cell.
//!
//! - V1. Hooks run while no lock and no borrow of the scheduler's is held, and their panics end
//!   with them.
//! - V2. What the hooks after a poll are told was taken down before it: the task may be gone then.

use super::stats::WorkerStats;
use crate::cell::id::Id;
use crate::cell::{Header, NewTask, Notified, TaskStamps};
use crate::driver::clock::system_now;
use crate::trace::About;
use crate::util::bomb::contain;
use crate::util::histogram::Shape;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::time::{Duration, Instant};

/// A callback of the builder that is told of a task. Std's `Arc`: ours cannot hold a `dyn`.
pub(crate) type TaskHook = std::sync::Arc<dyn Fn(&TaskMeta<'_>) + Send + Sync>;

/// What a task hook is told about the task.
///
/// ```
/// use runtime::runtime::Builder;
///
/// let runtime = Builder::new_current_thread()
///     .on_task_spawn(|task| println!("{} from {}", task.id(), task.spawned_at()))
///     .build()?;
/// runtime.block_on(runtime.spawn(async {})).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TaskMeta<'a> {
    id: Id,
    spawned_at: &'static Location<'static>,
    schedule_latency: Option<Duration>,
    /// Later versions may lend something of the task.
    _task: PhantomData<&'a ()>,
}

impl TaskMeta<'_> {
    fn new(id: Id, spawned_at: &'static Location<'static>) -> Self {
        Self {
            id,
            spawned_at,
            schedule_latency: None,
            _task: PhantomData,
        }
    }

    /// The task's id.
    pub fn id(&self) -> Id {
        self.id
    }

    /// Where in the source the task was spawned.
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.spawned_at
    }

    /// How long the task was queued before this poll. Known to the hooks around a poll alone, and
    /// only if the runtime keeps track of it: see
    /// [`Builder::track_task_schedule_latency`](crate::runtime::Builder::track_task_schedule_latency).
    pub fn schedule_latency(&self) -> Option<Duration> {
        self.schedule_latency
    }
}

impl fmt::Debug for TaskMeta<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskMeta")
            .field("id", &self.id)
            .field("spawned_at", &self.spawned_at)
            .field("schedule_latency", &self.schedule_latency)
            .finish()
    }
}

/// What a runtime does for each task beyond running it.
#[derive(Clone, Default)]
pub(crate) struct ObserverConfig {
    pub(crate) on_spawn: Option<TaskHook>,
    pub(crate) before_poll: Option<TaskHook>,
    pub(crate) after_poll: Option<TaskHook>,
    pub(crate) on_terminate: Option<TaskHook>,
    /// Take the time that tasks are queued.
    pub(crate) track_latency: bool,
    /// Count polls by the time they take.
    pub(crate) poll_times: Option<Shape>,
    /// Count polls by the time that their tasks were queued.
    pub(crate) latencies: Option<Shape>,
}

impl ObserverConfig {
    fn are_none(&self) -> bool {
        let hooks = [
            &self.on_spawn,
            &self.before_poll,
            &self.after_poll,
            &self.on_terminate,
        ];
        hooks.iter().all(|hook| hook.is_none())
            && !self.track_latency
            && self.poll_times.is_none()
            && self.latencies.is_none()
    }
}

/// Watches the tasks of one runtime.
pub(crate) struct Observer {
    config: ObserverConfig,
    /// What stamps count from.
    base: Instant,
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").finish_non_exhaustive()
    }
}

/// A poll that runs (V2).
pub(crate) struct Watched<'a> {
    meta: TaskMeta<'a>,
    started: Option<Instant>,
}

impl Observer {
    /// None if there is nothing to do.
    pub(crate) fn new(mut config: ObserverConfig) -> Option<std::sync::Arc<Self>> {
        config.track_latency |= config.latencies.is_some();
        let base = system_now();
        (!config.are_none()).then(|| std::sync::Arc::new(Self { config, base }))
    }

    pub(crate) fn config(&self) -> &ObserverConfig {
        &self.config
    }

    /// A task is about to be spawned.
    pub(crate) fn new_task(
        &self,
        id: Id,
        about: &About<'_>,
        spawned_at: &'static Location<'static>,
    ) -> NewTask {
        call(
            self.config.on_spawn.as_ref(),
            &TaskMeta::new(id, spawned_at),
        );
        NewTask {
            stamps: Some(TaskStamps::new(spawned_at)),
            ..NewTask::new(id, about)
        }
    }

    /// A task is about to be queued.
    pub(super) fn queued(&self, task: &Notified) {
        if !self.config.track_latency {
            return;
        }
        if let Some(stamps) = task.header().stamps() {
            let stamp = system_now().saturating_duration_since(self.base);
            // 0 is no stamp.
            stamps.queued(stamp.as_nanos() as u64 + 1);
        }
    }

    /// A task is about to be polled. None for one that leaves no stamps.
    pub(super) fn before_poll(&self, task: &Notified, stats: &WorkerStats) -> Option<Watched<'_>> {
        let header = task.header();
        let stamps = header.stamps()?;
        let mut meta = TaskMeta::new(header.id(), stamps.spawned_at());
        let timed = self.config.track_latency || self.config.poll_times.is_some();
        let mut started = timed.then(system_now);
        if let (true, Some(now)) = (self.config.track_latency, started) {
            meta.schedule_latency = self.latency(stamps, now);
            if let Some(latency) = meta.schedule_latency {
                stats.count_latency(latency);
            }
        }
        if self.config.before_poll.is_some() {
            call(self.config.before_poll.as_ref(), &meta);
            // The hook's time is not the task's.
            started = self.config.poll_times.is_some().then(system_now);
        }
        Some(Watched { meta, started })
    }

    fn latency(&self, stamps: &TaskStamps, now: Instant) -> Option<Duration> {
        let queued_ns = stamps.queued_at().checked_sub(1)?;
        let now = now.saturating_duration_since(self.base);
        Some(now.saturating_sub(Duration::from_nanos(queued_ns)))
    }

    /// The poll is over.
    pub(super) fn after_poll(&self, watched: &Watched<'_>, stats: &WorkerStats) {
        if self.config.poll_times.is_some() {
            if let Some(started) = watched.started {
                stats.count_poll_time(system_now().saturating_duration_since(started));
            }
        }
        call(self.config.after_poll.as_ref(), &watched.meta);
    }

    /// A task has ended; its future is gone.
    pub(super) fn terminated(&self, task: &Header) {
        if let (Some(_), Some(stamps)) = (&self.config.on_terminate, task.stamps()) {
            let meta = TaskMeta::new(task.id(), stamps.spawned_at());
            call(self.config.on_terminate.as_ref(), &meta);
        }
    }
}

/// V1.
fn call(hook: Option<&TaskHook>, meta: &TaskMeta<'_>) {
    if let Some(hook) = hook {
        contain(|| hook(meta));
    }
}
