//! Sending.

use super::UdpSocket;
use crate::net::addr::{ToSocketAddrs, resolve};
use crate::net::datagram::send_methods;
use io_driver::{Direction, Interest};
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

impl UdpSocket {
    send_methods!();

    /// Sends a datagram to `target`, to the first address if there are more, and returns how many
    /// bytes it had.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there is no address, or whatever the system reports, be it of an earlier
    /// datagram.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is sent by a future dropped before it is ready.
    pub async fn send_to<A: ToSocketAddrs>(&self, buf: &[u8], target: A) -> io::Result<usize> {
        let Some(target) = resolve(&target).await?.next() else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "no addresses to send data to",
            ));
        };
        self.evented
            .async_io(Interest::WRITABLE, |socket| socket.send_to(buf, target))
            .await
    }

    /// Polls to send a datagram to `target`. Only the task of the last poll for sending is woken.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to).
    pub fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
        target: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        self.evented
            .poll_io(cx, Direction::Write, |socket| socket.send_to(buf, target))
    }

    /// Sends a datagram to `target` if there is room.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none, else as [`send_to`](Self::send_to).
    pub fn try_send_to(&self, buf: &[u8], target: SocketAddr) -> io::Result<usize> {
        self.evented
            .try_io(Interest::WRITABLE, |socket| socket.send_to(buf, target))
    }
}
