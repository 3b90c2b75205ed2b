//! Writing to a stream that blocks, on the runtime's pool for blocking calls.
//!
//! ```text
//!          write, flush              the job is done
//!   Idle ───────────────► Busy ─────────────────────────► Idle
//! ```
//!
//! O1. At most one job of a handle is under way, so its writes reach the stream in order. A write
//!     is answered as soon as its bytes are copied; the next operation waits for the job.
//! O2. An error of a flush is the answer of the operation that waited for it, and the stream is
//!     flushed again by the next flush: it may have kept what it could not write. Bytes of a write
//!     that failed are lost: the next operation is told, and each flush until as many bytes have
//!     been written since (L1, L2 of `io_core::lost`).
//! O3. A job that was accepted is run, also while the runtime ends; one that was not (the runtime
//!     has ended, or there is no thread) is an error of the operation that brought it. If the
//!     end comes in between, it is one of the next operation, by O2.
//!
//! The job carries the buffer there and back, so that a handle allocates once.

use crate::cell::join::JoinHandle;
use crate::io_core::lost::{Lost, Place};
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
    lost: Lost,
}

#[derive(Debug)]
enum State {
    Idle(Vec<u8>),
    Busy(Call, JoinHandle<(io::Result<()>, Vec<u8>)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Write,
    Flush,
}

impl<W: Stream> Output<W> {
    pub(super) fn new(stream: W) -> Self {
        Self {
            stream,
            state: State::Idle(Vec::new()),
            unflushed: false,
            lost: Lost::default(),
        }
    }

    /// Copies a prefix of `bytes` and hands it to the pool.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_idle(cx))?;
        self.lost.tell_once()?;
        let count = bytes.len().min(MAX_WRITE);
        if count == 0 {
            return Poll::Ready(Ok(0));
        }
        let count = whole_chars(bytes, count);
        self.start(Call::Write, &bytes[..count])?;
        self.unflushed = true;
        Poll::Ready(Ok(count))
    }

    /// Waits for the last write, and has the stream flushed after it.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_idle(cx))?;
            self.lost.tell_once()?;
            if !self.unflushed {
                return Poll::Ready(self.lost.tell());
            }
            self.start(Call::Flush, &[])?;
            self.unflushed = false;
        }
    }

    /// Waits for the job under way.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let State::Busy(call, job) = &mut self.state else {
            return Poll::Ready(Ok(()));
        };
        let (call, ended) = (*call, ready!(Pin::new(job).poll(cx)));
        let (outcome, mut buf) = match ended {
            Ok(done) => done,
            Err(_) => (Err(shutdown_error()), Vec::new()),
        };
        let count = u64::try_from(buf.len()).unwrap_or(u64::MAX);
        buf.clear();
        self.state = State::Idle(buf);
        match (call, outcome) {
            (Call::Write, Ok(())) => self.lost.written(Place::Next(count)),
            (Call::Write, Err(error)) => {
                let place = match count {
                    0 => Place::Unknown, // The buffer is gone with the job.
                    _ => Place::Next(count),
                };
                self.lost.add(error, place);
            }
            (Call::Flush, Ok(())) => {}
            (Call::Flush, Err(error)) => {
                self.unflushed = true;
                return Poll::Ready(Err(error));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Hands a job to the pool. By its caller none is under way.
    fn start(&mut self, call: Call, bytes: &[u8]) -> io::Result<()> {
        let handle = context::current();
        if handle.blocking().is_shut_down() {
            return Err(shutdown_error());
        }
        let mut buf = match &mut self.state {
            State::Idle(buf) => mem::take(buf),
            State::Busy(..) => unreachable!("one job at a time"),
        };
        buf.extend_from_slice(bytes);
        let mut stream = self.stream.clone();
        let job = move || {
            let outcome = match call {
                Call::Write => stream.write_all(&buf),
                Call::Flush => stream.flush(),
            };
            (outcome, buf)
        };
        self.state = State::Busy(call, handle.spawn_promised(job)?);
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

    /// Takes whole writes or nothing, and keeps what it takes until it is flushed.
    #[derive(Clone, Debug, Default)]
    struct Fake(std::sync::Arc<std::sync::Mutex<FakeState>>);

    #[derive(Debug, Default)]
    struct FakeState {
        is_full: bool,
        is_stuck: bool,
        kept: usize,
        flushed: usize,
    }

    impl Write for Fake {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut state = self.0.lock().unwrap();
            if state.is_full {
                return Err(io::ErrorKind::StorageFull.into());
            }
            state.kept += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            let mut state = self.0.lock().unwrap();
            if state.is_stuck {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            state.flushed += mem::take(&mut state.kept);
            Ok(())
        }
    }

    fn block_on<R>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<R>) -> R {
        let runtime = crate::Builder::new_current_thread().build().unwrap();
        runtime.block_on(std::future::poll_fn(|cx| poll(cx)))
    }

    #[test]
    fn a_flush_fails_until_as_many_bytes_as_were_lost_are_written() {
        let fake = Fake::default();
        let mut output = Output::new(fake.clone());
        fake.0.lock().unwrap().is_full = true;
        assert_eq!(block_on(|cx| output.poll_write(cx, b"lost")).unwrap(), 4);
        for _ in 0..3 {
            let error = block_on(|cx| output.poll_flush(cx)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        }
        // Told, so it may be tried; and told of that one in turn.
        assert_eq!(block_on(|cx| output.poll_write(cx, b"lost")).unwrap(), 4);
        assert!(block_on(|cx| output.poll_write(cx, b"not taken")).is_err());
        fake.0.lock().unwrap().is_full = false;
        assert_eq!(block_on(|cx| output.poll_write(cx, b"sixsix")).unwrap(), 6);
        assert!(block_on(|cx| output.poll_flush(cx)).is_err());
        assert_eq!(fake.0.lock().unwrap().flushed, 6);
        assert_eq!(block_on(|cx| output.poll_write(cx, b"tw")).unwrap(), 2);
        block_on(|cx| output.poll_flush(cx)).unwrap();
        assert_eq!(fake.0.lock().unwrap().flushed, 8);
    }

    #[test]
    fn a_flush_that_failed_is_made_again() {
        let fake = Fake::default();
        let mut output = Output::new(fake.clone());
        fake.0.lock().unwrap().is_stuck = true;
        assert_eq!(block_on(|cx| output.poll_write(cx, b"kept")).unwrap(), 4);
        for _ in 0..3 {
            let error = block_on(|cx| output.poll_flush(cx)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        }
        fake.0.lock().unwrap().is_stuck = false;
        block_on(|cx| output.poll_flush(cx)).unwrap();
        assert_eq!(fake.0.lock().unwrap().flushed, 4);
    }
}
