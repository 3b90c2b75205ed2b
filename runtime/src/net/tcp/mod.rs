//! TCP: listeners, streams, their halves, and sockets that are neither yet.

mod halves;
pub(super) mod listener;
pub(super) mod socket;
pub(super) mod stream;
mod stream_socket;

pub use self::halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};

// Public as `net::TcpListener` and so on.
use self::listener::TcpListener;
use self::socket::TcpSocket;
use self::stream::TcpStream;
