//! The part of the builder that watches tasks: hooks, histograms, repeatable randomness.

use super::builder::Builder;
use crate::scheduler::observer::{Observer, ObserverConfig, TaskHook, TaskMeta};
use crate::util::histogram::{HistogramConfiguration, HistogramScale, Shape};
use crate::util::rng::{RngSeed, Seeds};
use std::sync::Arc;
use std::time::Duration;

/// What a builder remembers of this.
#[derive(Default)]
pub(super) struct ObserverOptions {
    hooks: Hooks,
    poll_times: Histogram,
    latencies: Histogram,
    track_latency: bool,
    seed: Option<RngSeed>,
}

#[derive(Default)]
struct Hooks {
    on_spawn: Option<TaskHook>,
    before_poll: Option<TaskHook>,
    after_poll: Option<TaskHook>,
    on_terminate: Option<TaskHook>,
}

/// A histogram that may be configured before it is enabled.
#[derive(Default)]
struct Histogram {
    enabled: bool,
    configured: Option<Shape>,
    legacy: Legacy,
}

/// The deprecated way to configure one; it wins over the other if it was used last.
#[derive(Clone, Copy)]
struct Legacy {
    scale: HistogramScale,
    resolution: Duration,
    buckets: usize,
}

impl Default for Legacy {
    fn default() -> Self {
        Self {
            scale: HistogramScale::Linear,
            resolution: Duration::from_micros(100),
            buckets: 10,
        }
    }
}

impl Histogram {
    fn shape(&self) -> Option<Shape> {
        if !self.enabled {
            return None;
        }
        let Legacy {
            scale,
            resolution,
            buckets,
        } = self.legacy;
        let width_ns = u64::try_from(resolution.as_nanos()).unwrap_or(u64::MAX);
        Some(self.configured.unwrap_or_else(|| match scale {
            HistogramScale::Linear => Shape::linear(width_ns, buckets),
            HistogramScale::Log => Shape::doubling(width_ns, buckets),
        }))
    }

    fn legacy(&mut self) -> &mut Legacy {
        self.configured = None;
        &mut self.legacy
    }
}

impl ObserverOptions {
    pub(super) fn observer(&self) -> Option<Arc<Observer>> {
        let Hooks {
            on_spawn,
            before_poll,
            after_poll,
            on_terminate,
        } = &self.hooks;
        Observer::new(ObserverConfig {
            on_spawn: on_spawn.clone(),
            before_poll: before_poll.clone(),
            after_poll: after_poll.clone(),
            on_terminate: on_terminate.clone(),
            track_latency: self.track_latency,
            poll_times: self.poll_times.shape(),
            latencies: self.latencies.shape(),
        })
    }

    pub(super) fn seeds(&self) -> Option<Arc<Seeds>> {
        let seed = self.seed.clone()?;
        Some(Arc::new(Seeds::new(seed)))
    }
}

/// Hooks that are told of each task.
///
/// They run on the thread that does what they are told of. A panic of a hook is reported by the
/// panic hook and otherwise ignored. Blocking closures, the future of `block_on` and the tasks of
/// a `LocalSet` are none of the runtime's tasks.
impl Builder {
    /// Runs `f` just before a task is spawned, on the thread that spawns it.
    pub fn on_task_spawn<F>(&mut self, f: F) -> &mut Self
    where
        F: Fn(&TaskMeta<'_>) + Send + Sync + 'static,
    {
        self.observer.hooks.on_spawn = Some(Arc::new(f));
        self
    }

    /// Runs `f` just before each poll of a task.
    pub fn on_before_task_poll<F>(&mut self, f: F) -> &mut Self
    where
        F: Fn(&TaskMeta<'_>) + Send + Sync + 'static,
    {
        self.observer.hooks.before_poll = Some(Arc::new(f));
        self
    }

    /// Runs `f` just after each poll of a task, also after its last one.
    pub fn on_after_task_poll<F>(&mut self, f: F) -> &mut Self
    where
        F: Fn(&TaskMeta<'_>) + Send + Sync + 'static,
    {
        self.observer.hooks.after_poll = Some(Arc::new(f));
        self
    }

    /// Runs `f` when a task has ended, however that came about: its future is gone, whoever waits
    /// for it does not know yet.
    pub fn on_task_terminate<F>(&mut self, f: F) -> &mut Self
    where
        F: Fn(&TaskMeta<'_>) + Send + Sync + 'static,
    {
        self.observer.hooks.on_terminate = Some(Arc::new(f));
        self
    }

    /// Takes the time for which tasks are queued, for hooks to read it with
    /// [`TaskMeta::schedule_latency`]. Costs a look at the clock for each wake and for each poll.
    pub fn track_task_schedule_latency(&mut self) -> &mut Self {
        self.observer.track_latency = true;
        self
    }
}

/// Histograms, read with [`RuntimeMetrics`](super::RuntimeMetrics).
impl Builder {
    /// Counts polls by how long they take. Costs two looks at the clock for each poll: with the
    /// counting about 70 ns, where a poll that yields takes 50 ns in all without.
    pub fn enable_metrics_poll_time_histogram(&mut self) -> &mut Self {
        self.observer.poll_times.enabled = true;
        self
    }

    /// The former name of
    /// [`enable_metrics_poll_time_histogram`](Self::enable_metrics_poll_time_histogram).
    #[deprecated = "renamed to `enable_metrics_poll_time_histogram`"]
    #[doc(hidden)]
    pub fn enable_metrics_poll_count_histogram(&mut self) -> &mut Self {
        self.enable_metrics_poll_time_histogram()
    }

    /// Sets the buckets of the histogram of poll times. Default: ten, 100 µs wide. Does not
    /// enable it.
    pub fn metrics_poll_time_histogram_configuration(
        &mut self,
        configuration: HistogramConfiguration,
    ) -> &mut Self {
        self.observer.poll_times.configured = Some(configuration.shape);
        self
    }

    /// Sets how the buckets of the histogram of poll times grow.
    #[deprecated = "use `metrics_poll_time_histogram_configuration`"]
    pub fn metrics_poll_count_histogram_scale(&mut self, scale: HistogramScale) -> &mut Self {
        self.observer.poll_times.legacy().scale = scale;
        self
    }

    /// Sets the width of the first bucket of the histogram of poll times; on a logarithmic scale
    /// it is rounded up to a power of two of nanoseconds.
    ///
    /// # Panics
    ///
    /// Panics if `resolution` is zero.
    #[deprecated = "use `metrics_poll_time_histogram_configuration`"]
    #[track_caller]
    pub fn metrics_poll_count_histogram_resolution(&mut self, resolution: Duration) -> &mut Self {
        assert!(
            !resolution.is_zero(),
            "the resolution of a histogram must be above zero"
        );
        self.observer.poll_times.legacy().resolution = resolution;
        self
    }

    /// Sets how many buckets the histogram of poll times has.
    ///
    /// # Panics
    ///
    /// Panics if `buckets` is 0.
    #[deprecated = "use `metrics_poll_time_histogram_configuration`"]
    #[track_caller]
    pub fn metrics_poll_count_histogram_buckets(&mut self, buckets: usize) -> &mut Self {
        assert!(buckets > 0, "a histogram must have at least one bucket");
        self.observer.poll_times.legacy().buckets = buckets;
        self
    }

    /// Counts polls by how long their task was queued before. Costs a look at the clock for each
    /// wake and for each poll: with the counting about 70 ns per poll, and as much again with the
    /// histogram of poll times.
    pub fn enable_metrics_schedule_latency_histogram(&mut self) -> &mut Self {
        self.observer.latencies.enabled = true;
        self
    }

    /// Sets the buckets of the histogram of schedule latencies. Default: ten, 100 µs wide. Does
    /// not enable it.
    pub fn metrics_schedule_latency_histogram_configuration(
        &mut self,
        configuration: HistogramConfiguration,
    ) -> &mut Self {
        self.observer.latencies.configured = Some(configuration.shape);
        self
    }
}

/// What the scheduler does.
impl Builder {
    /// Makes the runtime's random choices repeatable: those of `select!` in `block_on` and in
    /// tasks, and where workers look for work. See [`RngSeed`].
    pub fn rng_seed(&mut self, seed: RngSeed) -> &mut Self {
        self.observer.seed = Some(seed);
        self
    }

    /// Enables timers, as [`enable_time`](Self::enable_time) does: each worker has timers of its own
    /// anyway.
    pub fn enable_alt_timer(&mut self) -> &mut Self {
        self.enable_time()
    }

    /// Has no effect: a worker that is stuck in a poll never keeps the driver to itself.
    pub fn enable_eager_driver_handoff(&mut self) -> &mut Self {
        self
    }

    /// Has no effect: the blocking pool's queue is what it is.
    pub fn enable_sharded_blocking_queue(&mut self) -> &mut Self {
        self
    }

    /// Has no effect: files are read and written by the blocking pool and by direct calls that do
    /// not wait, not by io_uring.
    #[cfg(unix)]
    pub fn enable_io_uring(&mut self) -> &mut Self {
        self
    }
}
