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
//! - W3. A write was accepted when it was buffered. If it fails, its bytes are in `lost`, whoever
//!   learns of it: the next write is refused, once, and no flush says that all is well until they
//!   are written again or cut off (L1 of `io_core::lost`).
//! - W4. A job that is cancelled or panics leaves the work idle with an empty buffer.
//! - W5. A job that cannot be started takes the buffer with it. The system's position is ahead by
//!   `owed` then, which the next job pays; until then nothing is tried at once.
//!
//! The job's result comes by its `JoinHandle`, which orders it: there is no atomic here.

mod open;
mod written;

pub(super) use self::open::Open;
use self::written::Written;
use super::buffer::Buffer;
use crate::cell::join::JoinHandle;
use crate::fs::files::cached::Tries;
use crate::fs::files::{self, Attempt};
use crate::io_core::ReadBuf;
use crate::io_core::lost::{Lost, Place};
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
    lost: Lost,
    owed: i64,
    /// The position after the last seek.
    position: u64,
}

#[derive(Debug)]
enum State {
    Idle(Buffer),
    Busy(Kind, JoinHandle<(Outcome, Buffer)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Was accepted before it is done.
    Promised,
    Other,
}

/// What a job did.
#[derive(Debug)]
enum Outcome {
    /// The buffer holds what was read.
    Read(io::Result<()>),
    Write(Written),
    Seek(io::Result<u64>),
    Change(io::Result<Change>),
    /// Nobody knows: the job was cancelled with its runtime, or panicked.
    Gone,
}

/// Of what a file is, beside its contents.
#[derive(Clone, Copy, Debug)]
enum Change {
    Length(u64),
    Attributes,
}

impl Work {
    pub(super) fn new(tries: Tries) -> Self {
        Self {
            state: State::Idle(Buffer::default()),
            tries,
            lost: Lost::default(),
            owed: 0,
            position: 0,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle(_))
    }

    /// Waits for the job, if there is one. What was read stays in the buffer, what was lost is
    /// noted (W3).
    fn poll_job(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        let State::Busy(kind, job) = &mut self.state else {
            return Poll::Ready(None);
        };
        let (kind, done) = (*kind, ready!(Pin::new(job).poll(cx)));
        let (mut outcome, buffer) = done.unwrap_or_else(|_| (Outcome::Gone, Buffer::default()));
        self.state = State::Idle(buffer);
        match &mut outcome {
            Outcome::Write(written) => {
                let done = std::mem::replace(&mut written.done, Place::Next(0));
                self.lost.written(done);
                if let Some((error, place)) = written.lost.take() {
                    self.lost.add(error, place);
                }
            }
            Outcome::Change(Ok(Change::Length(size))) => self.lost.cut(*size),
            Outcome::Gone if kind == Kind::Promised => {
                self.lost.add(files::gone(), Place::Unknown);
            }
            _ => {}
        }
        Poll::Ready(Some(outcome))
    }

    /// Starts a job with the buffer; it goes back by `ahead` first (W2). By its caller the work is
    /// idle.
    fn start(
        &mut self,
        file: &Open,
        kind: Kind,
        ahead: i64,
        operation: impl FnOnce(&File, &mut Buffer, io::Result<()>) -> Outcome + Send + 'static,
    ) -> io::Result<()> {
        let mut buffer = std::mem::take(self.buffer());
        let file = file.clone();
        let job = move || {
            let back = match ahead {
                0 => Ok(()),
                _ => file.file().seek_relative(-ahead),
            };
            let outcome = operation(file.file(), &mut buffer, back);
            (outcome, buffer)
        };
        let started = match kind {
            Kind::Promised => files::start_promised(job),
            Kind::Other => files::start(job),
        };
        self.owed = if started.is_ok() { 0 } else { ahead };
        self.state = State::Busy(kind, started?);
        Ok(())
    }

    fn buffer(&mut self) -> &mut Buffer {
        match &mut self.state {
            State::Idle(buffer) => buffer,
            State::Busy(..) => unreachable!("one operation at a time"),
        }
    }

    /// Waits until nothing is under way.
    pub(super) fn poll_settle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_job(cx).map(drop)
    }

    /// # Errors
    ///
    /// Something is lost. Nobody counts as told.
    pub(super) fn look_for_lost(&self) -> io::Result<()> {
        self.lost.look()
    }

    /// How far the system's position is ahead of the user's (W2, W5).
    fn ahead(&mut self) -> i64 {
        let read = i64::try_from(self.buffer().len());
        self.owed + read.expect("a buffer is smaller than a file may be")
    }

    /// The same; what was read is gone then, for the job that follows to go back.
    fn discard_read(&mut self) -> i64 {
        let ahead = self.ahead();
        self.buffer().clear();
        ahead
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
                Some(Outcome::Gone) => return Poll::Ready(Err(files::gone())),
                _ => {}
            }
            if !self.buffer().is_empty() || into.remaining() == 0 {
                self.buffer().take_into(into);
                return Poll::Ready(Ok(()));
            }
            if into.remaining() <= limit && self.owed == 0 {
                let tries = &mut self.tries;
                if let Attempt::Done(result) = files::attempt(|| tries.read(file.file(), into)) {
                    return Poll::Ready(result);
                }
            }
            let limit = limit.min(into.remaining());
            let owed = self.owed;
            self.start(file, Kind::Other, owed, move |file, buffer, back| {
                Outcome::Read(back.and_then(|()| buffer.read_from(file, limit)))
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
        self.lost.tell_once()?;
        let outcome = ready!(self.poll_job(cx));
        self.lost.tell_once()?;
        if let Some(Outcome::Gone) = outcome {
            return Poll::Ready(Err(files::gone()));
        }
        let ahead = self.discard_read();
        let count = self.buffer().fill_from(slices, limit);
        if count == 0 && ahead == 0 {
            return Poll::Ready(Ok(0));
        }
        let must_know = !self.lost.is_empty();
        self.start(file, Kind::Promised, ahead, move |file, buffer, back| {
            Outcome::Write(match back {
                Ok(()) => Written::by_writing(buffer, file, must_know),
                Err(error) => {
                    buffer.clear();
                    Written::none(error)
                }
            })
        })?;
        Poll::Ready(Ok(count))
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_settle(cx));
        Poll::Ready(self.lost.tell())
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
        let ahead = self.ahead();
        let at_once = match to {
            SeekFrom::Current(by) => SeekFrom::Current(by.saturating_sub(ahead)),
            other => other,
        };
        let tries = &mut self.tries;
        if let Attempt::Done(position) = files::attempt(|| tries.seek(file.file(), at_once)) {
            // An error leaves all as it was.
            self.position = position?;
            self.owed = 0;
            self.buffer().clear();
            return Ok(());
        }
        let ahead = self.discard_read();
        self.start(file, Kind::Other, ahead, move |mut file, _buffer, back| {
            Outcome::Seek(back.and_then(|()| file.seek(to)))
        })
    }

    pub(super) fn poll_seek(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        match ready!(self.poll_job(cx)) {
            Some(Outcome::Seek(position)) => self.position = position?,
            Some(Outcome::Gone) => return Poll::Ready(Err(files::gone())),
            _ => {}
        }
        Poll::Ready(Ok(self.position))
    }

    /// Cuts the file off or extends it.
    ///
    /// # Errors
    ///
    /// As [`change`](Self::change).
    pub(super) async fn set_len(&mut self, file: &Open, size: u64) -> io::Result<()> {
        let cut = move |file: &File| file.set_len(size);
        self.do_change(file, Change::Length(size), cut).await
    }

    /// Changes attributes.
    ///
    /// # Errors
    ///
    /// Those of `change`, or there is no pool.
    pub(super) async fn change(
        &mut self,
        file: &Open,
        change: impl FnOnce(&File) -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        self.do_change(file, Change::Attributes, change).await
    }

    /// Starts a change after what is under way, and waits for it. Whoever is dropped meanwhile,
    /// nothing else of the file overtakes it (W1).
    async fn do_change(
        &mut self,
        file: &Open,
        what: Change,
        change: impl FnOnce(&File) -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        poll_fn(|cx| self.poll_settle(cx)).await;
        // For attributes what was read stays, unless it goes with the job (W5).
        let (ahead, kept) = match what {
            Change::Length(_) => (self.discard_read(), 0),
            Change::Attributes => (self.owed, self.ahead() - self.owed),
        };
        let started = self.start(file, Kind::Other, ahead, move |file, _buffer, back| {
            let changed = back.and_then(|()| change(file));
            Outcome::Change(changed.map(|()| what))
        });
        if started.is_err() {
            self.owed += kept;
        }
        started?;
        match poll_fn(|cx| self.poll_job(cx)).await {
            Some(Outcome::Change(result)) => result.map(drop),
            _ => Err(files::gone()),
        }
    }
}
