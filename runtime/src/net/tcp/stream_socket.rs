//! The socket under a [`TcpStream`](super::stream::TcpStream), which [asks](crate::net::inq) what
//! its reads left behind.
#![allow(unsafe_code)]

use crate::driver::evented::source_through;
use crate::driver::evented::stream::{ByteStream, Left, Taken};
use crate::net::inq::{InqMode, InqOption};
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net;
use std::ops::Deref;

/// A connected socket and what its reads have shown.
pub(super) struct StreamSocket {
    stream: mio::net::TcpStream,
    inq: InqMode,
}

impl StreamSocket {
    /// A socket that the runtime made itself.
    pub(super) fn new(stream: mio::net::TcpStream) -> Self {
        Self {
            stream,
            inq: InqMode::new(),
        }
    }

    /// A socket from elsewhere, of whose descriptor others may have a duplicate (I1 of `inq`).
    pub(super) fn shared(stream: mio::net::TcpStream) -> Self {
        let socket = Self::new(stream);
        socket.stop_inq();
        socket
    }

    /// To be called before the descriptor is shown to anybody (I1 of `inq`).
    pub(super) fn stop_inq(&self) {
        self.inq.stop(&self.stream, InqOption::TCP);
    }
}

impl From<StreamSocket> for net::TcpStream {
    fn from(socket: StreamSocket) -> Self {
        socket.stop_inq();
        socket.stream.into()
    }
}

impl Deref for StreamSocket {
    type Target = mio::net::TcpStream;

    fn deref(&self) -> &mio::net::TcpStream {
        &self.stream
    }
}

source_through!(StreamSocket, |this| this.stream);

// SAFETY: `recv` and `recvmsg` return how many bytes they wrote to the beginning of the buffer.
unsafe impl ByteStream for StreamSocket {
    #[inline]
    fn read(&self, buf: &mut [MaybeUninit<u8>]) -> io::Result<Taken> {
        let stream = &self.stream;
        // Through `try_io`, which where events are emulated asks for the next one.
        let plain = |buf: &mut [MaybeUninit<u8>]| {
            let count = stream.try_io(|| socket2::SockRef::from(stream).recv(buf))?;
            Ok(Taken {
                count,
                left: Left::Unknown,
            })
        };
        self.inq.read(stream, InqOption::TCP, buf, plain)
    }

    fn read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let mut stream = &self.stream;
        io::Read::read_vectored(&mut stream, bufs)
    }

    #[inline]
    fn write(&self, buf: &[u8]) -> io::Result<usize> {
        let mut stream = &self.stream;
        io::Write::write(&mut stream, buf)
    }

    fn write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut stream = &self.stream;
        io::Write::write_vectored(&mut stream, bufs)
    }
}

impl fmt::Debug for StreamSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stream.fmt(f)
    }
}
