//! Traits, helper functions and types for streams of bytes.

pub use ::runtime::io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};
pub use ::std::io::{Error, ErrorKind, Result, SeekFrom};

#[cfg(feature = "io-util")]
pub use ::runtime::io::{
    AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufReader, BufStream, BufWriter,
    Chain, DuplexStream, Empty, Join, Lines, ReadHalf, Repeat, SimplexStream, Sink, Split, Take,
    WriteHalf, copy, copy_bidirectional, copy_bidirectional_with_sizes, copy_buf, duplex, empty,
    join, repeat, simplex, sink, split,
};

#[cfg(feature = "io-std")]
pub use ::runtime::io::{Stderr, Stdin, Stdout, stderr, stdin, stdout};

#[cfg(feature = "net")]
pub use ::runtime::io::{Interest, Ready};

/// What only Unix has.
#[cfg(all(unix, feature = "net"))]
pub mod unix {
    #[doc(hidden)]
    pub use ::runtime::io::unix::AsyncFdTryNewError;
    pub use ::runtime::io::unix::{
        AsyncFd, AsyncFdReadyGuard, AsyncFdReadyMutGuard, AsyncFdRegisterError, TryIoError,
    };
}
