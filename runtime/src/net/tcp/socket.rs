//! A socket that is neither a listener nor a stream yet, for setting options first.
//!
//! I1. The file descriptor is an open socket that belongs to this value alone. `from_raw_fd`'s
//!     caller promises it.
#![allow(unsafe_code)]

use super::{TcpListener, TcpStream};
use crate::net::new_socket;
use crate::net::options::{options, packet_options};
use socket2::{Domain, Protocol, Socket, Type};
use std::fmt;
use std::io;
use std::net::{self, SocketAddr};
use std::time::Duration;

/// A TCP socket that is not connected and does not listen yet.
///
/// For options that [`TcpStream::connect`] and [`TcpListener::bind`] do not offer. Making one
/// needs no runtime; connecting and listening do.
///
/// # Examples
///
/// ```no_run
/// use runtime::net::TcpSocket;
///
/// # async fn example() -> std::io::Result<()> {
/// let socket = TcpSocket::new_v4()?;
/// socket.set_reuseaddr(true)?;
/// socket.bind("127.0.0.1:8080".parse().unwrap())?;
/// let listener = socket.listen(64)?;
/// # drop(listener);
/// # Ok(())
/// # }
/// ```
pub struct TcpSocket {
    socket: Socket,
}

impl TcpSocket {
    /// Makes a socket for IPv4.
    ///
    /// # Errors
    ///
    /// Whatever the system reports, such as too many open files.
    pub fn new_v4() -> io::Result<TcpSocket> {
        Self::new(Domain::IPV4)
    }

    /// Makes a socket for IPv6.
    ///
    /// # Errors
    ///
    /// Whatever the system reports, such as too many open files.
    pub fn new_v6() -> io::Result<TcpSocket> {
        Self::new(Domain::IPV6)
    }

    pub(super) fn for_address(address: SocketAddr) -> io::Result<TcpSocket> {
        Self::new(Domain::for_address(address))
    }

    fn new(domain: Domain) -> io::Result<TcpSocket> {
        let socket = new_socket(domain, Type::STREAM, Some(Protocol::TCP))?;
        Ok(TcpSocket { socket })
    }

    fn system(&self) -> &Socket {
        &self.socket
    }

    options! {
        keepalive(keepalive), set_keepalive(set_keepalive, keepalive): bool,
            "`SO_KEEPALIVE`: whether an idle connection is probed";
        reuseaddr(reuse_address), set_reuseaddr(set_reuse_address, reuseaddr): bool,
            "`SO_REUSEADDR`: whether an address that was in use lately can be bound";
        #[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos", target_os = "cygwin"))))]
        reuseport(reuse_port), set_reuseport(set_reuse_port, reuseport): bool,
            "`SO_REUSEPORT`: whether several sockets can be bound to one address";
        nodelay(tcp_nodelay), set_nodelay(set_tcp_nodelay, nodelay): bool,
            "`TCP_NODELAY`: whether small writes are sent at once, not collected";
    }

    packet_options!();

    /// How many bytes the send buffer holds (`SO_SNDBUF`).
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn send_buffer_size(&self) -> io::Result<u32> {
        self.socket.send_buffer_size().map(saturate)
    }

    /// Sets how many bytes the send buffer holds (`SO_SNDBUF`); the system may round up.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn set_send_buffer_size(&self, size: u32) -> io::Result<()> {
        self.socket.set_send_buffer_size(size as usize)
    }

    /// How many bytes the receive buffer holds (`SO_RCVBUF`).
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn recv_buffer_size(&self) -> io::Result<u32> {
        self.socket.recv_buffer_size().map(saturate)
    }

    /// Sets how many bytes the receive buffer holds (`SO_RCVBUF`); the system may round up.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn set_recv_buffer_size(&self, size: u32) -> io::Result<()> {
        self.socket.set_recv_buffer_size(size as usize)
    }

    /// How long closing waits for unsent data (`SO_LINGER`), in whole seconds.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.socket.linger()
    }

    /// Sets how long closing waits for unsent data (`SO_LINGER`), in whole seconds.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    #[deprecated = "blocks the thread that drops the stream; use `set_zero_linger` to reset the connection"]
    pub fn set_linger(&self, dur: Option<Duration>) -> io::Result<()> {
        self.socket.set_linger(dur)
    }

    /// Makes closing reset the connection and discard unsent data.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn set_zero_linger(&self) -> io::Result<()> {
        self.socket.set_linger(Some(Duration::ZERO))
    }

    /// The address it is bound to.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        let address = self.socket.local_addr()?;
        address.as_socket().ok_or_else(not_an_ip_socket)
    }

    /// Takes the error that the system keeps for the socket (`SO_ERROR`), if any.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }

    /// Binds it to an address of this machine. Port 0 lets the system choose.
    ///
    /// # Errors
    ///
    /// Whatever the system reports, such as `AddrInUse`.
    pub fn bind(&self, addr: SocketAddr) -> io::Result<()> {
        self.socket.bind(&addr.into())
    }

    /// Connects to `addr`.
    ///
    /// # Errors
    ///
    /// Whatever the system reports, such as `ConnectionRefused`.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, or if its I/O is not enabled.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a future dropped before it is ready closes the socket.
    pub async fn connect(self, addr: SocketAddr) -> io::Result<TcpStream> {
        match self.socket.connect(&addr.into()) {
            Err(error) if !is_in_progress(&error) => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let stream = net::TcpStream::from(self.socket);
        TcpStream::finish_connect(mio::net::TcpStream::from_std(stream)).await
    }

    /// Listens; `backlog` connections may wait to be accepted.
    ///
    /// # Errors
    ///
    /// Whatever the system reports, such as `AddrInUse`.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, or if its I/O is not enabled.
    #[track_caller]
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
        self.socket.listen(backlog)?;
        let listener = net::TcpListener::from(self.socket);
        TcpListener::registered(mio::net::TcpListener::from_std(listener))
    }

    /// Takes over a socket made elsewhere, whose type in std cannot say that it is not
    /// connected yet. It should be in non-blocking mode.
    pub fn from_std_stream(std_stream: net::TcpStream) -> TcpSocket {
        TcpSocket {
            socket: std_stream.into(),
        }
    }
}

fn saturate(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

fn not_an_ip_socket() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "the socket has no internet address",
    )
}

/// Whether an attempt to connect was begun.
#[cfg(unix)]
fn is_in_progress(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINPROGRESS)
}

/// Whether an attempt to connect was begun.
#[cfg(not(unix))]
fn is_in_progress(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

impl fmt::Debug for TcpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.socket.fmt(f)
    }
}

#[cfg(unix)]
mod sys {
    use super::{Socket, TcpSocket};
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, RawFd};

    impl AsRawFd for TcpSocket {
        fn as_raw_fd(&self) -> RawFd {
            self.socket.as_raw_fd()
        }
    }

    impl AsFd for TcpSocket {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.socket.as_fd()
        }
    }

    impl FromRawFd for TcpSocket {
        /// The socket has to be in non-blocking mode.
        unsafe fn from_raw_fd(fd: RawFd) -> Self {
            // SAFETY: by I1 the caller gives an open descriptor away.
            let socket = unsafe { Socket::from_raw_fd(fd) };
            TcpSocket { socket }
        }
    }

    impl IntoRawFd for TcpSocket {
        fn into_raw_fd(self) -> RawFd {
            self.socket.into_raw_fd()
        }
    }
}

#[cfg(windows)]
mod sys {
    use super::{Socket, TcpSocket};
    use std::os::windows::io::{
        AsRawSocket, AsSocket, BorrowedSocket, FromRawSocket, IntoRawSocket, RawSocket,
    };

    impl AsRawSocket for TcpSocket {
        fn as_raw_socket(&self) -> RawSocket {
            self.socket.as_raw_socket()
        }
    }

    impl AsSocket for TcpSocket {
        fn as_socket(&self) -> BorrowedSocket<'_> {
            self.socket.as_socket()
        }
    }

    impl FromRawSocket for TcpSocket {
        /// The socket has to be in non-blocking mode.
        unsafe fn from_raw_socket(socket: RawSocket) -> Self {
            // SAFETY: by I1 the caller gives an open socket away.
            let socket = unsafe { Socket::from_raw_socket(socket) };
            TcpSocket { socket }
        }
    }

    impl IntoRawSocket for TcpSocket {
        fn into_raw_socket(self) -> RawSocket {
            self.socket.into_raw_socket()
        }
    }
}
