//! One end of a pipe to a child, in a reactor.
//!
//! - E1. The descriptor does not block from `new` on until `into_blocking_fd`.
//! - E2. Of what `spawn` made we know that it is a pipe: a read shorter than its room drained it.
//!   A descriptor from elsewhere may be a terminal, which gives line by line: it is asked again.
#![allow(unsafe_code)]

use crate::driver::evented::{ByteStream, Evented, Left, Taken};
use crate::io::ReadBuf;
use crate::runtime::context;
use io_driver::Interest;
use mio::unix::SourceFd;
use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll};

/// An end of a pipe.
#[derive(Debug)]
pub(crate) struct Pipe(Evented<End>);

#[derive(Debug)]
struct End {
    /// Only for its `Write`; any descriptor.
    fd: File,
    is_pipe: bool,
}

impl Pipe {
    /// An end to read from; `is_pipe` if nothing else is possible (E2).
    #[track_caller]
    pub(crate) fn reading(fd: OwnedFd, is_pipe: bool) -> io::Result<Self> {
        Self::new(fd, is_pipe, Interest::READABLE)
    }

    /// An end to write to.
    #[track_caller]
    pub(crate) fn writing(fd: OwnedFd, is_pipe: bool) -> io::Result<Self> {
        Self::new(fd, is_pipe, Interest::WRITABLE)
    }

    #[track_caller]
    fn new(fd: OwnedFd, is_pipe: bool, interest: Interest) -> io::Result<Self> {
        let reactor = context::io_handle();
        set_blocking(fd.as_fd(), false)?;
        let end = End {
            fd: fd.into(),
            is_pipe,
        };
        Evented::new(end, interest, &reactor).map(Self)
    }

    pub(crate) fn into_blocking_fd(self) -> io::Result<OwnedFd> {
        let end = self.0.into_inner()?;
        set_blocking(end.fd.as_fd(), true)?;
        Ok(end.fd.into())
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
    }

    pub(crate) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.poll_read(cx, buf)
    }

    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.0.poll_write(cx, buf)
    }

    pub(crate) fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write_vectored(cx, bufs)
    }
}

fn set_blocking(fd: BorrowedFd<'_>, is_blocking: bool) -> io::Result<()> {
    let fd = fd.as_raw_fd();
    // SAFETY: reads the flags of a descriptor that is open.
    let before = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    if before == -1 {
        return Err(io::Error::last_os_error());
    }
    let after = if is_blocking {
        before & !libc::O_NONBLOCK
    } else {
        before | libc::O_NONBLOCK
    };
    // SAFETY: sets the flags of a descriptor that is open.
    if after != before && unsafe { libc::fcntl(fd, libc::F_SETFL, after) } == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

impl mio::event::Source for End {
    fn register(
        &mut self,
        registry: &mio::Registry,
        token: mio::Token,
        interests: mio::Interest,
    ) -> io::Result<()> {
        SourceFd(&self.fd.as_raw_fd()).register(registry, token, interests)
    }

    fn reregister(
        &mut self,
        registry: &mio::Registry,
        token: mio::Token,
        interests: mio::Interest,
    ) -> io::Result<()> {
        SourceFd(&self.fd.as_raw_fd()).reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &mio::Registry) -> io::Result<()> {
        SourceFd(&self.fd.as_raw_fd()).deregister(registry)
    }
}

// SAFETY: `read(2)` returns how many bytes it wrote to the beginning of the buffer.
unsafe impl ByteStream for End {
    const SHORT_READ_DRAINS: bool = false;
    const SHORT_WRITE_FILLS: bool = false;

    fn read(&self, buf: &mut [MaybeUninit<u8>]) -> io::Result<Taken> {
        // SAFETY: the pointer and the length are those of one slice, which may be written.
        let count = unsafe { libc::read(self.fd.as_raw_fd(), buf.as_mut_ptr().cast(), buf.len()) };
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        let left = if self.is_pipe && count < buf.len() && cfg!(target_os = "linux") {
            Left::Nothing
        } else {
            Left::Unknown
        };
        Ok(Taken { count, left })
    }

    fn write(&self, buf: &[u8]) -> io::Result<usize> {
        (&self.fd).write(buf)
    }

    fn write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&self.fd).write_vectored(bufs)
    }
}
