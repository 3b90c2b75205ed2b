//! The reader that has one byte without end.

use super::{AsyncRead, ReadBuf, poll_spend_budget};
use bytes::BufMut;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Yields one byte without end; made by [`repeat`].
#[derive(Debug)]
pub struct Repeat(u8);

/// Makes a reader that yields `byte` without end.
///
/// # Examples
///
/// ```
/// use runtime::io::AsyncReadExt;
///
/// # async fn example() -> std::io::Result<()> {
/// let mut zeroes = [1; 3];
/// runtime::io::repeat(0).read_exact(&mut zeroes).await?;
/// assert_eq!(zeroes, [0; 3]);
/// # Ok(())
/// # }
/// ```
pub fn repeat(byte: u8) -> Repeat {
    Repeat(byte)
}

impl AsyncRead for Repeat {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(poll_spend_budget(cx));
        let room = buf.remaining();
        buf.put_bytes(self.0, room);
        Poll::Ready(Ok(()))
    }
}
