//! Streams and their halves: the traits of both, and the halves of every kind of stream.
//!
//! Borrowed halves are references: no allocation, no lock. Owned halves share one allocation, no
//! lock. The halves read and write through a shared reference; at most one of them polls in each
//! direction, so the one waker per direction is enough.
//!
//! The types of a stream's halves must not be generic to be named as they are, so they are made by
//! the macro `halves`; what they do is here, once.

use crate::io_core::ReadBuf;
use crate::loom::sync::Arc;
use std::io::{self, IoSlice};
use std::ops::Deref;
use std::task::{Context, Poll};

/// What a stream does through a shared reference.
pub(super) trait Shared {
    fn poll_read_shared(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>)
    -> Poll<io::Result<()>>;

    fn poll_write_shared(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>>;

    fn poll_write_vectored_shared(
        &self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;

    /// Tells the peer that nothing more comes.
    fn shut_down_write(&self) -> io::Result<()>;
}

/// A stream with another owner, to be shut down for writing by whoever drops this.
#[derive(Debug)]
pub(super) struct Writer<S: Shared> {
    // `None` when it was given away without a shutdown.
    stream: Option<Arc<S>>,
    is_shut_down: bool,
}

impl<S: Shared> Writer<S> {
    pub(super) fn new(stream: Arc<S>) -> Self {
        Self {
            stream: Some(stream),
            is_shut_down: false,
        }
    }

    pub(super) fn give_away(mut self) -> Arc<S> {
        self.stream.take().expect("given away only with the half")
    }

    pub(super) fn shut_down(&mut self) -> io::Result<()> {
        self.shut_down_write()?;
        self.is_shut_down = true;
        Ok(())
    }
}

impl<S: Shared> Deref for Writer<S> {
    type Target = S;

    fn deref(&self) -> &S {
        self.stream.as_ref().expect("given away only with the half")
    }
}

impl<S: Shared> Drop for Writer<S> {
    fn drop(&mut self) {
        if let (Some(stream), false) = (&self.stream, self.is_shut_down) {
            // There is nobody to tell if the peer is gone already.
            let _ = stream.shut_down_write();
        }
    }
}

/// Splits a stream that nobody else owns.
pub(super) fn split<S: Shared>(stream: S) -> (Arc<S>, Writer<S>) {
    let stream = Arc::new(stream);
    (stream.clone(), Writer::new(stream))
}

/// Joins what `split` made, or gives back what belongs to different streams.
pub(super) fn reunite<S: Shared>(read: Arc<S>, write: Writer<S>) -> Result<S, (Arc<S>, Writer<S>)> {
    if !std::ptr::eq(&*read, &*write) {
        return Err((read, write));
    }
    drop(write.give_away());
    Ok(Arc::try_unwrap(read).unwrap_or_else(|_| unreachable!("both halves were here")))
}

/// `Shared` by the source of a stream, `AsyncRead` and `AsyncWrite` by `Shared`.
macro_rules! stream_traits {
    ($stream:ident) => {
        impl crate::net::halves::Shared for $stream {
            fn poll_read_shared(
                &self,
                cx: &mut std::task::Context<'_>,
                buf: &mut crate::io_core::ReadBuf<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self.evented.poll_read(cx, buf)
            }

            fn poll_write_shared(
                &self,
                cx: &mut std::task::Context<'_>,
                buf: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.evented.poll_write(cx, buf)
            }

            fn poll_write_vectored_shared(
                &self,
                cx: &mut std::task::Context<'_>,
                bufs: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.evented.poll_write_vectored(cx, bufs)
            }

            fn shut_down_write(&self) -> std::io::Result<()> {
                match self.evented.shutdown(std::net::Shutdown::Write) {
                    // The peer has reset the connection: it is as shut down as can be.
                    Err(error) if error.kind() == std::io::ErrorKind::NotConnected => Ok(()),
                    outcome => outcome,
                }
            }
        }

        crate::net::halves::read_trait!($stream, |this| this);
        crate::net::halves::write_trait!($stream, |this| this, this.shut_down_write());
    };
}

/// `AsyncRead` of a type that has a stream.
macro_rules! read_trait {
    ($half:ty, |$this:ident| $stream:expr) => {
        impl crate::io_core::AsyncRead for $half {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &mut crate::io_core::ReadBuf<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let $this = self;
                crate::net::halves::Shared::poll_read_shared(&*$stream, cx, buf)
            }
        }
    };
}

/// `AsyncWrite` of a type that has a stream.
macro_rules! write_trait {
    ($half:ty, |$this:ident| $stream:expr, $shut_down:expr) => {
        impl crate::io_core::AsyncWrite for $half {
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = self;
                crate::net::halves::Shared::poll_write_shared(&*$stream, cx, buf)
            }

            fn poll_write_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bufs: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = self;
                crate::net::halves::Shared::poll_write_vectored_shared(&*$stream, cx, bufs)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            /// Does nothing: nothing is buffered here.
            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                _cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::task::Poll::Ready(Ok(()))
            }

            /// Shuts the stream down for writing.
            fn poll_shutdown(
                self: std::pin::Pin<&mut Self>,
                _cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                #[allow(unused_imports)]
                use crate::net::halves::Shared as _;
                #[allow(unused_mut)]
                let mut $this = self;
                std::task::Poll::Ready($shut_down)
            }
        }
    };
}

/// The four halves of a stream with their addresses, and the error of reuniting strangers.
/// `$read_more` are further methods of the reading halves.
macro_rules! halves {
    ($stream:ident, $address:ty, $read_more:ident) => {
        use crate::io_core::{Interest, Ready};
        use crate::loom::sync::Arc;
        use crate::net::halves::{self, Writer};
        use bytes::BufMut;
        use std::io::{self, IoSlice, IoSliceMut};

        #[doc = concat!("The reading half of a [`", stringify!($stream), "`], borrowed; made by")]
        #[doc = concat!("[`", stringify!($stream), "::split`].")]
        #[derive(Debug)]
        pub struct ReadHalf<'a>(pub(super) &'a $stream);

        #[doc = concat!("The writing half of a [`", stringify!($stream), "`], borrowed; made by")]
        #[doc = concat!("[`", stringify!($stream), "::split`].")]
        #[derive(Debug)]
        pub struct WriteHalf<'a>(pub(super) &'a $stream);

        #[doc = concat!("The reading half of a [`", stringify!($stream), "`]; made by")]
        #[doc = concat!("[`", stringify!($stream), "::into_split`].")]
        ///
        /// Dropping it does not tell the peer anything.
        #[derive(Debug)]
        pub struct OwnedReadHalf(Arc<$stream>);

        #[doc = concat!("The writing half of a [`", stringify!($stream), "`]; made by")]
        #[doc = concat!("[`", stringify!($stream), "::into_split`].")]
        ///
        /// Dropping it shuts the stream down for writing, so that the peer sees its end; see
        /// [`forget`](Self::forget).
        #[derive(Debug)]
        pub struct OwnedWriteHalf(Writer<$stream>);

        /// The halves given to [`OwnedReadHalf::reunite`] are of different streams; has both.
        #[derive(Debug)]
        pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

        impl std::fmt::Display for ReuniteError {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("tried to reunite halves that are not from the same socket")
            }
        }

        impl std::error::Error for ReuniteError {}

        pub(super) fn split_owned(stream: $stream) -> (OwnedReadHalf, OwnedWriteHalf) {
            let (read, write) = halves::split(stream);
            (OwnedReadHalf(read), OwnedWriteHalf(write))
        }

        fn reunite(read: OwnedReadHalf, write: OwnedWriteHalf) -> Result<$stream, ReuniteError> {
            halves::reunite(read.0, write.0)
                .map_err(|(read, write)| ReuniteError(OwnedReadHalf(read), OwnedWriteHalf(write)))
        }

        impl OwnedReadHalf {
            /// Joins the halves to the stream they were.
            ///
            /// # Errors
            ///
            /// They are of different streams; the error has both.
            pub fn reunite(self, other: OwnedWriteHalf) -> Result<$stream, ReuniteError> {
                reunite(self, other)
            }
        }

        impl OwnedWriteHalf {
            /// Joins the halves to the stream they were.
            ///
            /// # Errors
            ///
            /// They are of different streams; the error has both.
            pub fn reunite(self, other: OwnedReadHalf) -> Result<$stream, ReuniteError> {
                reunite(other, self)
            }

            /// Drops this half without shutting the stream down for writing.
            pub fn forget(self) {
                drop(self.0.give_away());
            }
        }

        crate::net::halves::half_of!(ReadHalf<'_>, $stream, $address, {
            crate::net::halves::read_half_methods!($stream);
            $read_more!();
        });
        crate::net::halves::half_of!(OwnedReadHalf, $stream, $address, {
            crate::net::halves::read_half_methods!($stream);
            $read_more!();
        });
        crate::net::halves::half_of!(WriteHalf<'_>, $stream, $address, {
            crate::net::halves::write_half_methods!($stream);
        });
        crate::net::halves::half_of!(OwnedWriteHalf, $stream, $address, {
            crate::net::halves::write_half_methods!($stream);
        });
        crate::net::halves::read_trait!(ReadHalf<'_>, |this| this.0);
        crate::net::halves::read_trait!(OwnedReadHalf, |this| this.0);
        crate::net::halves::write_trait!(WriteHalf<'_>, |this| this.0, this.0.shut_down_write());
        crate::net::halves::write_trait!(OwnedWriteHalf, |this| this.0, this.0.shut_down());
    };
}

/// What every half has, and `$more` methods.
macro_rules! half_of {
    ($half:ty, $stream:ident, $address:ty, { $($more:tt)* }) => {
        impl $half {
            $($more)*

            #[doc = concat!("Waits for readiness; see [`", stringify!($stream), "::ready`].")]
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

            /// The address of the peer.
            ///
            /// # Errors
            ///
            /// Whatever the system reports.
            pub fn peer_addr(&self) -> io::Result<$address> {
                self.0.peer_addr()
            }

            /// The address of this end.
            ///
            /// # Errors
            ///
            /// Whatever the system reports.
            pub fn local_addr(&self) -> io::Result<$address> {
                self.0.local_addr()
            }
        }

        impl AsRef<$stream> for $half {
            fn as_ref(&self) -> &$stream {
                &self.0
            }
        }
    };
}

/// The methods that every reading half has, passed on to the stream.
macro_rules! read_half_methods {
    ($stream:ident) => {
        #[doc = concat!("Waits until reading is worth a try; see [`", stringify!($stream), "::readable`].")]
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

        #[doc = concat!("Reads what is there; see [`", stringify!($stream), "::try_read`].")]
        ///
        /// # Errors
        ///
        /// `WouldBlock` if nothing is there, or whatever the system reports.
        pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
            self.0.try_read(buf)
        }

        #[doc = concat!("Reads what is there; see [`", stringify!($stream), "::try_read_vectored`].")]
        ///
        /// # Errors
        ///
        /// `WouldBlock` if nothing is there, or whatever the system reports.
        pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
            self.0.try_read_vectored(bufs)
        }

        #[doc = concat!("Reads what is there; see [`", stringify!($stream), "::try_read_buf`].")]
        ///
        /// # Errors
        ///
        /// `WouldBlock` if nothing is there, or whatever the system reports.
        pub fn try_read_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
            self.0.try_read_buf(buf)
        }
    };
}

/// The methods that every writing half has, passed on to the stream.
macro_rules! write_half_methods {
    ($stream:ident) => {
        #[doc = concat!("Waits until writing is worth a try; see [`", stringify!($stream), "::writable`].")]
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

        #[doc = concat!("Writes what fits; see [`", stringify!($stream), "::try_write`].")]
        ///
        /// # Errors
        ///
        /// `WouldBlock` if nothing fits, or whatever the system reports.
        pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
            self.0.try_write(buf)
        }

        #[doc = concat!("Writes what fits; see [`", stringify!($stream), "::try_write_vectored`].")]
        ///
        /// # Errors
        ///
        /// `WouldBlock` if nothing fits, or whatever the system reports.
        pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
            self.0.try_write_vectored(bufs)
        }
    };
}

pub(super) use {
    half_of, halves, read_half_methods, read_trait, stream_traits, write_half_methods, write_trait,
};
