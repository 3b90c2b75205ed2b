//! Connected streams of bytes: reads and writes that pay no system call to learn that nothing is
//! left.
//!
//! A call that moved fewer bytes than it might have, or after which the system said that nothing
//! was left, clears readiness without a second call, but only where that proves that the source is
//! drained, or full: see [`ByteStream`] and `used_up`. An exact fit after which nothing was left
//! clears too, and loses nothing by I2 of the parent: what arrives after the system looked causes
//! an edge later than the event under which the read was made.
//!
//! Why a short transfer may prove nothing, and what `used_up` and the clear ask for:
//! - after the peer closed, or after an error, the end has to be read although no edge comes:
//!   so never once a closed or error bit was seen;
//! - a TCP read stops at urgent data with more behind it: so never once the priority bit was
//!   seen, and streams are registered for it; only where the system reports it at all;
//! - a Unix socket or a pipe may keep boundaries: its type says so with [`Left::Something`];
//! - the system moves at most `MAX_TRANSFER` bytes and looks at `MAX_PIECES` slices per call:
//!   so only transfers below both count;
//! - a transfer of 0 bytes, or into 0 bytes of room, says nothing.
//!
//! Source: epoll(7), questions 9 and 10.
#![allow(unsafe_code)]

use super::{Evented, blocks};
use crate::budget;
use crate::io_core::ReadBuf;
use crate::io_core::read_buf::fill_buf_mut;
use bytes::BufMut;
use io_driver::{Direction, Handle, Interest, Ready, ReadyEvent};
use mio::event::Source;
use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::{self, MaybeUninit};
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
pub(crate) const INTEREST: Interest = Interest::READABLE
    .add(Interest::WRITABLE)
    .add(Interest::PRIORITY);
/// What a byte stream is registered for.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) const INTEREST: Interest = Interest::READABLE.add(Interest::WRITABLE);

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
#[cfg_attr(not(unix), allow(dead_code))] // Only there some system tells.
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
    /// Reads without blocking.
    ///
    /// A read of fewer bytes than there was room for means that no more are queued, unless it
    /// says that something is left: where the system keeps boundaries in the stream, for
    /// instance of messages that carry descriptors.
    fn read(&self, buf: &mut [MaybeUninit<u8>]) -> io::Result<Taken>;

    /// Reads into several slices without blocking.
    fn read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize>;

    /// Writes without blocking. Fewer bytes than were given mean that there is no more room.
    fn write(&self, buf: &[u8]) -> io::Result<usize>;

    /// Writes from several slices without blocking.
    fn write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize>;
}

impl<S: ByteStream> Evented<S> {
    /// A connection that a listener accepted.
    ///
    /// Its send buffer is empty, and often the peer has written already, so both directions are
    /// tried before the first event: that saves a turn of the reactor per connection. A wrong
    /// guess costs one call that says `WouldBlock`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub(crate) fn accepted(source: S, handle: &Handle) -> io::Result<Self> {
        let evented = Self::new(source, INTEREST, handle)?;
        let both = Ready::READABLE | Ready::WRITABLE;
        evented.registration.assume_ready(both);
        Ok(evented)
    }

    /// Waits until a connection that was begun is there.
    ///
    /// # Errors
    ///
    /// The error that `take_error` finds, or as [`new`](Self::new).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a future dropped before it is ready closes the socket.
    pub(crate) async fn connecting(
        source: S,
        handle: &Handle,
        is_connected: impl FnOnce(&S) -> bool,
        take_error: impl FnOnce(&S) -> io::Result<Option<io::Error>>,
    ) -> io::Result<Self> {
        let evented = Self::new(source, INTEREST, handle)?;
        // Within one machine the attempt is mostly over by now: that saves a turn of the reactor.
        // Not the turn of the others: attempts that a program joins or races all begin.
        if is_connected(&evented) {
            evented.registration.assume_ready(Ready::WRITABLE);
            pass().await;
            return Ok(evented);
        }
        // The socket gets writable when the attempt is over, well or not.
        evented.ready(Interest::WRITABLE).await?;
        match take_error(&evented)? {
            Some(error) => Err(error),
            None => Ok(evented),
        }
    }

    /// Reads into the unfilled part of `buf`, within the budget.
    pub(crate) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let unit = ready!(budget::poll_proceed(cx));
        loop {
            let event = ready!(self.registration.poll_ready(cx, Direction::Read))?;
            match self.read_under(event, buf) {
                Err(error) if blocks(&error) => {}
                outcome => {
                    unit.made_progress();
                    return Poll::Ready(outcome);
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
        self.poll_write_with(cx, total(bufs), |source| source.write_vectored(bufs))
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
                Err(error) if blocks(&error) => self.registration.clear_blocked(event),
                outcome => {
                    if outcome.as_ref().is_ok_and(|&count| used_up(count, total)) {
                        self.clear_unless_suspicious(event);
                    }
                    unit.made_progress();
                    return Poll::Ready(outcome);
                }
            }
        }
    }

    /// Reads if the source is ready now.
    pub(crate) fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut buf = ReadBuf::new(buf);
        self.try_read_into(&mut buf)?;
        Ok(buf.filled().len())
    }

    /// As [`try_read`](Self::try_read), into several slices one after the other.
    pub(crate) fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.try_io(Interest::READABLE, |source| source.read_vectored(bufs))
    }

    /// As [`try_read`](Self::try_read), into the free part of `buf`, which is advanced.
    pub(crate) fn try_read_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        match fill_buf_mut(buf, |buf| Poll::Ready(self.try_read_into(buf))) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => unreachable!("the read above is ready in any case"),
        }
    }

    fn try_read_into(&self, buf: &mut ReadBuf<'_>) -> io::Result<()> {
        self.read_under(self.present_event(Interest::READABLE)?, buf)
    }

    /// Writes if the source is ready now. It stays so until a call says `WouldBlock`: programs
    /// expect that of a call that does not wait, also after a short write.
    pub(crate) fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.try_io(Interest::WRITABLE, |source| source.write(buf))
    }

    /// As [`try_write`](Self::try_write), from several slices as if they were one.
    pub(crate) fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.try_io(Interest::WRITABLE, |source| source.write_vectored(bufs))
    }

    /// One read under the readiness of `event`, which is cleared if the read used it up.
    #[inline]
    fn read_under(&self, event: ReadyEvent, buf: &mut ReadBuf<'_>) -> io::Result<()> {
        let room = buf.remaining();
        // SAFETY: by its contract `read` only initialises bytes of the slice.
        let unfilled = unsafe { buf.unfilled_mut() };
        let source: &S = self;
        let taken = source
            .read(unfilled)
            .inspect_err(|error| self.clear_if_blocked(event, error))?;
        // SAFETY: by its contract `read` initialised so many bytes at the start of the slice.
        unsafe { buf.assume_init(taken.count) };
        buf.advance(taken.count);
        if is_drained(taken, room) {
            self.clear_unless_suspicious(event);
        }
        Ok(())
    }

    /// Clears the readiness in `event`, which a transfer used up, unless a bit of [`suspicious`]
    /// is set. If an event came since, nothing happens (I2 of the parent).
    #[inline]
    fn clear_unless_suspicious(&self, event: ReadyEvent) {
        self.registration.clear_unless(event, suspicious());
    }
}

/// Lets the other tasks go first, and what is polled beside this.
async fn pass() {
    let mut passed = false;
    poll_fn(move |cx| {
        if mem::replace(&mut passed, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// How many bytes a vectored write might move; 0, which says nothing, if there are more slices
/// than one call looks at.
fn total(bufs: &[IoSlice<'_>]) -> usize {
    if bufs.len() > MAX_PIECES {
        return 0;
    }
    bufs.iter()
        .fold(0, |sum: usize, buf| sum.saturating_add(buf.len()))
}

/// Whether a read of `taken`, with room for `room` bytes, drained the source.
#[inline]
fn is_drained(taken: Taken, room: usize) -> bool {
    match taken.left {
        Left::Unknown => used_up(taken.count, room),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that makes a short transfer prove nothing.
    #[test]
    fn only_a_short_transfer_uses_readiness_up() {
        assert_eq!(used_up(1, 2), SHORT_TRANSFERS_TELL);
        for (count, wanted) in [(0, 2), (0, 0), (2, 2), (MAX_TRANSFER, MAX_TRANSFER + 1)] {
            assert!(!used_up(count, wanted), "{count} of {wanted}");
        }
    }

    /// Where the system tells what is left, that counts, and not how much was read.
    #[test]
    fn what_is_left_decides_where_it_is_known() {
        for (count, room) in [(1, 1), (1, 2), (0, 2), (0, 0)] {
            let drained = |left| is_drained(Taken { count, left }, room);
            assert_eq!(drained(Left::Nothing), count > 0, "{count} of {room}");
            assert!(!drained(Left::Something), "{count} of {room}");
            assert_eq!(drained(Left::Unknown), used_up(count, room));
        }
    }
}
