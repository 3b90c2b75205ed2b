//! [`AsyncBufReadExt`]: the methods of buffered readers to `.await`, one future per file.

mod fill_buf;
mod lines;
mod read_line;
mod read_until;
mod split;
mod utf8;

pub use self::lines::Lines;
pub use self::split::Split;

pub(super) use self::utf8::Utf8Target;

use self::fill_buf::FillBuf;
use self::read_line::ReadLine;
use self::read_until::ReadUntil;
use super::AsyncBufRead;
use std::pin::Pin;

/// Reads up to a delimiter, for everything that is [`AsyncBufRead`].
///
/// # Examples
///
/// ```
/// use runtime::io::AsyncBufReadExt;
///
/// # async fn example() -> std::io::Result<()> {
/// let text: &[u8] = b"first\nsecond\n";
/// let mut lines = text.lines();
/// assert_eq!(lines.next_line().await?.as_deref(), Some("first"));
/// assert_eq!(lines.next_line().await?.as_deref(), Some("second"));
/// assert_eq!(lines.next_line().await?, None);
/// # Ok(())
/// # }
/// ```
pub trait AsyncBufReadExt: AsyncBufRead {
    /// Reads up to and including `byte`, or to the end of the stream, appends to `buf` and
    /// returns how many bytes came. 0 means the end.
    ///
    /// # Errors
    ///
    /// Whatever the reader reports; what was read before stays in `buf`.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, what was read is in `buf`; a second call with the same `buf`
    /// continues there.
    fn read_until<'a>(&'a mut self, byte: u8, buf: &'a mut Vec<u8>) -> ReadUntil<'a, Self>
    where
        Self: Unpin,
    {
        ReadUntil::new(self, byte, buf)
    }

    /// Reads a line with its `\n`, or to the end of the stream, appends to `buf` and returns
    /// how many bytes came. 0 means the end.
    ///
    /// # Errors
    ///
    /// `InvalidData` if the line is not UTF-8: `buf` is then as before and the line is lost.
    /// Otherwise whatever the reader reports; what was read before stays in `buf` if it is
    /// UTF-8.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: if the future is dropped, part of the line may be lost, and so may be
    /// what `buf` held. [`read_until`](AsyncBufReadExt::read_until) or
    /// [`lines`](AsyncBufReadExt::lines) lose nothing.
    fn read_line<'a>(&'a mut self, buf: &'a mut String) -> ReadLine<'a, Self>
    where
        Self: Unpin,
    {
        ReadLine::new(self, buf)
    }

    /// Cuts the stream at each `byte`; see [`Split`].
    fn split(self, byte: u8) -> Split<Self>
    where
        Self: Sized + Unpin,
    {
        Split::new(self, byte)
    }

    /// Returns the buffered bytes and reads more from the source if there are none. Empty
    /// means the end of the stream.
    ///
    /// # Errors
    ///
    /// Whatever the reader reports.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future before it is ready loses no data.
    fn fill_buf(&mut self) -> FillBuf<'_, Self>
    where
        Self: Unpin,
    {
        FillBuf::new(self)
    }

    /// Takes `amt` bytes out of the buffer, at most as many as
    /// [`fill_buf`](AsyncBufReadExt::fill_buf) lent.
    fn consume(&mut self, amt: usize)
    where
        Self: Unpin,
    {
        Pin::new(self).consume(amt);
    }

    /// Cuts the stream into lines; see [`Lines`].
    fn lines(self) -> Lines<Self>
    where
        Self: Sized,
    {
        Lines::new(self)
    }
}

impl<R: AsyncBufRead + ?Sized> AsyncBufReadExt for R {}
