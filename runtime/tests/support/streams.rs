//! Scripted streams, and an executor that is no runtime.

use super::poll_once;
use runtime::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread, with no runtime around.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        std::thread::park();
    }
}

/// One step of a script.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Yields these bytes, or takes at most so many.
    Bytes(Vec<u8>),
    /// Pending once, waking at once.
    Pending,
    Error(io::ErrorKind),
}

pub(crate) fn bytes(bytes: impl AsRef<[u8]>) -> Step {
    Step::Bytes(bytes.as_ref().to_vec())
}

/// Yields what its script says, then the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScriptedReader {
    steps: VecDeque<Step>,
}

impl ScriptedReader {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
        }
    }
}

impl AsyncRead for ScriptedReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.steps.pop_front() {
            None => {}
            Some(Step::Pending) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Step::Error(kind)) => return Poll::Ready(Err(kind.into())),
            Some(Step::Bytes(mut bytes)) => {
                let rest = bytes.split_off(bytes.len().min(buf.remaining()));
                buf.put_slice(&bytes);
                if !rest.is_empty() {
                    self.steps.push_front(Step::Bytes(rest));
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Takes what its script says, then everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScriptedWriter {
    steps: VecDeque<Step>,
    pub(crate) written: Vec<u8>,
    pub(crate) calls: usize,
    pub(crate) flushes: usize,
    pub(crate) shutdowns: usize,
    pub(crate) vectored: bool,
}

impl ScriptedWriter {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            ..Self::default()
        }
    }

    fn take(&mut self, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.calls += 1;
        let limit = match self.steps.pop_front() {
            None => usize::MAX,
            Some(Step::Pending) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Step::Error(kind)) => return Poll::Ready(Err(kind.into())),
            Some(Step::Bytes(bytes)) => bytes.len(),
        };
        let all: Vec<u8> = bufs.iter().flat_map(|buf| buf.iter().copied()).collect();
        let count = all.len().min(limit);
        self.written.extend_from_slice(&all[..count]);
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for ScriptedWriter {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.take(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.vectored {
            return self.take(cx, bufs);
        }
        let first = bufs.iter().find(|buf| !buf.is_empty());
        let first = first.map_or(&[][..], |buf| buf);
        self.take(cx, &[IoSlice::new(first)])
    }

    fn is_write_vectored(&self) -> bool {
        self.vectored
    }

    fn poll_flush(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flushes += 1;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shutdowns += 1;
        Poll::Ready(Ok(()))
    }
}

/// Reads with a buffer that each message fills, often enough that the stream asks the kernel what is
/// left where the kernel can tell.
pub(crate) async fn exact_fits(
    from: &mut (impl AsyncWrite + Unpin),
    to: &mut (impl AsyncRead + Unpin),
) {
    for round in 0..8_u8 {
        from.write_all(&[round; 16]).await.unwrap();
        let mut buf = [0; 16];
        to.read_exact(&mut buf).await.unwrap();
        assert_eq!(buf, [round; 16]);
        let mut next = [0; 16];
        let mut read = pin!(to.read(&mut next));
        assert!(poll_once(read.as_mut()).is_pending(), "nothing is left");
    }
}

pub(crate) fn is_blocked<R>(outcome: &io::Result<R>) -> bool {
    matches!(outcome, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}
