//! Lines of text.

use super::read_until::poll_read_until;
use crate::io_core::AsyncBufRead;
use pin_project_lite::pin_project;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// Cuts a stream into lines, made by
    /// [`AsyncBufReadExt::lines`](super::AsyncBufReadExt::lines).
    ///
    /// A line ends with `\n` or `\r\n`, which is not part of it; the last one need not.
    #[derive(Debug)]
    #[must_use = "lines are only read on request"]
    pub struct Lines<R> {
        #[pin]
        reader: R,
        line: Vec<u8>,
        count: usize,
    }
}

impl<R> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            line: Vec::new(),
            count: 0,
        }
    }

    /// The reader inside.
    pub fn get_ref(&self) -> &R {
        &self.reader
    }

    /// The reader inside. Reading from it directly takes bytes away from the lines.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// The reader inside, for good. Part of a line may be lost.
    pub fn into_inner(self) -> R {
        self.reader
    }
}

impl<R: AsyncBufRead> Lines<R> {
    /// Returns the next line without its end, or `None` at the end of the stream.
    ///
    /// # Errors
    ///
    /// `InvalidData` if the line is not UTF-8: it is skipped, and its bytes are in the
    /// [`FromUtf8Error`](std::string::FromUtf8Error) inside. Otherwise whatever the reader
    /// reports; what was read before begins the next line.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what was read is kept here and begins the next line.
    pub async fn next_line(&mut self) -> io::Result<Option<String>>
    where
        R: Unpin,
    {
        poll_fn(|cx| Pin::new(&mut *self).poll_next_line(cx)).await
    }

    /// Polls for the next line without its end; `Ready(Ok(None))` is the end of the stream.
    /// With `Pending` the task is woken when a try is worth it.
    ///
    /// # Errors
    ///
    /// As [`next_line`](Lines::next_line).
    pub fn poll_next_line(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<String>>> {
        let this = self.project();
        ready!(poll_read_until(
            this.reader,
            cx,
            b'\n',
            this.line,
            this.count
        ))?;
        if this.line.is_empty() {
            return Poll::Ready(Ok(None));
        }
        let mut line = mem::take(this.line);
        if line.last() == Some(&b'\n') {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        }
        let text = String::from_utf8(line)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        Poll::Ready(Ok(Some(text)))
    }
}
