//! Unix sockets: listeners, streams with their halves, datagrams, addresses and credentials; and
//! pipes.

mod address;
mod credentials;
pub(super) mod datagram;
mod halves;
pub(super) mod listener;
pub mod pipe;
pub(super) mod socket;
pub(super) mod stream;
mod stream_socket;

pub use self::address::SocketAddr;
pub use self::credentials::{UCred, gid_t, pid_t, uid_t};
pub use self::halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};

// Public as `net::UnixListener` and so on.
use self::datagram::UnixDatagram;
use self::listener::UnixListener;
use self::stream::UnixStream;
