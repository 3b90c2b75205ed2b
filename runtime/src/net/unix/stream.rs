//! A connection between two processes of one machine.

use super::SocketAddr;
use super::address::address_of;
use super::credentials::{self, UCred};
use super::halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf, split_owned};
use super::stream_socket::StreamSocket;
use crate::driver::evented::{Evented, stream};
use crate::net::halves::stream_traits;
use crate::net::methods::{
    async_io_method, readable_methods, ready_method, source_impls, std_conversions,
    take_error_method, try_io_method, try_read_methods, try_write_methods, writable_methods,
};
use crate::runtime::context;
use io_driver::{Handle, Ready};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net;
use std::path::Path;

/// A connected Unix socket that carries a stream of bytes.
///
/// It is used as a [`TcpStream`](crate::net::TcpStream) is.
///
/// # Examples
///
/// ```no_run
/// use runtime::io::AsyncWriteExt;
/// use runtime::net::UnixStream;
///
/// # async fn example() -> std::io::Result<()> {
/// let mut stream = UnixStream::connect("/tmp/socket").await?;
/// stream.write_all(b"hello").await?;
/// # Ok(())
/// # }
/// ```
pub struct UnixStream {
    evented: Evented<StreamSocket>,
}

impl UnixStream {
    /// Connects to the socket that listens at `path`. On Linux and Android a path that begins
    /// with a zero byte is a name of the abstract namespace.
    ///
    /// # Errors
    ///
    /// Whatever the system reports; `WouldBlock` if too many connections wait to be accepted
    /// there, for which nobody can wait: try again later.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, or if its I/O is not enabled.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a future dropped before it is ready closes what it began.
    pub async fn connect<P: AsRef<Path>>(path: P) -> io::Result<UnixStream> {
        let address = address_of(path.as_ref())?;
        Self::connect_std(&address).await
    }

    /// Connects to an address.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    ///
    /// # Panics
    ///
    /// As `connect`.
    ///
    /// # Cancel safety
    ///
    /// As `connect`.
    pub async fn connect_addr(addr: &SocketAddr) -> io::Result<UnixStream> {
        Self::connect_std(addr.as_std()).await
    }

    async fn connect_std(address: &net::SocketAddr) -> io::Result<UnixStream> {
        // No error is kept meanwhile: the future is to be `UnwindSafe`.
        let stream = mio::net::UnixStream::connect_addr(address)?;
        Self::finish_connect(stream).await
    }

    /// Waits until a connection that was begun is there.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a future dropped before it is ready closes the socket.
    pub(super) async fn finish_connect(stream: mio::net::UnixStream) -> io::Result<UnixStream> {
        let handle = context::io_handle();
        let evented = Evented::connecting(
            StreamSocket::new(stream),
            &handle,
            // It is, but a listener that goes before the first event refuses: as it always was.
            |_| false,
            |socket| socket.take_error(),
        );
        Ok(UnixStream {
            evented: evented.await?,
        })
    }

    pub(super) fn accepted(
        stream: mio::net::UnixStream,
        handle: &Handle,
    ) -> io::Result<UnixStream> {
        let evented = Evented::accepted(StreamSocket::new(stream), handle)?;
        Ok(UnixStream { evented })
    }

    #[track_caller]
    fn registered(socket: StreamSocket) -> io::Result<UnixStream> {
        let evented = Evented::new(socket, stream::INTEREST, &context::io_handle())?;
        Ok(UnixStream { evented })
    }

    fn source_of(stream: net::UnixStream) -> StreamSocket {
        StreamSocket::shared(mio::net::UnixStream::from_std(stream))
    }

    /// Makes two streams that are connected to each other.
    ///
    /// # Errors
    ///
    /// Whatever the system reports, such as too many open files.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, or if its I/O is not enabled.
    #[track_caller]
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (one, other) = mio::net::UnixStream::pair()?;
        let one = Self::registered(StreamSocket::new(one))?;
        let other = Self::registered(StreamSocket::new(other))?;
        // Nothing was sent yet.
        one.evented.registration().assume_ready(Ready::WRITABLE);
        other.evented.registration().assume_ready(Ready::WRITABLE);
        Ok((one, other))
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.evented.local_addr().map(SocketAddr::from)
    }

    /// The address of the peer.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.evented.peer_addr().map(SocketAddr::from)
    }

    /// Who the peer was when it connected, or when it began to listen.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn peer_cred(&self) -> io::Result<UCred> {
        credentials::of_peer(self.evented.as_fd())
    }

    ready_method!();
    readable_methods!(poll_read_ready);
    try_read_methods!();
    writable_methods!(poll_write_ready);
    try_write_methods!();
    try_io_method!();
    async_io_method!();
    take_error_method!();

    /// Borrows the stream as a reading and a writing half, to be used at once by one task.
    pub fn split<'a>(&'a mut self) -> (ReadHalf<'a>, WriteHalf<'a>) {
        (ReadHalf(&*self), WriteHalf(&*self))
    }

    /// Splits the stream into a reading and a writing half that different tasks can own.
    ///
    /// Dropping the writing half shuts the stream down for writing.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        split_owned(self)
    }
}

stream_traits!(UnixStream);
std_conversions!(UnixStream, net::UnixStream, "stream");
source_impls!(UnixStream, stop_inq);

impl AsRef<UnixStream> for UnixStream {
    fn as_ref(&self) -> &UnixStream {
        self
    }
}
