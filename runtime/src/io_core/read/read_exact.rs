//! The future of [`AsyncReadExt::read_exact`](super::AsyncReadExt::read_exact).

use crate::io_core::read_buf::Memory;
use crate::io_core::{AsyncRead, ReadBuf, is_interrupted};
use pin_project_lite::pin_project;
use std::future::Future;
use std::io;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// Reads until a slice is full.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct ReadExact<'a, R: ?Sized> {
        reader: &'a mut R,
        buf: ReadBuf<'a>,
        #[pin]
        _pin: PhantomPinned,
    }
}

impl<'a, R: ?Sized> ReadExact<'a, R> {
    pub(super) fn new(reader: &'a mut R, buf: &'a mut [u8]) -> Self {
        Self {
            reader,
            buf: ReadBuf::new(buf),
            _pin: PhantomPinned,
        }
    }
}

impl<R: AsyncRead + Unpin + ?Sized> Future for ReadExact<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.project();
        let early_end = || io::Error::new(io::ErrorKind::UnexpectedEof, "early eof");
        ready!(poll_fill(
            Pin::new(&mut **this.reader),
            cx,
            this.buf,
            early_end
        ))?;
        Poll::Ready(Ok(this.buf.capacity()))
    }
}

/// Reads until `buf` is full; the end of the stream is an error before that, which `early_end` makes.
pub(super) fn poll_fill<R: AsyncRead + ?Sized>(
    mut reader: Pin<&mut R>,
    cx: &mut Context<'_>,
    buf: &mut ReadBuf<'_>,
    early_end: impl FnOnce() -> io::Error,
) -> Poll<io::Result<()>> {
    let memory = Memory::of(buf);
    while buf.remaining() > 0 {
        let before = buf.filled().len();
        let polled = reader.as_mut().poll_read(cx, buf);
        memory.assert_same(buf);
        match ready!(polled) {
            Ok(()) if buf.filled().len() == before => {
                return Poll::Ready(Err(early_end()));
            }
            Err(error) if !is_interrupted(&error) => return Poll::Ready(Err(error)),
            Ok(()) | Err(_) => {}
        }
    }
    Poll::Ready(Ok(()))
}
