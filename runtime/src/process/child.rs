//! [`Child`]: a started child.

use super::output;
use super::stdio::{ChildStderr, ChildStdin, ChildStdout};
use super::unix::Running;
use crate::runtime::context;
use std::future::poll_fn;
use std::io;
use std::process::{self, ExitStatus, Output};
use std::task::{Context, Poll, ready};

/// A started child; made by [`Command::spawn`](super::Command::spawn).
///
/// Dropping it kills the child if [`kill_on_drop`](super::Command::kill_on_drop) was set. Else the
/// child goes on. In both cases its exit status is taken when it ends.
///
/// ```
/// use runtime::process::Command;
///
/// # #[runtime::main]
/// # async fn main() -> std::io::Result<()> {
/// let mut child = Command::new("sleep").arg("1000").spawn()?;
/// assert!(child.id().is_some());
/// child.kill().await?;
/// assert_eq!(child.wait().await?.code(), None);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Child {
    state: State,

    /// The child's standard input if it was set to a pipe; `take` it to write. The child reads
    /// the end when it is dropped.
    pub stdin: Option<ChildStdin>,

    /// The child's standard output if it was set to a pipe; `take` it to read.
    pub stdout: Option<ChildStdout>,

    /// The child's standard error if it was set to a pipe; `take` it to read.
    pub stderr: Option<ChildStderr>,
}

#[derive(Debug)]
enum State {
    Running(Running),
    Ended(ExitStatus),
}

impl Child {
    #[track_caller]
    pub(super) fn spawn(
        spawn: impl FnOnce() -> io::Result<process::Child>,
        kill_on_drop: bool,
    ) -> io::Result<Self> {
        // Before there is a child that nobody would wait for.
        let _reactor = context::io_handle();
        let runtime = context::current();
        let mut child = spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        // From here on a failure reaps the child, which the caller will never see.
        let mut running = Running::new(child, runtime, kill_on_drop);
        let pipes = (|| {
            Ok::<_, io::Error>((
                pipes.0.map(ChildStdin::spawned).transpose()?,
                pipes.1.map(ChildStdout::spawned).transpose()?,
                pipes.2.map(ChildStderr::spawned).transpose()?,
            ))
        })();
        let (stdin, stdout, stderr) = pipes.inspect_err(|_| {
            let _ = running.kill();
        })?;
        Ok(Self {
            state: State::Running(running),
            stdin,
            stdout,
            stderr,
        })
    }

    /// The system's number of the child, or `None` once its exit status was taken: the number
    /// may belong to another process then.
    pub fn id(&self) -> Option<u32> {
        match &self.state {
            State::Running(running) => Some(running.id()),
            State::Ended(_) => None,
        }
    }

    /// Sends `SIGKILL` to the child, without waiting for its end. Does nothing once its exit
    /// status was taken.
    ///
    /// # Errors
    ///
    /// Whatever the system says.
    pub fn start_kill(&mut self) -> io::Result<()> {
        match &mut self.state {
            State::Running(running) => running.kill(),
            State::Ended(_) => Ok(()),
        }
    }

    /// Kills the child and waits for its end.
    ///
    /// # Errors
    ///
    /// Those of [`start_kill`](Self::start_kill) and [`wait`](Self::wait).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, but the child is killed from the first poll on.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.start_kill()?;
        self.wait().await.map(drop)
    }

    /// Waits for the child's end. Its standard input, if it is still in the field, is closed
    /// first, so that a child does not wait for input which waits for the child.
    ///
    /// May be called again, and on another runtime than that of the spawn.
    ///
    /// # Errors
    ///
    /// Whatever the system says, for instance that the program ignores `SIGCHLD` and so never
    /// learns about its children (`ECHILD`), or that this is a fork of the process that spawned it.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the exit status is kept for the next call. The standard input stays closed.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        poll_fn(|cx| self.poll_wait(cx)).await
    }

    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        let status = match &mut self.state {
            State::Running(running) => ready!(running.poll_wait(cx))?,
            State::Ended(status) => *status,
        };
        self.state = State::Ended(status);
        Poll::Ready(Ok(status))
    }

    /// The exit status if the child ended, else `None`.
    ///
    /// # Errors
    ///
    /// Whatever the system says.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = match &mut self.state {
            State::Running(running) => running.try_wait()?,
            State::Ended(status) => Some(*status),
        };
        if let Some(status) = status {
            self.state = State::Ended(status);
        }
        Ok(status)
    }

    /// Waits for the child's end and collects what it writes to pipes meanwhile. Its standard
    /// input, if it is still in the field, is closed first.
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Self::wait) and of reading.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: dropping the future is dropping the child, and what was read is lost.
    pub async fn wait_with_output(mut self) -> io::Result<Output> {
        let (stdout, stderr) = (self.stdout.take(), self.stderr.take());
        let status = self.wait();
        output::collect(status, stdout, stderr).await
    }
}
