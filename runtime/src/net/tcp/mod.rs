//! TCP: listeners, streams, their halves, and sockets that are neither yet.

#[cfg(target_os = "linux")]
mod asking;
pub(super) mod listener;
mod owned;
pub(super) mod socket;
mod split;
pub(super) mod stream;
mod stream_socket;

pub use self::owned::{OwnedReadHalf, OwnedWriteHalf, ReuniteError};
pub use self::split::{ReadHalf, WriteHalf};

// Public as `net::TcpListener` and so on.
use self::listener::TcpListener;
use self::socket::TcpSocket;
use self::stream::TcpStream;

use std::io;

/// Refuses, in builds with debug assertions, a socket that would block its worker.
///
/// # Panics
///
/// Panics if the socket is in blocking mode.
#[cfg(unix)]
#[track_caller]
fn debug_assert_nonblocking(fd: std::os::fd::BorrowedFd<'_>) -> io::Result<()> {
    if cfg!(debug_assertions) {
        let nonblocking = socket2::SockRef::from(&fd).nonblocking()?;
        assert!(
            nonblocking,
            "the socket is in blocking mode and would block the runtime; call \
             `set_nonblocking(true)` before `from_std`"
        );
    }
    Ok(())
}
