//! [`copy_bidirectional`]: two streams, each to the other.

use super::buffer::CopyBuffer;
use crate::io_core::{AsyncRead, AsyncWrite};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Copies each of two streams to the other until both have ended, and returns how many bytes
/// went from `a` to `b` and from `b` to `a`.
///
/// When one stream ends, the other one is flushed and shut down for writing, while the other
/// direction goes on. The buffers have 8 KiB each.
///
/// # Errors
///
/// The first error of any of the four sides, at once, also if the other direction is fine;
/// what was on its way is lost.
///
/// # Cancel safety
///
/// Not cancel safe: if the future is dropped, bytes read but not written are lost.
///
/// # Examples
///
/// ```
/// use runtime::io::{AsyncReadExt, AsyncWriteExt};
///
/// # async fn example() -> std::io::Result<()> {
/// let (mut client, mut near) = runtime::io::duplex(64);
/// let (mut far, server) = runtime::io::duplex(64);
/// client.write_all(b"question").await?;
/// client.shutdown().await?;
/// drop(server); // the server says nothing
/// let copied = runtime::io::copy_bidirectional(&mut near, &mut far).await;
/// # drop(copied);
/// # Ok(())
/// # }
/// ```
pub async fn copy_bidirectional<A, B>(a: &mut A, b: &mut B) -> io::Result<(u64, u64)>
where
    A: AsyncRead + AsyncWrite + Unpin + ?Sized,
    B: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    copy_through(a, b, CopyBuffer::default(), CopyBuffer::default()).await
}

/// As [`copy_bidirectional`], with buffers of the given sizes in bytes.
///
/// # Errors
///
/// As `copy_bidirectional`.
///
/// # Panics
///
/// Panics if a size is 0.
///
/// # Cancel safety
///
/// As `copy_bidirectional`.
pub async fn copy_bidirectional_with_sizes<A, B>(
    a: &mut A,
    b: &mut B,
    a_to_b_buf_size: usize,
    b_to_a_buf_size: usize,
) -> io::Result<(u64, u64)>
where
    A: AsyncRead + AsyncWrite + Unpin + ?Sized,
    B: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    assert!(
        a_to_b_buf_size > 0,
        "`a_to_b_buf_size` must be greater than 0"
    );
    assert!(
        b_to_a_buf_size > 0,
        "`b_to_a_buf_size` must be greater than 0"
    );
    let (there, back) = (
        CopyBuffer::with_size(a_to_b_buf_size),
        CopyBuffer::with_size(b_to_a_buf_size),
    );
    copy_through(a, b, there, back).await
}

/// How far one direction is.
enum Direction {
    Copying(CopyBuffer),
    /// All is written, so many bytes; the writer is being shut down.
    ShuttingDown(u64),
    Done(u64),
}

impl Direction {
    fn poll_transfer<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
    ) -> Poll<io::Result<u64>>
    where
        R: AsyncRead + Unpin + ?Sized,
        W: AsyncWrite + Unpin + ?Sized,
    {
        loop {
            match self {
                Direction::Copying(buffer) => {
                    let (reader, writer) = (Pin::new(&mut *reader), Pin::new(&mut *writer));
                    let count = ready!(buffer.poll_copy(cx, reader, writer))?;
                    *self = Direction::ShuttingDown(count);
                }
                Direction::ShuttingDown(count) => {
                    ready!(Pin::new(&mut *writer).poll_shutdown(cx))?;
                    *self = Direction::Done(*count);
                }
                Direction::Done(count) => return Poll::Ready(Ok(*count)),
            }
        }
    }
}

async fn copy_through<A, B>(
    a: &mut A,
    b: &mut B,
    there: CopyBuffer,
    back: CopyBuffer,
) -> io::Result<(u64, u64)>
where
    A: AsyncRead + AsyncWrite + Unpin + ?Sized,
    B: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    let (mut there, mut back) = (Direction::Copying(there), Direction::Copying(back));
    poll_fn(|cx| {
        // Both are polled each time: one may be stuck for long.
        let there = there.poll_transfer(cx, a, b)?;
        let back = back.poll_transfer(cx, b, a)?;
        Poll::Ready(Ok((ready!(there), ready!(back))))
    })
    .await
}
