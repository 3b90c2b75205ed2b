//! Makes runtimes.

use super::handle::{Handle, Scheduler};
use super::local::{LocalOptions, LocalRuntime};
use super::observe::ObserverOptions;
use super::runtime::Runtime;
use crate::blocking;
use crate::driver;
use crate::loom::sync::Arc;
use crate::loom::thread;
use crate::scheduler::config::{Config, Hook};
use crate::scheduler::current_thread;
use crate::scheduler::id::Id;
use crate::scheduler::job::Job;
use crate::scheduler::multi_thread::Shared;
use crate::scheduler::multi_thread::core::Core;
use crate::scheduler::multi_thread::{monitor, worker};
use crate::util::bomb::contain;
use crate::util::names;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

/// When the blocking pool tries again to create a thread that the system refused.
const THREAD_RETRY: Duration = Duration::from_millis(20);

/// Turns of a worker between two looks at the driver.
const EVENT_INTERVAL: u32 = 61;

/// Makes the scheduler of a runtime without threads.
type MakeSingle =
    fn(Config, driver::Driver, Arc<blocking::Pool<Job>>) -> Arc<current_thread::Shared>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    CurrentThread,
    MultiThread,
}

/// What a runtime does when a task panics.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnhandledPanic {
    /// Goes on; whoever holds the task's handle gets the panic as a `JoinError`.
    Ignore,
    /// Ends the runtime, also if somebody holds the task's handle: all other tasks are cancelled,
    /// and `block_on` panics.
    ShutdownRuntime,
}

/// Configures and makes a [`Runtime`].
///
/// ```
/// use runtime::runtime::Builder;
///
/// let runtime = Builder::new_multi_thread()
///     .worker_threads(4)
///     .thread_name("my-worker")
///     .enable_all()
///     .build()?;
/// # drop(runtime);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Builder {
    kind: Kind,
    name: Option<String>,
    worker_threads: Option<usize>,
    max_blocking_threads: usize,
    keep_alive: Duration,
    thread_name: std::sync::Arc<dyn Fn() -> String + Send + Sync>,
    stack_size: Option<usize>,
    on_thread_start: Option<Hook>,
    on_thread_stop: Option<Hook>,
    on_thread_park: Option<Hook>,
    on_thread_unpark: Option<Hook>,
    enable_io: bool,
    enable_time: bool,
    start_paused: bool,
    io_events: usize,
    event_interval: u32,
    injector_interval: Option<u32>,
    slot: bool,
    shutdown_on_panic: bool,
    pub(super) observer: ObserverOptions,
    monitor: bool,
}

impl Builder {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            name: None,
            worker_threads: None,
            max_blocking_threads: 512,
            keep_alive: Duration::from_secs(10),
            thread_name: std::sync::Arc::new(|| names::THREAD.into()),
            stack_size: None,
            on_thread_start: None,
            on_thread_stop: None,
            on_thread_park: None,
            on_thread_unpark: None,
            enable_io: false,
            enable_time: false,
            start_paused: false,
            io_events: 1_024,
            event_interval: EVENT_INTERVAL,
            injector_interval: None,
            slot: true,
            shutdown_on_panic: false,
            observer: ObserverOptions::default(),
            monitor: true,
        }
    }

    /// A runtime whose tasks run on the thread that calls [`Runtime::block_on`].
    pub fn new_current_thread() -> Self {
        Self::new(Kind::CurrentThread)
    }

    /// A runtime with worker threads that steal work from each other.
    pub fn new_multi_thread() -> Self {
        Self::new(Kind::MultiThread)
    }

    /// Enables everything the build has: time, and I/O with the feature `net`.
    pub fn enable_all(&mut self) -> &mut Self {
        self.enable_io = true;
        self.enable_time = true;
        self
    }

    /// Enables I/O; has an effect with the feature `net` only.
    pub fn enable_io(&mut self) -> &mut Self {
        self.enable_io = true;
        self
    }

    /// Enables timers.
    pub fn enable_time(&mut self) -> &mut Self {
        self.enable_time = true;
        self
    }

    /// Starts with a clock that stands still and moves on to the next timer when nothing else is
    /// to be done. Current-thread runtimes only; for tests.
    #[cfg(feature = "test-util")]
    pub fn start_paused(&mut self, start_paused: bool) -> &mut Self {
        self.start_paused = start_paused;
        self
    }

    /// Names the runtime, for diagnostics.
    ///
    /// # Panics
    ///
    /// Panics if the name is blank.
    #[track_caller]
    pub fn name(&mut self, name: impl Into<String>) -> &mut Self {
        let name = name.into();
        assert!(
            !name.trim().is_empty(),
            "runtime name shouldn't be empty: it must not be blank"
        );
        self.name = Some(name);
        self
    }

    /// Sets how many worker threads run tasks. Default: the environment variable
    /// `RUNTIME_WORKER_THREADS` (in programs with the package that stands in for tokio
    /// `TOKIO_WORKER_THREADS`, if that is set), else the cores this process may use. A
    /// current-thread runtime has none.
    ///
    /// # Panics
    ///
    /// Panics if `count` is 0.
    #[track_caller]
    pub fn worker_threads(&mut self, count: usize) -> &mut Self {
        assert!(
            count > 0,
            "Worker threads cannot be set to 0: a runtime needs at least one"
        );
        self.worker_threads = Some(count);
        self
    }

    /// Sets how many threads the blocking pool may have. Default: 512.
    ///
    /// # Panics
    ///
    /// Panics if `count` is 0.
    #[track_caller]
    pub fn max_blocking_threads(&mut self, count: usize) -> &mut Self {
        assert!(
            count > 0,
            "Max blocking threads cannot be set to 0: blocking calls need one"
        );
        self.max_blocking_threads = count;
        self
    }

    /// Sets how long a thread of the blocking pool waits for work before it ends. Default: 10 s.
    pub fn thread_keep_alive(&mut self, duration: Duration) -> &mut Self {
        self.keep_alive = duration;
        self
    }

    /// Names the threads. Default: `runtime-worker`; `tokio-rt-worker` in programs with the package
    /// that stands in for tokio.
    pub fn thread_name(&mut self, name: impl Into<String>) -> &mut Self {
        let name = name.into();
        self.thread_name = std::sync::Arc::new(move || name.clone());
        self
    }

    /// Names each thread by a call of `f`.
    pub fn thread_name_fn<F>(&mut self, f: F) -> &mut Self
    where
        F: Fn() -> String + Send + Sync + 'static,
    {
        self.thread_name = std::sync::Arc::new(f);
        self
    }

    /// Sets the stack of the threads, in bytes. Default: std's, 2 MiB.
    pub fn thread_stack_size(&mut self, bytes: usize) -> &mut Self {
        self.stack_size = Some(bytes);
        self
    }

    /// Runs `f` on each thread of the runtime before it does anything else. A panic of `f` is
    /// reported by the panic hook and otherwise ignored.
    pub fn on_thread_start<F: Fn() + Send + Sync + 'static>(&mut self, f: F) -> &mut Self {
        self.on_thread_start = Some(contained(f));
        self
    }

    /// Runs `f` on each thread of the runtime before it ends. A panic of `f` is
    /// reported by the panic hook and otherwise ignored.
    pub fn on_thread_stop<F: Fn() + Send + Sync + 'static>(&mut self, f: F) -> &mut Self {
        self.on_thread_stop = Some(contained(f));
        self
    }

    /// Runs `f` on a thread that is about to sleep for want of work. A panic of `f` is
    /// reported by the panic hook and otherwise ignored.
    pub fn on_thread_park<F: Fn() + Send + Sync + 'static>(&mut self, f: F) -> &mut Self {
        self.on_thread_park = Some(contained(f));
        self
    }

    /// Runs `f` on a thread that woke up. A panic of `f` is
    /// reported by the panic hook and otherwise ignored.
    pub fn on_thread_unpark<F: Fn() + Send + Sync + 'static>(&mut self, f: F) -> &mut Self {
        self.on_thread_unpark = Some(contained(f));
        self
    }

    /// Sets after how many turns a busy worker looks at the driver. Default: 61. While polls are
    /// long it looks more often: after 200 µs or one longer poll.
    ///
    /// # Panics
    ///
    /// Panics if `turns` is 0.
    #[track_caller]
    pub fn event_interval(&mut self, turns: u32) -> &mut Self {
        assert!(turns > 0, "event_interval must be greater than 0");
        self.event_interval = turns;
        self
    }

    /// Sets after how many turns a busy worker looks at the queue of other threads' tasks.
    ///
    /// Default: after 200 µs or one longer poll, and at the latest after 127 turns, or 31 on a
    /// current-thread runtime. A number that is set here holds whatever polls take.
    ///
    /// # Panics
    ///
    /// Panics if `turns` is 0.
    #[track_caller]
    pub fn global_queue_interval(&mut self, turns: u32) -> &mut Self {
        assert!(turns > 0, "global_queue_interval must be greater than 0");
        self.injector_interval = Some(turns);
        self
    }

    /// Sets how many I/O events one look at the reactor takes. Default: 1,024.
    ///
    /// # Panics
    ///
    /// Panics if `events` is 0.
    #[track_caller]
    pub fn max_io_events_per_tick(&mut self, events: usize) -> &mut Self {
        assert!(events > 0, "max_io_events_per_tick must be non-zero");
        self.io_events = events;
        self
    }

    /// Accepted for tokio's sake, and without effect: a look at the reactor by a worker that has
    /// tasks takes what there is, because a worker's queue grows and overflows into no other.
    ///
    /// # Panics
    ///
    /// Panics if `events` is 0.
    #[track_caller]
    pub fn max_io_events_per_busy_tick(&mut self, events: usize) -> &mut Self {
        assert!(events > 0, "max_io_events_per_busy_tick must be non-zero");
        self
    }

    /// Queues woken tasks behind the others instead of running the last woken one first.
    pub fn disable_lifo_slot(&mut self) -> &mut Self {
        self.slot = false;
        self
    }

    /// Sets what happens when a task panics. Default: [`UnhandledPanic::Ignore`].
    pub fn unhandled_panic(&mut self, behavior: UnhandledPanic) -> &mut Self {
        self.shutdown_on_panic = behavior == UnhandledPanic::ShutdownRuntime;
        self
    }

    /// Makes the runtime; its threads run from now on.
    ///
    /// # Errors
    ///
    /// Returns the system's error if a thread or the reactor cannot be made; whatever was made
    /// before has ended by then.
    ///
    /// # Panics
    ///
    /// Panics if no number of workers is given and the environment variable of
    /// [`worker_threads`](Self::worker_threads) is set to something that is not a number above 0.
    #[track_caller]
    pub fn build(&mut self) -> io::Result<Runtime> {
        match self.kind {
            Kind::CurrentThread => self.build_current_thread(),
            Kind::MultiThread => self.build_multi_thread(),
        }
    }

    /// Makes a runtime of the calling thread: it stays there, and so do its tasks, which need not
    /// be `Send`.
    ///
    /// # Errors
    ///
    /// Returns the system's error if the reactor cannot be made.
    ///
    /// # Panics
    ///
    /// Panics unless the builder was made by [`Builder::new_current_thread`].
    #[track_caller]
    pub fn build_local(&mut self, options: LocalOptions) -> io::Result<LocalRuntime> {
        let LocalOptions { .. } = options;
        assert!(
            self.kind == Kind::CurrentThread,
            "multi_thread is not supported for LocalRuntime: start with \
             `Builder::new_current_thread`"
        );
        let runtime = self.build_single(current_thread::Shared::new_local)?;
        Ok(LocalRuntime::from_runtime(runtime))
    }

    #[track_caller]
    fn build_current_thread(&mut self) -> io::Result<Runtime> {
        self.build_single(current_thread::Shared::new)
    }

    #[track_caller]
    fn build_single(&mut self, make: MakeSingle) -> io::Result<Runtime> {
        let driver = driver::Driver::new(self.driver_config(1, true))?;
        let pool = Arc::new(self.pool(&driver));
        let shared = make(self.config(1), driver, pool);
        let handle = Handle {
            scheduler: Scheduler::CurrentThread(shared),
        };
        Ok(Runtime::from_parts(handle, Vec::new()))
    }

    #[track_caller]
    fn build_multi_thread(&mut self) -> io::Result<Runtime> {
        assert!(
            !self.start_paused,
            "`time::pause()` requires the `current_thread` Tokio runtime: `start_paused` needs a \
             current-thread runtime, as time cannot stand still for several workers"
        );
        let workers = self.worker_threads.unwrap_or_else(default_workers);
        // The user's code that names threads runs before there is anything to lose.
        let names: Vec<_> = (0..workers).map(|_| (self.thread_name)()).collect();
        let driver = driver::Driver::new(self.driver_config(workers, false))?;
        let pool = Arc::new(self.pool(&driver));
        let (shared, cores) = Shared::new(self.config(workers), driver, pool, run_worker);
        let handle = Handle {
            scheduler: Scheduler::MultiThread(shared.clone()),
        };
        let mut runtime = Runtime::from_parts(handle.clone(), Vec::new());
        let mut missing = cores.len();
        for (core, name) in cores.into_iter().zip(names) {
            // std panics on what cannot be a name.
            let started = catch_unwind(AssertUnwindSafe(|| {
                self.start_worker(&handle, &shared, Box::new(core), name)
            }));
            let failed = match started {
                Ok(Ok(thread)) => {
                    runtime.threads.push(thread);
                    missing -= 1;
                    continue;
                }
                Ok(Err(error)) => Ok(error),
                Err(payload) => Err(payload),
            };
            // First the missing: the last to be counted drains what start hooks spawned.
            shared.workers_missing(missing);
            runtime.abandon();
            return Err(failed.unwrap_or_else(|payload| resume_unwind(payload)));
        }
        if workers > 1 && self.monitor {
            match self.start_monitor(&shared) {
                Ok(thread) => runtime.threads.push(thread),
                Err(error) => {
                    runtime.abandon();
                    return Err(error);
                }
            }
        }
        Ok(runtime)
    }

    fn start_worker(
        &self,
        handle: &Handle,
        shared: &Arc<Shared>,
        core: Box<Core>,
        name: String,
    ) -> io::Result<thread::JoinHandle<()>> {
        let (handle, shared) = (handle.clone(), shared.clone());
        let (start, stop) = (self.on_thread_start.clone(), self.on_thread_stop.clone());
        self.thread(name).spawn(move || {
            let _context = super::context::enter(handle);
            if let Some(start) = start {
                start();
            }
            run_worker(shared, core);
            if let Some(stop) = stop {
                stop();
            }
        })
    }

    fn start_monitor(&self, shared: &Arc<Shared>) -> io::Result<thread::JoinHandle<()>> {
        let shared = shared.clone();
        thread::Builder::new()
            .name("runtime-monitor".into())
            .spawn(move || monitor::run(&shared))
    }

    fn thread(&self, name: String) -> thread::Builder {
        let builder = thread::Builder::new().name(name);
        match self.stack_size {
            Some(bytes) => builder.stack_size(bytes),
            None => builder,
        }
    }

    fn driver_config(&self, wheels: usize, can_pause: bool) -> driver::Config {
        driver::Config {
            io_events: self.enable_io.then_some(self.io_events),
            time: self.enable_time,
            wheels,
            can_pause,
            start_paused: self.start_paused,
        }
    }

    fn pool<J: blocking::Job>(&self, driver: &driver::Driver) -> blocking::Pool<J> {
        let remind = driver.timers().map(|timers| {
            let timers = timers.outside().clone();
            let remind: blocking::Remind =
                std::sync::Arc::new(move |waker| timers.wake_after(THREAD_RETRY, waker));
            remind
        });
        blocking::Pool::new(blocking::Config {
            max_threads: self.max_blocking_threads,
            keep_alive: self.keep_alive,
            stack_size: self.stack_size,
            thread_name: self.thread_name.clone(),
            on_start: self.on_thread_start.clone(),
            on_stop: self.on_thread_stop.clone(),
            remind,
            ..blocking::Config::default()
        })
    }

    fn config(&self, workers: usize) -> Config {
        Config {
            id: Id::next(),
            name: self.name.clone(),
            workers,
            event_interval: self.event_interval,
            injector_interval: self.injector_interval,
            slot: self.slot,
            on_thread_park: self.on_thread_park.clone(),
            on_thread_unpark: self.on_thread_unpark.clone(),
            shutdown_on_panic: self.shutdown_on_panic,
            observer: self.observer.observer(),
            seeds: self.observer.seeds(),
        }
    }

    /// As with a registered socket that never has anything.
    #[cfg(any(feature = "loom", feature = "shuttle"))]
    pub(crate) fn with_source(&mut self, has_source: bool) -> &mut Self {
        self.enable_io = has_source;
        self
    }

    /// Without the monitor's thread: models have few threads to spare.
    #[cfg(any(feature = "loom", feature = "shuttle"))]
    pub(crate) fn without_monitor(&mut self) -> &mut Self {
        self.monitor = false;
        self
    }
}

fn run_worker(shared: Arc<Shared>, core: Box<Core>) {
    let handle = Handle {
        scheduler: Scheduler::MultiThread(shared.clone()),
    };
    let _context = super::context::enter(handle);
    worker::run(shared, core);
}

/// A hook whose panics end with it: the thread that calls it has more to do.
fn contained(hook: impl Fn() + Send + Sync + 'static) -> Hook {
    std::sync::Arc::new(move || {
        contain(&hook);
    })
}

#[track_caller]
fn default_workers() -> usize {
    let set = |name: &'static str| Some((name, std::env::var_os(name)?));
    let Some((name, value)) = names::WORKER_THREADS.iter().copied().find_map(set) else {
        return crate::loom::available_parallelism();
    };
    let Some(text) = value.to_str() else {
        panic!(
            "\"{name}\" must be valid unicode, error: {value:?}: set it to a number, or unset it"
        );
    };
    match text.trim().parse() {
        Ok(0) => panic!("\"{name}\" cannot be set to 0: set it to at least 1, or unset it"),
        Ok(count) => count,
        Err(error) => panic!(
            "\"{name}\" must be usize, error: {error}, value: {text}: set it to a number of \
             threads, or unset it"
        ),
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("kind", &self.kind)
            .field("name", &self.name)
            .field("worker_threads", &self.worker_threads)
            .field("max_blocking_threads", &self.max_blocking_threads)
            .field("thread_keep_alive", &self.keep_alive)
            .field("enable_io", &self.enable_io)
            .field("enable_time", &self.enable_time)
            .finish_non_exhaustive()
    }
}
