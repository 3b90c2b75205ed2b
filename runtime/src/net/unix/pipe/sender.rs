//! The end of a pipe that writes.

use crate::driver::evented::Evented;
use crate::driver::evented::pipe_end::PipeEnd;
use crate::io_core::AsyncWrite;
use crate::net::methods::{
    ready_method, try_io_one_way_method, try_write_methods, writable_methods,
};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The end of a pipe that writes. Up to `PIPE_BUF` bytes are written whole or not at all, so that
/// several senders do not mix them.
///
/// # Examples
///
/// ```no_run
/// use runtime::io::AsyncWriteExt;
/// use runtime::net::unix::pipe::OpenOptions;
///
/// # async fn example() -> std::io::Result<()> {
/// let mut sender = OpenOptions::new().open_sender("/tmp/fifo")?;
/// sender.write_all(b"hello").await?;
/// # Ok(())
/// # }
/// ```
pub struct Sender {
    evented: Evented<PipeEnd>,
}

impl Sender {
    ready_method!();
    writable_methods!(poll_write_ready);
    try_write_methods!();
    try_io_one_way_method!(WRITABLE);

    /// Records that a fresh pipe has room, before the reactor says so.
    pub(super) fn assume_writable(&self) {
        let registration = self.evented.registration();
        registration.assume_ready(crate::io_core::Ready::WRITABLE);
    }
}

pipe_end_methods!(Sender, Write, WRITABLE, "writing");

impl AsyncWrite for Sender {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.evented.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.evented.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Does nothing: nothing is buffered here.
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Does nothing: a pipe is closed by dropping its last sender.
    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
