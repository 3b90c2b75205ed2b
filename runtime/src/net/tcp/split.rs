//! Borrowed halves of a stream: no allocation, no lock.

use super::TcpStream;
use crate::io::{AsyncRead, AsyncWrite, ReadBuf};
use bytes::BufMut;
use io_driver::{Interest, Ready};
use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The reading half of a [`TcpStream`], borrowed; made by [`TcpStream::split`].
#[derive(Debug)]
pub struct ReadHalf<'a>(pub(super) &'a TcpStream);

/// The writing half of a [`TcpStream`], borrowed; made by [`TcpStream::split`].
#[derive(Debug)]
pub struct WriteHalf<'a>(pub(super) &'a TcpStream);

/// The methods that every reading half has, passed on to the stream.
macro_rules! read_half_methods {
    () => {
        /// Polls to look at incoming bytes without taking them; see [`TcpStream::poll_peek`].
        ///
        /// # Errors
        ///
        /// Whatever the system reports.
        pub fn poll_peek(
            &mut self,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<usize>> {
            self.0.poll_peek(cx, buf)
        }

        /// Looks at incoming bytes without taking them; see [`TcpStream::peek`].
        ///
        /// # Errors
        ///
        /// Whatever the system reports.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: nothing is taken in any case.
        pub async fn peek(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.0.peek(buf).await
        }

        /// Waits for readiness; see [`TcpStream::ready`].
        ///
        /// # Errors
        ///
        /// The runtime is gone.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: readiness stays recorded.
        pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
            self.0.ready(interest).await
        }

        /// Waits until reading is worth a try; see [`TcpStream::readable`].
        ///
        /// # Errors
        ///
        /// The runtime is gone.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: readiness stays recorded.
        pub async fn readable(&self) -> io::Result<()> {
            self.0.readable().await
        }

        /// Reads what is there; see [`TcpStream::try_read`].
        ///
        /// # Errors
        ///
        /// `WouldBlock` if nothing is there, or whatever the system reports.
        pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
            self.0.try_read(buf)
        }

        /// Reads what is there; see [`TcpStream::try_read_vectored`].
        ///
        /// # Errors
        ///
        /// `WouldBlock` if nothing is there, or whatever the system reports.
        pub fn try_read_vectored(&self, bufs: &mut [io::IoSliceMut<'_>]) -> io::Result<usize> {
            self.0.try_read_vectored(bufs)
        }

        /// Reads what is there; see [`TcpStream::try_read_buf`].
        ///
        /// # Errors
        ///
        /// `WouldBlock` if nothing is there, or whatever the system reports.
        pub fn try_read_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
            self.0.try_read_buf(buf)
        }

        /// The address of the peer.
        ///
        /// # Errors
        ///
        /// Whatever the system reports.
        pub fn peer_addr(&self) -> io::Result<SocketAddr> {
            self.0.peer_addr()
        }

        /// The address of this end.
        ///
        /// # Errors
        ///
        /// Whatever the system reports.
        pub fn local_addr(&self) -> io::Result<SocketAddr> {
            self.0.local_addr()
        }
    };
}
pub(super) use read_half_methods;

/// The methods that every writing half has, passed on to the stream.
macro_rules! write_half_methods {
    () => {
        /// Waits for readiness; see [`TcpStream::ready`].
        ///
        /// # Errors
        ///
        /// The runtime is gone.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: readiness stays recorded.
        pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
            self.0.ready(interest).await
        }

        /// Waits until writing is worth a try; see [`TcpStream::writable`].
        ///
        /// # Errors
        ///
        /// The runtime is gone.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: readiness stays recorded.
        pub async fn writable(&self) -> io::Result<()> {
            self.0.writable().await
        }

        /// Writes what fits; see [`TcpStream::try_write`].
        ///
        /// # Errors
        ///
        /// `WouldBlock` if nothing fits, or whatever the system reports.
        pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
            self.0.try_write(buf)
        }

        /// Writes what fits; see [`TcpStream::try_write_vectored`].
        ///
        /// # Errors
        ///
        /// `WouldBlock` if nothing fits, or whatever the system reports.
        pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
            self.0.try_write_vectored(bufs)
        }

        /// The address of the peer.
        ///
        /// # Errors
        ///
        /// Whatever the system reports.
        pub fn peer_addr(&self) -> io::Result<SocketAddr> {
            self.0.peer_addr()
        }

        /// The address of this end.
        ///
        /// # Errors
        ///
        /// Whatever the system reports.
        pub fn local_addr(&self) -> io::Result<SocketAddr> {
            self.0.local_addr()
        }
    };
}
pub(super) use write_half_methods;

impl ReadHalf<'_> {
    read_half_methods!();
}

impl WriteHalf<'_> {
    write_half_methods!();
}

impl AsyncRead for ReadHalf<'_> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.poll_read_shared(cx, buf)
    }
}

impl AsyncWrite for WriteHalf<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write_shared(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write_vectored_shared(cx, bufs)
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
        Poll::Ready(self.0.shut_down(Shutdown::Write))
    }
}

impl AsRef<TcpStream> for ReadHalf<'_> {
    fn as_ref(&self) -> &TcpStream {
        self.0
    }
}

impl AsRef<TcpStream> for WriteHalf<'_> {
    fn as_ref(&self) -> &TcpStream {
        self.0
    }
}
