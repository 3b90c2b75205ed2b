//! A socket that accepts connections.

use super::{TcpSocket, TcpStream};
use crate::driver::evented::Evented;
use crate::net::ToSocketAddrs;
use crate::net::addr::{no_address, resolve};
use crate::runtime::context;
use io_driver::{Direction, Interest};
use std::fmt;
use std::io;
use std::net::{self, SocketAddr};
use std::task::{Context, Poll, ready};

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// A socket that accepts TCP connections.
///
/// # Examples
///
/// ```no_run
/// use runtime::net::TcpListener;
///
/// # async fn example() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:8080").await?;
/// loop {
///     let (stream, peer) = listener.accept().await?;
///     println!("{peer} is here");
///     # drop(stream);
/// }
/// # }
/// ```
pub struct TcpListener {
    evented: Evented<mio::net::TcpListener>,
}

impl TcpListener {
    /// Listens on the first of the addresses that works. Port 0 lets the system choose; ask
    /// [`local_addr`](Self::local_addr).
    ///
    /// On Unix `SO_REUSEADDR` is set, so that a restarted server need not wait. To set other
    /// options first, use [`TcpSocket`].
    ///
    /// # Errors
    ///
    /// The error of the last address, or `InvalidInput` if there is none.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, or if its I/O is not enabled.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is bound by a future dropped before it is ready.
    pub async fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<TcpListener> {
        let mut last_error = None;
        for address in resolve(&addr).await? {
            match Self::bind_one(address) {
                Ok(listener) => return Ok(listener),
                Err(error) => last_error = Some(error),
            }
        }
        Err(last_error.unwrap_or_else(no_address))
    }

    fn bind_one(address: SocketAddr) -> io::Result<TcpListener> {
        let socket = TcpSocket::for_address(address)?;
        // On Windows the option means that others may take the port over.
        #[cfg(not(windows))]
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    }

    pub(super) fn from_mio(listener: mio::net::TcpListener) -> io::Result<TcpListener> {
        let handle = context::io_handle();
        let evented = Evented::new(listener, Interest::READABLE, &handle)?;
        Ok(TcpListener { evented })
    }

    /// Accepts a connection and returns it with the address of its peer.
    ///
    /// # Errors
    ///
    /// Whatever the system reports about this connection, such as `ConnectionAborted`, or about
    /// the process, such as too many open files. The listener stays usable: call again, in the
    /// latter case once something was closed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no connection is accepted by a future dropped before it is ready.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let accepted = self.evented.async_io(Interest::READABLE, |l| l.accept());
        let (stream, peer) = accepted.await?;
        Ok((self.adopt(stream)?, peer))
    }

    /// Polls for a connection. Only the task of the last call is woken.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept).
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let (stream, peer) = ready!(self.evented.poll_io(cx, Direction::Read, |l| l.accept()))?;
        Poll::Ready(Ok((self.adopt(stream)?, peer)))
    }

    /// Registers an accepted connection with the listener's reactor, which works anywhere.
    fn adopt(&self, stream: mio::net::TcpStream) -> io::Result<TcpStream> {
        TcpStream::accepted(stream, self.evented.registration().handle())
    }

    /// Takes over a listener of std, which has to be in non-blocking mode.
    ///
    /// # Errors
    ///
    /// The system refuses to watch it.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, if its I/O is not enabled, and, with debug assertions, if
    /// the listener is in blocking mode.
    #[track_caller]
    pub fn from_std(listener: net::TcpListener) -> io::Result<TcpListener> {
        #[cfg(unix)]
        super::debug_assert_nonblocking(std::os::fd::AsFd::as_fd(&listener))?;
        let handle = context::io_handle();
        let listener = mio::net::TcpListener::from_std(listener);
        let evented = Evented::new(listener, Interest::READABLE, &handle)?;
        Ok(TcpListener { evented })
    }

    /// Makes a listener of std, still in non-blocking mode.
    ///
    /// # Errors
    ///
    /// The system refuses to let go of it.
    pub fn into_std(self) -> io::Result<net::TcpListener> {
        Ok(self.evented.into_inner()?.into())
    }

    /// The address that it listens on.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.evented.local_addr()
    }

    /// How many hops packets may take (`IP_TTL`).
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn ttl(&self) -> io::Result<u32> {
        self.evented.ttl()
    }

    /// Sets how many hops packets may take (`IP_TTL`).
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.evented.set_ttl(ttl)
    }
}

impl TryFrom<net::TcpListener> for TcpListener {
    type Error = io::Error;

    /// As [`from_std`](TcpListener::from_std).
    #[track_caller]
    fn try_from(listener: net::TcpListener) -> io::Result<Self> {
        Self::from_std(listener)
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.evented.fmt(f)
    }
}

#[cfg(unix)]
mod sys {
    use super::TcpListener;
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

    impl AsRawFd for TcpListener {
        fn as_raw_fd(&self) -> RawFd {
            self.evented.as_raw_fd()
        }
    }

    impl AsFd for TcpListener {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.evented.as_fd()
        }
    }
}

#[cfg(windows)]
mod sys {
    use super::TcpListener;
    use std::os::windows::io::{AsRawSocket, AsSocket, BorrowedSocket, RawSocket};

    impl AsRawSocket for TcpListener {
        fn as_raw_socket(&self) -> RawSocket {
            self.evented.as_raw_socket()
        }
    }

    impl AsSocket for TcpListener {
        fn as_socket(&self) -> BorrowedSocket<'_> {
            self.evented.as_socket()
        }
    }
}
