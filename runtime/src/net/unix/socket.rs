//! A Unix socket that is nothing yet, for binding it first.
//!
//! I1. The file descriptor is an open socket that belongs to this value alone. `from_raw_fd`'s
//!     caller promises it.
#![allow(unsafe_code)]

use super::address::system_address_of;
use super::{UnixDatagram, UnixListener, UnixStream};
use crate::net::new_socket;
use socket2::{Domain, Socket, Type};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, RawFd};
use std::os::unix::net;
use std::path::Path;

/// A Unix socket that does not listen, is not connected, and receives nothing yet.
///
/// Making and binding one needs no runtime; turning it into one of the other types does.
///
/// # Examples
///
/// ```no_run
/// use runtime::net::UnixSocket;
///
/// # async fn example() -> std::io::Result<()> {
/// let socket = UnixSocket::new_stream()?;
/// socket.bind("/tmp/client")?;
/// let stream = socket.connect("/tmp/server").await?;
/// # drop(stream);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct UnixSocket {
    socket: Socket,
}

impl UnixSocket {
    /// Makes a socket for datagrams.
    ///
    /// # Errors
    ///
    /// Whatever the system reports, such as too many open files.
    pub fn new_datagram() -> io::Result<UnixSocket> {
        Self::new(Type::DGRAM)
    }

    /// Makes a socket for a stream, or for accepting streams.
    ///
    /// # Errors
    ///
    /// Whatever the system reports, such as too many open files.
    pub fn new_stream() -> io::Result<UnixSocket> {
        Self::new(Type::STREAM)
    }

    fn new(kind: Type) -> io::Result<UnixSocket> {
        let socket = new_socket(Domain::UNIX, kind, None)?;
        Ok(UnixSocket { socket })
    }

    /// Refuses to be used as what the socket is not.
    fn expect(&self, kind: Type, otherwise: &'static str) -> io::Result<()> {
        if self.socket.r#type()? == kind {
            Ok(())
        } else {
            Err(io::Error::other(otherwise))
        }
    }

    /// Binds it to `path`, which must not exist.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if the path exists, or whatever else the system reports.
    pub fn bind(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.socket.bind(&system_address_of(path.as_ref())?)
    }

    /// Listens; `backlog` connections may wait to be accepted.
    ///
    /// # Errors
    ///
    /// It is a socket for datagrams, or whatever the system reports.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, or if its I/O is not enabled.
    #[track_caller]
    pub fn listen(self, backlog: u32) -> io::Result<UnixListener> {
        self.expect(Type::STREAM, "listen cannot be called on a datagram socket")?;
        let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
        self.socket.listen(backlog)?;
        UnixListener::from_socket(self.socket)
    }

    /// Connects to the socket that listens at `path`.
    ///
    /// # Errors
    ///
    /// It is a socket for datagrams, or whatever the system reports.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, or if its I/O is not enabled.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a future dropped before it is ready closes the socket.
    pub async fn connect(self, path: impl AsRef<Path>) -> io::Result<UnixStream> {
        self.expect(
            Type::STREAM,
            "connect cannot be called on a datagram socket",
        )?;
        match self.socket.connect(&system_address_of(path.as_ref())?) {
            Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let stream = net::UnixStream::from(self.socket);
        UnixStream::finish_connect(mio::net::UnixStream::from_std(stream)).await
    }

    /// Makes a socket for datagrams ready for use.
    ///
    /// # Errors
    ///
    /// It is a socket for a stream, or whatever the system reports.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, or if its I/O is not enabled.
    #[track_caller]
    pub fn datagram(self) -> io::Result<UnixDatagram> {
        self.expect(Type::DGRAM, "datagram cannot be called on a stream socket")?;
        UnixDatagram::from_socket(self.socket)
    }
}

impl AsRawFd for UnixSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl AsFd for UnixSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl FromRawFd for UnixSocket {
    /// The socket has to be in non-blocking mode.
    unsafe fn from_raw_fd(fd: RawFd) -> Self {
        // SAFETY: by I1 the caller gives an open descriptor away.
        let socket = unsafe { Socket::from_raw_fd(fd) };
        UnixSocket { socket }
    }
}

impl IntoRawFd for UnixSocket {
    fn into_raw_fd(self) -> RawFd {
        self.socket.into_raw_fd()
    }
}
