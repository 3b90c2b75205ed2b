//! Pipes: anonymous ones, and FIFOs of the file system.
//!
//! A pipe goes one way, from its [`Sender`] to its [`Receiver`]. Reading ends when no sender is
//! left, writing fails with `BrokenPipe` when no receiver is. A FIFO can be opened by many on each
//! side, and again after its other side was gone.

// First, because the ends use it.
#[macro_use]
mod end;
mod open_options;
mod receiver;
mod sender;

pub use self::open_options::OpenOptions;
pub use self::receiver::Receiver;
pub use self::sender::Sender;

use crate::driver::evented::pipe_end::PipeEnd;
use socket2::SockRef;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;

/// Makes a pipe that no file system knows of.
///
/// # Errors
///
/// Whatever the system reports, such as too many open files.
///
/// # Panics
///
/// Panics outside of a runtime, or if its I/O is not enabled.
///
/// # Examples
///
/// ```
/// use runtime::io::{AsyncReadExt, AsyncWriteExt};
/// use runtime::net::unix::pipe;
///
/// # #[runtime::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let (mut sender, mut receiver) = pipe::pipe()?;
/// sender.write_all(b"hello").await?;
/// drop(sender);
/// let mut received = Vec::new();
/// receiver.read_to_end(&mut received).await?;
/// assert_eq!(received, b"hello");
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn pipe() -> io::Result<(Sender, Receiver)> {
    let (sender, receiver) = mio::unix::pipe::new()?;
    let sender = Sender::registered(PipeEnd::private(sender.into()))?;
    let receiver = Receiver::registered(PipeEnd::private(receiver.into()))?;
    // It is empty.
    sender.assume_writable();
    Ok((sender, receiver))
}

/// Which end of a pipe a descriptor is to be.
#[derive(Clone, Copy, Debug)]
enum Use {
    Read,
    Write,
}

fn is_pipe(file: &File) -> io::Result<bool> {
    Ok(file.metadata()?.file_type().is_fifo())
}

fn not_a_pipe() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "not a pipe")
}

/// Takes over an end of a pipe that was opened elsewhere, after it was looked at.
fn checked(file: File, use_as: Use) -> io::Result<PipeEnd> {
    if !is_pipe(&file)? {
        return Err(not_a_pipe());
    }
    let end = PipeEnd::foreign(file.into());
    let (reads, writes) = end.access()?;
    let (is_right, otherwise) = match use_as {
        Use::Read => (reads, "not in O_RDONLY or O_RDWR access mode"),
        Use::Write => (writes, "not in O_WRONLY or O_RDWR access mode"),
    };
    if !is_right {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, otherwise));
    }
    SockRef::from(&end).set_nonblocking(true)?;
    Ok(end)
}

/// Gives an end away in blocking mode.
fn into_blocking(end: PipeEnd) -> io::Result<OwnedFd> {
    SockRef::from(&end).set_nonblocking(false)?;
    Ok(end.into_fd())
}
