//! The state of one direction of a copy.
//!
//! I1. `start <= end <= buf.len()`; `buf[start..end]` is read but not written.
//! I2. After the last byte was written the writer is flushed before the copy says that it is
//!     done, and also whenever the reader has nothing for now: the other side may wait for what
//!     the writer holds back before it sends more.

use crate::budget;
use crate::io_core::read_buf::Memory;
use crate::io_core::{AsyncRead, AsyncWrite, DEFAULT_BUF_SIZE, ReadBuf, is_interrupted};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// One direction of a copy.
#[derive(Debug)]
pub(super) struct CopyBuffer {
    buf: Box<[u8]>,
    start: usize,
    end: usize,
    /// Bytes written in all.
    written: u64,
    reader_ended: bool,
    unflushed: bool,
}

impl Default for CopyBuffer {
    fn default() -> Self {
        Self::with_size(DEFAULT_BUF_SIZE)
    }
}

impl CopyBuffer {
    pub(super) fn with_size(size: usize) -> Self {
        let buf = vec![0; size].into_boxed_slice();
        Self {
            buf,
            start: 0,
            end: 0,
            written: 0,
            reader_ended: false,
            unflushed: false,
        }
    }

    /// Copies until the reader ends and returns how many bytes were written.
    pub(super) fn poll_copy<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        mut reader: Pin<&mut R>,
        mut writer: Pin<&mut W>,
    ) -> Poll<io::Result<u64>>
    where
        R: AsyncRead + ?Sized,
        W: AsyncWrite + ?Sized,
    {
        loop {
            // A unit per round: reader and writer may both be always ready and count nothing.
            let unit = ready!(budget::poll_proceed(cx));
            if self.start == self.end && !self.reader_ended {
                match self.poll_fill(cx, reader.as_mut()) {
                    Poll::Ready(outcome) => outcome?,
                    Poll::Pending => {
                        if self.unflushed {
                            ready!(writer.as_mut().poll_flush(cx))?;
                            self.unflushed = false;
                            unit.made_progress();
                        }
                        return Poll::Pending;
                    }
                }
            }
            ready!(self.poll_write_out(cx, reader.as_mut(), writer.as_mut()))?;
            if self.reader_ended && self.start == self.end {
                ready!(writer.as_mut().poll_flush(cx))?;
                unit.made_progress();
                return Poll::Ready(Ok(self.written));
            }
            unit.made_progress();
        }
    }

    /// Reads more behind what is buffered.
    fn poll_fill<R: AsyncRead + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        mut reader: Pin<&mut R>,
    ) -> Poll<io::Result<()>> {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
        loop {
            let mut buf = ReadBuf::new(&mut self.buf);
            buf.set_filled(self.end);
            let memory = Memory::of(&buf);
            match ready!(reader.as_mut().poll_read(cx, &mut buf)) {
                Err(error) if is_interrupted(&error) => continue,
                Err(error) => return Poll::Ready(Err(error)),
                Ok(()) => memory.assert_same(&buf),
            }
            let end = buf.filled().len();
            assert!(end >= self.end, "the reader took filled bytes away");
            self.reader_ended = end == self.end;
            self.end = end;
            return Poll::Ready(Ok(()));
        }
    }

    /// Writes what is buffered.
    fn poll_write_out<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        mut reader: Pin<&mut R>,
        mut writer: Pin<&mut W>,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + ?Sized,
        W: AsyncWrite + ?Sized,
    {
        while self.start < self.end {
            match writer
                .as_mut()
                .poll_write(cx, &self.buf[self.start..self.end])
            {
                Poll::Ready(Ok(0)) => {
                    return Poll::Ready(Err(io::Error::new(
                        io::ErrorKind::WriteZero,
                        "write zero byte into writer",
                    )));
                }
                Poll::Ready(Ok(count)) => {
                    self.start += count;
                    self.written += count as u64;
                    self.unflushed = true;
                }
                Poll::Ready(Err(error)) if is_interrupted(&error) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    // The time is used to read on, so that the next write is a large one.
                    if !self.reader_ended && self.end < self.buf.len() {
                        ready!(self.poll_fill(cx, reader.as_mut()))?;
                    }
                    return Poll::Pending;
                }
            }
        }
        assert!(
            self.start == self.end,
            "the writer took more than it was given"
        );
        Poll::Ready(Ok(()))
    }
}
