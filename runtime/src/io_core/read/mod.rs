//! [`AsyncReadExt`]: the methods of readers to `.await`, one future per file.

mod chain;
mod once;
mod read_buf;
mod read_exact;
mod read_int;
mod read_to_end;
mod read_to_string;
mod take;

pub use self::chain::Chain;
pub use self::take::Take;

use self::once::Read;
use self::read_buf::ReadInto;
use self::read_exact::ReadExact;
use self::read_to_end::ReadToEnd;
use self::read_to_string::ReadToString;
use super::AsyncRead;
use bytes::BufMut;

/// Declares the methods that read one number each.
macro_rules! number_readers {
    ($($(#[$extra:meta])* $method:ident -> $future:ident, $type:ty, $bytes:literal, $order:literal;)*) => {
        $(
            #[doc = concat!("Reads ", $bytes, " as one `", stringify!($type), "`", $order, ".")]
            ///
            /// # Errors
            ///
            /// `UnexpectedEof` if the stream ends first, or whatever the reader reports.
            ///
            /// # Cancel safety
            ///
            /// Not cancel safe for more than one byte: bytes already read are lost with the
            /// future.
            fn $method(&mut self) -> read_int::$future<&mut Self>
            where
                Self: Unpin,
            {
                read_int::$future::new(self)
            }
        )*
    };
}

/// Reads to `.await`, for everything that is [`AsyncRead`].
///
/// # Examples
///
/// ```
/// use runtime::io::AsyncReadExt;
///
/// # async fn example() -> std::io::Result<()> {
/// let mut source: &[u8] = b"\x01\x02rest";
/// assert_eq!(source.read_u16().await?, 0x0102);
/// let mut rest = Vec::new();
/// source.read_to_end(&mut rest).await?;
/// assert_eq!(rest, b"rest");
/// # Ok(())
/// # }
/// ```
pub trait AsyncReadExt: AsyncRead {
    /// Makes a reader that continues with `next` where this one ends.
    fn chain<R>(self, next: R) -> Chain<Self, R>
    where
        Self: Sized,
        R: AsyncRead,
    {
        Chain::new(self, next)
    }

    /// Reads some bytes into `buf` and returns how many.
    ///
    /// 0 means that `buf` is empty or the stream has ended.
    ///
    /// # Errors
    ///
    /// Whatever the reader reports; then nothing was read.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future before it is ready loses no data.
    fn read<'a>(&'a mut self, buf: &'a mut [u8]) -> Read<'a, Self>
    where
        Self: Unpin,
    {
        Read::new(self, buf)
    }

    /// Reads some bytes into the free part of `buf`, advances it and returns how many.
    ///
    /// `buf` may be a `Vec<u8>` or `BytesMut`, which grows when it is full. 0 means that it
    /// has no room or the stream has ended.
    ///
    /// # Errors
    ///
    /// Whatever the reader reports; then nothing was read.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future before it is ready loses no data.
    fn read_buf<'a, B>(&'a mut self, buf: &'a mut B) -> ReadInto<'a, Self, B>
    where
        Self: Unpin,
        B: BufMut + ?Sized,
    {
        ReadInto::new(self, buf)
    }

    /// Reads until `buf` is full and returns its length.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the stream ends first, or whatever the reader reports. How much of
    /// `buf` was written is then unknown.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: if the future is dropped, some bytes may be in `buf` and nobody knows
    /// how many.
    fn read_exact<'a>(&'a mut self, buf: &'a mut [u8]) -> ReadExact<'a, Self>
    where
        Self: Unpin,
    {
        ReadExact::new(self, buf)
    }

    number_readers! {
        read_u8 -> ReadU8, u8, "a byte", "";
        read_i8 -> ReadI8, i8, "a byte", "";
        read_u16 -> ReadU16, u16, "2 bytes", ", most significant byte first";
        read_i16 -> ReadI16, i16, "2 bytes", ", most significant byte first";
        read_u32 -> ReadU32, u32, "4 bytes", ", most significant byte first";
        read_i32 -> ReadI32, i32, "4 bytes", ", most significant byte first";
        read_u64 -> ReadU64, u64, "8 bytes", ", most significant byte first";
        read_i64 -> ReadI64, i64, "8 bytes", ", most significant byte first";
        read_u128 -> ReadU128, u128, "16 bytes", ", most significant byte first";
        read_i128 -> ReadI128, i128, "16 bytes", ", most significant byte first";
        read_f32 -> ReadF32, f32, "4 bytes", ", most significant byte first";
        read_f64 -> ReadF64, f64, "8 bytes", ", most significant byte first";
        read_u16_le -> ReadU16Le, u16, "2 bytes", ", least significant byte first";
        read_i16_le -> ReadI16Le, i16, "2 bytes", ", least significant byte first";
        read_u32_le -> ReadU32Le, u32, "4 bytes", ", least significant byte first";
        read_i32_le -> ReadI32Le, i32, "4 bytes", ", least significant byte first";
        read_u64_le -> ReadU64Le, u64, "8 bytes", ", least significant byte first";
        read_i64_le -> ReadI64Le, i64, "8 bytes", ", least significant byte first";
        read_u128_le -> ReadU128Le, u128, "16 bytes", ", least significant byte first";
        read_i128_le -> ReadI128Le, i128, "16 bytes", ", least significant byte first";
        read_f32_le -> ReadF32Le, f32, "4 bytes", ", least significant byte first";
        read_f64_le -> ReadF64Le, f64, "8 bytes", ", least significant byte first";
    }

    /// Reads until the end of the stream, appends to `buf` and returns how many bytes came.
    ///
    /// # Errors
    ///
    /// Whatever the reader reports; what was read before stays in `buf`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: what was read is in `buf`, but to read the rest the
    /// caller has to call again.
    fn read_to_end<'a>(&'a mut self, buf: &'a mut Vec<u8>) -> ReadToEnd<'a, Self>
    where
        Self: Unpin,
    {
        ReadToEnd::new(self, buf)
    }

    /// Reads text until the end of the stream, appends to `dst` and returns how many bytes
    /// came.
    ///
    /// # Errors
    ///
    /// `InvalidData` if the bytes are not UTF-8, or whatever the reader reports. `dst` is then
    /// as before.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: if the future is dropped, what was read is lost, and so may be what
    /// `dst` held.
    fn read_to_string<'a>(&'a mut self, dst: &'a mut String) -> ReadToString<'a, Self>
    where
        Self: Unpin,
    {
        ReadToString::new(self, dst)
    }

    /// Makes a reader that ends after at most `limit` bytes of this one.
    fn take(self, limit: u64) -> Take<Self>
    where
        Self: Sized,
    {
        Take::new(self, limit)
    }
}

impl<R: AsyncRead + ?Sized> AsyncReadExt for R {}
