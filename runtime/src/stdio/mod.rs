//! The standard streams of the process.
//!
//! The system has no way to wait for a terminal or a file without changing them for everybody
//! who shares them, so each call blocks a thread:
//!
//! - `stdin` has a thread of its own, made at the first read and shared by all runtimes of the
//!   process, because a read that blocks cannot be called back. No runtime waits for it, and the
//!   process ends under it. What it read for somebody who has gone is kept for the next reader;
//!   `shared_reader` is where it lies. A fork has a thread and a shared reader of its own.
//! - `stdout` and `stderr` write on the runtime's pool for blocking calls, one write of a handle
//!   after the other (`output`). A write that was accepted is done before the runtime has ended.
//!   Both are one definition (`handle`).
//!
//! How it is made: `docs/design/io_streams.md`.

mod handle;
mod output;
pub(crate) mod shared_reader;
mod stderr;
mod stdin;
mod stdout;

pub use self::stderr::{Stderr, stderr};
pub use self::stdin::{Stdin, stdin};
pub use self::stdout::{Stdout, stdout};
