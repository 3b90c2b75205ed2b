//! [`copy_buf`]: from a buffered reader to a writer.

use crate::budget;
use crate::io::{AsyncBufRead, AsyncWrite, is_interrupted};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Copies everything from `reader` to `writer` and returns how many bytes that was.
///
/// Writes straight from the reader's buffer. The writer is flushed at the end, not shut down.
/// An interrupted operation is repeated.
///
/// # Errors
///
/// Whatever reader and writer report, at once; `WriteZero` if the writer takes no more bytes.
///
/// # Cancel safety
///
/// If the future is dropped, no byte is lost: what was not written is still in `reader`. How
/// many were written is unknown.
///
/// # Examples
///
/// ```
/// use runtime::io::BufReader;
///
/// # async fn example() -> std::io::Result<()> {
/// let mut from = BufReader::with_capacity(4096, &b"some bytes"[..]);
/// let mut to = Vec::new();
/// assert_eq!(runtime::io::copy_buf(&mut from, &mut to).await?, 10);
/// # Ok(())
/// # }
/// ```
pub async fn copy_buf<'a, R, W>(reader: &'a mut R, writer: &'a mut W) -> io::Result<u64>
where
    R: AsyncBufRead + Unpin + ?Sized,
    W: AsyncWrite + Unpin + ?Sized,
{
    let mut written = 0;
    poll_fn(|cx| {
        poll_copy_buf(
            cx,
            Pin::new(&mut *reader),
            Pin::new(&mut *writer),
            &mut written,
        )
    })
    .await
}

fn poll_copy_buf<R, W>(
    cx: &mut Context<'_>,
    mut reader: Pin<&mut R>,
    mut writer: Pin<&mut W>,
    written: &mut u64,
) -> Poll<io::Result<u64>>
where
    R: AsyncBufRead + ?Sized,
    W: AsyncWrite + ?Sized,
{
    loop {
        // A unit per round: reader and writer may both be always ready and count nothing.
        let unit = ready!(budget::poll_proceed(cx));
        let lent = match ready!(reader.as_mut().poll_fill_buf(cx)) {
            Err(error) if is_interrupted(&error) => continue,
            lent => lent?,
        };
        if lent.is_empty() {
            ready!(writer.as_mut().poll_flush(cx))?;
            unit.made_progress();
            return Poll::Ready(Ok(*written));
        }
        match ready!(writer.as_mut().poll_write(cx, lent)) {
            Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Ok(count) => {
                *written += count as u64;
                reader.as_mut().consume(count);
                unit.made_progress();
            }
            Err(error) if is_interrupted(&error) => {}
            Err(error) => return Poll::Ready(Err(error)),
        }
    }
}
