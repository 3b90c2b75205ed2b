//! The futures of the methods that read one number, such as
//! [`AsyncReadExt::read_u16`](super::AsyncReadExt::read_u16).

use super::read_exact::poll_fill;
use crate::io_core::{AsyncRead, ReadBuf};
use pin_project_lite::pin_project;
use std::future::Future;
use std::io;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

macro_rules! number_future {
    ($($name:ident: $type:ty, $decode:ident;)*) => {
        $(
            pin_project! {
                #[doc = concat!("Reads one `", stringify!($type), "`.")]
                #[derive(Debug)]
                #[must_use = "futures do nothing unless you `.await` or poll them"]
                pub struct $name<R> {
                    #[pin]
                    reader: R,
                    bytes: [u8; size_of::<$type>()],
                    filled: u8,
                    #[pin]
                    _pin: PhantomPinned,
                }
            }

            impl<R> $name<R> {
                pub(super) fn new(reader: R) -> Self {
                    let bytes = [0; size_of::<$type>()];
                    Self { reader, bytes, filled: 0, _pin: PhantomPinned }
                }
            }

            impl<R: AsyncRead> Future for $name<R> {
                type Output = io::Result<$type>;

                fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                    let this = self.project();
                    let mut buf = ReadBuf::new(this.bytes);
                    buf.set_filled(usize::from(*this.filled));
                    let outcome = poll_fill(this.reader, cx, &mut buf, || {
                        io::ErrorKind::UnexpectedEof.into()
                    });
                    // At most 16 bytes, so it fits.
                    *this.filled = buf.filled().len() as u8;
                    ready!(outcome)?;
                    Poll::Ready(Ok(<$type>::$decode(*this.bytes)))
                }
            }
        )*
    };
}

number_future! {
    ReadU8: u8, from_be_bytes;
    ReadI8: i8, from_be_bytes;
    ReadU16: u16, from_be_bytes;
    ReadI16: i16, from_be_bytes;
    ReadU32: u32, from_be_bytes;
    ReadI32: i32, from_be_bytes;
    ReadU64: u64, from_be_bytes;
    ReadI64: i64, from_be_bytes;
    ReadU128: u128, from_be_bytes;
    ReadI128: i128, from_be_bytes;
    ReadF32: f32, from_be_bytes;
    ReadF64: f64, from_be_bytes;
    ReadU16Le: u16, from_le_bytes;
    ReadI16Le: i16, from_le_bytes;
    ReadU32Le: u32, from_le_bytes;
    ReadI32Le: i32, from_le_bytes;
    ReadU64Le: u64, from_le_bytes;
    ReadI64Le: i64, from_le_bytes;
    ReadU128Le: u128, from_le_bytes;
    ReadI128Le: i128, from_le_bytes;
    ReadF32Le: f32, from_le_bytes;
    ReadF64Le: f64, from_le_bytes;
}
