//! The socket under a [`UnixStream`](super::stream::UnixStream): how it finds out where the
//! stream has boundaries, and [asks](crate::net::inq) what its reads left behind.
//!
//! A read of fewer bytes than there was room for drained the socket, unless it stopped at bytes
//! that came with file descriptors or, if asked for, with credentials. Then more may be queued, and
//! no edge comes for it. `recvmsg` without room for such extras throws them away, as `recv` does,
//! but says so (`MSG_CTRUNC`): the read stopped at a boundary. One that asks hears how much is left
//! behind boundaries too. Urgent data is reported as priority
//! readiness, with which no short read is trusted.
//!
//! Rejected: `recv`, which cannot tell; distrusting every short read (a second call for each).
//!
//! Source: unix(7), recvmsg(2).
#![allow(unsafe_code)]

use crate::driver::evented::source_through;
use crate::driver::evented::stream::{ByteStream, Left, Taken};
use crate::net::inq::{InqMode, InqOption};
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::{self, MaybeUninit};
use std::ops::Deref;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net;

/// A connected socket and what its reads have shown.
pub(super) struct StreamSocket {
    stream: mio::net::UnixStream,
    inq: InqMode,
}

impl StreamSocket {
    /// A socket that the runtime made itself.
    pub(super) fn new(stream: mio::net::UnixStream) -> Self {
        Self {
            stream,
            inq: InqMode::new(),
        }
    }

    /// A socket from elsewhere, of whose descriptor others may have a duplicate (I1 of `inq`).
    pub(super) fn shared(stream: mio::net::UnixStream) -> Self {
        let socket = Self::new(stream);
        socket.stop_inq();
        socket
    }

    /// To be called before the descriptor is shown to anybody (I1 of `inq`).
    pub(super) fn stop_inq(&self) {
        self.inq.stop(&self.stream, InqOption::UNIX);
    }
}

impl From<StreamSocket> for net::UnixStream {
    fn from(socket: StreamSocket) -> Self {
        socket.stop_inq();
        socket.stream.into()
    }
}

impl Deref for StreamSocket {
    type Target = mio::net::UnixStream;

    fn deref(&self) -> &mio::net::UnixStream {
        &self.stream
    }
}

source_through!(StreamSocket, |this| this.stream);

// SAFETY: `recvmsg` returns how many bytes it wrote to the beginning of the buffer.
unsafe impl ByteStream for StreamSocket {
    #[inline]
    fn read(&self, buf: &mut [MaybeUninit<u8>]) -> io::Result<Taken> {
        let stream = &self.stream;
        let plain = |buf: &mut [MaybeUninit<u8>]| recvmsg(stream.as_raw_fd(), buf);
        self.inq.read(stream, InqOption::UNIX, buf, plain)
    }

    fn read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&self.stream).read_vectored(bufs)
    }

    #[inline]
    fn write(&self, buf: &[u8]) -> io::Result<usize> {
        (&self.stream).write(buf)
    }

    fn write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&self.stream).write_vectored(bufs)
    }
}

impl fmt::Debug for StreamSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stream.fmt(f)
    }
}

/// Reads, and looks whether the read stopped at a boundary.
#[inline]
fn recvmsg(fd: RawFd, buf: &mut [MaybeUninit<u8>]) -> io::Result<Taken> {
    let mut piece = libc::iovec {
        iov_base: buf.as_mut_ptr().cast(),
        iov_len: buf.len(),
    };
    // SAFETY: integers and pointers only, for which 0 is a value.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = &raw mut piece;
    message.msg_iovlen = 1;
    // SAFETY: `message` names one piece, which is `buf`, with its length, and no room for
    // anything else; both can be written to and outlive the call.
    let count = unsafe { libc::recvmsg(fd, &raw mut message, 0) };
    let Ok(count) = usize::try_from(count) else {
        return Err(io::Error::last_os_error());
    };
    let left = if message.msg_flags & libc::MSG_CTRUNC != 0 {
        Left::Something
    } else {
        Left::Unknown
    };
    Ok(Taken { count, left })
}
