//! Sending.

use super::UnixDatagram;
use crate::net::datagram::send_methods;
use crate::net::unix::address::system_address_of;
use io_driver::{Direction, Interest};
use socket2::{SockAddr, SockRef};
use std::io;
use std::path::Path;
use std::task::{Context, Poll};

/// Sends to an address, which may be a name of the abstract namespace.
fn send_to(socket: &mio::net::UnixDatagram, buf: &[u8], target: &SockAddr) -> io::Result<usize> {
    socket.try_io(|| SockRef::from(socket).send_to(buf, target))
}

impl UnixDatagram {
    send_methods!();

    /// Sends a datagram to the socket at `target` and returns how many bytes it had.
    ///
    /// If the queue of a receiver to which this socket is not [connected](Self::connect) is full,
    /// the system tells nobody when there is room: connect to a receiver that may be slow.
    ///
    /// # Errors
    ///
    /// Whatever the system reports, such as `ConnectionRefused` if nobody receives there.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is sent by a future dropped before it is ready.
    pub async fn send_to<P: AsRef<Path>>(&self, buf: &[u8], target: P) -> io::Result<usize> {
        let target = system_address_of(target.as_ref())?;
        self.evented
            .async_io(Interest::WRITABLE, |socket| send_to(socket, buf, &target))
            .await
    }

    /// Polls to send a datagram to the socket at `target`. Only the task of the last poll for
    /// sending is woken.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to).
    pub fn poll_send_to<P: AsRef<Path>>(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
        target: P,
    ) -> Poll<io::Result<usize>> {
        let target = system_address_of(target.as_ref())?;
        self.evented
            .poll_io(cx, Direction::Write, |socket| send_to(socket, buf, &target))
    }

    /// Sends a datagram to the socket at `target` if there is room.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none, else as [`send_to`](Self::send_to).
    pub fn try_send_to<P: AsRef<Path>>(&self, buf: &[u8], target: P) -> io::Result<usize> {
        let target = system_address_of(target.as_ref())?;
        self.evented
            .try_io(Interest::WRITABLE, |socket| send_to(socket, buf, &target))
    }
}
