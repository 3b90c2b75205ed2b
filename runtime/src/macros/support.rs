//! What expansions of the macros refer to. Public because expansions live in user crates, hidden
//! because nobody else should: it may change in any release.
//!
//! Futures of `select!` and `join!` live in a tree of [`Pair`]s, so that pinning needs no
//! `unsafe`, here or in an expansion. The invariants of its leaves in `join!`:
//!
//! I1. [`MaybeDone`] goes Future → Done → Taken and never back; a future is polled in the first
//!     state only, and is dropped before its output is stored.
//! I2. An output is taken once, after `poll_done` or `poll_ok` has said that all are done.
//!
//! [`Root`] decides where the body of a `fn main` runs. The expansion calls `placement` on a
//! `&&Root<F>`: method lookup tries [`OnWorkers`] for `&Root<F>` first, which exists if the
//! future is `Send`, and goes on to [`OnCallerThread`] for `Root<F>`, which always does.

use crate::runtime::Runtime;
use pin_project_lite::pin_project;
use std::marker::PhantomData;
use std::panic;
use std::process::{ExitCode, Termination};

pub use crate::budget::poll_budget_available;
pub use crate::util::rng::thread_rng_n;
pub use runtime_macros::{__join, __select, __try_join, tokio_main, tokio_test};
pub use std::future::{Future, IntoFuture, poll_fn};
pub use std::pin::{Pin, pin};
pub use std::result::Result;
pub use std::task::{Context, Poll};

pin_project! {
    /// Two pinned values side by side: the node of the tree that holds the futures.
    #[derive(Debug)]
    pub struct Pair<L, R> {
        #[pin]
        left: L,
        #[pin]
        right: R,
    }
}

impl<L, R> Pair<L, R> {
    pub fn new(left: L, right: R) -> Self {
        Self { left, right }
    }

    pub fn split(self: Pin<&mut Self>) -> (Pin<&mut L>, Pin<&mut R>) {
        let this = self.project();
        (this.left, this.right)
    }
}

pin_project! {
    /// A future of `join!`, or its output (I1).
    ///
    /// The tag has a byte of its own: put into a niche of the future, it would be read through
    /// memory to which the pinned future may hold unique references (miri issue 3780).
    #[repr(u8)]
    #[project = MaybeDoneProjection]
    #[project_replace = MaybeDoneReplaced]
    #[derive(Debug)]
    pub enum MaybeDone<F: Future> {
        Future { #[pin] future: F },
        Done { output: F::Output },
        Taken,
    }
}

impl<F: Future> MaybeDone<F> {
    pub fn new(future: F) -> Self {
        Self::Future { future }
    }

    /// Polls the future unless it is done. Returns whether it is done now.
    pub fn poll_done(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        let MaybeDoneProjection::Future { future } = self.as_mut().project() else {
            return true;
        };
        let Poll::Ready(output) = future.poll(cx) else {
            return false;
        };
        self.set(Self::Done { output });
        true
    }

    /// Takes the output of a future that is done.
    pub fn take_output(self: Pin<&mut Self>) -> F::Output {
        match self.project_replace(Self::Taken) {
            MaybeDoneReplaced::Done { output } => output,
            MaybeDoneReplaced::Future { .. } | MaybeDoneReplaced::Taken => {
                panic!("`join!` was polled after it was ready; await it only once")
            }
        }
    }
}

impl<F: Future<Output = Result<T, E>>, T, E> MaybeDone<F> {
    /// Polls the future unless it is done. Returns whether it is done now, or its error.
    pub fn poll_ok(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Result<bool, E> {
        let MaybeDoneProjection::Future { future } = self.as_mut().project() else {
            return Ok(true);
        };
        match future.poll(cx) {
            Poll::Pending => Ok(false),
            Poll::Ready(Err(error)) => {
                self.set(Self::Taken);
                Err(error)
            }
            Poll::Ready(output) => {
                self.set(Self::Done { output });
                Ok(true)
            }
        }
    }

    /// Takes the value of a future that is done. Errors were taken by `poll_ok`.
    pub fn take_ok(self: Pin<&mut Self>) -> T {
        match self.take_output() {
            Ok(value) => value,
            Err(_) => unreachable!("`poll_ok` stores no error"),
        }
    }
}

/// Makes a branch of `try_join!` a future. Its bound is the error that a branch without a
/// `Result` gets.
pub fn into_try_future<F, T, E>(branch: F) -> F::IntoFuture
where
    F: IntoFuture<Output = Result<T, E>>,
{
    branch.into_future()
}

/// Ends a `select!` that has nothing to wait for and nothing else to do.
#[cold]
#[track_caller]
pub fn all_branches_disabled() -> ! {
    panic!(
        "all branches are disabled and there is no else branch: add `else => ...` to `select!`, \
         or a branch whose precondition holds and whose pattern always matches"
    )
}

/// Is the arm behind a guard that always fails.
#[cold]
pub fn never_entered() -> ! {
    unreachable!("the guard of this arm never holds")
}

/// A pattern matched while polling and then not again, which no pattern can do.
#[cold]
#[track_caller]
pub fn pattern_matched_once_only() -> ! {
    panic!("a pattern of `select!` matched the output while polling, but not in its handler")
}

/// Turns the value of `main` into an exit code inside the task that made it, so that the value
/// need not be `Send`.
///
/// # Cancel safety
///
/// Dropping it drops the body where it stands; expansions await it to the end.
pub async fn report<F>(body: F) -> ExitCode
where
    F: Future,
    F::Output: Termination,
{
    body.await.report()
}

/// The type of a body, asked for where it may run.
#[derive(Debug)]
pub struct Root<F>(PhantomData<fn() -> F>);

impl<F> Root<F> {
    pub fn of(_body: &F) -> Self {
        Self(PhantomData)
    }
}

/// For bodies that may run on the workers.
pub trait OnWorkers {
    fn placement(&self) -> Workers;
}

impl<F> OnWorkers for &Root<F>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn placement(&self) -> Workers {
        Workers
    }
}

/// For all other bodies.
pub trait OnCallerThread {
    fn placement(&self) -> CallerThread;
}

impl<F> OnCallerThread for Root<F> {
    fn placement(&self) -> CallerThread {
        CallerThread
    }
}

/// Runs a body as a task.
#[derive(Debug)]
pub struct Workers;

impl Workers {
    /// Runs the body on a worker while this thread waits. With one worker the body stays here:
    /// it may block its thread, and other tasks need that worker.
    ///
    /// # Panics
    ///
    /// Panics with the payload of the body's own panic.
    pub fn run<F>(self, runtime: Runtime, body: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        if runtime.metrics().num_workers() == 1 {
            return runtime.block_on(body);
        }
        match runtime.block_on(runtime.spawn(body)) {
            Ok(output) => output,
            Err(error) => match error.try_into_panic() {
                Ok(payload) => panic::resume_unwind(payload),
                Err(error) => panic!("the body of `#[main]` was cancelled: {error}"),
            },
        }
    }
}

/// Runs a body on the calling thread.
#[derive(Debug)]
pub struct CallerThread;

impl CallerThread {
    pub fn run<F: Future>(self, runtime: Runtime, body: F) -> F::Output {
        runtime.block_on(body)
    }
}
