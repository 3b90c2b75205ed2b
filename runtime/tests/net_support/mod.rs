//! What the tests of sockets share: runtimes, single polls, and a directory that goes away.
#![allow(dead_code)] // each test file uses its part

use runtime::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

pub(crate) fn current_thread<F: Future>(future: F) -> F::Output {
    let mut builder = runtime::runtime::Builder::new_current_thread();
    bounded(builder.enable_all().build().unwrap(), future)
}

pub(crate) fn multi_thread<F: Future>(future: F) -> F::Output {
    let mut builder = runtime::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build().unwrap();
    bounded(runtime, future)
}

/// Runs a future that hangs for less than a minute.
fn bounded<F: Future>(runtime: runtime::Runtime, future: F) -> F::Output {
    let limit = Duration::from_secs(60);
    runtime
        .block_on(async { runtime::time::timeout(limit, future).await })
        .expect("hangs")
}

/// Polls once with a waker that nobody hears.
pub(crate) fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
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

/// Lets the reactor look at what the system has for it.
pub(crate) async fn turns() {
    for _ in 0..50 {
        runtime::task::yield_now().await;
    }
}

/// Waits until `poll` is ready, by polling it on and on.
pub(crate) async fn until_ready<R>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<R>) -> R {
    std::future::poll_fn(|cx| poll(cx)).await
}

pub(crate) fn is_blocked<R>(outcome: &io::Result<R>) -> bool {
    matches!(outcome, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

/// Counts wakes.
#[derive(Default)]
pub(crate) struct WakeCount(AtomicUsize);

impl WakeCount {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let count = Arc::new(Self::default());
        (count.clone(), Waker::from(count))
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for WakeCount {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A directory of its own, gone at the end.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let nth = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("runtime-net-{}-{nth}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl AsRef<Path> for Directory {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
