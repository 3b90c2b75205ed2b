//! A multi-threaded work-stealing async runtime: tokio's API, and blocking calls that do not
//! stall the rest.
//!
//! Tasks are light: a million fit into memory, and starting one costs a small fraction of a
//! microsecond. Each core has a worker; a worker without work steals from the others.
//!
//! ```
//! use runtime::io::{AsyncReadExt, AsyncWriteExt};
//! use runtime::net::{TcpListener, TcpStream};
//!
//! #[runtime::main]
//! async fn main() -> std::io::Result<()> {
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let address = listener.local_addr()?;
//!     runtime::spawn(async move {
//!         let (mut socket, _) = listener.accept().await?;
//!         let mut line = [0; 5];
//!         socket.read_exact(&mut line).await?;
//!         socket.write_all(&line).await
//!     });
//!     let mut client = TcpStream::connect(address).await?;
//!     client.write_all(b"hello").await?;
//!     let mut answer = [0; 5];
//!     client.read_exact(&mut answer).await?;
//!     assert_eq!(&answer, b"hello");
//!     Ok(())
//! }
//! ```
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `io-std` | `io::stdin`, `io::stdout`, `io::stderr` |
//! | `macros` | `#[main]`, `#[test]`, `select!`, `join!`, `try_join!` |
//! | `fs` | `fs`: files and directories |
//! | `net` | [`net`], and with it the reactor |
//! | `process` | `process`: children of this process; brings `signal` |
//! | `signal` | `signal`: signals as streams, and with it the reactor |
//! | `full` (default) | all of the above |
//! | `tracing` | a spawned task runs in the `tracing` span of its spawner, and subscribers (tokio-console) see tasks and their wakers |
//! | `test-util` | `time::pause`, `advance`, `resume`, `Builder::start_paused` |
#![deny(unsafe_code)]

mod budget;
mod loom;
mod park;
mod trace;
mod util;

mod cell;

mod io_core;
pub mod sync;

mod blocking;
mod driver;

mod scheduler;

pub mod runtime;

#[cfg(all(unix, feature = "net"))]
mod async_fd;
#[cfg(feature = "fs")]
pub mod fs;
#[cfg(feature = "net")]
pub mod net;
#[cfg(not(feature = "net"))]
#[path = "net/bounds.rs"]
pub mod net;
#[cfg(all(feature = "process", unix))]
pub mod process;
#[cfg(feature = "signal")]
pub mod signal;
#[cfg(feature = "io-std")]
mod stdio;
pub mod task;
pub mod time;

#[cfg(feature = "macros")]
#[doc(hidden)]
pub mod macros;
#[path = "macros/pin.rs"]
mod pin;

/// Asynchronous input and output: the traits, their combinators and in-memory streams.
///
/// [`AsyncRead`], [`AsyncWrite`], [`AsyncBufRead`] and [`AsyncSeek`] are the poll-style
/// counterparts of the traits in [`std::io`]. The methods to `.await` live in the extension
/// traits [`AsyncReadExt`], [`AsyncWriteExt`], [`AsyncBufReadExt`] and [`AsyncSeekExt`], which
/// every implementor gets for free.
///
/// # Examples
///
/// ```
/// use runtime::io::{AsyncReadExt, AsyncWriteExt};
///
/// # async fn example() -> std::io::Result<()> {
/// let (mut near, mut far) = runtime::io::duplex(64);
/// near.write_all(b"ping").await?;
/// let mut received = [0; 4];
/// far.read_exact(&mut received).await?;
/// assert_eq!(&received, b"ping");
/// # Ok(())
/// # }
/// ```
///
/// [`AsyncRead`]: io::AsyncRead
/// [`AsyncWrite`]: io::AsyncWrite
/// [`AsyncBufRead`]: io::AsyncBufRead
/// [`AsyncSeek`]: io::AsyncSeek
/// [`AsyncReadExt`]: io::AsyncReadExt
/// [`AsyncWriteExt`]: io::AsyncWriteExt
/// [`AsyncBufReadExt`]: io::AsyncBufReadExt
/// [`AsyncSeekExt`]: io::AsyncSeekExt
pub mod io {
    pub use crate::io_core::*;
    #[cfg(feature = "io-std")]
    pub use crate::stdio::{Stderr, Stdin, Stdout, stderr, stdin, stdout};

    /// What only Unix has.
    #[cfg(all(unix, feature = "net"))]
    pub mod unix {
        pub use crate::async_fd::{
            AsyncFd, AsyncFdReadyGuard, AsyncFdReadyMutGuard, AsyncFdRegisterError,
            AsyncFdTryNewError, TryIoError,
        };
    }
}

#[cfg(any(feature = "loom", feature = "shuttle"))]
#[doc(hidden)]
pub mod model;

pub use self::runtime::{Builder, Handle, Runtime};
pub use self::task::{spawn, spawn_blocking};
#[cfg(feature = "macros")]
pub use runtime_macros::{main, test};
