//! The futures of the methods that write one number, such as
//! [`AsyncWriteExt::write_u16`](super::AsyncWriteExt::write_u16).

use super::write_all::poll_write_all;
use crate::io_core::AsyncWrite;
use pin_project_lite::pin_project;
use std::future::Future;
use std::io;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::task::{Context, Poll};

macro_rules! number_future {
    ($($name:ident: $type:ty, $encode:ident;)*) => {
        $(
            pin_project! {
                #[doc = concat!("Writes one `", stringify!($type), "`.")]
                #[derive(Debug)]
                #[must_use = "futures do nothing unless you `.await` or poll them"]
                pub struct $name<W> {
                    #[pin]
                    writer: W,
                    bytes: [u8; size_of::<$type>()],
                    written: u8,
                    #[pin]
                    _pin: PhantomPinned,
                }
            }

            impl<W> $name<W> {
                pub(super) fn new(writer: W, value: $type) -> Self {
                    let bytes = value.$encode();
                    Self { writer, bytes, written: 0, _pin: PhantomPinned }
                }
            }

            impl<W: AsyncWrite> Future for $name<W> {
                type Output = io::Result<()>;

                fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                    let this = self.project();
                    let mut rest = &this.bytes[usize::from(*this.written)..];
                    let outcome = poll_write_all(this.writer, cx, &mut rest);
                    // At most 16 bytes, so it fits.
                    *this.written = (this.bytes.len() - rest.len()) as u8;
                    outcome
                }
            }
        )*
    };
}

number_future! {
    WriteU8: u8, to_be_bytes;
    WriteI8: i8, to_be_bytes;
    WriteU16: u16, to_be_bytes;
    WriteI16: i16, to_be_bytes;
    WriteU32: u32, to_be_bytes;
    WriteI32: i32, to_be_bytes;
    WriteU64: u64, to_be_bytes;
    WriteI64: i64, to_be_bytes;
    WriteU128: u128, to_be_bytes;
    WriteI128: i128, to_be_bytes;
    WriteF32: f32, to_be_bytes;
    WriteF64: f64, to_be_bytes;
    WriteU16Le: u16, to_le_bytes;
    WriteI16Le: i16, to_le_bytes;
    WriteU32Le: u32, to_le_bytes;
    WriteI32Le: i32, to_le_bytes;
    WriteU64Le: u64, to_le_bytes;
    WriteI64Le: i64, to_le_bytes;
    WriteU128Le: u128, to_le_bytes;
    WriteI128Le: i128, to_le_bytes;
    WriteF32Le: f32, to_le_bytes;
    WriteF64Le: f64, to_le_bytes;
}
