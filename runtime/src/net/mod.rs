//! TCP sockets and name resolution, in step with the tasks.
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

mod addr;
mod lookup_host;
pub mod tcp;

pub use self::addr::ToSocketAddrs;
pub use self::lookup_host::lookup_host;
pub use self::tcp::listener::TcpListener;
pub use self::tcp::socket::TcpSocket;
pub use self::tcp::stream::TcpStream;
