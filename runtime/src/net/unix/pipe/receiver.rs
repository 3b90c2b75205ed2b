//! The end of a pipe that reads.

use crate::driver::evented::Evented;
use crate::driver::evented::pipe_end::PipeEnd;
use crate::io_core::{AsyncRead, ReadBuf};
use crate::net::methods::{
    readable_methods, ready_method, try_io_one_way_method, try_read_methods,
};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The end of a pipe that reads.
///
/// # Examples
///
/// ```no_run
/// use runtime::io::AsyncReadExt;
/// use runtime::net::unix::pipe::OpenOptions;
///
/// # async fn example() -> std::io::Result<()> {
/// let mut receiver = OpenOptions::new().open_receiver("/tmp/fifo")?;
/// let mut buf = [0; 1024];
/// let len = receiver.read(&mut buf).await?;
/// println!("{:?}", &buf[..len]);
/// # Ok(())
/// # }
/// ```
pub struct Receiver {
    evented: Evented<PipeEnd>,
}

impl Receiver {
    ready_method!();
    readable_methods!(poll_read_ready);
    try_read_methods!();
    try_io_one_way_method!(READABLE);
}

pipe_end_methods!(Receiver, Read, READABLE, "reading");

impl AsyncRead for Receiver {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.evented.poll_read(cx, buf)
    }
}
