//! The runtime: what runs tasks, timers and I/O.
//!
//! A [`Runtime`] owns worker threads, a driver for time and I/O, and a pool for blocking calls.
//! Make one with [`Runtime::new`], with a [`Builder`], or let
//! [`#[runtime::main]`](crate::main) make it.
//!
//! ```
//! let runtime = runtime::runtime::Builder::new_multi_thread()
//!     .worker_threads(2)
//!     .enable_all()
//!     .build()?;
//! let answer = runtime.block_on(async {
//!     let task = runtime::spawn(async { 6 * 7 });
//!     task.await.unwrap()
//! });
//! assert_eq!(answer, 42);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Two schedulers
//!
//! - **Multi-thread**: one worker per core steals work from the others. Tasks must be `Send`.
//! - **Current-thread**: whoever calls [`Runtime::block_on`] runs the tasks, on that thread. A
//!   [`LocalRuntime`] stays on the thread that made it, and its tasks need not be `Send`.
//!
//! # Blocking code
//!
//! On the multi-thread scheduler a task that blocks its thread holds up only itself: a monitor
//! notices, and what that worker left behind (queued tasks, timers, readiness of sockets) is
//! taken over by a worker that sleeps. It is still one worker less: move long blocking calls to
//! [`spawn_blocking`](crate::task::spawn_blocking) or wrap them in
//! [`block_in_place`](crate::task::block_in_place).
//!
//! How it is made: `docs/design/metrics.md`.

mod builder;
pub(crate) mod context;
#[cfg(feature = "taskdump")]
pub mod dump;
mod handle;
mod local;
mod metrics;
mod metrics_histograms;
mod observe;
#[allow(clippy::module_inception)] // the type of that name, as in the public path
mod runtime;
mod shutdown_error;

pub use self::builder::{Builder, UnhandledPanic};
#[cfg(feature = "taskdump")]
pub use self::dump::Dump;
pub use self::handle::{EnterGuard, Handle, RuntimeFlavor, TryCurrentError, worker_index};
pub use self::local::{LocalOptions, LocalRuntime};
pub use self::metrics::RuntimeMetrics;
pub use self::runtime::Runtime;
pub use self::shutdown_error::is_rt_shutdown_err;
#[allow(unused_imports, reason = "made by leaf modules")]
pub(crate) use self::shutdown_error::shutdown_error;
pub use crate::scheduler::id::Id;
pub use crate::scheduler::observer::TaskMeta;
pub use crate::util::histogram::{
    HistogramConfiguration, HistogramScale, InvalidHistogramConfiguration, LogHistogram,
    LogHistogramBuilder,
};
pub use crate::util::rng::RngSeed;
