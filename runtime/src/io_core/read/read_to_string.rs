//! The future of [`AsyncReadExt::read_to_string`](super::AsyncReadExt::read_to_string).

use super::read_to_end::Tail;
use crate::io_core::AsyncRead;
use crate::io_core::buf_read::Utf8Target;
use pin_project_lite::pin_project;
use std::future::Future;
use std::io;
use std::marker::PhantomPinned;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// Reads text until the end of the stream.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct ReadToString<'a, R: ?Sized> {
        reader: &'a mut R,
        target: Utf8Target<'a>,
        // Holds the string's bytes while they may be no text.
        tail: Tail<Vec<u8>>,
        #[pin]
        _pin: PhantomPinned,
    }
}

impl<'a, R: ?Sized> ReadToString<'a, R> {
    pub(super) fn new(reader: &'a mut R, dst: &'a mut String) -> Self {
        let bytes = mem::take(dst).into_bytes();
        let target = Utf8Target::new(dst, bytes.len());
        Self {
            reader,
            target,
            tail: Tail::new(bytes),
            _pin: PhantomPinned,
        }
    }
}

impl<R: AsyncRead + Unpin + ?Sized> Future for ReadToString<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.project();
        let outcome = ready!(this.tail.poll_read_to_end(Pin::new(&mut **this.reader), cx));
        let mut bytes = this.tail.take();
        if outcome.is_err() {
            bytes.truncate(this.target.len_before());
        }
        Poll::Ready(this.target.finish(bytes, outcome))
    }
}
