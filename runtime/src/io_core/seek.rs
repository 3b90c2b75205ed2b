//! [`AsyncSeekExt`]: the methods of streams with a position to `.await`.

use super::AsyncSeek;
use pin_project_lite::pin_project;
use std::future::Future;
use std::io::{self, SeekFrom};
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Moves the position, for everything that is [`AsyncSeek`].
///
/// # Examples
///
/// ```
/// use runtime::io::{AsyncReadExt, AsyncSeekExt, SeekFrom};
///
/// # async fn example() -> std::io::Result<()> {
/// let mut stream = std::io::Cursor::new(b"0123456789");
/// stream.seek(SeekFrom::End(-2)).await?;
/// assert_eq!(stream.read_u8().await?, b'8');
/// # Ok(())
/// # }
/// ```
pub trait AsyncSeekExt: AsyncSeek {
    /// Moves to `pos` and returns the new position from the start in bytes.
    ///
    /// # Errors
    ///
    /// Whatever the stream reports, for instance a position before the start.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the move may be done, under way or not begun: seek again
    /// before you read or write.
    fn seek(&mut self, pos: SeekFrom) -> Seek<'_, Self>
    where
        Self: Unpin,
    {
        Seek {
            stream: self,
            request: Some(pos),
            _pin: PhantomPinned,
        }
    }

    /// Moves to the start and returns the position, which is 0.
    ///
    /// # Errors
    ///
    /// As [`seek`](AsyncSeekExt::seek).
    ///
    /// # Cancel safety
    ///
    /// As [`seek`](AsyncSeekExt::seek).
    fn rewind(&mut self) -> Seek<'_, Self>
    where
        Self: Unpin,
    {
        self.seek(SeekFrom::Start(0))
    }

    /// Returns the position from the start in bytes.
    ///
    /// # Errors
    ///
    /// As [`seek`](AsyncSeekExt::seek).
    ///
    /// # Cancel safety
    ///
    /// As [`seek`](AsyncSeekExt::seek).
    fn stream_position(&mut self) -> Seek<'_, Self>
    where
        Self: Unpin,
    {
        self.seek(SeekFrom::Current(0))
    }
}

impl<S: AsyncSeek + ?Sized> AsyncSeekExt for S {}

pin_project! {
    /// The future of [`AsyncSeekExt`]'s methods.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Seek<'a, S: ?Sized> {
        stream: &'a mut S,
        // Where to, until the move begins.
        request: Option<SeekFrom>,
        #[pin]
        _pin: PhantomPinned,
    }
}

impl<S: AsyncSeek + Unpin + ?Sized> Future for Seek<'_, S> {
    type Output = io::Result<u64>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let this = self.project();
        let mut stream = Pin::new(&mut **this.stream);
        if let Some(position) = *this.request {
            // An earlier move may be under way; what became of it is no concern of ours.
            let _ = ready!(stream.as_mut().poll_complete(cx));
            stream.as_mut().start_seek(position)?;
            *this.request = None;
        }
        stream.poll_complete(cx)
    }
}
