//! [`Stderr`].

use super::output::Output;
use crate::io::AsyncWrite;
use std::fmt;
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The standard error output of the process; made by [`stderr`].
///
/// A write is answered once its bytes are copied, and made on a thread for blocking calls. Errors
/// of it come with the next operation of the handle: [`flush`](crate::io::AsyncWriteExt::flush)
/// before dropping it if you want to know. `std` has no
/// buffer for this stream.
///
/// What was written is on its way also if nobody flushes, and the runtime waits for it when it
/// ends (for ever, if nobody reads: see
/// [`shutdown_timeout`](crate::runtime::Runtime::shutdown_timeout)). Writes of several handles
/// stand one after the other, each write as a whole up to 2 MiB, in no particular order.
///
/// # Panics
///
/// Writing panics outside of a runtime.
///
/// # Examples
///
/// ```
/// use runtime::io::{AsyncWriteExt, stderr};
///
/// # async fn example() -> std::io::Result<()> {
/// let mut err = stderr();
/// err.write_all(b"hello\n").await?;
/// err.flush().await
/// # }
/// ```
pub struct Stderr {
    std: io::Stderr,
    output: Output<Shared>,
}

/// Makes a handle to the standard error output of the process.
pub fn stderr() -> Stderr {
    Stderr {
        std: io::stderr(),
        output: Output::new(Shared),
    }
}

/// The stream that all handles share.
#[derive(Clone, Debug)]
struct Shared;

impl Write for Shared {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        io::stderr().write(buf)
    }

    fn write_all(&mut self, buf: &[u8]) -> io::Result<()> {
        io::stderr().write_all(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl AsyncWrite for Stderr {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.output.poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.output.poll_flush(cx)
    }

    /// Flushes; the stream belongs to the process and stays open.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

#[cfg(unix)]
mod descriptor {
    use super::Stderr;
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

    impl AsRawFd for Stderr {
        fn as_raw_fd(&self) -> RawFd {
            self.std.as_raw_fd()
        }
    }

    impl AsFd for Stderr {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.std.as_fd()
        }
    }
}

#[cfg(windows)]
mod descriptor {
    use super::Stderr;
    use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, RawHandle};

    impl AsRawHandle for Stderr {
        fn as_raw_handle(&self) -> RawHandle {
            self.std.as_raw_handle()
        }
    }

    impl AsHandle for Stderr {
        fn as_handle(&self) -> BorrowedHandle<'_> {
            self.std.as_handle()
        }
    }
}

impl fmt::Debug for Stderr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stderr").finish_non_exhaustive()
    }
}
