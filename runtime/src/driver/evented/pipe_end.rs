//! One end of a pipe, as a source of bytes.
//!
//! P1. The descriptor is open and belongs to this value.
//! P2. A short read drained the pipe, unless its messages are kept apart. That takes a writer
//!     that asked for it (`O_DIRECT`), so only of a pipe that was made here, both ends of which
//!     are known, a short read is trusted.
//! P3. A short write found no free page: the next edge comes when the reader frees one.
#![allow(unsafe_code)]

use super::stream::{ByteStream, Left, Taken};
use mio::unix::SourceFd;
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// One end of a pipe, in non-blocking mode.
#[derive(Debug)]
pub(crate) struct PipeEnd {
    // Reads and writes any descriptor.
    file: File,
    short_reads_tell: bool,
}

impl PipeEnd {
    /// One end of a pipe that nobody else has put a mode on (P2).
    pub(crate) fn private(fd: OwnedFd) -> Self {
        Self {
            file: fd.into(),
            short_reads_tell: true,
        }
    }

    /// One end of a pipe of which nothing is known.
    pub(crate) fn foreign(fd: OwnedFd) -> Self {
        Self {
            file: fd.into(),
            short_reads_tell: false,
        }
    }

    /// Whether it was opened for reading, and whether for writing.
    pub(crate) fn access(&self) -> io::Result<(bool, bool)> {
        // SAFETY: by P1 the descriptor is open, and this command has no argument.
        let flags = unsafe { libc::fcntl(self.file.as_raw_fd(), libc::F_GETFL) };
        if flags == -1 {
            return Err(io::Error::last_os_error());
        }
        let mode = flags & libc::O_ACCMODE;
        let both = mode == libc::O_RDWR;
        Ok((
            both || mode == libc::O_RDONLY,
            both || mode == libc::O_WRONLY,
        ))
    }

    pub(crate) fn into_fd(self) -> OwnedFd {
        self.file.into()
    }
}

// SAFETY: `read` returns how many bytes it wrote to the beginning of the buffer.
unsafe impl ByteStream for PipeEnd {
    #[inline]
    fn read(&self, buf: &mut [MaybeUninit<u8>]) -> io::Result<Taken> {
        let (start, room) = (buf.as_mut_ptr().cast(), buf.len());
        // SAFETY: the pointer and the length are of a buffer that can be written to and outlives
        // the call, and by P1 the descriptor is open.
        let count = unsafe { libc::read(self.file.as_raw_fd(), start, room) };
        let Ok(count) = usize::try_from(count) else {
            return Err(io::Error::last_os_error());
        };
        let left = if self.short_reads_tell || count == room {
            Left::Unknown
        } else {
            Left::Something // Perhaps: nobody knows (P2).
        };
        Ok(Taken { count, left })
    }

    fn read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&self.file).read_vectored(bufs)
    }

    #[inline]
    fn write(&self, buf: &[u8]) -> io::Result<usize> {
        (&self.file).write(buf)
    }

    fn write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&self.file).write_vectored(bufs)
    }
}

source_through!(PipeEnd, |this| SourceFd(&this.file.as_raw_fd()));

impl AsFd for PipeEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl AsRawFd for PipeEnd {
    fn as_raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}
