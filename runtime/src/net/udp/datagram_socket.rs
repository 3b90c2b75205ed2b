//! The ways to take a datagram from a UDP socket, or to look at it.
#![allow(unsafe_code)]

use crate::driver::evented::datagram::Receive;
use mio::net::UdpSocket;
use socket2::{SockAddr, SockRef};
use std::io;
use std::net::SocketAddr;

type How<R> = Receive<UdpSocket, R>;

// All calls go through `try_io`, which where events are emulated asks for the next one.

pub(super) const RECV: How<()> =
    // SAFETY: `recv` returns how many bytes it wrote to the beginning of the buffer.
    unsafe {
        How::new(
            |socket, buf| {
                let count = socket.try_io(|| SockRef::from(socket).recv(buf))?;
                Ok((count, ()))
            },
            || Ok(()),
        )
    };

pub(super) const RECV_FROM: How<SocketAddr> =
    // SAFETY: `recvfrom` returns how many bytes it wrote to the beginning of the buffer.
    unsafe {
        How::new(
            |socket, buf| {
                let (count, sender) = socket.try_io(|| SockRef::from(socket).recv_from(buf))?;
                Ok((count, to_std(&sender)?))
            },
            || Err(nobody()),
        )
    };

pub(super) const PEEK: How<()> =
    // SAFETY: `recv` returns how many bytes it wrote to the beginning of the buffer.
    unsafe {
        How::new(
            |socket, buf| {
                let count = socket.try_io(|| SockRef::from(socket).peek(buf))?;
                Ok((count, ()))
            },
            || Ok(()),
        )
    };

pub(super) const PEEK_FROM: How<SocketAddr> =
    // SAFETY: `recvfrom` returns how many bytes it wrote to the beginning of the buffer.
    unsafe {
        How::new(
            |socket, buf| {
                let (count, sender) = socket.try_io(|| SockRef::from(socket).peek_from(buf))?;
                Ok((count, to_std(&sender)?))
            },
            || Err(nobody()),
        )
    };

/// The sender of the datagram that comes next.
pub(super) fn peek_sender(socket: &UdpSocket) -> io::Result<SocketAddr> {
    to_std(&socket.try_io(|| SockRef::from(socket).peek_sender())?)
}

#[inline]
fn to_std(address: &SockAddr) -> io::Result<SocketAddr> {
    address.as_socket().ok_or_else(nobody)
}

#[cold]
fn nobody() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotConnected,
        "no sender has an internet address: the socket was shut down, or is of another kind",
    )
}
