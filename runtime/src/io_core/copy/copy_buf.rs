//! [`copy_buf`]: from a buffered reader to a writer.

use crate::budget;
use crate::io_core::{AsyncBufRead, AsyncWrite, is_interrupted};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Copies everything from `reader` to `writer` and returns how many bytes that was.
///
/// Writes straight from the reader's buffer. The writer is flushed at the end, and whenever
/// the reader has nothing for now; it is not shut down. An interrupted operation is repeated.
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
    let mut progress = Progress::default();
    poll_fn(|cx| progress.poll_copy(cx, Pin::new(&mut *reader), Pin::new(&mut *writer))).await
}

/// How far a copy is.
#[derive(Default)]
struct Progress {
    /// Bytes written in all.
    written: u64,
    /// Whether the writer may hold something back, for which the other side may wait.
    unflushed: bool,
}

impl Progress {
    fn poll_copy<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        mut reader: Pin<&mut R>,
        mut writer: Pin<&mut W>,
    ) -> Poll<io::Result<u64>>
    where
        R: AsyncBufRead + ?Sized,
        W: AsyncWrite + ?Sized,
    {
        loop {
            // A unit per round: reader and writer may both be always ready and count nothing.
            let unit = ready!(budget::poll_proceed(cx));
            let lent = match reader.as_mut().poll_fill_buf(cx) {
                Poll::Ready(Err(error)) if is_interrupted(&error) => continue,
                Poll::Ready(lent) => lent?,
                Poll::Pending => {
                    if self.unflushed {
                        ready!(writer.as_mut().poll_flush(cx))?;
                        self.unflushed = false;
                        unit.made_progress();
                    }
                    return Poll::Pending;
                }
            };
            if lent.is_empty() {
                ready!(writer.as_mut().poll_flush(cx))?;
                unit.made_progress();
                return Poll::Ready(Ok(self.written));
            }
            match ready!(writer.as_mut().poll_write(cx, lent)) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(count) => {
                    self.written += count as u64;
                    self.unflushed = true;
                    reader.as_mut().consume(count);
                    unit.made_progress();
                }
                Err(error) if is_interrupted(&error) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}
