//! [`AsyncWriteExt`]: the methods of writers to `.await`, one future per file.

mod flush;
mod once;
mod shutdown;
mod write_all;
mod write_all_buf;
mod write_buf;
mod write_int;
mod write_vectored;

use self::flush::Flush;
use self::once::Write;
use self::shutdown::Shutdown;
use self::write_all::WriteAll;
use self::write_all_buf::WriteAllBuf;
use self::write_buf::WriteBuf;
use self::write_vectored::WriteVectored;
use super::AsyncWrite;
use bytes::Buf;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

/// How many pieces of a `Buf` one vectored write takes.
const MAX_PIECES: usize = 64;

/// Declares the methods that write one number each.
macro_rules! number_writers {
    ($($method:ident -> $future:ident, $type:ty, $order:literal;)*) => {
        $(
            #[doc = concat!("Writes a `", stringify!($type), "`", $order, ".")]
            ///
            /// # Errors
            ///
            /// `WriteZero` if the writer takes no more bytes, or whatever it reports.
            ///
            /// # Cancel safety
            ///
            /// Not cancel safe for more than one byte: if the future is dropped, a part may
            /// have been written.
            fn $method(&mut self, n: $type) -> write_int::$future<&mut Self>
            where
                Self: Unpin,
            {
                write_int::$future::new(self, n)
            }
        )*
    };
}

/// Writes to `.await`, for everything that is [`AsyncWrite`].
///
/// # Examples
///
/// ```
/// use runtime::io::AsyncWriteExt;
///
/// # async fn example() -> std::io::Result<()> {
/// let mut target = Vec::new();
/// target.write_u16(0x0102).await?;
/// target.write_all(b"rest").await?;
/// assert_eq!(target, b"\x01\x02rest");
/// # Ok(())
/// # }
/// ```
pub trait AsyncWriteExt: AsyncWrite {
    /// Writes a prefix of `src` and returns its length.
    ///
    /// # Errors
    ///
    /// Whatever the writer reports; then nothing was written.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a future dropped before it is ready has written nothing.
    fn write<'a>(&'a mut self, src: &'a [u8]) -> Write<'a, Self>
    where
        Self: Unpin,
    {
        Write::new(self, src)
    }

    /// As [`write`](AsyncWriteExt::write), from several buffers as if they were one.
    ///
    /// # Errors
    ///
    /// Whatever the writer reports; then nothing was written.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a future dropped before it is ready has written nothing.
    fn write_vectored<'a, 'b>(&'a mut self, bufs: &'a [IoSlice<'b>]) -> WriteVectored<'a, 'b, Self>
    where
        Self: Unpin,
    {
        WriteVectored::new(self, bufs)
    }

    /// Writes some bytes of `src`, advances it and returns how many.
    ///
    /// # Errors
    ///
    /// Whatever the writer reports; then nothing was written and `src` is as before.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a future dropped before it is ready has written nothing.
    fn write_buf<'a, B>(&'a mut self, src: &'a mut B) -> WriteBuf<'a, Self, B>
    where
        Self: Sized + Unpin,
        B: Buf,
    {
        WriteBuf::new(self, src)
    }

    /// Writes all of `src` and advances it.
    ///
    /// # Errors
    ///
    /// `WriteZero` if the writer takes no more bytes, or whatever it reports; `src` tells what
    /// was written.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, `src` tells what was written: to go on, call again with it.
    fn write_all_buf<'a, B>(&'a mut self, src: &'a mut B) -> WriteAllBuf<'a, Self, B>
    where
        Self: Sized + Unpin,
        B: Buf,
    {
        WriteAllBuf::new(self, src)
    }

    /// Writes all of `src`.
    ///
    /// # Errors
    ///
    /// `WriteZero` if the writer takes no more bytes, or whatever it reports. How much was
    /// written is then unknown.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: if the future is dropped, a part may have been written.
    fn write_all<'a>(&'a mut self, src: &'a [u8]) -> WriteAll<'a, Self>
    where
        Self: Unpin,
    {
        WriteAll::new(self, src)
    }

    number_writers! {
        write_u8 -> WriteU8, u8, "";
        write_i8 -> WriteI8, i8, "";
        write_u16 -> WriteU16, u16, ", most significant byte first";
        write_i16 -> WriteI16, i16, ", most significant byte first";
        write_u32 -> WriteU32, u32, ", most significant byte first";
        write_i32 -> WriteI32, i32, ", most significant byte first";
        write_u64 -> WriteU64, u64, ", most significant byte first";
        write_i64 -> WriteI64, i64, ", most significant byte first";
        write_u128 -> WriteU128, u128, ", most significant byte first";
        write_i128 -> WriteI128, i128, ", most significant byte first";
        write_f32 -> WriteF32, f32, ", most significant byte first";
        write_f64 -> WriteF64, f64, ", most significant byte first";
        write_u16_le -> WriteU16Le, u16, ", least significant byte first";
        write_i16_le -> WriteI16Le, i16, ", least significant byte first";
        write_u32_le -> WriteU32Le, u32, ", least significant byte first";
        write_i32_le -> WriteI32Le, i32, ", least significant byte first";
        write_u64_le -> WriteU64Le, u64, ", least significant byte first";
        write_i64_le -> WriteI64Le, i64, ", least significant byte first";
        write_u128_le -> WriteU128Le, u128, ", least significant byte first";
        write_i128_le -> WriteI128Le, i128, ", least significant byte first";
        write_f32_le -> WriteF32Le, f32, ", least significant byte first";
        write_f64_le -> WriteF64Le, f64, ", least significant byte first";
    }

    /// Pushes what the writer has buffered to where it goes.
    ///
    /// # Errors
    ///
    /// Whatever the writer reports; some bytes may have arrived.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what was not flushed stays buffered; call again to go on.
    fn flush(&mut self) -> Flush<'_, Self>
    where
        Self: Unpin,
    {
        Flush::new(self)
    }

    /// Flushes, then ends the writing side: the peer sees the end of the stream.
    ///
    /// # Errors
    ///
    /// Whatever the writer reports.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: call again to go on.
    fn shutdown(&mut self) -> Shutdown<'_, Self>
    where
        Self: Unpin,
    {
        Shutdown::new(self)
    }
}

impl<W: AsyncWrite + ?Sized> AsyncWriteExt for W {}

/// What a writer's refusal to take bytes is reported as.
fn write_zero() -> io::Error {
    io::ErrorKind::WriteZero.into()
}

/// Writes some bytes of `buf` and advances it: several pieces at once if `writer` likes them.
fn poll_write_buf<W: AsyncWrite + ?Sized, B: Buf + ?Sized>(
    writer: Pin<&mut W>,
    cx: &mut Context<'_>,
    buf: &mut B,
) -> Poll<io::Result<usize>> {
    let count = if writer.is_write_vectored() {
        let mut pieces = [IoSlice::new(&[]); MAX_PIECES];
        let used = buf.chunks_vectored(&mut pieces);
        std::task::ready!(writer.poll_write_vectored(cx, &pieces[..used]))?
    } else {
        std::task::ready!(writer.poll_write(cx, buf.chunk()))?
    };
    buf.advance(count);
    Poll::Ready(Ok(count))
}
