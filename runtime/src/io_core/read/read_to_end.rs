//! The future of [`AsyncReadExt::read_to_end`](super::AsyncReadExt::read_to_end).

use crate::io_core::read_buf::{Growing, OneVec, fill_buf_mut};
use crate::io_core::{AsyncRead, ReadBuf, is_interrupted};
use pin_project_lite::pin_project;
use std::future::Future;
use std::io;
use std::marker::PhantomPinned;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// With less room than this a read is not worth its call.
const MIN_ROOM: usize = 32;

pin_project! {
    /// Reads until the end of the stream into a vector.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct ReadToEnd<'a, R: ?Sized> {
        reader: &'a mut R,
        tail: Tail<&'a mut Vec<u8>>,
        #[pin]
        _pin: PhantomPinned,
    }
}

impl<'a, R: ?Sized> ReadToEnd<'a, R> {
    pub(super) fn new(reader: &'a mut R, buf: &'a mut Vec<u8>) -> Self {
        Self {
            reader,
            tail: Tail::new(buf),
            _pin: PhantomPinned,
        }
    }
}

impl<R: AsyncRead + Unpin + ?Sized> Future for ReadToEnd<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.project();
        this.tail.poll_read_to_end(Pin::new(&mut **this.reader), cx)
    }
}

/// A vector that takes what a reader has until its end.
#[derive(Debug)]
pub(super) struct Tail<V> {
    vec: Growing<V>,
    capacity_at_start: usize,
    count: usize,
}

impl<V: OneVec> Tail<V> {
    pub(super) fn new(vec: V) -> Self {
        let mut vec = Growing::new(vec);
        let capacity_at_start = vec.capacity();
        Self {
            vec,
            capacity_at_start,
            count: 0,
        }
    }

    /// Takes the vector out of an owning holder.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.vec.take()
    }

    /// Reads to the end and returns how many bytes were appended in all.
    pub(super) fn poll_read_to_end<R: AsyncRead + ?Sized>(
        &mut self,
        mut reader: Pin<&mut R>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        loop {
            match ready!(self.poll_read_once(reader.as_mut(), cx)) {
                Ok(0) => return Poll::Ready(Ok(self.count)),
                Ok(count) => self.count += count,
                Err(error) if is_interrupted(&error) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_read_once<R: AsyncRead + ?Sized>(
        &mut self,
        reader: Pin<&mut R>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if self.vec.spare() >= MIN_ROOM {
            return self.vec.fill(|buf| reader.poll_read(cx, buf));
        }
        if self.vec.capacity() != self.capacity_at_start || self.capacity_at_start == 0 {
            self.vec.reserve(MIN_ROOM);
            return self.vec.fill(|buf| reader.poll_read(cx, buf));
        }
        // The caller's capacity may be just what the stream needs: look for more data in a
        // small array first, so that the vector need not double to learn of the end.
        let mut array = [MaybeUninit::uninit(); MIN_ROOM];
        let mut probe = ReadBuf::uninit(&mut array);
        let count = ready!(fill_buf_mut(&mut probe, |buf| reader.poll_read(cx, buf)))?;
        self.vec.extend(probe.filled());
        Poll::Ready(Ok(count))
    }
}
