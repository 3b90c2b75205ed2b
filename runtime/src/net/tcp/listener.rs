//! A socket that accepts connections.

use super::{TcpSocket, TcpStream};
use crate::driver::evented::Evented;
use crate::net::ToSocketAddrs;
use crate::net::addr::{no_address, resolve};
use crate::net::methods::{source_impls, std_conversions};
use crate::runtime::context;
use io_driver::{Direction, Interest};
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
        let addresses = resolve(&addr).await?;
        let mut last_error = None;
        for address in addresses {
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

    #[track_caller]
    pub(super) fn registered(listener: mio::net::TcpListener) -> io::Result<TcpListener> {
        let handle = context::io_handle();
        let evented = Evented::new(listener, Interest::READABLE, &handle)?;
        Ok(TcpListener { evented })
    }

    fn source_of(listener: net::TcpListener) -> mio::net::TcpListener {
        mio::net::TcpListener::from_std(listener)
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

std_conversions!(TcpListener, net::TcpListener, "listener");
source_impls!(TcpListener);
