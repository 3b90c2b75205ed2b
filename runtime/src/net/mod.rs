//! TCP, UDP and Unix sockets, pipes, and name resolution, in step with the tasks.
//!
//! A socket belongs to the runtime in whose context it is made: that one's reactor watches it.
//! It can be used from anywhere, but only while that runtime lives.
//!
//! # Examples
//!
//! ```no_run
//! use runtime::io::{AsyncReadExt, AsyncWriteExt};
//! use runtime::net::{TcpListener, TcpStream};
//!
//! # async fn example() -> std::io::Result<()> {
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let mut client = TcpStream::connect(listener.local_addr()?).await?;
//! let (mut server, _peer) = listener.accept().await?;
//! client.write_all(b"ping").await?;
//! let mut received = [0; 4];
//! server.read_exact(&mut received).await?;
//! # Ok(())
//! # }
//! ```
//!
//! How it is made: `docs/design/net.md`.

mod addr;
mod datagram;
mod halves;
mod inq;
mod lookup_host;
mod methods;
mod options;
pub mod tcp;
mod udp;
#[cfg(unix)]
pub mod unix;
#[cfg(windows)]
pub mod windows;

pub use self::addr::ToSocketAddrs;
pub use self::lookup_host::lookup_host;
pub use self::tcp::listener::TcpListener;
pub use self::tcp::socket::TcpSocket;
pub use self::tcp::stream::TcpStream;
pub use self::udp::UdpSocket;
#[cfg(unix)]
pub use self::unix::datagram::UnixDatagram;
#[cfg(unix)]
pub use self::unix::listener::UnixListener;
#[cfg(unix)]
pub use self::unix::socket::UnixSocket;
#[cfg(unix)]
pub use self::unix::stream::UnixStream;

use socket2::{Domain, Protocol, Socket, Type};
use std::io;

/// Makes a socket in non-blocking mode that is closed on exec.
fn new_socket(domain: Domain, kind: Type, protocol: Option<Protocol>) -> io::Result<Socket> {
    // Closed on exec by default; where possible both flags are set by the call that makes it.
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    let socket = Socket::new(domain, kind.nonblocking(), protocol)?;
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
    let socket = {
        let socket = Socket::new(domain, kind, protocol)?;
        socket.set_nonblocking(true)?;
        socket
    };
    Ok(socket)
}

/// Refuses, in builds with debug assertions, a socket that would block its worker.
///
/// # Panics
///
/// Panics if the socket is in blocking mode.
#[cfg(unix)]
#[track_caller]
fn debug_assert_nonblocking(socket: &impl std::os::fd::AsFd) -> io::Result<()> {
    if cfg!(debug_assertions) {
        let nonblocking = socket2::SockRef::from(socket).nonblocking()?;
        assert!(
            nonblocking,
            "the socket is in blocking mode and would block the runtime; call \
             `set_nonblocking(true)` before `from_std`"
        );
    }
    Ok(())
}

/// The system cannot tell whether a socket is in blocking mode.
#[cfg(windows)]
fn debug_assert_nonblocking<S>(_socket: &S) -> io::Result<()> {
    Ok(())
}
