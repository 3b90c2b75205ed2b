//! Writing to a stream that blocks, on the runtime's pool for blocking calls.
//!
//! ```text
//!          write, flush              the job is done
//!   Idle ───────────────► Busy ─────────────────────────► Idle
//! ```
//!
//! O1. At most one job of a handle is under way, so its writes reach the stream in order. A write
//!     is answered as soon as its bytes are copied; the next operation waits for the job.
//! O2. An error of a job is the answer of the operation that waited for it, once.
//! O3. A job that was accepted is run, also while the runtime ends; one that was not (the runtime
//!     has ended, or there is no thread) is an error of the operation that brought it. If the
//!     end comes in between, it is one of the next operation, by O2.
//!
//! The job carries the buffer there and back, so that a handle allocates once.

use crate::cell::join::JoinHandle;
use crate::runtime::{context, shutdown_error};
use std::future::Future;
use std::io::{self, Write};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// At most so many bytes are copied for one write.
const MAX_WRITE: usize = 2 * 1024 * 1024;

/// A stream of the process that all its handles share, and that `std` guards by a lock.
pub(super) trait Stream: Write + Clone + Send + 'static {}

impl<W: Write + Clone + Send + 'static> Stream for W {}

/// One handle to a stream, see the [module](self).
#[derive(Debug)]
pub(super) struct Output<W> {
    stream: W,
    state: State,
    /// Whether something was written since the last flush began.
    unflushed: bool,
}

#[derive(Debug)]
enum State {
    Idle(Vec<u8>),
    Busy(JoinHandle<(io::Result<()>, Vec<u8>)>),
}

impl<W: Stream> Output<W> {
    pub(super) fn new(stream: W) -> Self {
        Self {
            stream,
            state: State::Idle(Vec::new()),
            unflushed: false,
        }
    }

    /// Copies a prefix of `bytes` and hands it to the pool.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut buf = ready!(self.poll_idle(cx))?;
        let count = bytes.len().min(MAX_WRITE);
        if count == 0 {
            self.state = State::Idle(buf);
            return Poll::Ready(Ok(0));
        }
        let count = whole_chars(bytes, count);
        buf.extend_from_slice(&bytes[..count]);
        self.start(buf, |stream, buf| stream.write_all(buf))?;
        self.unflushed = true;
        Poll::Ready(Ok(count))
    }

    /// Waits for the last write, and has the stream flushed after it.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let buf = ready!(self.poll_idle(cx))?;
            if !mem::take(&mut self.unflushed) {
                self.state = State::Idle(buf);
                return Poll::Ready(Ok(()));
            }
            self.start(buf, |stream, _| stream.flush())?;
        }
    }

    /// Waits for the job under way, and takes the buffer, which is empty.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Vec<u8>>> {
        match &mut self.state {
            State::Idle(buf) => Poll::Ready(Ok(mem::take(buf))),
            State::Busy(job) => {
                let ended = ready!(Pin::new(job).poll(cx));
                self.state = State::Idle(Vec::new());
                let (outcome, mut buf) = ended.map_err(|_| shutdown_error())?;
                buf.clear();
                if let Err(error) = outcome {
                    self.state = State::Idle(buf);
                    return Poll::Ready(Err(error));
                }
                Poll::Ready(Ok(buf))
            }
        }
    }

    /// Hands a job to the pool.
    fn start(&mut self, buf: Vec<u8>, call: fn(&mut W, &[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut stream = self.stream.clone();
        let job = move || {
            let outcome = call(&mut stream, &buf);
            (outcome, buf)
        };
        let handle = context::current();
        if handle.blocking().is_shut_down() {
            return Err(shutdown_error());
        }
        self.state = State::Busy(handle.spawn_promised(job)?);
        Ok(())
    }
}

/// The longest prefix of `bytes`, of at most `max` bytes, that cuts no character in two.
///
/// A Windows console takes UTF-8 only, so there a text longer than one write is cut between
/// characters. What is no text is cut at `max`: the stream itself then tells what it thinks.
#[cfg(any(windows, test))]
fn chars_within(bytes: &[u8], max: usize) -> usize {
    if bytes.len() <= max {
        return bytes.len();
    }
    let is_inside = |at: usize| bytes[at] & 0xC0 == 0x80;
    let longest_char = 4;
    (max.saturating_sub(longest_char - 1)..=max)
        .rev()
        .find(|&at| at > 0 && !is_inside(at))
        .unwrap_or(max)
}

#[cfg(windows)]
fn whole_chars(bytes: &[u8], max: usize) -> usize {
    chars_within(bytes, max)
}

#[cfg(not(windows))]
fn whole_chars(_bytes: &[u8], max: usize) -> usize {
    max
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        let text = "aß€𝄞z".as_bytes(); // characters begin at 0, 1, 3, 6 and 10
        for (max, cut) in [
            (1, 1),
            (2, 1),
            (3, 3),
            (4, 3),
            (5, 3),
            (6, 6),
            (7, 6),
            (9, 6),
            (10, 10),
        ] {
            assert_eq!(chars_within(text, max), cut, "at most {max}");
            assert!(std::str::from_utf8(&text[..cut]).is_ok());
        }
        assert_eq!(chars_within(text, 11), 11);
        assert_eq!(chars_within(text, 100), 11);
    }

    #[test]
    fn what_is_no_text_is_cut_at_the_limit() {
        assert_eq!(chars_within(&[0x80; 10], 6), 6);
        assert_eq!(chars_within(&[0xFF; 10], 6), 6);
        assert_eq!(chars_within("€€".as_bytes(), 1), 1);
    }
}
