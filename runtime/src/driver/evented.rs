//! A source of events together with its registration: what every socket, pipe and so on is
//! made of, and the only way from the leaves to the reactor.
//!
//! Readiness is a cache of what the system said. An operation polls for readiness, makes its
//! system call and clears the readiness when the call says `WouldBlock`; the next event sets it
//! again. The system reports edges: if readiness is cleared while the source is still ready,
//! nobody will ever be woken.
//!
//! I1. `source` is there until `into_inner` or `drop` takes it, and it is deregistered then.
//! I2. Readiness is cleared only with the event under which the call was made, whose tick the
//!     registration compares: an event that arrived since is never lost.
//! I3. An error other than `WouldBlock` clears nothing. An `accept` that failed for want of
//!     descriptors works again once there are some, without a new edge.
//! I4. A call that moved fewer bytes than it might have, or after which the system said that
//!     nothing was left, clears readiness without a second call, but only where that proves that
//!     the source is drained, or full: see [`ByteStream`] and `used_up`.
//!
//! That an exact fit after which nothing was left clears, loses nothing by I2: what arrives after
//! the system looked causes an edge later than the event under which the read was made.
//!
//! Why a short transfer may prove nothing, and what `used_up` and the clear ask for:
//! - after the peer closed, or after an error, the end has to be read although no edge comes:
//!   so never once a closed or error bit was seen;
//! - a TCP read stops at urgent data with more behind it: so never once the priority bit was
//!   seen, and streams are registered for it; only where the system reports it at all;
//! - the system moves at most `MAX_TRANSFER` bytes and looks at `MAX_PIECES` slices per call:
//!   so only transfers below both count;
//! - a transfer of 0 bytes, or into 0 bytes of room, says nothing.
//!
//! Source: epoll(7), questions 9 and 10.
#![allow(unsafe_code)]

use crate::budget;
use crate::io::ReadBuf;
use io_driver::{Direction, Handle, Interest, Ready, ReadyEvent, Registration};
use mio::event::Source;
use std::fmt;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::task::{Context, Poll, ready};

/// Whether a short transfer can be trusted: where events come from epoll with urgent data.
const SHORT_TRANSFERS_TELL: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// More bytes than this are never moved by one call on Linux (`MAX_RW_COUNT`, for the largest
/// usual page size).
const MAX_TRANSFER: usize = 0x7fff_0000;

/// More slices than this are never looked at by one vectored call (`IOV_MAX` is at least 16,
/// and 1024 where [`SHORT_TRANSFERS_TELL`]).
const MAX_PIECES: usize = 1024;

/// What a byte stream is registered for.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) const STREAM_INTEREST: Interest = Interest::READABLE
    .add(Interest::WRITABLE)
    .add(Interest::PRIORITY);
/// What a byte stream is registered for.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) const STREAM_INTEREST: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// What a read found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// How many bytes it took.
    pub(crate) count: usize,
    /// What there was behind them.
    pub(crate) left: Left,
}

/// What was queued behind the bytes that a read took, when it was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code))] // Only there the system tells.
pub(crate) enum Left {
    /// The system did not say.
    Unknown,
    /// Neither a byte nor the end of the stream.
    Nothing,
    /// A byte or the end of the stream.
    Something,
}

/// A source of one connected stream of bytes.
///
/// # Safety
///
/// `read` returns a `count` only after it initialised so many bytes at the start of its buffer.
pub(crate) unsafe trait ByteStream: Source {
    /// Whether a read of fewer bytes than there was room for means that no more are queued.
    /// Not so where the system keeps boundaries in the stream, for instance of messages that
    /// carry descriptors.
    const SHORT_READ_DRAINS: bool;

    /// Whether a write of fewer bytes than were given means that the send buffer is full.
    const SHORT_WRITE_FILLS: bool;

    /// Reads without blocking.
    fn read(&self, buf: &mut [MaybeUninit<u8>]) -> io::Result<Taken>;

    /// Writes without blocking.
    fn write(&self, buf: &[u8]) -> io::Result<usize>;

    /// Writes from several slices without blocking.
    fn write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize>;
}

/// A source registered with a reactor, and deregistered when dropped.
pub(crate) struct Evented<S: Source> {
    /// `None` only after `into_inner` took it (I1).
    source: Option<S>,
    registration: Registration,
}

impl<S: Source> Evented<S> {
    /// Registers `source` for `interest`.
    ///
    /// # Errors
    ///
    /// The system refuses more registrations, or the reactor is shut down. The source is
    /// dropped.
    pub(crate) fn new(mut source: S, interest: Interest, handle: &Handle) -> io::Result<Self> {
        let registration = Registration::new(&mut source, interest, handle)?;
        Ok(Self {
            source: Some(source),
            registration,
        })
    }

    /// Deregisters the source and returns it.
    ///
    /// # Errors
    ///
    /// The system refuses to deregister it. The source is dropped.
    pub(crate) fn into_inner(mut self) -> io::Result<S> {
        let mut source = self.source.take().expect("taken only here and in drop");
        self.registration.deregister(&mut source)?;
        Ok(source)
    }

    /// For waiting without an operation.
    pub(crate) fn registration(&self) -> &Registration {
        &self.registration
    }

    /// Waits for any readiness of `interest`.
    ///
    /// # Errors
    ///
    /// The reactor is shut down.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: readiness stays recorded.
    pub(crate) async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        Ok(self.registration.readiness(interest).await?.ready)
    }

    /// Polls for readiness of one direction, within the budget.
    pub(crate) fn poll_ready(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
    ) -> Poll<io::Result<()>> {
        let unit = ready!(budget::poll_proceed(cx));
        let event = ready!(self.registration.poll_ready(cx, direction));
        unit.made_progress();
        Poll::Ready(event.map(drop))
    }

    /// Calls `operation` when the source is ready, as often as it takes, within the budget.
    pub(crate) fn poll_io<R>(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        mut operation: impl FnMut(&S) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        let unit = ready!(budget::poll_proceed(cx));
        let source: &S = self;
        let outcome = ready!(
            self.registration
                .poll_io(cx, direction, || operation(source))
        );
        unit.made_progress();
        Poll::Ready(outcome)
    }

    /// As [`poll_io`](Self::poll_io), for any number of tasks at once.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe if `operation` has no effect when it says `WouldBlock`.
    pub(crate) async fn async_io<R>(
        &self,
        interest: Interest,
        mut operation: impl FnMut(&S) -> io::Result<R>,
    ) -> io::Result<R> {
        let source: &S = self;
        loop {
            let event = self.registration.readiness(interest).await?;
            let unit = std::future::poll_fn(budget::poll_proceed).await;
            match operation(source) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.registration.clear(event);
                }
                outcome => {
                    unit.made_progress();
                    return outcome;
                }
            }
        }
    }

    /// Calls `operation` if the source is ready now.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if it is not, or the operation's own.
    pub(crate) fn try_io<R>(
        &self,
        interest: Interest,
        operation: impl FnOnce(&S) -> io::Result<R>,
    ) -> io::Result<R> {
        let source: &S = self;
        self.registration.try_io(interest, || operation(source))
    }
}

impl<S: ByteStream> Evented<S> {
    /// Reads into the unfilled part of `buf`, within the budget.
    pub(crate) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let unit = ready!(budget::poll_proceed(cx));
        loop {
            let event = ready!(self.registration.poll_ready(cx, Direction::Read))?;
            let room = buf.remaining();
            match self.read_once(buf) {
                Ok(taken) => {
                    if is_drained(taken, room, S::SHORT_READ_DRAINS) {
                        self.clear_unless_suspicious(event);
                    }
                    unit.made_progress();
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.registration.clear(event);
                }
                Err(error) => {
                    unit.made_progress();
                    return Poll::Ready(Err(error));
                }
            }
        }
    }

    /// Writes a prefix of `buf`, within the budget.
    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, buf.len(), |source| source.write(buf))
    }

    /// Writes a prefix of what the slices have together, within the budget.
    pub(crate) fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // More slices than one call looks at: the total says nothing.
        let total = if bufs.len() > MAX_PIECES {
            0
        } else {
            bufs.iter()
                .fold(0_usize, |sum, buf| sum.saturating_add(buf.len()))
        };
        self.poll_write_with(cx, total, |source| source.write_vectored(bufs))
    }

    fn poll_write_with(
        &self,
        cx: &mut Context<'_>,
        total: usize,
        write: impl Fn(&S) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let unit = ready!(budget::poll_proceed(cx));
        loop {
            let event = ready!(self.registration.poll_ready(cx, Direction::Write))?;
            match write(self) {
                Ok(count) => {
                    if S::SHORT_WRITE_FILLS && used_up(count, total) {
                        self.clear_unless_suspicious(event);
                    }
                    unit.made_progress();
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.registration.clear(event);
                }
                Err(error) => {
                    unit.made_progress();
                    return Poll::Ready(Err(error));
                }
            }
        }
    }

    /// One read into the unfilled part of `buf`; no readiness is asked or cleared.
    #[inline]
    pub(crate) fn read_once(&self, buf: &mut ReadBuf<'_>) -> io::Result<Taken> {
        // SAFETY: by its contract `read` only initialises bytes of the slice.
        let unfilled = unsafe { buf.unfilled_mut() };
        let source: &S = self;
        let taken = source.read(unfilled)?;
        // SAFETY: by its contract `read` initialised so many bytes at the start of the slice.
        unsafe { buf.assume_init(taken.count) };
        buf.advance(taken.count);
        Ok(taken)
    }

    /// Clears the readiness in `event`, which a transfer used up (I4), unless a bit of
    /// [`suspicious`] is set. If an event came since, nothing happens (I2).
    #[inline]
    fn clear_unless_suspicious(&self, event: ReadyEvent) {
        self.registration.clear_unless(event, suspicious());
    }
}

/// Whether a read of `taken`, with room for `room` bytes, drained the source. `short_drains` says
/// whether a short one does where the system does not tell.
#[inline]
fn is_drained(taken: Taken, room: usize, short_drains: bool) -> bool {
    match taken.left {
        Left::Unknown => short_drains && used_up(taken.count, room),
        Left::Nothing => taken.count > 0,
        Left::Something => false,
    }
}

/// Whether moving `count` of `wanted` bytes used readiness up.
#[inline]
fn used_up(count: usize, wanted: usize) -> bool {
    SHORT_TRANSFERS_TELL && 0 < count && count < wanted && count < MAX_TRANSFER
}

/// The bits, of both directions, with which no transfer is trusted.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn suspicious() -> Ready {
    Ready::READ_CLOSED | Ready::WRITE_CLOSED | Ready::ERROR | Ready::PRIORITY
}

/// The bits, of both directions, with which no transfer is trusted.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn suspicious() -> Ready {
    Ready::READ_CLOSED | Ready::WRITE_CLOSED | Ready::ERROR
}

impl<S: Source> Deref for Evented<S> {
    type Target = S;

    fn deref(&self) -> &S {
        self.source
            .as_ref()
            .expect("taken only in into_inner and drop")
    }
}

impl<S: Source> Drop for Evented<S> {
    fn drop(&mut self) {
        if let Some(mut source) = self.source.take() {
            // A source that is closed next is gone from the reactor anyway.
            let _ = self.registration.deregister(&mut source);
        }
    }
}

impl<S: Source + fmt::Debug> fmt::Debug for Evented<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// I4: everything that makes a short transfer prove nothing.
    #[test]
    fn only_a_short_transfer_uses_readiness_up() {
        assert_eq!(used_up(1, 2), SHORT_TRANSFERS_TELL);
        for (count, wanted) in [(0, 2), (0, 0), (2, 2), (MAX_TRANSFER, MAX_TRANSFER + 1)] {
            assert!(!used_up(count, wanted), "{count} of {wanted}");
        }
    }

    /// I4: where the system tells what is left, that counts, and not how much was read.
    #[test]
    fn what_is_left_decides_where_it_is_known() {
        for (count, room) in [(1, 1), (1, 2), (0, 2), (0, 0)] {
            let drained = |left| is_drained(Taken { count, left }, room, true);
            assert_eq!(drained(Left::Nothing), count > 0, "{count} of {room}");
            assert!(!drained(Left::Something), "{count} of {room}");
            assert_eq!(drained(Left::Unknown), used_up(count, room));
            let left = Left::Unknown;
            assert!(!is_drained(Taken { count, left }, room, false));
        }
    }
}
