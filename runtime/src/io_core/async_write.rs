//! The trait of byte sinks, and its impls for wrappers and for buffers in memory.

use std::io::{self, IoSlice};
use std::ops::DerefMut;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Writes bytes without blocking the thread.
///
/// The counterpart of [`std::io::Write`] with an orderly end, [`poll_shutdown`]. To write with
/// `.await` use [`AsyncWriteExt`](super::AsyncWriteExt).
///
/// [`poll_shutdown`]: AsyncWrite::poll_shutdown
pub trait AsyncWrite {
    /// Writes a prefix of `buf` and returns its length.
    ///
    /// `Ready(Ok(0))` for a non-empty `buf` means that the sink takes no more bytes, ever.
    /// With `Pending` nothing was written and the task is woken when a try is worth it.
    ///
    /// # Errors
    ///
    /// Whatever the sink reports, never [`io::ErrorKind::WouldBlock`]; nothing was written.
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>>;

    /// Pushes what is buffered here to where it goes.
    ///
    /// # Errors
    ///
    /// Whatever the sink reports; some bytes may have arrived.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Flushes, then ends the writing side: the peer sees the end of the stream.
    ///
    /// Writing afterwards is an error, or a panic, at the implementor's choice.
    ///
    /// # Errors
    ///
    /// Whatever the sink reports.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// As [`poll_write`](AsyncWrite::poll_write), from several buffers as if they were one.
    ///
    /// The default writes from the first buffer that is not empty.
    ///
    /// # Errors
    ///
    /// As `poll_write`.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = bufs
            .iter()
            .find(|buf| !buf.is_empty())
            .map_or(&[][..], |buf| &**buf);
        self.poll_write(cx, first)
    }

    /// Whether [`poll_write_vectored`](AsyncWrite::poll_write_vectored) does better than the
    /// default, so that callers need not join small buffers themselves.
    fn is_write_vectored(&self) -> bool {
        false
    }
}

/// The five methods, passed on to the pinned target that `$target` makes of `$this`.
macro_rules! pass_on_writes {
    ($this:ident => $target:expr) => {
        fn poll_write(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            let $this = self;
            $target.poll_write(cx, buf)
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let $this = self;
            $target.poll_write_vectored(cx, bufs)
        }

        fn is_write_vectored(&self) -> bool {
            (**self).is_write_vectored()
        }

        fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            let $this = self;
            $target.poll_flush(cx)
        }

        fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            let $this = self;
            $target.poll_shutdown(cx)
        }
    };
}

impl<T: ?Sized + AsyncWrite + Unpin> AsyncWrite for Box<T> {
    pass_on_writes!(this => Pin::new(&mut **this.get_mut()));
}

impl<T: ?Sized + AsyncWrite + Unpin> AsyncWrite for &mut T {
    pass_on_writes!(this => Pin::new(&mut **this.get_mut()));
}

impl<P> AsyncWrite for Pin<P>
where
    P: DerefMut,
    P::Target: AsyncWrite,
{
    pass_on_writes!(this => this.as_deref_mut());
}

/// A writer of [`std::io`] that never blocks: each call is one call of its std method.
macro_rules! write_at_once {
    () => {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(io::Write::write(&mut *self, buf))
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(io::Write::write_vectored(&mut *self, bufs))
        }

        fn is_write_vectored(&self) -> bool {
            true
        }

        fn poll_flush(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(io::Write::flush(&mut *self))
        }

        fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.poll_flush(cx)
        }
    };
}

impl AsyncWrite for Vec<u8> {
    write_at_once!();
}

impl AsyncWrite for io::Cursor<&mut [u8]> {
    write_at_once!();
}

impl AsyncWrite for io::Cursor<&mut Vec<u8>> {
    write_at_once!();
}

impl AsyncWrite for io::Cursor<Vec<u8>> {
    write_at_once!();
}

impl AsyncWrite for io::Cursor<Box<[u8]>> {
    write_at_once!();
}
