//! Streams in memory: one way ([`simplex`]) and both ways ([`duplex`]).
//!
//! A [`SimplexStream`] is a bounded byte queue with one waiting reader and one waiting writer.
//! A [`DuplexStream`] is two of them, each behind a lock that its two ends share.
//!
//! I1. A reader waits only while the queue is empty and open, a writer only while it is full
//!     and open; whoever ends that takes the other's waker.
//! I2. A waker is woken, or dropped because a newer one took its place, after the lock is
//!     released: either can run code that uses the other end. So the operations of [`Pipe`]
//!     return the waker for the caller to use.
//!
//! The queue grows under the lock, up to its capacity and once: allocating the capacity in
//! `new` was rejected, because callers choose it large to mean "no limit".

use super::{AsyncRead, AsyncWrite, ReadBuf, ReadHalf, WriteHalf, split};
use crate::budget;
use crate::loom::sync::{Arc, Mutex};
use bytes::{Buf, BytesMut};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

/// One end of a two-way stream in memory; made by [`duplex`].
///
/// What one end writes the other reads. When an end is dropped or shut down the other reads
/// the rest and then the end of the stream; writing to an end that is gone is `BrokenPipe`.
#[derive(Debug)]
pub struct DuplexStream {
    incoming: Arc<Mutex<Pipe>>,
    outgoing: Arc<Mutex<Pipe>>,
}

/// A one-way stream in memory that is both ends at once; made by [`simplex`], which splits it.
#[derive(Debug)]
pub struct SimplexStream {
    pipe: Pipe,
}

/// Makes the two ends of a stream in memory. Each direction holds `max_buf_size` bytes; a
/// writer waits while it is full.
///
/// # Panics
///
/// Panics if `max_buf_size` is 0, since no byte could ever pass.
///
/// # Examples
///
/// ```
/// use runtime::io::{AsyncReadExt, AsyncWriteExt};
///
/// # async fn example() -> std::io::Result<()> {
/// let (mut client, mut server) = runtime::io::duplex(64);
/// client.write_all(b"ping").await?;
/// drop(client);
/// let mut received = Vec::new();
/// server.read_to_end(&mut received).await?;
/// assert_eq!(received, b"ping");
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn duplex(max_buf_size: usize) -> (DuplexStream, DuplexStream) {
    let one = Arc::new(Mutex::new(Pipe::new(max_buf_size)));
    let two = Arc::new(Mutex::new(Pipe::new(max_buf_size)));
    let near = DuplexStream {
        incoming: one.clone(),
        outgoing: two.clone(),
    };
    (
        near,
        DuplexStream {
            incoming: two,
            outgoing: one,
        },
    )
}

/// Makes the reading and the writing half of a one-way stream in memory that holds
/// `max_buf_size` bytes.
///
/// The reader sees the end after the writer is shut down; dropping a half does not close the
/// stream.
///
/// # Panics
///
/// Panics if `max_buf_size` is 0, since no byte could ever pass.
#[track_caller]
pub fn simplex(max_buf_size: usize) -> (ReadHalf<SimplexStream>, WriteHalf<SimplexStream>) {
    split(SimplexStream::new_unsplit(max_buf_size))
}

impl SimplexStream {
    /// Makes the stream of [`simplex`] in one piece.
    ///
    /// # Panics
    ///
    /// Panics if `max_buf_size` is 0, since no byte could ever pass.
    #[track_caller]
    pub fn new_unsplit(max_buf_size: usize) -> SimplexStream {
        SimplexStream {
            pipe: Pipe::new(max_buf_size),
        }
    }
}

/// A bounded byte queue. Pure: it stores wakers and hands them out, but runs none (I2).
#[derive(Debug)]
struct Pipe {
    bytes: BytesMut,
    capacity: usize,
    closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// What to do with wakers once the lock is released.
#[must_use]
#[derive(Default)]
struct AfterUnlock {
    wake: Option<Waker>,
    drop: Option<Waker>,
}

impl AfterUnlock {
    fn run(self) {
        if let Some(waker) = self.wake {
            waker.wake();
        }
        drop(self.drop);
    }
}

impl Pipe {
    #[track_caller]
    fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "`max_buf_size` must be greater than 0");
        Self {
            bytes: BytesMut::new(),
            capacity,
            closed: false,
            reader: None,
            writer: None,
        }
    }

    /// `waker` is `None` in the first try, which then registers nothing.
    fn wait(slot: &mut Option<Waker>, waker: Option<Waker>) -> AfterUnlock {
        match waker {
            Some(waker) => AfterUnlock {
                wake: None,
                drop: slot.replace(waker),
            },
            None => AfterUnlock::default(),
        }
    }

    fn poll_read(
        &mut self,
        waker: Option<Waker>,
        buf: &mut ReadBuf<'_>,
    ) -> (Poll<()>, AfterUnlock) {
        if buf.remaining() == 0 || (self.bytes.is_empty() && self.closed) {
            return (
                Poll::Ready(()),
                AfterUnlock {
                    wake: None,
                    drop: waker,
                },
            );
        }
        if self.bytes.is_empty() {
            return (Poll::Pending, Self::wait(&mut self.reader, waker));
        }
        let count = self.bytes.len().min(buf.remaining());
        buf.put_slice(&self.bytes[..count]);
        self.bytes.advance(count);
        (
            Poll::Ready(()),
            AfterUnlock {
                wake: self.writer.take(),
                drop: waker,
            },
        )
    }

    fn poll_write(
        &mut self,
        waker: Option<Waker>,
        bufs: &[IoSlice<'_>],
    ) -> (Poll<io::Result<usize>>, AfterUnlock) {
        if self.closed {
            let error = io::ErrorKind::BrokenPipe.into();
            return (
                Poll::Ready(Err(error)),
                AfterUnlock {
                    wake: None,
                    drop: waker,
                },
            );
        }
        if bufs.iter().all(|buf| buf.is_empty()) {
            return (
                Poll::Ready(Ok(0)),
                AfterUnlock {
                    wake: None,
                    drop: waker,
                },
            );
        }
        let room = self.capacity - self.bytes.len();
        if room == 0 {
            return (Poll::Pending, Self::wait(&mut self.writer, waker));
        }
        let mut left = room;
        for buf in bufs {
            let count = buf.len().min(left);
            self.bytes.extend_from_slice(&buf[..count]);
            left -= count;
        }
        let after = AfterUnlock {
            wake: self.reader.take(),
            drop: waker,
        };
        (Poll::Ready(Ok(room - left)), after)
    }

    /// The writer is done: the reader gets the rest and then the end.
    fn close(&mut self) -> [AfterUnlock; 2] {
        self.closed = true;
        [
            AfterUnlock {
                wake: self.reader.take(),
                drop: None,
            },
            AfterUnlock {
                wake: self.writer.take(),
                drop: None,
            },
        ]
    }
}

fn close_shared(pipe: &Mutex<Pipe>) {
    let after = pipe.lock().close();
    after.into_iter().for_each(AfterUnlock::run);
}

/// One budgeted operation on a pipe, wherever it is kept.
fn poll_budgeted<R>(
    cx: &mut Context<'_>,
    mut operate: impl FnMut(Option<Waker>) -> (Poll<R>, AfterUnlock),
) -> Poll<R> {
    let unit = ready!(budget::poll_proceed(cx));
    let (mut outcome, mut after) = operate(None);
    if outcome.is_pending() {
        // Cloned while no lock is held, because cloning runs foreign code, and only if needed.
        (outcome, after) = operate(Some(cx.waker().clone()));
    }
    after.run();
    if outcome.is_ready() {
        unit.made_progress();
    }
    outcome
}

impl AsyncRead for DuplexStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        poll_budgeted(cx, |waker| self.incoming.lock().poll_read(waker, buf)).map(Ok)
    }
}

impl AsyncWrite for DuplexStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        poll_budgeted(cx, |waker| self.outgoing.lock().poll_write(waker, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        close_shared(&self.outgoing);
        Poll::Ready(Ok(()))
    }
}

impl Drop for DuplexStream {
    fn drop(&mut self) {
        close_shared(&self.outgoing);
        close_shared(&self.incoming);
    }
}

impl AsyncRead for SimplexStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        poll_budgeted(cx, |waker| self.pipe.poll_read(waker, buf)).map(Ok)
    }
}

impl AsyncWrite for SimplexStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        poll_budgeted(cx, |waker| self.pipe.poll_write(waker, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pipe.close().into_iter().for_each(AfterUnlock::run);
        Poll::Ready(Ok(()))
    }
}
