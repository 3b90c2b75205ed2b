//! The future of [`AsyncBufReadExt::read_until`](super::AsyncBufReadExt::read_until).

use crate::io_core::{AsyncBufRead, is_interrupted};
use pin_project_lite::pin_project;
use std::future::Future;
use std::io;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// Reads up to a delimiter.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct ReadUntil<'a, R: ?Sized> {
        reader: &'a mut R,
        delimiter: u8,
        buf: &'a mut Vec<u8>,
        count: usize,
        #[pin]
        _pin: PhantomPinned,
    }
}

impl<'a, R: ?Sized> ReadUntil<'a, R> {
    pub(super) fn new(reader: &'a mut R, delimiter: u8, buf: &'a mut Vec<u8>) -> Self {
        Self {
            reader,
            delimiter,
            buf,
            count: 0,
            _pin: PhantomPinned,
        }
    }
}

impl<R: AsyncBufRead + Unpin + ?Sized> Future for ReadUntil<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.project();
        poll_read_until(
            Pin::new(&mut **this.reader),
            cx,
            *this.delimiter,
            this.buf,
            this.count,
        )
    }
}

/// Appends to `buf` up to and including `delimiter`, or to the end of the stream. `count` has
/// the bytes of earlier polls and is 0 again when the answer is ready.
pub(super) fn poll_read_until<R: AsyncBufRead + ?Sized>(
    mut reader: Pin<&mut R>,
    cx: &mut Context<'_>,
    delimiter: u8,
    buf: &mut Vec<u8>,
    count: &mut usize,
) -> Poll<io::Result<usize>> {
    loop {
        let (used, done) = match ready!(reader.as_mut().poll_fill_buf(cx)) {
            Ok(available) => {
                let found = find(delimiter, available);
                let used = found.map_or(available.len(), |at| at + 1);
                buf.extend_from_slice(&available[..used]);
                (used, found.is_some() || used == 0)
            }
            Err(error) if is_interrupted(&error) => continue,
            Err(error) => return Poll::Ready(Err(error)),
        };
        reader.as_mut().consume(used);
        *count += used;
        if done {
            return Poll::Ready(Ok(std::mem::take(count)));
        }
    }
}

/// The index of the first `byte`.
///
/// Looks at blocks first: a search that cannot stop within a block compiles to vector code.
fn find(byte: u8, bytes: &[u8]) -> Option<usize> {
    const BLOCK: usize = 32;
    let mut start = 0;
    for block in bytes.chunks_exact(BLOCK) {
        if block.iter().fold(false, |found, &b| found | (b == byte)) {
            break;
        }
        start += BLOCK;
    }
    bytes[start..]
        .iter()
        .position(|&b| b == byte)
        .map(|at| start + at)
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn the_first_match_is_found_wherever_it_is() {
        for len in 0..100 {
            let mut bytes = vec![b'.'; len];
            assert_eq!(find(b'x', &bytes), None);
            for at in (0..len).rev() {
                bytes[at] = b'x';
                assert_eq!(find(b'x', &bytes), Some(at));
            }
        }
    }
}
