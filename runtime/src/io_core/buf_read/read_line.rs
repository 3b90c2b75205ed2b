//! The future of [`AsyncBufReadExt::read_line`](super::AsyncBufReadExt::read_line).

use super::read_until::poll_read_until;
use super::utf8::Utf8Target;
use crate::io_core::AsyncBufRead;
use pin_project_lite::pin_project;
use std::future::Future;
use std::io;
use std::marker::PhantomPinned;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// Reads a line.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct ReadLine<'a, R: ?Sized> {
        reader: &'a mut R,
        target: Utf8Target<'a>,
        // Holds the string's bytes while they may be no text.
        bytes: Vec<u8>,
        count: usize,
        #[pin]
        _pin: PhantomPinned,
    }
}

impl<'a, R: ?Sized> ReadLine<'a, R> {
    pub(super) fn new(reader: &'a mut R, buf: &'a mut String) -> Self {
        let bytes = mem::take(buf).into_bytes();
        let target = Utf8Target::new(buf, bytes.len());
        Self {
            reader,
            target,
            bytes,
            count: 0,
            _pin: PhantomPinned,
        }
    }
}

impl<R: AsyncBufRead + Unpin + ?Sized> Future for ReadLine<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.project();
        let reader = Pin::new(&mut **this.reader);
        let outcome = ready!(poll_read_until(reader, cx, b'\n', this.bytes, this.count));
        Poll::Ready(this.target.finish(mem::take(this.bytes), outcome))
    }
}
