//! The ways to take a datagram from a Unix socket.
#![allow(unsafe_code)]

use crate::driver::evented::datagram::Receive;
use crate::net::unix::SocketAddr;
use mio::net::UnixDatagram;
use socket2::SockRef;

type How<R> = Receive<UnixDatagram, R>;

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
                Ok((count, SocketAddr::from_system(&sender)))
            },
            || Ok(SocketAddr::unnamed()),
        )
    };
