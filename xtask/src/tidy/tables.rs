//! The tables that the rules look things up in: change them in the commit that needs it.

/// Rows of modules of `runtime`. A module imports from its own row and from rows above it.
pub(super) const ROWS: &[(u8, &[&str])] = &[
    (0, &["loom", "util", "trace"]),
    (1, &["cell", "budget", "park"]),
    (2, &["sync", "io_core"]),
    (3, &["driver", "blocking"]),
    (4, &["scheduler"]),
    (5, &["runtime"]),
    (
        LEAVES,
        &[
            "task", "time", "net", "fs", "process", "signal", "macros", "async_fd", "stdio",
        ],
    ),
    // For `loom-tests` alone: it shows internals of all rows.
    (7, &["model"]),
];

/// Leaves do not know each other, except for [`LEAF_PAIRS`].
pub(super) const LEAVES: u8 = 6;

/// `(who, may import)`.
pub(super) const LEAF_PAIRS: &[(&str, &str)] = &[
    ("process", "signal"),
    ("task", "time"),
    ("net", "task"), // Names resolve in the blocking pool.
];

/// Files that may hold `unsafe`; `*` stands for any characters. A new line says its invariant.
pub(super) const UNSAFE: &[&str] = &[
    "runtime/src/loom/tsan.rs",  // A count of references, as in std's `Arc`.
    "io-driver/src/timerfd.rs",  // Owned descriptors of timerfd_create.
    "io-driver/tests/eintr.rs",  // Defines libc symbols to make calls fail.
    "io-driver/tests/emfile.rs", // The same.
    "runtime/tests/net/tcp_exact_fit.rs", // Asks for a socket option that std does not know.
    "macros/src/*", // Quoted tokens: the compiler forbids unsafe code in the crate itself.
    "runtime/src/util/trace_leaf.rs", // G1: a closure further down on the stack.
    "runtime/src/util/forks.rs", // A function that `fork` calls in the child.
    "runtime/src/util/per_process.rs", // V1: what was published stays.
    "runtime/src/util/list.rs",
    "runtime/src/util/atomic_waker.rs",
    "runtime/src/util/wake_batch.rs",
    "runtime/src/cell/header.rs",
    "runtime/src/cell/raw.rs",
    "runtime/src/cell/poll.rs",
    "runtime/src/cell/waker.rs",
    "runtime/src/cell/owned.rs",
    "runtime/src/cell/join.rs",
    "runtime/src/cell/layout.rs",
    "runtime/src/cell/spawn.rs",
    "runtime/src/cell/context.rs", // O1: who reads and takes it; V1: what is pointed to is borrowed below.
    "runtime/src/sync/mutex*",
    "runtime/src/sync/rwlock*",
    "runtime/src/model/sync.rs", // A cell for loom to watch, behind the lock under test.
    "runtime/src/sync/oneshot.rs",
    "runtime/src/sync/permits*",
    "runtime/src/sync/version_waiters.rs", // L1: the lock, or the sole owner.
    "runtime/src/sync/watch/shared.rs",    // W1: one writer, or readers.
    "runtime/src/sync/notify.rs",
    "runtime/src/sync/once_cell.rs",
    "runtime/src/sync/set_once.rs",
    "runtime/src/sync/mpsc/block.rs",
    "runtime/src/sync/mpsc/chan.rs",
    "runtime/src/sync/wait_list.rs", // W1, W2: nodes in pinned futures.
    "runtime/src/sync/broadcast/receiver.rs", // V1: its node waits in its channel's list.
    "runtime/src/sync/mpmc/wait.rs", // F1: the same.
    "runtime/src/io_core/read_buf.rs",
    "runtime/src/async_fd/mod.rs",
    "runtime/src/io_core/split.rs", // I2: a shared half reaches nothing.
    "runtime/src/net/*socket.rs",
    "runtime/src/net/inq/linux.rs", // I4: one descriptor that the kernel made for this call.
    "runtime/src/net/windows/*",    // N1: handles that the system returned.
    "runtime/src/net/unix/credentials.rs", // U1: structures of integers, with their size.
    "runtime/src/process/unix/*",
    "runtime/src/signal/unix*",
    "runtime/src/signal/windows.rs", // W1: the handler's table lives as long as the process.
    "runtime/src/scheduler/queues.rs",
    "runtime/src/scheduler/keep_alive.rs", // C1: the scheduler outlives its cells.
    "runtime/src/scheduler/multi_thread/core.rs", // L1, L2: the thread's own pointer to its core.
    "runtime/src/util/spin_lock.rs",       // X1: one guard at a time.
    "runtime/tests/*",                     // Allocators and libc symbols of the fault tests.
    "runtime/src/driver/*",
    "runtime/src/fs/*",
    "runtime/src/scheduler/current_thread/mod.rs", // T1: a local runtime's tasks stay on its thread.
    "runtime/src/scheduler/local_set.rs",          // N1: a set's tasks stay on its thread.
    "runtime/src/util/thread_bound.rs",            // H2: the owner alone sees the value.
    "runtime/src/task/join_set/ready.rs",          // J2: a pushed entry has one owner.
    "runtime/src/task/cancellation/tree.rs", // K1, K2: links under the lock, who frees a node.
    "runtime/src/task/cancellation/wait.rs", // K5: waiters are listed under a lock.
];

/// Files besides `lib.rs` where a feature may choose between modules.
pub(super) const FEATURE_SEAMS: &[&str] = &[
    "*/src/lib.rs",
    "*/src/loom.rs",
    "runtime/src/loom/mod.rs",
    "tokio/src/*.rs",            // tokio's names, behind its features.
    "runtime/src/util/names.rs", // Ours, or tokio's.
    "runtime/src/trace/mod.rs",
    "runtime/src/driver/mod.rs",
    "runtime/src/io_core/mod.rs",
    "runtime/src/driver/reactor/mod.rs", // With or without mio.
    "runtime/src/runtime/*.rs",          // `io_handle`, `start_paused`, facades for models.
    "runtime/src/model/mod.rs",          // Test facades of leaves.
    "runtime/src/time/mod.rs",           // Pausing the clock.
    "runtime/src/util/mod.rs",           // Values of the process: who has any.
    "runtime/src/util/spin_lock.rs",     // Under loom a plain lock.
    "runtime/src/scheduler/queues.rs",   // Under loom a stand-in for crossbeam's deque.
];

/// What checks the orderings of a file with atomics.
#[derive(Debug)]
#[allow(
    dead_code,
    reason = "both kinds are for the table, which may hold one alone"
)]
pub(super) enum Checked {
    /// Test files of `loom-tests/tests`, without `.rs`.
    By(&'static [&'static str]),
    /// No model, for this reason.
    Exempt(&'static str),
}

/// Every file with atomics, and the models that check it.
pub(super) const MODELS: &[(&str, Checked)] = &[
    (
        "io-driver/src/driver.rs",
        Checked::Exempt("counters; the wake flag has its own file"),
    ),
    ("io-driver/src/readiness.rs", Checked::By(&["io_driver"])),
    (
        "io-driver/src/registry/mod.rs",
        Checked::Exempt("a count that says in the open what `OnceLock` does inside"),
    ),
    ("io-driver/src/source.rs", Checked::By(&["io_driver"])),
    ("io-driver/src/wake_flag.rs", Checked::By(&["io_driver"])),
    (
        "runtime/src/blocking/pool/mod.rs",
        Checked::By(&["blocking"]),
    ),
    (
        "runtime/src/blocking/sleeper.rs",
        Checked::By(&["blocking"]),
    ),
    (
        "runtime/src/blocking/spin_hint.rs",
        Checked::Exempt("a hint: nothing rests on it"),
    ),
    (
        "runtime/src/cell/id.rs",
        Checked::Exempt("a counter: uniqueness needs no order"),
    ),
    ("runtime/src/cell/state/mod.rs", Checked::By(&["cell"])),
    (
        "runtime/src/cell/stamps.rs",
        Checked::Exempt("a stamp, ordered by the hand-over of the entry"),
    ),
    ("runtime/src/driver/clock.rs", Checked::By(&["timers"])),
    ("runtime/src/driver/mod.rs", Checked::By(&["scheduler"])),
    ("runtime/src/driver/timers/mod.rs", Checked::By(&["timers"])),
    (
        "runtime/src/fs/files/cached.rs",
        Checked::Exempt("what the system refused once: no order"),
    ),
    (
        "runtime/src/net/inq/linux.rs",
        Checked::Exempt("a mode of the socket; readiness itself is ordered by io-driver's word"),
    ),
    ("runtime/src/park.rs", Checked::By(&["scheduler", "sync"])),
    (
        "runtime/src/scheduler/keep_alive.rs",
        Checked::By(&["cell"]),
    ),
    (
        "runtime/src/scheduler/current_thread/mod.rs",
        Checked::By(&["scheduler"]),
    ),
    (
        "runtime/src/scheduler/current_thread/run.rs",
        Checked::By(&["scheduler"]),
    ),
    (
        "runtime/src/scheduler/multi_thread/wake_throttle.rs",
        Checked::Exempt("a hint: no order, and nothing rests on it"),
    ),
    (
        "runtime/src/scheduler/multi_thread/idle.rs",
        Checked::By(&["scheduler"]),
    ),
    (
        "runtime/src/scheduler/multi_thread/monitor.rs",
        Checked::By(&["scheduler"]),
    ),
    (
        "runtime/src/scheduler/multi_thread/parker.rs",
        Checked::By(&["scheduler"]),
    ),
    (
        "runtime/src/scheduler/queues.rs",
        Checked::By(&["scheduler"]),
    ),
    (
        "runtime/src/scheduler/multi_thread/mod.rs",
        Checked::By(&["scheduler"]),
    ),
    (
        "runtime/src/scheduler/multi_thread/shutdown.rs",
        Checked::By(&["scheduler"]),
    ),
    (
        "runtime/src/scheduler/stats.rs",
        Checked::Exempt("counters with one writer: no order"),
    ),
    (
        "runtime/src/scheduler/multi_thread/steal.rs",
        Checked::By(&["scheduler"]),
    ),
    (
        "runtime/src/scheduler/multi_thread/worker.rs",
        Checked::By(&["scheduler"]),
    ),
    ("runtime/src/signal/pending.rs", Checked::By(&["signal"])),
    ("runtime/src/signal/slot.rs", Checked::By(&["signal"])),
    (
        "runtime/src/signal/unix.rs",
        Checked::Exempt("flags that a handler was installed: doing it twice does no harm"),
    ),
    (
        "runtime/src/sync/broadcast/shared.rs",
        Checked::By(&["sync_broadcast"]),
    ),
    ("runtime/src/sync/mpmc/chan.rs", Checked::By(&["sync_mpmc"])),
    (
        "runtime/src/sync/mpsc/block.rs",
        Checked::By(&["sync", "sync_mpsc"]),
    ),
    (
        "runtime/src/sync/mpsc/chan.rs",
        Checked::By(&["sync", "sync_mpsc"]),
    ),
    (
        "runtime/src/sync/notify.rs",
        Checked::By(&["sync", "sync_barrier", "sync_condvar", "sync_once"]),
    ),
    ("runtime/src/sync/once_cell.rs", Checked::By(&["sync_once"])),
    (
        "runtime/src/sync/oneshot.rs",
        Checked::By(&["sync", "sync_once"]),
    ),
    (
        "runtime/src/sync/permits/mod.rs",
        Checked::By(&["sync", "sync_permits", "sync_rwlock"]),
    ),
    (
        "runtime/src/sync/permits/oracle.rs",
        Checked::Exempt("counts the wakes of one thread, for tests"),
    ),
    ("runtime/src/sync/set_once.rs", Checked::By(&["sync_once"])),
    (
        "runtime/src/sync/wait_list.rs",
        Checked::By(&["sync_broadcast", "sync_mpmc"]),
    ),
    (
        "runtime/src/sync/version_waiters.rs",
        Checked::By(&["sync_watch", "sync_once"]),
    ),
    (
        "runtime/src/sync/watch/shared.rs",
        Checked::By(&["sync_watch"]),
    ),
    ("runtime/src/util/atomic_waker.rs", Checked::By(&["sync"])),
    (
        "runtime/src/scheduler/id.rs",
        Checked::Exempt("a counter: uniqueness needs no order"),
    ),
    (
        "runtime/src/task/cancellation/tree.rs",
        Checked::By(&["task_cancellation"]),
    ),
    (
        "runtime/src/task/join_set/ready.rs",
        Checked::By(&["task_join_set"]),
    ),
    (
        "runtime/src/task/scope/live.rs",
        Checked::By(&["task_scope"]),
    ),
    (
        "runtime/src/task/tracker.rs",
        Checked::By(&["task_cancellation"]),
    ),
    (
        "runtime/src/util/forks.rs",
        Checked::Exempt("a counter that only forks change, in their one thread: no order"),
    ),
    (
        "runtime/src/util/per_process.rs",
        Checked::Exempt("publishes what stays, by one exchange, as `OnceLock` does inside"),
    ),
    (
        "runtime/src/util/rng.rs",
        Checked::Exempt("a counter for seeds: no order"),
    ),
    (
        "runtime/src/util/thread_bound.rs",
        Checked::Exempt("a counter: uniqueness needs no order"),
    ),
    (
        "runtime/src/util/spin_lock.rs",
        Checked::Exempt("under loom a plain lock; TSan sees it"),
    ),
];

/// TO BE REMOVED with the last label of the old form: files whose heads may still number their
/// invariants as `I3`, and comments that may cite them so, instead of `CELL-3`.
pub(super) const OLD_LABELS: &[&str] = &["*"];

/// Whether a private type's name with a word that is not in the glossary or in `words.txt` is refused,
/// or only counted.
pub(super) const NAMES_REFUSED: bool = false;

/// Whether a room's head without its page, and a page that no head names, are refused, or only counted.
pub(super) const PAGES_REFUSED: bool = true;

/// Rooms that no page of `docs/design` is about: their head says all.
pub(super) const WITHOUT_PAGE: &[&str] = &[
    "runtime/src/budget.rs",
    "runtime/src/loom/mod.rs",
    "runtime/src/macros/mod.rs",
    "runtime/src/model/mod.rs",
    "runtime/src/park.rs",
    "runtime/src/util/mod.rs",
];

/// Words that no file may hold, and what to do instead. Split, so that this file is clean.
pub(super) const BANNED: &[(&str, &str)] = &[
    (
        concat!("FIX", "ME"),
        "fix it, or describe the limit in the documentation",
    ),
    (concat!("dbg", "!("), "remove it, or trace it"),
    (concat!("todo", "!("), "write the code"),
    (
        concat!("unimplemented", "!("),
        "write the code, or return an error",
    ),
    (
        concat!("Untri", "aged"),
        "say which invariant makes it safe",
    ),
    (
        concat!("#[ig", "nore"),
        "make the test fast and reliable, or delete it",
    ),
    (concat!("/wo", "rk/"), "no paths of one machine"),
    (concat!("shared/DES", "IGN"), "cite docs/design"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_module_stands_in_two_rows() {
        let mut names: Vec<_> = ROWS.iter().flat_map(|(_, names)| names.iter()).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
