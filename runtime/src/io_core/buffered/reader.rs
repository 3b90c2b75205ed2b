//! A buffer around a reader.
//!
//! I1. `start <= end <= buf.len()`; `buf[start..end]` is read but not consumed.
//! I2. The reader's position is `end - start` bytes ahead of ours. A seek accounts for that and
//!     empties the buffer when it is done.

use crate::io_core::read_buf::Memory;
use crate::io_core::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, DEFAULT_BUF_SIZE, ReadBuf};
use pin_project_lite::pin_project;
use std::fmt;
use std::io::{self, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// Reads in large pieces and hands out small ones.
    ///
    /// It helps when many small reads are made; large ones pass it by. Writes and the rest go
    /// to the stream inside, unbuffered. Dropping it loses what is buffered.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::{AsyncBufReadExt, BufReader};
    ///
    /// # async fn example() -> std::io::Result<()> {
    /// let mut reader = BufReader::new(&b"one\ntwo\n"[..]);
    /// let mut line = String::new();
    /// reader.read_line(&mut line).await?;
    /// assert_eq!(line, "one\n");
    /// assert_eq!(reader.buffer(), b"two\n");
    /// # Ok(())
    /// # }
    /// ```
    pub struct BufReader<R> {
        #[pin]
        reader: R,
        buf: Box<[u8]>,
        start: usize,
        end: usize,
        seek: Seek,
    }
}

/// The move under way.
#[derive(Clone, Copy, Debug)]
enum Seek {
    Idle,
    /// Asked for, not begun.
    Requested(SeekFrom),
    /// Moving back over what is buffered, to move on from there by so many bytes: both at once
    /// would overflow.
    Rewinding(i64),
    /// The reader is on its way to where it should be.
    Moving,
}

impl<R: AsyncRead> BufReader<R> {
    /// Wraps `inner` with a buffer of 8 KiB.
    pub fn new(inner: R) -> Self {
        Self::with_capacity(DEFAULT_BUF_SIZE, inner)
    }

    /// Wraps `inner` with a buffer of `capacity` bytes.
    ///
    /// # Panics
    ///
    /// Panics if `capacity` is 0, since the buffer would always look like the end of the
    /// stream.
    #[track_caller]
    pub fn with_capacity(capacity: usize, inner: R) -> Self {
        assert!(
            capacity > 0,
            "a BufReader's capacity must be greater than zero"
        );
        let buf = vec![0; capacity].into_boxed_slice();
        Self {
            reader: inner,
            buf,
            start: 0,
            end: 0,
            seek: Seek::Idle,
        }
    }

    /// The reader inside.
    pub fn get_ref(&self) -> &R {
        &self.reader
    }

    /// The reader inside. Reading from it directly skips what is buffered.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// The reader inside, pinned.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut R> {
        self.project().reader
    }

    /// The reader inside, for good. What is buffered is lost.
    pub fn into_inner(self) -> R {
        self.reader
    }

    /// What is buffered. Reads nothing.
    pub fn buffer(&self) -> &[u8] {
        &self.buf[self.start..self.end]
    }
}

impl<R: AsyncRead> AsyncRead for BufReader<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // A read as large as the buffer gains nothing from it.
        if self.start == self.end && buf.remaining() >= self.buf.len() {
            return self.project().reader.poll_read(cx, buf);
        }
        let available = ready!(self.as_mut().poll_fill_buf(cx))?;
        let count = available.len().min(buf.remaining());
        buf.put_slice(&available[..count]);
        self.consume(count);
        Poll::Ready(Ok(()))
    }
}

impl<R: AsyncRead> AsyncBufRead for BufReader<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.project();
        if this.start == this.end {
            let mut buf = ReadBuf::new(this.buf);
            let memory = Memory::of(&buf);
            ready!(this.reader.poll_read(cx, &mut buf))?;
            memory.assert_same(&buf);
            *this.end = buf.filled().len();
            *this.start = 0;
        }
        Poll::Ready(Ok(&this.buf[*this.start..*this.end]))
    }

    fn consume(self: Pin<&mut Self>, amt: usize) {
        let this = self.project();
        *this.start = (*this.start + amt).min(*this.end);
    }
}

/// A seek relative to the current position accounts for what is buffered; the buffer is empty
/// afterwards, also after a seek by 0.
impl<R: AsyncRead + AsyncSeek> AsyncSeek for BufReader<R> {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        *self.project().seek = Seek::Requested(position);
        Ok(())
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        loop {
            let position = ready!(self.as_mut().get_pin_mut().poll_complete(cx));
            let buffered = self.end - self.start;
            let mut this = self.as_mut().project();
            let next = match *this.seek {
                Seek::Idle => return Poll::Ready(position),
                Seek::Moving => {
                    *this.seek = Seek::Idle;
                    let position = position?;
                    *this.start = 0;
                    *this.end = 0;
                    return Poll::Ready(Ok(position));
                }
                Seek::Requested(SeekFrom::Current(distance)) => {
                    let buffered = i64::try_from(buffered).expect("buffers are smaller");
                    match distance.checked_sub(buffered) {
                        Some(distance) => (SeekFrom::Current(distance), Seek::Moving),
                        None => (SeekFrom::Current(-buffered), Seek::Rewinding(distance)),
                    }
                }
                Seek::Requested(position) => (position, Seek::Moving),
                Seek::Rewinding(distance) => (SeekFrom::Current(distance), Seek::Moving),
            };
            // Until the reader took it the request stays, but a failed one must not come back.
            let was_rewinding = matches!(*this.seek, Seek::Rewinding(_));
            *this.seek = Seek::Idle;
            if was_rewinding {
                position?;
                *this.start = 0;
                *this.end = 0;
            }
            this.reader.as_mut().start_seek(next.0)?;
            *this.seek = next.1;
        }
    }
}

impl<R: AsyncRead + AsyncWrite> AsyncWrite for BufReader<R> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_pin_mut().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_pin_mut().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.reader.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_pin_mut().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_pin_mut().poll_shutdown(cx)
    }
}

impl<R: fmt::Debug> fmt::Debug for BufReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufReader")
            .field("reader", &self.reader)
            .field(
                "buffer",
                &format_args!("{}/{}", self.end - self.start, self.buf.len()),
            )
            .finish_non_exhaustive()
    }
}

/// The parts with which [`BufStream`](super::BufStream) turns a buffered pair inside out.
pub(super) struct Parts {
    buf: Box<[u8]>,
    start: usize,
    end: usize,
    seek: Seek,
}

impl<R> BufReader<R> {
    pub(super) fn into_parts(self) -> (R, Parts) {
        let Self {
            reader,
            buf,
            start,
            end,
            seek,
        } = self;
        (
            reader,
            Parts {
                buf,
                start,
                end,
                seek,
            },
        )
    }

    pub(super) fn from_parts(reader: R, parts: Parts) -> Self {
        let Parts {
            buf,
            start,
            end,
            seek,
        } = parts;
        Self {
            reader,
            buf,
            start,
            end,
            seek,
        }
    }
}
