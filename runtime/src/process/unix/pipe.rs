//! One end of a pipe to a child, in a reactor.
//!
//! - E1. The descriptor does not block from `new` on until `into_blocking_fd`.
//! - E2. Of what `spawn` made we know that it is a pipe with no mode of its own: a read shorter than
//!   its room drained it. A descriptor from elsewhere may be a terminal, which gives line by line:
//!   it is asked again.
#![allow(unsafe_code)]

use crate::driver::evented::Evented;
use crate::driver::evented::pipe_end::PipeEnd;
use crate::io_core::ReadBuf;
use crate::runtime::context;
use io_driver::Interest;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll};

/// An end of a pipe.
#[derive(Debug)]
pub(crate) struct Pipe(Evented<PipeEnd>);

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
        let end = if is_pipe {
            PipeEnd::private(fd)
        } else {
            PipeEnd::foreign(fd)
        };
        Evented::new(end, interest, &reactor).map(Self)
    }

    pub(crate) fn into_blocking_fd(self) -> io::Result<OwnedFd> {
        let end = self.0.into_inner()?.into_fd();
        set_blocking(end.as_fd(), true)?;
        Ok(end)
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
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
