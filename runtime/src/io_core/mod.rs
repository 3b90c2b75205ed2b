//! What of `io` knows nothing of the runtime: the traits, their combinators and in-memory streams.
//!
//! The public module `io` is put together in `lib.rs`, of this one and of the leaves `async_fd`,
//! which registers with the reactor, and `stdio`, which writes on the pool for blocking calls.
//!
//! The traits are one file each; `read`, `write`, `buf_read` and `seek` hold the extension traits
//! with one future per file. All of them know only the cooperative budget, so that an in-memory
//! stream which is always ready cannot keep a task from yielding.
//!
//! How it is made: `docs/design/io_streams.md`.

mod async_buf_read;
mod async_read;
mod async_seek;
mod async_write;
mod buf_read;
mod buffered;
mod copy;
mod duplex;
mod empty;
mod join;
#[cfg(any(feature = "fs", feature = "io-std"))]
#[cfg_attr(
    not(feature = "fs"),
    allow(dead_code, reason = "streams have no places")
)]
pub(crate) mod lost;
mod read;
pub(crate) mod read_buf;
mod repeat;
mod seek;
mod sink;
mod split;
mod write;

#[cfg(feature = "net")]
pub use io_driver::{Interest, Ready};

pub use self::async_buf_read::AsyncBufRead;
pub use self::async_read::AsyncRead;
pub use self::async_seek::AsyncSeek;
pub use self::async_write::AsyncWrite;
pub use self::buf_read::{AsyncBufReadExt, Lines, Split};
pub use self::buffered::{BufReader, BufStream, BufWriter};
pub use self::copy::{copy, copy_bidirectional, copy_bidirectional_with_sizes, copy_buf};
pub use self::duplex::{DuplexStream, SimplexStream, duplex, simplex};
pub use self::empty::{Empty, empty};
pub use self::join::{Join, join};
pub use self::read::{AsyncReadExt, Chain, Take};
pub use self::read_buf::ReadBuf;
pub use self::repeat::{Repeat, repeat};
pub use self::seek::AsyncSeekExt;
pub use self::sink::{Sink, sink};
pub use self::split::{ReadHalf, WriteHalf, split};
pub use self::write::AsyncWriteExt;

pub use std::io::{Error, ErrorKind, Result, SeekFrom};

/// Capacity of the buffers nobody chose a size for.
const DEFAULT_BUF_SIZE: usize = 8 * 1024;

/// Takes one unit of the cooperative budget and spends it at once: for sources and sinks that
/// are always ready.
fn poll_spend_budget(cx: &mut std::task::Context<'_>) -> std::task::Poll<()> {
    crate::budget::poll_proceed(cx).map(|unit| unit.made_progress())
}

/// Whether an operation that started anew should simply be tried again.
fn is_interrupted(error: &Error) -> bool {
    error.kind() == ErrorKind::Interrupted
}
