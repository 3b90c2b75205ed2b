//! TCP, UDP, Unix sockets and pipes.

pub use ::runtime::net::ToSocketAddrs;

#[cfg(feature = "net")]
pub use ::runtime::net::{TcpListener, TcpSocket, TcpStream, UdpSocket, lookup_host};
#[cfg(all(unix, feature = "net"))]
pub use ::runtime::net::{UnixDatagram, UnixListener, UnixSocket, UnixStream};

/// What goes with [`TcpStream`].
#[cfg(feature = "net")]
pub mod tcp {
    pub use ::runtime::net::tcp::{
        OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf,
    };
}

/// What only Unix has.
#[cfg(all(unix, feature = "net"))]
pub mod unix {
    pub use ::runtime::net::unix::{
        OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, SocketAddr, UCred, WriteHalf, gid_t,
        pid_t, uid_t,
    };

    /// Pipes.
    pub mod pipe {
        pub use ::runtime::net::unix::pipe::{OpenOptions, Receiver, Sender, pipe};
    }
}

/// What only Windows has.
#[cfg(all(windows, feature = "net"))]
pub mod windows {
    /// Named pipes.
    pub mod named_pipe {
        pub use ::runtime::net::windows::named_pipe::{
            ClientOptions, NamedPipeClient, NamedPipeServer, PipeEnd, PipeInfo, PipeMode,
            ServerOptions,
        };
    }
}
