//! The three standard streams of a child, as far as they are pipes to this process.

use super::unix::Pipe;
use crate::io_core::{AsyncRead, AsyncWrite, ReadBuf};
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::process::{self, Stdio};
use std::task::{Context, Poll};

/// The writing end of a child's standard input. The child reads the end of its input when this is
/// dropped; `shutdown` does not close it.
#[derive(Debug)]
pub struct ChildStdin(Pipe);

/// The reading end of a child's standard output.
#[derive(Debug)]
pub struct ChildStdout(Pipe);

/// The reading end of a child's standard error.
#[derive(Debug)]
pub struct ChildStderr(Pipe);

macro_rules! ends {
    ($($end:ident from $std:ident by $new:ident,)*) => {
        $(
            impl $end {
                /// Of a child that this module spawned.
                #[track_caller]
                pub(super) fn spawned(inner: process::$std) -> io::Result<Self> {
                    Pipe::$new(inner.into(), true).map(Self)
                }

                /// Makes a stream of std asynchronous, in the current runtime.
                ///
                /// # Errors
                ///
                /// The descriptor cannot be waited for (a file, say), or no more can be.
                ///
                /// # Panics
                ///
                /// Panics outside of a runtime, and if the runtime was built without I/O.
                #[track_caller]
                pub fn from_std(inner: process::$std) -> io::Result<Self> {
                    Pipe::$new(inner.into(), false).map(Self)
                }

                /// The descriptor, which blocks again.
                ///
                /// # Errors
                ///
                /// Whatever the system says; the stream is closed then.
                pub fn into_owned_fd(self) -> io::Result<OwnedFd> {
                    self.0.into_blocking_fd()
                }
            }

            impl AsRawFd for $end {
                fn as_raw_fd(&self) -> RawFd {
                    self.0.as_fd().as_raw_fd()
                }
            }

            impl AsFd for $end {
                fn as_fd(&self) -> BorrowedFd<'_> {
                    self.0.as_fd()
                }
            }

            /// For the stream of another child.
            impl TryFrom<$end> for Stdio {
                type Error = io::Error;

                fn try_from(end: $end) -> io::Result<Self> {
                    end.into_owned_fd().map(Self::from)
                }
            }
        )*
    };
}

ends! {
    ChildStdin from ChildStdin by writing,
    ChildStdout from ChildStdout by reading,
    ChildStderr from ChildStderr by reading,
}

impl AsyncWrite for ChildStdin {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

impl AsyncRead for ChildStdout {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.poll_read(cx, buf)
    }
}

impl AsyncRead for ChildStderr {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.poll_read(cx, buf)
    }
}
