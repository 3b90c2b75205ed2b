//! Named pipes of Windows.
//!
//! This file was written without a Windows machine: it is neither compiled nor tested by the checks
//! of this repository, and therefore kept to what the documentation of the system and of `mio`
//! says. Treat a first use with care.
//!
//! N1. A handle that the system returned is open and belongs to the value made of it.
//! N2. Names are UTF-16 and end with a zero; pointers to results are to values that outlive the
//!     call.
#![allow(unsafe_code)]

mod options;

pub use self::options::{ClientOptions, ServerOptions};

use crate::driver::evented::stream::{ByteStream, Left, Taken};
use crate::driver::evented::{Evented, source_through};
use crate::io_core::{AsyncRead, AsyncWrite, ReadBuf};
use crate::net::methods::{
    async_io_method, readable_methods, ready_method, try_io_method, try_read_methods,
    try_write_methods, writable_methods,
};
use crate::runtime::context;
use io_driver::Interest;
use mio::windows as mio_windows;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, FromRawHandle, RawHandle};
use std::pin::Pin;
use std::task::{Context, Poll};
use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::Pipes::{GetNamedPipeInfo, PIPE_SERVER_END, PIPE_TYPE_MESSAGE};

/// Whether a pipe keeps messages apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PipeMode {
    /// A stream of bytes.
    Byte,
    /// A stream of messages.
    Message,
}

/// Which end of a pipe a handle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PipeEnd {
    /// The one that connected.
    Client,
    /// The one that was created.
    Server,
}

/// What the system says of a pipe.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PipeInfo {
    /// Whether it keeps messages apart.
    pub mode: PipeMode,
    /// Which end this is.
    pub end: PipeEnd,
    /// How many instances of the name there may be.
    pub max_instances: u32,
    /// How many bytes the buffer for outgoing data has.
    pub out_buffer_size: u32,
    /// How many bytes the buffer for incoming data has.
    pub in_buffer_size: u32,
}

/// The source under both ends.
#[derive(Debug)]
struct Pipe(mio_windows::NamedPipe);

impl Pipe {
    fn try_io<R>(&self, f: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        f()
    }

    fn info(&self) -> io::Result<PipeInfo> {
        let (mut flags, mut out_buffer_size) = (0, 0);
        let (mut in_buffer_size, mut max_instances) = (0, 0);
        // SAFETY: by N1 and N2.
        let done = unsafe {
            GetNamedPipeInfo(
                self.0.as_raw_handle() as HANDLE,
                &raw mut flags,
                &raw mut out_buffer_size,
                &raw mut in_buffer_size,
                &raw mut max_instances,
            )
        };
        if done == 0 {
            return Err(io::Error::last_os_error());
        }
        let is_server = flags & PIPE_SERVER_END != 0;
        let keeps_messages = flags & PIPE_TYPE_MESSAGE != 0;
        Ok(PipeInfo {
            mode: if keeps_messages {
                PipeMode::Message
            } else {
                PipeMode::Byte
            },
            end: if is_server {
                PipeEnd::Server
            } else {
                PipeEnd::Client
            },
            max_instances,
            out_buffer_size,
            in_buffer_size,
        })
    }
}

source_through!(Pipe, |this| this.0);

// SAFETY: `read` initialises the whole buffer before it reads.
unsafe impl ByteStream for Pipe {
    fn read(&self, buf: &mut [MaybeUninit<u8>]) -> io::Result<Taken> {
        buf.fill(MaybeUninit::new(0));
        let (start, length) = (buf.as_mut_ptr().cast(), buf.len());
        // SAFETY: all bytes of this slice, which is borrowed mutably, were just initialised.
        let buf = unsafe { std::slice::from_raw_parts_mut(start, length) };
        let count = (&self.0).read(buf)?;
        Ok(Taken {
            count,
            left: Left::Unknown,
        })
    }

    fn read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&self.0).read_vectored(bufs)
    }

    fn write(&self, buf: &[u8]) -> io::Result<usize> {
        (&self.0).write(buf)
    }

    fn write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&self.0).write_vectored(bufs)
    }
}

/// What both ends have.
macro_rules! end {
    ($end:ident) => {
        impl $end {
            /// Takes over a handle.
            ///
            /// # Safety
            ///
            /// The handle is of this end of a named pipe, opened for overlapped operations, and
            /// belongs to nobody else.
            ///
            /// # Errors
            ///
            /// The system refuses to watch it.
            ///
            /// # Panics
            ///
            /// Panics outside of a runtime, or if its I/O is not enabled.
            #[track_caller]
            pub unsafe fn from_raw_handle(handle: RawHandle) -> io::Result<Self> {
                // SAFETY: the caller promises it (N1).
                let pipe = unsafe { mio_windows::NamedPipe::from_raw_handle(handle) };
                let interest = Interest::READABLE | Interest::WRITABLE;
                let evented = Evented::new(Pipe(pipe), interest, &context::io_handle())?;
                Ok(Self { evented })
            }

            /// What the system says of the pipe.
            ///
            /// # Errors
            ///
            /// Whatever the system reports.
            pub fn info(&self) -> io::Result<PipeInfo> {
                self.evented.info()
            }

            ready_method!();
            readable_methods!(poll_read_ready);
            try_read_methods!();
            writable_methods!(poll_write_ready);
            try_write_methods!();
            try_io_method!();
            async_io_method!();
        }

        impl AsyncRead for $end {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                self.evented.poll_read(cx, buf)
            }
        }

        impl AsyncWrite for $end {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.evented.poll_write(cx, buf)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.evented.poll_write_vectored(cx, bufs)
            }

            fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            /// Does nothing: a pipe is closed by dropping its end.
            fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }
        }

        impl AsRawHandle for $end {
            fn as_raw_handle(&self) -> RawHandle {
                self.evented.0.as_raw_handle()
            }
        }

        impl AsHandle for $end {
            fn as_handle(&self) -> BorrowedHandle<'_> {
                // SAFETY: by N1 the handle is open as long as this value is borrowed.
                unsafe { BorrowedHandle::borrow_raw(self.as_raw_handle()) }
            }
        }

        impl fmt::Debug for $end {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.evented.fmt(f)
            }
        }
    };
}

/// The end of a named pipe that waits for a client; made by [`ServerOptions::create`].
pub struct NamedPipeServer {
    evented: Evented<Pipe>,
}

/// The end of a named pipe that connects; made by [`ClientOptions::open`].
pub struct NamedPipeClient {
    evented: Evented<Pipe>,
}

end!(NamedPipeServer);
end!(NamedPipeClient);

impl NamedPipeServer {
    /// Waits for a client.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a client that connects meanwhile is found by the next call.
    pub async fn connect(&self) -> io::Result<()> {
        match self.evented.0.connect() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.evented
                    .async_io(Interest::WRITABLE, |pipe| pipe.0.connect())
                    .await
            }
            outcome => outcome,
        }
    }

    /// Lets go of the client, so that another can connect.
    ///
    /// # Errors
    ///
    /// Whatever the system reports.
    pub fn disconnect(&self) -> io::Result<()> {
        self.evented.0.disconnect()
    }
}
