//! Looking at the next datagram without taking it.

use super::UdpSocket;
use super::datagram_socket::{PEEK, PEEK_FROM, peek_sender};
use crate::io_core::ReadBuf;
use io_driver::{Direction, Interest};
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

impl UdpSocket {
    /// Waits for a datagram from the connected peer, leaves it where it is, and returns how many
    /// of its bytes were put into `buf`.
    ///
    /// # Errors
    ///
    /// Whatever the system reports, be it of a datagram sent earlier.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is taken in any case.
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        let (count, ()) = self.evented.receive(PEEK, buf).await?;
        Ok(count)
    }

    /// Polls to look at the next datagram from the connected peer. Only the task of the last poll
    /// for receiving is woken.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.evented.poll_receive(cx, PEEK, buf)
    }

    /// Looks at the next datagram from the connected peer if there is one.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none, else as [`peek`](Self::peek).
    pub fn try_peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        let (count, ()) = self.evented.try_receive(PEEK, buf)?;
        Ok(count)
    }

    /// Waits for a datagram, leaves it where it is, and returns how many of its bytes were put
    /// into `buf`, and its sender.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is taken in any case.
    pub async fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.evented.receive(PEEK_FROM, buf).await
    }

    /// Polls to look at the next datagram, and returns its sender. Only the task of the last poll
    /// for receiving is woken.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    pub fn poll_peek_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<SocketAddr>> {
        self.evented.poll_receive(cx, PEEK_FROM, buf)
    }

    /// Looks at the next datagram if there is one.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none, else as [`peek`](Self::peek).
    pub fn try_peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.evented.try_receive(PEEK_FROM, buf)
    }

    /// Waits for a datagram, leaves it where it is, and returns its sender.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is taken in any case.
    pub async fn peek_sender(&self) -> io::Result<SocketAddr> {
        self.evented.async_io(Interest::READABLE, peek_sender).await
    }

    /// Polls for the sender of the next datagram. Only the task of the last poll for receiving is
    /// woken.
    ///
    /// # Errors
    ///
    /// As [`peek`](Self::peek).
    pub fn poll_peek_sender(&self, cx: &mut Context<'_>) -> Poll<io::Result<SocketAddr>> {
        self.evented.poll_io(cx, Direction::Read, peek_sender)
    }

    /// The sender of the next datagram if there is one.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none, else as [`peek`](Self::peek).
    pub fn try_peek_sender(&self) -> io::Result<SocketAddr> {
        self.evented.try_io(Interest::READABLE, peek_sender)
    }
}
