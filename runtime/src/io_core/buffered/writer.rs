//! A buffer around a writer.
//!
//! I1. `buf[..written]` has reached the writer already; it is cut off when all of `buf` has.
//! I2. `buf` never grows beyond the capacity it was made with.

use crate::io_core::{
    AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, DEFAULT_BUF_SIZE, ReadBuf, is_interrupted,
};
use pin_project_lite::pin_project;
use std::fmt;
use std::io::{self, IoSlice, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// Collects small writes and makes large ones.
    ///
    /// What is buffered is lost when it is dropped: [flush] or [shut down] first. Reads go to
    /// the stream inside.
    ///
    /// [flush]: crate::io::AsyncWriteExt::flush
    /// [shut down]: crate::io::AsyncWriteExt::shutdown
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::io::{AsyncWriteExt, BufWriter};
    ///
    /// # async fn example() -> std::io::Result<()> {
    /// let mut writer = BufWriter::new(Vec::new());
    /// writer.write_all(b"some ").await?;
    /// writer.write_all(b"words").await?;
    /// writer.flush().await?;
    /// assert_eq!(writer.into_inner(), b"some words");
    /// # Ok(())
    /// # }
    /// ```
    pub struct BufWriter<W> {
        #[pin]
        writer: W,
        buf: Vec<u8>,
        capacity: usize,
        written: usize,
        seek: Option<SeekFrom>,
    }
}

impl<W: AsyncWrite> BufWriter<W> {
    /// Wraps `inner` with a buffer of 8 KiB.
    pub fn new(inner: W) -> Self {
        Self::with_capacity(DEFAULT_BUF_SIZE, inner)
    }

    /// Wraps `inner` with a buffer of `cap` bytes.
    pub fn with_capacity(cap: usize, inner: W) -> Self {
        let buf = Vec::with_capacity(cap);
        Self {
            writer: inner,
            buf,
            capacity: cap,
            written: 0,
            seek: None,
        }
    }

    /// The writer inside.
    pub fn get_ref(&self) -> &W {
        &self.writer
    }

    /// The writer inside. Writing to it directly overtakes what is buffered.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.writer
    }

    /// The writer inside, pinned.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut W> {
        self.project().writer
    }

    /// The writer inside, for good. What is buffered is lost.
    pub fn into_inner(self) -> W {
        self.writer
    }

    /// What is buffered.
    pub fn buffer(&self) -> &[u8] {
        &self.buf
    }

    /// Writes everything buffered to the writer, without flushing that.
    fn poll_drain(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut this = self.project();
        let outcome = loop {
            if *this.written == this.buf.len() {
                break Ok(());
            }
            match ready!(
                this.writer
                    .as_mut()
                    .poll_write(cx, &this.buf[*this.written..])
            ) {
                Ok(0) => {
                    break Err(io::Error::new(
                        io::ErrorKind::WriteZero,
                        "failed to write the buffered data",
                    ));
                }
                Ok(count) => *this.written += count,
                Err(error) if is_interrupted(&error) => {}
                Err(error) => break Err(error),
            }
        };
        this.buf.drain(..*this.written);
        *this.written = 0;
        Poll::Ready(outcome)
    }

    /// Drains the buffer if `count` more bytes do not fit.
    fn poll_make_room(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        count: usize,
    ) -> Poll<io::Result<()>> {
        if self.buf.len().saturating_add(count) > self.capacity {
            self.poll_drain(cx)
        } else {
            Poll::Ready(Ok(()))
        }
    }
}

impl<W: AsyncWrite> AsyncWrite for BufWriter<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.as_mut().poll_make_room(cx, buf.len()))?;
        let this = self.project();
        if buf.len() >= *this.capacity {
            return this.writer.poll_write(cx, buf);
        }
        this.buf.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.writer.is_write_vectored() {
            let total = bufs
                .iter()
                .fold(0, |sum: usize, buf| sum.saturating_add(buf.len()));
            ready!(self.as_mut().poll_make_room(cx, total))?;
            let this = self.project();
            if total >= *this.capacity {
                return this.writer.poll_write_vectored(cx, bufs);
            }
            bufs.iter().for_each(|buf| this.buf.extend_from_slice(buf));
            return Poll::Ready(Ok(total));
        }
        let mut bufs = bufs.iter().skip_while(|buf| buf.is_empty());
        let Some(first) = bufs.next() else {
            return Poll::Ready(Ok(0));
        };
        ready!(self.as_mut().poll_make_room(cx, first.len()))?;
        let this = self.project();
        if first.len() >= *this.capacity {
            // Not vectored, so it goes alone.
            return this.writer.poll_write(cx, first);
        }
        this.buf.extend_from_slice(first);
        let mut total = first.len();
        for buf in bufs {
            if this.buf.len() + buf.len() > *this.capacity {
                break;
            }
            this.buf.extend_from_slice(buf);
            total += buf.len();
        }
        Poll::Ready(Ok(total))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_drain(cx))?;
        self.get_pin_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_drain(cx))?;
        self.get_pin_mut().poll_shutdown(cx)
    }
}

/// Seeking writes out what is buffered first.
impl<W: AsyncWrite + AsyncSeek> AsyncSeek for BufWriter<W> {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        // Begun in `poll_complete`, which can wait for the buffer to drain.
        *self.project().seek = Some(position);
        Ok(())
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        if let Some(position) = self.seek {
            ready!(self.as_mut().poll_drain(cx))?;
            // Whatever the writer was doing is over before the new move begins.
            let _ = ready!(self.as_mut().get_pin_mut().poll_complete(cx));
            let this = self.as_mut().project();
            *this.seek = None;
            this.writer.start_seek(position)?;
        }
        self.get_pin_mut().poll_complete(cx)
    }
}

impl<W: AsyncWrite + AsyncRead> AsyncRead for BufWriter<W> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.get_pin_mut().poll_read(cx, buf)
    }
}

impl<W: AsyncWrite + AsyncBufRead> AsyncBufRead for BufWriter<W> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.get_pin_mut().poll_fill_buf(cx)
    }

    fn consume(self: Pin<&mut Self>, amt: usize) {
        self.get_pin_mut().consume(amt);
    }
}

impl<W: fmt::Debug> fmt::Debug for BufWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufWriter")
            .field("writer", &self.writer)
            .field(
                "buffer",
                &format_args!("{}/{}", self.buf.len(), self.capacity),
            )
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}

/// The parts with which [`BufStream`](super::BufStream) turns a buffered pair inside out.
pub(super) struct Parts {
    buf: Vec<u8>,
    capacity: usize,
    written: usize,
    seek: Option<SeekFrom>,
}

impl<W> BufWriter<W> {
    pub(super) fn into_parts(self) -> (W, Parts) {
        let Self {
            writer,
            buf,
            capacity,
            written,
            seek,
        } = self;
        (
            writer,
            Parts {
                buf,
                capacity,
                written,
                seek,
            },
        )
    }

    pub(super) fn from_parts(writer: W, parts: Parts) -> Self {
        let Parts {
            buf,
            capacity,
            written,
            seek,
        } = parts;
        Self {
            writer,
            buf,
            capacity,
            written,
            seek,
        }
    }
}
