//! The work of a file: one operation at a time, on the pool or at once, and what is known of it.
//!
//! ```text
//!          ┌─────── read, write, seek, change: start ────────┐
//!   Idle { buffer: what was read and not taken }          Busy { job }
//!          └──◄── the job is done: its outcome, the buffer ──┘
//! ```
//!
//! - W1. At most one job of a file is under way, and nothing is done at once meanwhile. So
//!   operations take effect in the order in which they were started, whoever was dropped since.
//! - W2. The system's position is behind what the buffer holds, if that was read: whoever writes
//!   or seeks goes back by so much first.
//! - W3. A write was accepted when it was buffered. Its error is given to the next write or
//!   flush, once; it waits in `write_error` if something else learns of it.
//! - W4. A job that is cancelled or panics leaves the work idle with an empty buffer.
//!
//! The job's result comes by its `JoinHandle`, which orders it: there is no atomic here.

mod open;

pub(super) use self::open::Open;
use super::buffer::Buffer;
use crate::cell::join::JoinHandle;
use crate::fs::files::cached::Tries;
use crate::fs::files::{self, Attempt};
use crate::io::ReadBuf;
use std::fs::File;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice, Seek, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// See the head of the file.
#[derive(Debug)]
pub(super) struct Work {
    state: State,
    tries: Tries,
    write_error: Option<io::ErrorKind>,
    /// The position after the last seek.
    position: u64,
}

#[derive(Debug)]
enum State {
    Idle(Buffer),
    Busy(JoinHandle<(Outcome, Buffer)>),
}

/// What a job did.
#[derive(Debug)]
enum Outcome {
    /// The buffer holds what was read.
    Read(io::Result<()>),
    Write(io::Result<()>),
    Seek(io::Result<u64>),
    /// Of length or attributes.
    Change(io::Result<()>),
    /// Nobody knows: the job was cancelled with its runtime, or panicked.
    Gone,
}

impl Work {
    pub(super) fn new(tries: Tries) -> Self {
        Self {
            state: State::Idle(Buffer::default()),
            tries,
            write_error: None,
            position: 0,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle(_))
    }

    /// Waits for the job, if there is one. What was read stays in the buffer.
    fn poll_job(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        let State::Busy(job) = &mut self.state else {
            return Poll::Ready(None);
        };
        let done = ready!(Pin::new(job).poll(cx));
        let (outcome, buffer) = done.unwrap_or_else(|_| (Outcome::Gone, Buffer::default()));
        self.state = State::Idle(buffer);
        Poll::Ready(Some(outcome))
    }

    /// Starts a job with the buffer. By its caller the work is idle.
    fn start(
        &mut self,
        is_promised: bool,
        operation: impl FnOnce(&mut Buffer) -> Outcome + Send + 'static,
    ) -> io::Result<()> {
        let mut buffer = match &mut self.state {
            State::Idle(buffer) => std::mem::take(buffer),
            State::Busy(_) => unreachable!("one operation at a time"),
        };
        let job = move || {
            let outcome = operation(&mut buffer);
            (outcome, buffer)
        };
        let job = if is_promised {
            files::start_promised(job)
        } else {
            files::start(job)
        };
        self.state = State::Busy(job?);
        Ok(())
    }

    fn buffer(&mut self) -> &mut Buffer {
        match &mut self.state {
            State::Idle(buffer) => buffer,
            State::Busy(_) => unreachable!("asked for when idle"),
        }
    }

    /// Waits until nothing is under way; the error of a write is kept (W3).
    pub(super) fn poll_settle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.write_error = match ready!(self.poll_job(cx)) {
            Some(Outcome::Write(Err(error))) => Some(error.kind()),
            Some(Outcome::Gone) => Some(files::gone().kind()),
            _ => self.write_error,
        };
        Poll::Ready(())
    }

    /// How far the system's position is ahead of the user's (W2); the buffer is emptied.
    fn discard_read(&mut self) -> i64 {
        let buffer = self.buffer();
        let ahead = buffer.len();
        buffer.clear();
        i64::try_from(ahead).expect("a buffer is smaller than a file may be")
    }

    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        file: &Open,
        into: &mut ReadBuf<'_>,
        limit: usize,
    ) -> Poll<io::Result<()>> {
        loop {
            match ready!(self.poll_job(cx)) {
                Some(Outcome::Read(Err(error))) => return Poll::Ready(Err(error)),
                Some(Outcome::Read(Ok(()))) => {
                    self.buffer().take_into(into);
                    return Poll::Ready(Ok(()));
                }
                Some(Outcome::Write(Err(error))) => self.write_error = Some(error.kind()),
                Some(Outcome::Gone) => return Poll::Ready(Err(files::gone())),
                Some(Outcome::Write(Ok(())) | Outcome::Seek(_) | Outcome::Change(_)) | None => {}
            }
            if !self.buffer().is_empty() || into.remaining() == 0 {
                self.buffer().take_into(into);
                return Poll::Ready(Ok(()));
            }
            if into.remaining() <= limit {
                let tries = &mut self.tries;
                if let Attempt::Done(result) = files::attempt(|| tries.read(file.file(), into)) {
                    return Poll::Ready(result);
                }
            }
            let limit = limit.min(into.remaining());
            let file = file.clone();
            self.start(false, move |buffer| {
                Outcome::Read(buffer.read_from(file.file(), limit))
            })?;
        }
    }

    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        file: &Open,
        slices: &[IoSlice<'_>],
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        self.take_write_error()?;
        match ready!(self.poll_job(cx)) {
            Some(Outcome::Write(Err(error))) => return Poll::Ready(Err(error)),
            Some(Outcome::Gone) => return Poll::Ready(Err(files::gone())),
            _ => {}
        }
        let ahead = self.discard_read();
        let count = self.buffer().fill_from(slices, limit);
        if count == 0 && ahead == 0 {
            return Poll::Ready(Ok(0));
        }
        let file = file.clone();
        self.start(true, move |buffer| {
            let back = match ahead {
                0 => Ok(0),
                _ => file.file().seek(SeekFrom::Current(-ahead)),
            };
            Outcome::Write(match back {
                Ok(_) => buffer.write_to(file.file()),
                Err(error) => {
                    buffer.clear();
                    Err(error)
                }
            })
        })?;
        Poll::Ready(Ok(count))
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.take_write_error()?;
        match ready!(self.poll_job(cx)) {
            Some(Outcome::Write(result)) => Poll::Ready(result),
            Some(Outcome::Gone) => Poll::Ready(Err(files::gone())),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn take_write_error(&mut self) -> io::Result<()> {
        match self.write_error.take() {
            Some(kind) => Err(kind.into()),
            None => Ok(()),
        }
    }

    /// # Errors
    ///
    /// Something is under way, or the seek was made at once and failed.
    pub(super) fn start_seek(&mut self, file: &Open, to: SeekFrom) -> io::Result<()> {
        if !self.is_idle() {
            return Err(io::Error::other(
                "other file operation is pending, call poll_complete before start_seek",
            ));
        }
        let ahead = self.discard_read();
        let to = match to {
            SeekFrom::Current(by) => SeekFrom::Current(by.saturating_sub(ahead)),
            other => other,
        };
        let tries = &mut self.tries;
        if let Attempt::Done(position) = files::attempt(|| tries.seek(file.file(), to)) {
            self.position = position?;
            return Ok(());
        }
        let file = file.clone();
        self.start(false, move |_buffer| Outcome::Seek(file.file().seek(to)))
    }

    pub(super) fn poll_seek(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        match ready!(self.poll_job(cx)) {
            Some(Outcome::Seek(position)) => self.position = position?,
            Some(Outcome::Write(Err(error))) => self.write_error = Some(error.kind()),
            Some(Outcome::Gone) => return Poll::Ready(Err(files::gone())),
            Some(_) | None => {}
        }
        Poll::Ready(Ok(self.position))
    }

    /// Starts a change of the length or of attributes, after what is under way, and waits for it.
    /// Whoever is dropped meanwhile, nothing else of the file overtakes it (W1).
    ///
    /// # Errors
    ///
    /// Those of `change`, or there is no pool.
    pub(super) async fn change(
        &mut self,
        file: &Open,
        change: impl FnOnce(&File) -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        poll_fn(|cx| self.poll_settle(cx)).await;
        let ahead = self.discard_read();
        let file = file.clone();
        self.start(false, move |_buffer| {
            let back = match ahead {
                0 => Ok(0),
                _ => file.file().seek(SeekFrom::Current(-ahead)),
            };
            Outcome::Change(back.and_then(|_| change(file.file())))
        })?;
        match poll_fn(|cx| self.poll_job(cx)).await {
            Some(Outcome::Change(result)) => result,
            _ => Err(files::gone()),
        }
    }
}
