//! Makes and configures runtimes.

pub use ::runtime::runtime::{
    Builder, EnterGuard, Handle, HistogramConfiguration, HistogramScale, Id,
    InvalidHistogramConfiguration, LocalOptions, LocalRuntime, LogHistogram, LogHistogramBuilder,
    RngSeed, Runtime, RuntimeFlavor, RuntimeMetrics, TaskMeta, TryCurrentError, UnhandledPanic,
    is_rt_shutdown_err, worker_index,
};

#[cfg(feature = "taskdump")]
pub use self::dump::Dump;

/// Stack traces of tasks.
#[cfg(feature = "taskdump")]
pub mod dump {
    pub use ::runtime::runtime::dump::{
        Backtrace, BacktraceFrame, BacktraceSymbol, Dump, Root, Task, Tasks, Trace, TraceMeta,
        trace_with,
    };
}
