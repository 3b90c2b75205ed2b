//! A Unix socket that accepts connections.

use super::address::address_of;
use super::{SocketAddr, UnixStream};
use crate::driver::evented::Evented;
use crate::net::methods::{source_impls, std_conversions, take_error_method};
use crate::runtime::context;
use io_driver::{Direction, Interest};
use std::io;
use std::os::unix::net;
use std::path::Path;
use std::task::{Context, Poll, ready};

/// A Unix socket that accepts connections.
///
/// Its path stays in the file system when it is dropped: remove it before you bind again.
///
/// # Examples
///
/// ```no_run
/// use runtime::net::UnixListener;
///
/// # async fn example() -> std::io::Result<()> {
/// let listener = UnixListener::bind("/tmp/socket")?;
/// loop {
///     let (stream, _peer) = listener.accept().await?;
///     # drop(stream);
/// }
/// # }
/// ```
pub struct UnixListener {
    evented: Evented<mio::net::UnixListener>,
}

impl UnixListener {
    /// Listens at `path`, which must not exist. On Linux and Android a path that begins with a
    /// zero byte is a name of the abstract namespace.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if the path exists, or whatever else the system reports.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, or if its I/O is not enabled.
    #[track_caller]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixListener> {
        Self::bind_std(&address_of(path.as_ref())?)
    }

    /// Listens at an address.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    ///
    /// # Panics
    ///
    /// As `bind`.
    #[track_caller]
    pub fn bind_addr(addr: &SocketAddr) -> io::Result<UnixListener> {
        Self::bind_std(addr.as_std())
    }

    #[track_caller]
    fn bind_std(address: &net::SocketAddr) -> io::Result<UnixListener> {
        Self::registered(mio::net::UnixListener::bind_addr(address)?)
    }

    #[track_caller]
    fn registered(listener: mio::net::UnixListener) -> io::Result<UnixListener> {
        let handle = context::io_handle();
        let evented = Evented::new(listener, Interest::READABLE, &handle)?;
        Ok(UnixListener { evented })
    }

    #[track_caller]
    pub(super) fn from_socket(socket: socket2::Socket) -> io::Result<UnixListener> {
        Self::registered(Self::source_of(socket.into()))
    }

    fn source_of(listener: net::UnixListener) -> mio::net::UnixListener {
        mio::net::UnixListener::from_std(listener)
    }

    /// Accepts a connection and returns it with the address of its peer, which mostly has none.
    ///
    /// # Errors
    ///
    /// Whatever the system reports, such as too many open files. The listener stays usable: call
    /// again, in that case once something was closed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no connection is accepted by a future dropped before it is ready.
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let accepted = self.evented.async_io(Interest::READABLE, |l| l.accept());
        let (stream, peer) = accepted.await?;
        Ok((self.adopt(stream)?, peer.into()))
    }

    /// Polls for a connection. Only the task of the last call is woken.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept).
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        let (stream, peer) = ready!(self.evented.poll_io(cx, Direction::Read, |l| l.accept()))?;
        Poll::Ready(Ok((self.adopt(stream)?, peer.into())))
    }

    /// Registers an accepted connection with the listener's reactor, which works anywhere.
    fn adopt(&self, stream: mio::net::UnixStream) -> io::Result<UnixStream> {
        UnixStream::accepted(stream, self.evented.registration().handle())
    }

    /// The address that it listens at.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.evented.local_addr().map(SocketAddr::from)
    }

    take_error_method!();
}

std_conversions!(UnixListener, net::UnixListener, "listener");
source_impls!(UnixListener);
