//! Sockets of datagrams: each call takes one message, whose end is cut off if there is no room.
//!
//! A short read says nothing here, so that only `WouldBlock` clears readiness. Nor does an empty
//! message mean an end. An error that the system keeps for the socket, such as an ICMP "port
//! unreachable", is the outcome of the next call and of no other: the socket goes on.
//!
//! A socket that was shut down for reading has no more messages, and still a call that must not
//! block says `WouldBlock`. No edge follows, so that a wait would never end: here it is the end,
//! as it is for a call that may block.
#![allow(unsafe_code)]

use super::{Evented, blocks};
use crate::budget;
use crate::io_core::ReadBuf;
use crate::io_core::read_buf::fill_buf_mut;
use bytes::BufMut;
use io_driver::{Direction, Interest, ReadyEvent};
use mio::event::Source;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::task::{Context, Poll, ready};

/// A system call that puts a message into a buffer and says how many bytes that are.
type Call<S, R> = fn(&S, &mut [MaybeUninit<u8>]) -> io::Result<(usize, R)>;

/// A way to take a message, or to look at it, and what it says of the sender.
pub(crate) struct Receive<S, R> {
    call: Call<S, R>,
    /// What a socket says that was shut down.
    end: fn() -> io::Result<R>,
}

impl<S, R> Receive<S, R> {
    /// # Safety
    ///
    /// `call` returns a count only after it initialised so many bytes at the start of its buffer.
    pub(crate) const unsafe fn new(call: Call<S, R>, end: fn() -> io::Result<R>) -> Self {
        Self { call, end }
    }
}

impl<S, R> Clone for Receive<S, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S, R> Copy for Receive<S, R> {}

impl<S, R> fmt::Debug for Receive<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receive").finish_non_exhaustive()
    }
}

impl<S: Source> Evented<S> {
    /// Receives into the unfilled part of `buf`, within the budget.
    pub(crate) fn poll_receive<R>(
        &self,
        cx: &mut Context<'_>,
        how: Receive<S, R>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<R>> {
        let unit = ready!(budget::poll_proceed(cx));
        loop {
            let event = ready!(self.registration.poll_ready(cx, Direction::Read))?;
            match self.receive_under(event, how, buf) {
                Err(error) if blocks(&error) => {}
                outcome => {
                    unit.made_progress();
                    return Poll::Ready(outcome);
                }
            }
        }
    }

    /// Receives, for any number of tasks at once, within the budget.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a future dropped before it is ready has taken nothing.
    pub(crate) async fn receive<R>(
        &self,
        how: Receive<S, R>,
        buf: &mut [u8],
    ) -> io::Result<(usize, R)> {
        let mut buf = ReadBuf::new(buf);
        let outcome = self.receive_into(how, &mut buf).await?;
        Ok((buf.filled().len(), outcome))
    }

    /// As [`receive`](Self::receive), into the free part of `buf`, which is advanced.
    ///
    /// # Cancel safety
    ///
    /// As `receive`.
    pub(crate) async fn receive_buf<R, B: BufMut>(
        &self,
        how: Receive<S, R>,
        buf: &mut B,
    ) -> io::Result<(usize, R)> {
        loop {
            let event = self.registration.readiness(Interest::READABLE).await?;
            let unit = poll_fn(budget::poll_proceed).await;
            match self.receive_buf_under(event, how, buf) {
                Err(error) if blocks(&error) => {}
                outcome => {
                    unit.made_progress();
                    return outcome;
                }
            }
        }
    }

    async fn receive_into<R>(&self, how: Receive<S, R>, buf: &mut ReadBuf<'_>) -> io::Result<R> {
        loop {
            let event = self.registration.readiness(Interest::READABLE).await?;
            let unit = poll_fn(budget::poll_proceed).await;
            match self.receive_under(event, how, buf) {
                Err(error) if blocks(&error) => {}
                outcome => {
                    unit.made_progress();
                    return outcome;
                }
            }
        }
    }

    /// Receives if the socket is ready now.
    pub(crate) fn try_receive<R>(
        &self,
        how: Receive<S, R>,
        buf: &mut [u8],
    ) -> io::Result<(usize, R)> {
        let event = self.present_event(Interest::READABLE)?;
        let mut buf = ReadBuf::new(buf);
        let outcome = self.receive_under(event, how, &mut buf)?;
        Ok((buf.filled().len(), outcome))
    }

    /// As [`try_receive`](Self::try_receive), into the free part of `buf`, which is advanced.
    pub(crate) fn try_receive_buf<R, B: BufMut>(
        &self,
        how: Receive<S, R>,
        buf: &mut B,
    ) -> io::Result<(usize, R)> {
        let event = self.present_event(Interest::READABLE)?;
        self.receive_buf_under(event, how, buf)
    }

    fn receive_buf_under<R, B: BufMut>(
        &self,
        event: ReadyEvent,
        how: Receive<S, R>,
        buf: &mut B,
    ) -> io::Result<(usize, R)> {
        let mut received = None;
        let filled = fill_buf_mut(buf, |buf| {
            received = Some(self.receive_under(event, how, buf)?);
            Poll::Ready(Ok(()))
        });
        match (filled, received) {
            (Poll::Ready(Ok(count)), Some(outcome)) => Ok((count, outcome)),
            (Poll::Ready(Err(error)), _) => Err(error),
            _ => unreachable!("the call above is ready in any case"),
        }
    }

    /// One call under the readiness of `event`, which is cleared if it said `WouldBlock`.
    #[inline]
    fn receive_under<R>(
        &self,
        event: ReadyEvent,
        how: Receive<S, R>,
        buf: &mut ReadBuf<'_>,
    ) -> io::Result<R> {
        // SAFETY: by the contract of `Receive` the call only initialises bytes of the slice.
        let unfilled = unsafe { buf.unfilled_mut() };
        match (how.call)(self, unfilled) {
            Ok((count, outcome)) => {
                // SAFETY: by the same contract so many bytes at the start are initialised.
                unsafe { buf.assume_init(count) };
                buf.advance(count);
                Ok(outcome)
            }
            Err(error) if blocks(&error) && event.ready.is_read_closed() => (how.end)(),
            Err(error) => {
                self.clear_if_blocked(event, &error);
                Err(error)
            }
        }
    }
}
