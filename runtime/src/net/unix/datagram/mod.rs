//! Unix sockets for datagrams.

mod datagram_socket;
mod recv;
mod send;

use super::SocketAddr;
use super::address::{address_of, system_address_of};
use crate::driver::evented::Evented;
use crate::net::methods::{
    async_io_method, readable_methods, ready_method, source_impls, std_conversions,
    take_error_method, try_io_method, writable_methods,
};
use crate::runtime::context;
use io_driver::{Interest, Ready};
use socket2::SockRef;
use std::io;
use std::net::Shutdown;
use std::os::unix::net;
use std::path::Path;

/// A Unix socket for datagrams, which are not lost and stay in order.
///
/// # Examples
///
/// ```
/// use runtime::net::UnixDatagram;
///
/// # #[runtime::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let (one, other) = UnixDatagram::pair()?;
/// one.send(b"hello").await?;
/// let mut buf = [0; 16];
/// let len = other.recv(&mut buf).await?;
/// assert_eq!(&buf[..len], b"hello");
/// # Ok(())
/// # }
/// ```
pub struct UnixDatagram {
    evented: Evented<mio::net::UnixDatagram>,
}

impl UnixDatagram {
    /// Makes a socket at `path`, which must not exist. On Linux and Android a path that begins
    /// with a zero byte is a name of the abstract namespace.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if the path exists, or whatever else the system reports.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, or if its I/O is not enabled.
    #[track_caller]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixDatagram> {
        let address = address_of(path.as_ref())?;
        Self::registered(mio::net::UnixDatagram::bind_addr(&address)?)
    }

    /// Makes two sockets that are connected to each other.
    ///
    /// # Errors
    ///
    /// Whatever the system reports, such as too many open files.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, or if its I/O is not enabled.
    #[track_caller]
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (one, other) = mio::net::UnixDatagram::pair()?;
        let (one, other) = (Self::registered(one)?, Self::registered(other)?);
        // Nothing was sent yet.
        one.evented.registration().assume_ready(Ready::WRITABLE);
        other.evented.registration().assume_ready(Ready::WRITABLE);
        Ok((one, other))
    }

    /// Makes a socket without an address: it can send, and receives only once it is connected.
    ///
    /// # Errors
    ///
    /// Whatever the system reports, such as too many open files.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, or if its I/O is not enabled.
    #[track_caller]
    pub fn unbound() -> io::Result<UnixDatagram> {
        Self::registered(mio::net::UnixDatagram::unbound()?)
    }

    #[track_caller]
    fn registered(socket: mio::net::UnixDatagram) -> io::Result<UnixDatagram> {
        let handle = context::io_handle();
        let interest = Interest::READABLE | Interest::WRITABLE;
        let evented = Evented::new(socket, interest, &handle)?;
        Ok(UnixDatagram { evented })
    }

    #[track_caller]
    pub(super) fn from_socket(socket: socket2::Socket) -> io::Result<UnixDatagram> {
        Self::registered(Self::source_of(socket.into()))
    }

    fn source_of(socket: net::UnixDatagram) -> mio::net::UnixDatagram {
        mio::net::UnixDatagram::from_std(socket)
    }

    /// Connects to the socket at `path`: from now on [`send`](Self::send) sends there, and only
    /// datagrams from there are received.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        SockRef::from(&*self.evented).connect(&system_address_of(path.as_ref())?)
    }

    /// The address of this socket.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.evented.local_addr().map(SocketAddr::from)
    }

    /// The address that it is connected to.
    ///
    /// # Errors
    ///
    /// `NotConnected`, or whatever else the system reports.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.evented.peer_addr().map(SocketAddr::from)
    }

    /// Ends receiving, sending or both, for every waiting and later call.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.evented.shutdown(how)
    }

    ready_method!();
    readable_methods!(poll_recv_ready);
    writable_methods!(poll_send_ready);
    try_io_method!();
    async_io_method!();
    take_error_method!();
}

std_conversions!(UnixDatagram, net::UnixDatagram, "socket");
source_impls!(UnixDatagram);
