//! Owned halves of a stream: one shared allocation, no lock.

use super::TcpStream;
use super::split::{read_half_methods, write_half_methods};
use crate::io::{AsyncRead, AsyncWrite, ReadBuf};
use crate::loom::sync::Arc;
use bytes::BufMut;
use io_driver::{Interest, Ready};
use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The reading half of a [`TcpStream`]; made by [`TcpStream::into_split`].
///
/// Dropping it does not tell the peer anything.
#[derive(Debug)]
pub struct OwnedReadHalf(Arc<TcpStream>);

/// The writing half of a [`TcpStream`]; made by [`TcpStream::into_split`].
///
/// Dropping it shuts the stream down for writing, so that the peer sees its end; see
/// [`forget`](Self::forget).
#[derive(Debug)]
pub struct OwnedWriteHalf(HalfOfStream);

/// The stream, to be shut down for writing by whoever drops it.
#[derive(Debug)]
struct HalfOfStream {
    // `None` when it was given away without a shutdown.
    stream: Option<Arc<TcpStream>>,
    is_shut_down: bool,
}

impl std::ops::Deref for HalfOfStream {
    type Target = Arc<TcpStream>;

    fn deref(&self) -> &Arc<TcpStream> {
        self.stream.as_ref().expect("given away only with the half")
    }
}

impl HalfOfStream {
    fn give_away(mut self) -> Arc<TcpStream> {
        self.stream.take().expect("given away only with the half")
    }
}

impl Drop for HalfOfStream {
    fn drop(&mut self) {
        if let (Some(stream), false) = (&self.stream, self.is_shut_down) {
            // There is nobody to tell if the peer is gone already.
            let _ = stream.shut_down(Shutdown::Write);
        }
    }
}

pub(super) fn split_owned(stream: TcpStream) -> (OwnedReadHalf, OwnedWriteHalf) {
    let stream = Arc::new(stream);
    let write = HalfOfStream {
        stream: Some(stream.clone()),
        is_shut_down: false,
    };
    (OwnedReadHalf(stream), OwnedWriteHalf(write))
}

/// The halves given to [`OwnedReadHalf::reunite`] are of different streams; has both.
#[derive(Debug)]
pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tried to reunite halves that are not from the same socket")
    }
}

impl Error for ReuniteError {}

fn reunite(read: OwnedReadHalf, write: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
    if !Arc::ptr_eq(&read.0, &write.0) {
        return Err(ReuniteError(read, write));
    }
    drop(write.0.give_away());
    Ok(Arc::try_unwrap(read.0).expect("both halves were here"))
}

impl OwnedReadHalf {
    /// Joins the halves to the stream they were.
    ///
    /// # Errors
    ///
    /// They are of different streams; the error has both.
    pub fn reunite(self, other: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
        reunite(self, other)
    }

    read_half_methods!();
}

impl OwnedWriteHalf {
    /// Joins the halves to the stream they were.
    ///
    /// # Errors
    ///
    /// They are of different streams; the error has both.
    pub fn reunite(self, other: OwnedReadHalf) -> Result<TcpStream, ReuniteError> {
        reunite(other, self)
    }

    /// Drops this half without shutting the stream down for writing.
    pub fn forget(self) {
        drop(self.0.give_away());
    }

    write_half_methods!();
}

impl AsyncRead for OwnedReadHalf {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.poll_read_shared(cx, buf)
    }
}

impl AsyncWrite for OwnedWriteHalf {
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
    fn poll_shutdown(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = self.0.shut_down(Shutdown::Write);
        self.0.is_shut_down |= outcome.is_ok();
        Poll::Ready(outcome)
    }
}

impl AsRef<TcpStream> for OwnedReadHalf {
    fn as_ref(&self) -> &TcpStream {
        &self.0
    }
}

impl AsRef<TcpStream> for OwnedWriteHalf {
    fn as_ref(&self) -> &TcpStream {
        &self.0
    }
}
