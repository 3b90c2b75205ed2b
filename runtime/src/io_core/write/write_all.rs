//! The future of [`AsyncWriteExt::write_all`](super::AsyncWriteExt::write_all).

use super::write_zero;
use crate::io_core::{AsyncWrite, is_interrupted};
use pin_project_lite::pin_project;
use std::future::Future;
use std::io;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// Writes a whole slice.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct WriteAll<'a, W: ?Sized> {
        writer: &'a mut W,
        // What is not written yet.
        src: &'a [u8],
        #[pin]
        _pin: PhantomPinned,
    }
}

impl<'a, W: ?Sized> WriteAll<'a, W> {
    pub(super) fn new(writer: &'a mut W, src: &'a [u8]) -> Self {
        Self {
            writer,
            src,
            _pin: PhantomPinned,
        }
    }
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for WriteAll<'_, W> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        poll_write_all(Pin::new(&mut **this.writer), cx, this.src)
    }
}

/// Writes all of `src`, which shrinks to what is not written yet.
pub(super) fn poll_write_all<W: AsyncWrite + ?Sized>(
    mut writer: Pin<&mut W>,
    cx: &mut Context<'_>,
    src: &mut &[u8],
) -> Poll<io::Result<()>> {
    while !src.is_empty() {
        match ready!(writer.as_mut().poll_write(cx, src)) {
            Ok(0) => return Poll::Ready(Err(write_zero())),
            Ok(count) => *src = &src[count..],
            Err(error) if is_interrupted(&error) => {}
            Err(error) => return Poll::Ready(Err(error)),
        }
    }
    Poll::Ready(Ok(()))
}
