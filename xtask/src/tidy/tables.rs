//! The tables that the rules look things up in: change them in the commit that needs it.

/// Rows of modules of `runtime`. A module imports from its own row and from rows above it; `a/b`
/// is a part of `a` that stands in another row.
pub(super) const ROWS: &[(u8, &[&str])] = &[
    (0, &["loom", "util", "trace", "os"]),
    (1, &["cell", "budget"]),
    (2, &["sync", "io"]),
    (3, &["driver", "blocking"]),
    (4, &["scheduler"]),
    (5, &["runtime", "context", "handle", "builder", "config"]),
    (
        LEAVES,
        &[
            "task", "time", "net", "fs", "process", "signal", "metrics", "macros",
        ],
    ),
    (LEAVES, &["io/async_fd", "io/stdio"]),
    // For `loom-tests` alone: it shows internals of all rows.
    (7, &["model"]),
];

/// Leaves do not know each other, except for [`LEAF_PAIRS`].
pub(super) const LEAVES: u8 = 6;

/// `(who, may import)`.
pub(super) const LEAF_PAIRS: &[(&str, &str)] = &[
    ("process", "signal"),
    ("task", "time"),
    ("metrics", "task"),
    ("macros", "task"),
];

/// Files that may hold `unsafe`; `*` stands for any characters. A new line says its invariant.
pub(super) const UNSAFE: &[&str] = &[
    "*/src/loom.rs",
    "io-driver/src/timerfd.rs",  // Owned descriptors of timerfd_create.
    "io-driver/tests/eintr.rs",  // Defines libc symbols to make calls fail.
    "io-driver/tests/emfile.rs", // The same.
    "runtime/tests/net_tcp_exact_fit.rs", // Asks for a socket option that std does not know.
    "macros/src/*", // Quoted tokens: the compiler forbids unsafe code in the crate itself.
    "runtime/src/util/list.rs",
    "runtime/src/util/atomic_waker.rs",
    "runtime/src/util/wake_batch.rs",
    "runtime/src/cell/header.rs",
    "runtime/src/cell/raw.rs",
    "runtime/src/cell/poll.rs",
    "runtime/src/cell/waker.rs",
    "runtime/src/cell/owned.rs",
    "runtime/src/cell/join.rs",
    "runtime/src/sync/mutex*",
    "runtime/src/sync/rwlock*",
    "runtime/src/sync/oneshot.rs",
    "runtime/src/sync/watch.rs",
    "runtime/src/sync/permits.rs",
    "runtime/src/sync/notify.rs",
    "runtime/src/sync/once_cell.rs",
    "runtime/src/sync/set_once.rs",
    "runtime/src/sync/mpsc/block.rs",
    "runtime/src/sync/mpsc/chan.rs",
    "runtime/src/sync/broadcast/ring.rs",
    "runtime/src/io/read_buf.rs",
    "runtime/src/io/async_fd.rs",
    "runtime/src/net/*socket.rs",
    "runtime/src/process/unix/*",
    "runtime/src/signal/unix*",
    "runtime/src/scheduler/queues.rs",
    "runtime/src/scheduler/park.rs",
    "runtime/src/driver/*",
    "runtime/src/fs/*",
    "runtime/src/task/local_set.rs",
    "runtime/src/task/local_key.rs",
];

/// Files besides `lib.rs` where a feature may choose between modules.
pub(super) const FEATURE_SEAMS: &[&str] = &[
    "*/src/lib.rs",
    "*/src/loom.rs",
    "runtime/src/trace/mod.rs",
    "runtime/src/metrics/mod.rs",
    "runtime/src/os/mod.rs",
    "runtime/src/driver/mod.rs",
    "runtime/src/io/mod.rs",
    "runtime/src/scheduler/queues.rs", // Under loom a stand-in for crossbeam's deque.
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
pub(super) const MODELS: &[(&str, Checked)] = &[];

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
