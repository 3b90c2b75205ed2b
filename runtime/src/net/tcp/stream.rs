//! A connection.

use super::owned::{OwnedReadHalf, OwnedWriteHalf, split_owned};
use super::split::{ReadHalf, WriteHalf};
use super::stream_socket::StreamSocket;
use crate::driver::evented::{Evented, STREAM_INTEREST};
use crate::io::read_buf::fill_buf_mut;
use crate::io::{AsyncRead, AsyncWrite, ReadBuf};
use crate::net::ToSocketAddrs;
use crate::net::addr::{no_address, resolve};
use crate::runtime::context;
use bytes::BufMut;
use io_driver::{Direction, Handle, Interest, Ready};
use socket2::SockRef;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{self, Shutdown, SocketAddr};
use std::pin::Pin;
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
        let stream = Self::with_handle(StreamSocket::new(stream), &context::io_handle())?;
        // The socket gets writable when the attempt is over, well or not.
        stream.evented.ready(Interest::WRITABLE).await?;
        match stream.take_error()? {
            Some(error) => Err(error),
            None => Ok(stream),
        }
    }

    /// A connection that a listener accepted.
    ///
    /// Its send buffer is empty, and often the peer has written already, so both directions are
    /// tried before the first event: that saves a turn of the reactor per connection. A wrong
    /// guess costs one call that says `WouldBlock`.
    pub(super) fn accepted(stream: mio::net::TcpStream, handle: &Handle) -> io::Result<TcpStream> {
        let stream = Self::with_handle(StreamSocket::new(stream), handle)?;
        let registration = stream.evented.registration();
        registration.assume_ready(Ready::READABLE | Ready::WRITABLE);
        Ok(stream)
    }

    fn with_handle(socket: StreamSocket, handle: &Handle) -> io::Result<TcpStream> {
        let evented = Evented::new(socket, STREAM_INTEREST, handle)?;
        Ok(TcpStream { evented })
    }

    /// Takes over a stream of std, which has to be in non-blocking mode.
    ///
    /// # Errors
    ///
    /// The system refuses to watch it.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, if its I/O is not enabled, and, with debug assertions, if
    /// the stream is in blocking mode.
    #[track_caller]
    pub fn from_std(stream: net::TcpStream) -> io::Result<TcpStream> {
        #[cfg(unix)]
        super::debug_assert_nonblocking(std::os::fd::AsFd::as_fd(&stream))?;
        let handle = context::io_handle();
        let stream = mio::net::TcpStream::from_std(stream);
        Self::with_handle(StreamSocket::shared(stream), &handle)
    }

    /// Makes a stream of std, still in non-blocking mode.
    ///
    /// # Errors
    ///
    /// The system refuses to let go of it.
    pub fn into_std(self) -> io::Result<net::TcpStream> {
        Ok(self.evented.into_inner()?.into_std())
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

    /// Takes the error that the system keeps for the socket (`SO_ERROR`), if any.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.evented.take_error()
    }

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

    /// Waits until the stream is ready for something of `interest`, and returns for what.
    ///
    /// It can be ready and still say `WouldBlock`: wait again then.
    ///
    /// # Errors
    ///
    /// The runtime is gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: readiness stays recorded.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.evented.ready(interest).await
    }

    /// Waits until reading is worth a try: there are bytes, the end or an error.
    ///
    /// # Errors
    ///
    /// The runtime is gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: readiness stays recorded.
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await.map(drop)
    }

    /// Polls until reading is worth a try. Only the task of the last poll for reading is woken.
    ///
    /// # Errors
    ///
    /// The runtime is gone.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.evented.poll_ready(cx, Direction::Read)
    }

    /// Reads what is there and returns how many bytes; 0 is the end of the stream.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing is there, or whatever the system reports.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.evented
            .try_io(Interest::READABLE, |socket| (&**socket).read(buf))
    }

    /// As [`try_read`](Self::try_read), into several buffers one after the other.
    ///
    /// # Errors
    ///
    /// As `try_read`.
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.evented
            .try_io(Interest::READABLE, |socket| (&**socket).read_vectored(bufs))
    }

    /// As [`try_read`](Self::try_read), into the free part of `buf`, which is advanced.
    ///
    /// # Errors
    ///
    /// As `try_read`.
    pub fn try_read_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        self.evented.try_io(Interest::READABLE, |_| {
            let filled = fill_buf_mut(buf, |buf| {
                Poll::Ready(self.evented.read_once(buf).map(drop))
            });
            match filled {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => unreachable!("the read above is ready in any case"),
            }
        })
    }

    /// Waits until writing is worth a try: there is room, or an error.
    ///
    /// # Errors
    ///
    /// The runtime is gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: readiness stays recorded.
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::WRITABLE).await.map(drop)
    }

    /// Polls until writing is worth a try. Only the task of the last poll for writing is woken.
    ///
    /// # Errors
    ///
    /// The runtime is gone.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.evented.poll_ready(cx, Direction::Write)
    }

    /// Writes what fits and returns how many bytes.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing fits, or whatever the system reports.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.evented
            .try_io(Interest::WRITABLE, |socket| (&**socket).write(buf))
    }

    /// As [`try_write`](Self::try_write), from several buffers as if they were one.
    ///
    /// # Errors
    ///
    /// As `try_write`.
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.evented.try_io(Interest::WRITABLE, |socket| {
            (&**socket).write_vectored(bufs)
        })
    }

    /// Calls `f` if the stream is ready for `interest`, for operations that this type lacks.
    ///
    /// `f` makes one non-blocking call on the socket and returns `WouldBlock` only if that
    /// call did: the readiness is taken to be used up.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if the stream is not ready, or what `f` returns.
    pub fn try_io<R>(
        &self,
        interest: Interest,
        f: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        self.evented.try_io(interest, |stream| stream.try_io(f))
    }

    /// Calls `f` whenever the stream is ready for `interest`, until it does not say
    /// `WouldBlock`; see [`try_io`](Self::try_io).
    ///
    /// # Errors
    ///
    /// What `f` returns, or the runtime is gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it waits only before `f` or after `f` said `WouldBlock`.
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        mut f: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        self.evented
            .async_io(interest, |stream| stream.try_io(&mut f))
            .await
    }

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

    pub(super) fn shut_down(&self, how: Shutdown) -> io::Result<()> {
        match self.evented.shutdown(how) {
            // The peer has reset the connection: it is as shut down as can be.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            outcome => outcome,
        }
    }

    // The halves read and write through a shared reference. At most one of them polls in each
    // direction, so the one waker per direction is enough.

    pub(super) fn poll_read_shared(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.evented.poll_read(cx, buf)
    }

    pub(super) fn poll_write_shared(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.evented.poll_write(cx, buf)
    }

    pub(super) fn poll_write_vectored_shared(
        &self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.evented.poll_write_vectored(cx, bufs)
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_read_shared(cx, buf)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_shared(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored_shared(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Does nothing: TCP buffers nothing here.
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Shuts the stream down for writing.
    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.shut_down(Shutdown::Write))
    }
}

impl TryFrom<net::TcpStream> for TcpStream {
    type Error = io::Error;

    /// As [`from_std`](TcpStream::from_std).
    #[track_caller]
    fn try_from(stream: net::TcpStream) -> io::Result<Self> {
        Self::from_std(stream)
    }
}

impl AsRef<TcpStream> for TcpStream {
    fn as_ref(&self) -> &TcpStream {
        self
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.evented.fmt(f)
    }
}

#[cfg(unix)]
mod sys {
    use super::TcpStream;
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

    impl AsRawFd for TcpStream {
        fn as_raw_fd(&self) -> RawFd {
            self.evented.stop_asking();
            self.evented.as_raw_fd()
        }
    }

    impl AsFd for TcpStream {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.evented.stop_asking();
            self.evented.as_fd()
        }
    }
}

#[cfg(windows)]
mod sys {
    use super::TcpStream;
    use std::os::windows::io::{AsRawSocket, AsSocket, BorrowedSocket, RawSocket};

    impl AsRawSocket for TcpStream {
        fn as_raw_socket(&self) -> RawSocket {
            self.evented.as_raw_socket()
        }
    }

    impl AsSocket for TcpStream {
        fn as_socket(&self) -> BorrowedSocket<'_> {
            self.evented.as_socket()
        }
    }
}
