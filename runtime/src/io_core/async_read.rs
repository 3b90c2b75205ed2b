//! The trait of byte sources, and its impls for wrappers and for data in memory.

use super::ReadBuf;
use std::io;
use std::ops::DerefMut;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Reads bytes without blocking the thread.
///
/// The counterpart of [`std::io::Read`]: a source that has nothing yet remembers the task and
/// returns [`Poll::Pending`]. To read with `.await` use [`AsyncReadExt`](super::AsyncReadExt).
pub trait AsyncRead {
    /// Reads into the unfilled part of `buf`.
    ///
    /// `Ready(Ok(()))` means that bytes were appended to the filled part; if none were although
    /// there was room, the source has ended. With `Pending` or an error `buf` is as before, and
    /// with `Pending` the task is woken when reading is worth another try.
    ///
    /// # Errors
    ///
    /// Whatever the source reports, never [`io::ErrorKind::WouldBlock`].
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>>;
}

impl<T: ?Sized + AsyncRead + Unpin> AsyncRead for Box<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut **self).poll_read(cx, buf)
    }
}

impl<T: ?Sized + AsyncRead + Unpin> AsyncRead for &mut T {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut **self).poll_read(cx, buf)
    }
}

impl<P> AsyncRead for Pin<P>
where
    P: DerefMut,
    P::Target: AsyncRead,
{
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.as_deref_mut().poll_read(cx, buf)
    }
}

impl AsyncRead for &[u8] {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (now, later) = self.split_at(self.len().min(buf.remaining()));
        buf.put_slice(now);
        *self = later;
        Poll::Ready(Ok(()))
    }
}

impl<T: AsRef<[u8]> + Unpin> AsyncRead for io::Cursor<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let position = self.position();
        let data = self.get_ref().as_ref();
        // A cursor may stand beyond its data, also beyond what a `usize` can say.
        let start = usize::try_from(position).map_or(data.len(), |at| at.min(data.len()));
        let count = buf.remaining().min(data.len() - start);
        buf.put_slice(&data[start..start + count]);
        self.set_position(position + count as u64);
        Poll::Ready(Ok(()))
    }
}
