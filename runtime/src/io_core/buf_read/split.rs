//! Segments between delimiters.

use super::read_until::poll_read_until;
use crate::io_core::AsyncBufRead;
use pin_project_lite::pin_project;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// Cuts a stream at a delimiter, made by
    /// [`AsyncBufReadExt::split`](super::AsyncBufReadExt::split).
    #[derive(Debug)]
    #[must_use = "segments are only read on request"]
    pub struct Split<R> {
        #[pin]
        reader: R,
        delimiter: u8,
        segment: Vec<u8>,
        count: usize,
    }
}

impl<R> Split<R> {
    pub(super) fn new(reader: R, delimiter: u8) -> Self {
        Self {
            reader,
            delimiter,
            segment: Vec::new(),
            count: 0,
        }
    }
}

impl<R: AsyncBufRead> Split<R> {
    /// Returns the next segment without its delimiter, or `None` at the end of the stream.
    ///
    /// # Errors
    ///
    /// Whatever the reader reports.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what was read is kept here and begins the next segment.
    pub async fn next_segment(&mut self) -> io::Result<Option<Vec<u8>>>
    where
        R: Unpin,
    {
        poll_fn(|cx| Pin::new(&mut *self).poll_next_segment(cx)).await
    }

    /// Polls for the next segment without its delimiter; `Ready(Ok(None))` is the end of the
    /// stream. With `Pending` the task is woken when a try is worth it.
    ///
    /// # Errors
    ///
    /// Whatever the reader reports.
    pub fn poll_next_segment(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<Vec<u8>>>> {
        let this = self.project();
        let delimiter = *this.delimiter;
        ready!(poll_read_until(
            this.reader,
            cx,
            delimiter,
            this.segment,
            this.count
        ))?;
        // Not the count: an error before may have left bytes.
        if this.segment.is_empty() {
            return Poll::Ready(Ok(None));
        }
        if this.segment.last() == Some(&delimiter) {
            this.segment.pop();
        }
        Poll::Ready(Ok(Some(mem::take(this.segment))))
    }
}
