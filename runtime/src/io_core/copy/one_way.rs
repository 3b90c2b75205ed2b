//! [`copy`]: from a reader to a writer.

use super::buffer::CopyBuffer;
use crate::io_core::{AsyncRead, AsyncWrite};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;

/// Copies everything from `reader` to `writer` and returns how many bytes that was.
///
/// Goes through a buffer of 8 KiB of its own. The writer is flushed at the end, and whenever
/// the reader has nothing for now; it is not shut down. An interrupted operation is repeated.
///
/// # Errors
///
/// Whatever reader and writer report, at once; `WriteZero` if the writer takes no more bytes.
///
/// # Cancel safety
///
/// Not cancel safe: if the future is dropped, bytes read but not written are lost.
///
/// # Examples
///
/// ```
/// # async fn example() -> std::io::Result<()> {
/// let (mut from, mut to) = (&b"some bytes"[..], Vec::new());
/// assert_eq!(runtime::io::copy(&mut from, &mut to).await?, 10);
/// assert_eq!(to, b"some bytes");
/// # Ok(())
/// # }
/// ```
pub async fn copy<'a, R, W>(reader: &'a mut R, writer: &'a mut W) -> io::Result<u64>
where
    R: AsyncRead + Unpin + ?Sized,
    W: AsyncWrite + Unpin + ?Sized,
{
    let mut buffer = CopyBuffer::default();
    poll_fn(|cx| buffer.poll_copy(cx, Pin::new(&mut *reader), Pin::new(&mut *writer))).await
}
