//! The end of a child together with all that it writes.

use crate::io_core::{AsyncRead, AsyncReadExt};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::process::{ExitStatus, Output};
use std::task::Poll;

/// Waits for `status` and reads both pipes to their ends, all at once, until one fails.
pub(super) async fn collect(
    status: impl Future<Output = io::Result<ExitStatus>>,
    stdout: Option<impl AsyncRead + Unpin>,
    stderr: Option<impl AsyncRead + Unpin>,
) -> io::Result<Output> {
    let mut status = pin!(status);
    let mut stdout = pin!(read_all(stdout));
    let mut stderr = pin!(read_all(stderr));
    let mut done = (None, None, None);
    poll_fn(|cx| {
        // What is done is not polled again.
        if done.0.is_none() {
            if let Poll::Ready(status) = status.as_mut().poll(cx)? {
                done.0 = Some(status);
            }
        }
        if done.1.is_none() {
            if let Poll::Ready(bytes) = stdout.as_mut().poll(cx)? {
                done.1 = Some(bytes);
            }
        }
        if done.2.is_none() {
            if let Poll::Ready(bytes) = stderr.as_mut().poll(cx)? {
                done.2 = Some(bytes);
            }
        }
        match (done.0, done.1.take(), done.2.take()) {
            (Some(status), Some(stdout), Some(stderr)) => Poll::Ready(Ok(Output {
                status,
                stdout,
                stderr,
            })),
            (_, stdout, stderr) => {
                (done.1, done.2) = (stdout, stderr);
                Poll::Pending
            }
        }
    })
    .await
}

async fn read_all(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}
