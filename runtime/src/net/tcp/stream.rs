//! A connection.

use super::halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf, split_owned};
use super::stream_socket::StreamSocket;
use crate::driver::evented::{Evented, stream};
use crate::io_core::ReadBuf;
use crate::net::ToSocketAddrs;
use crate::net::addr::{no_address, resolve};
use crate::net::halves::stream_traits;
use crate::net::methods::{
    async_io_method, readable_methods, ready_method, source_impls, std_conversions,
    take_error_method, try_io_method, try_read_methods, try_write_methods, writable_methods,
};
use crate::runtime::context;
use io_driver::{Direction, Handle, Interest};
use socket2::SockRef;
use std::io;
use std::net::{self, SocketAddr};
use std::task::{Context, Poll};
use std::time::Duration;

/// A TCP connection.
///
/// To read and write with `.await` use [`AsyncReadExt`](crate::io::AsyncReadExt) and
/// [`AsyncWriteExt`](crate::io::AsyncWriteExt); from two tasks at once, [`split`](Self::split)
/// or [`into_split`](Self::into_split) it. Dropping it closes the connection; the peer of a
/// connection shut down with [`shutdown`](crate::io::AsyncWriteExt::shutdown) sees its end but
/// can go on sending.
///
/// # Examples
///
/// ```no_run
/// use runtime::io::AsyncWriteExt;
/// use runtime::net::TcpStream;
///
/// # async fn example() -> std::io::Result<()> {
/// let mut stream = TcpStream::connect("127.0.0.1:8080").await?;
/// stream.write_all(b"hello").await?;
/// # Ok(())
/// # }
/// ```
pub struct TcpStream {
    evented: Evented<StreamSocket>,
}

impl TcpStream {
    /// Connects to the first of the addresses that answers.
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
    /// Cancel safe: a future dropped before it is ready closes what it began.
    pub async fn connect<A: ToSocketAddrs>(addr: A) -> io::Result<TcpStream> {
        let mut last_error = None;
        for address in resolve(&addr).await? {
            match Self::connect_one(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last_error = Some(error),
            }
        }
        Err(last_error.unwrap_or_else(no_address))
    }

    async fn connect_one(address: SocketAddr) -> io::Result<TcpStream> {
        Self::finish_connect(mio::net::TcpStream::connect(address)?).await
    }

    /// Waits until a connection that was begun is there.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a future dropped before it is ready closes the socket.
    pub(super) async fn finish_connect(stream: mio::net::TcpStream) -> io::Result<TcpStream> {
        let handle = context::io_handle();
        let evented = Evented::connecting(
            StreamSocket::new(stream),
            &handle,
            |socket| socket.peer_addr().is_ok(),
            |socket| socket.take_error(),
        );
        Ok(TcpStream {
            evented: evented.await?,
        })
    }

    pub(super) fn accepted(stream: mio::net::TcpStream, handle: &Handle) -> io::Result<TcpStream> {
        let evented = Evented::accepted(StreamSocket::new(stream), handle)?;
        Ok(TcpStream { evented })
    }

    #[track_caller]
    fn registered(socket: StreamSocket) -> io::Result<TcpStream> {
        let evented = Evented::new(socket, stream::INTEREST, &context::io_handle())?;
        Ok(TcpStream { evented })
    }

    fn source_of(stream: net::TcpStream) -> StreamSocket {
        StreamSocket::shared(mio::net::TcpStream::from_std(stream))
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.evented.local_addr()
    }

    /// The address of the peer.
    ///
    /// # Errors
    ///
    /// `NotConnected` if the peer is gone, or whatever else the system reports.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.evented.peer_addr()
    }

    take_error_method!();

    /// Polls to look at incoming bytes without taking them, and returns how many were put into
    /// `buf`. Only the task of the last poll for reading is woken.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn poll_peek(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        self.evented.poll_io(cx, Direction::Read, |stream| {
            let count = stream.peek(buf.initialize_unfilled())?;
            buf.advance(count);
            Ok(count)
        })
    }

    /// Looks at incoming bytes without taking them, and returns how many were put into `buf`.
    /// 0 means the end of the stream.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is taken in any case.
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.evented
            .async_io(Interest::READABLE, |stream| stream.peek(buf))
            .await
    }

    ready_method!();
    readable_methods!(poll_read_ready);
    try_read_methods!();
    writable_methods!(poll_write_ready);
    try_write_methods!();
    try_io_method!();
    async_io_method!();

    /// Whether small writes are sent at once (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.evented.nodelay()
    }

    /// Sets whether small writes are sent at once (`TCP_NODELAY`), not collected.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.evented.set_nodelay(nodelay)
    }

    /// Whether received data is acknowledged at once (`TCP_QUICKACK`).
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "fuchsia"))]
    pub fn quickack(&self) -> io::Result<bool> {
        SockRef::from(&**self.evented).tcp_quickack()
    }

    /// Sets whether received data is acknowledged at once (`TCP_QUICKACK`). The system may
    /// leave this mode on its own.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "fuchsia"))]
    pub fn set_quickack(&self, quickack: bool) -> io::Result<()> {
        SockRef::from(&**self.evented).set_tcp_quickack(quickack)
    }

    /// How long closing waits for unsent data (`SO_LINGER`), in whole seconds.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        SockRef::from(&**self.evented).linger()
    }

    /// Sets how long closing waits for unsent data (`SO_LINGER`), in whole seconds.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    #[deprecated = "blocks the thread that drops the stream; use `set_zero_linger` to reset the connection"]
    pub fn set_linger(&self, dur: Option<Duration>) -> io::Result<()> {
        SockRef::from(&**self.evented).set_linger(dur)
    }

    /// Makes closing reset the connection and discard unsent data.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn set_zero_linger(&self) -> io::Result<()> {
        SockRef::from(&**self.evented).set_linger(Some(Duration::ZERO))
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

stream_traits!(TcpStream);
std_conversions!(TcpStream, net::TcpStream, "stream");
source_impls!(TcpStream, stop_inq);

impl AsRef<TcpStream> for TcpStream {
    fn as_ref(&self) -> &TcpStream {
        self
    }
}
