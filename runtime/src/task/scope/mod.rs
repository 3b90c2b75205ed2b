//! Tasks that end before the code that spawned them goes on.
//!
//! ```text
//!   body ──ready──► waiting for children ──none left──► ended: output, error or panic
//!     │                     ▲       │
//!     └─ failure: dropped ──┘       └─ failure: children cancelled
//! ```
//!
//! A failure is a panic of the body or of a child, an error of those of a [`TryScope`], or the
//! deadline. It cancels one token: the body and the children wait on that, each beside its own
//! work, so nobody keeps a list of them. Children hold a ticket until their future is gone; the
//! scope waits for the tickets ([`live`], S1 and S2; [`shared`], S3).
//!
//! Rejected: a `JoinSet` under a lock (children spawn children, and outputs are of many types); handles
//! to abort (a list, and a race with those that spawn meanwhile).

mod child;
pub(crate) mod live;
mod run;
mod shared;

pub use self::child::ScopedJoinHandle;

use self::child::{Child, Judge, block};
use self::run::{Deadline, run};
use self::shared::Shared;
use crate::loom::sync::Arc;
use crate::runtime::Handle;
use crate::time::Instant;
use crate::time::error::Elapsed;
use std::fmt;

/// Runs `f` with a [`Scope`] to spawn tasks in, and waits for them all before it gives the output of
/// `f`.
///
/// Unlike those of [`std::thread::scope`] the tasks are `'static`: they own what they use.
///
/// # Panics
///
/// Panics with the payload of the first panic of `f` or a child. By then `f` and the other children
/// have been cancelled and have ended.
///
/// # Cancel safety
///
/// When the future is dropped all children are cancelled. Each ends at its next await point; the drop
/// cannot wait for that.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use std::sync::Arc;
///
/// # runtime::runtime::Runtime::new().unwrap().block_on(async {
/// let sum = Arc::new(AtomicU32::new(0));
/// runtime::task::scope(|scope| {
///     let sum = sum.clone();
///     async move {
///         for i in 1..=10 {
///             let sum = sum.clone();
///             scope.spawn(async move { sum.fetch_add(i, Ordering::Relaxed) });
///         }
///     }
/// })
/// .await;
/// assert_eq!(sum.load(Ordering::Relaxed), 55);
/// # });
/// ```
pub async fn scope<F, B>(f: F) -> B::Output
where
    F: FnOnce(Scope) -> B,
    B: Future,
{
    match ScopeBuilder::new().run(f).await {
        Ok(output) => output,
        Err(_) => unreachable!("there is no deadline"),
    }
}

/// As [`scope()`], for children that may fail: the first error of `f` or a child cancels the others
/// and is given once all have ended.
///
/// # Errors
///
/// Returns the first error.
///
/// # Panics
///
/// As [`scope()`]. A panic takes the place of an error.
///
/// # Cancel safety
///
/// When the future is dropped all children are cancelled, as those of [`scope()`].
///
/// ```
/// # runtime::runtime::Runtime::new().unwrap().block_on(async {
/// let result = runtime::task::try_scope(|scope| async move {
///     scope.spawn(std::future::pending::<Result<(), String>>());
///     scope.spawn(async { Err::<(), _>("no route".to_owned()) });
///     Ok("done")
/// });
/// assert_eq!(result.await, Err("no route".to_owned()));
/// # });
/// ```
pub async fn try_scope<R, E, F, B>(f: F) -> Result<R, E>
where
    F: FnOnce(TryScope<E>) -> B,
    B: Future<Output = Result<R, E>>,
    E: Send + 'static,
{
    ScopeBuilder::new().try_run_until(None, f).await
}

/// As [`scope()`], for `f` and all children until `deadline`: what has not ended by then is cancelled.
///
/// # Errors
///
/// Returns [`Elapsed`] if the deadline passed before all had ended.
///
/// # Panics
///
/// As [`scope()`], and without a runtime or one with time.
///
/// # Cancel safety
///
/// When the future is dropped all children are cancelled, as those of [`scope()`].
pub async fn scope_with_deadline<F, B>(deadline: Instant, f: F) -> Result<B::Output, Elapsed>
where
    F: FnOnce(Scope) -> B,
    B: Future,
{
    ScopeBuilder::new().deadline(deadline).run(f).await
}

/// As [`try_scope`], for `f` and all children until `deadline`: what has not ended by then is cancelled.
///
/// # Errors
///
/// Returns the first error, which may be that the deadline passed.
///
/// # Panics
///
/// As [`scope()`], and without a runtime or one with time.
///
/// # Cancel safety
///
/// When the future is dropped all children are cancelled, as those of [`scope()`].
pub async fn try_scope_with_deadline<R, E, F, B>(deadline: Instant, f: F) -> Result<R, E>
where
    F: FnOnce(TryScope<E>) -> B,
    B: Future<Output = Result<R, E>>,
    E: From<Elapsed> + Send + 'static,
{
    ScopeBuilder::new().deadline(deadline).try_run(f).await
}

/// A [`scope()`] with a deadline, a bound on how many children run at a time, or both.
///
/// ```
/// use runtime::task::ScopeBuilder;
/// use runtime::time::{Duration, Instant};
///
/// # runtime::runtime::Runtime::new().unwrap().block_on(async {
/// let result = ScopeBuilder::new()
///     .deadline(Instant::now() + Duration::from_millis(1))
///     .limit(2)
///     .run(|scope| async move {
///         scope.spawn(std::future::pending::<()>());
///     });
/// assert!(result.await.is_err());
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "a builder does nothing until `run` or `try_run` is called"]
pub struct ScopeBuilder {
    deadline: Option<Instant>,
    limit: Option<usize>,
}

impl ScopeBuilder {
    /// Without a deadline and without a bound.
    pub fn new() -> Self {
        Self::default()
    }

    /// When the body and all children have to have ended.
    pub fn deadline(self, deadline: Instant) -> Self {
        Self {
            deadline: Some(deadline),
            ..self
        }
    }

    /// How many children run at a time; others wait for their turn, in the order in which they were
    /// first polled. Blocking closures do not count: their pool has a bound of its own. A child that
    /// waits for another one while it runs may keep that from its turn for ever.
    ///
    /// # Panics
    ///
    /// Panics if `limit` is 0, and above [`Semaphore::MAX_PERMITS`](crate::sync::Semaphore::MAX_PERMITS).
    #[track_caller]
    pub fn limit(self, limit: usize) -> Self {
        assert!(
            (1..=crate::sync::Semaphore::MAX_PERMITS).contains(&limit),
            "the limit of a scope must be greater than 0 and at most `Semaphore::MAX_PERMITS`"
        );
        Self {
            limit: Some(limit),
            ..self
        }
    }

    /// Runs a scope, see [`scope()`].
    ///
    /// # Errors
    ///
    /// Returns [`Elapsed`] if the deadline passed before all had ended.
    ///
    /// # Panics
    ///
    /// As [`scope()`], and with a deadline without a runtime or one with time.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped all children are cancelled, as those of [`scope()`].
    pub async fn run<F, B>(self, f: F) -> Result<B::Output, Elapsed>
    where
        F: FnOnce(Scope) -> B,
        B: Future,
    {
        let shared = Shared::new(self.limit);
        let deadline = self.deadline.map(|at| Deadline {
            at,
            error: Elapsed::new,
        });
        let scope = Scope {
            shared: shared.clone(),
        };
        let start = || {
            let body = f(scope);
            async { Ok(body.await) }
        };
        run(shared, deadline, start).await
    }

    /// Runs a scope whose children may fail, see [`try_scope`].
    ///
    /// # Errors
    ///
    /// Returns the first error, which may be that the deadline passed.
    ///
    /// # Panics
    ///
    /// As [`scope()`], and with a deadline without a runtime or one with time.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped all children are cancelled, as those of [`scope()`].
    pub async fn try_run<R, E, F, B>(self, f: F) -> Result<R, E>
    where
        F: FnOnce(TryScope<E>) -> B,
        B: Future<Output = Result<R, E>>,
        E: From<Elapsed> + Send + 'static,
    {
        let deadline = self.deadline.map(|at| Deadline {
            at,
            error: || Elapsed::new().into(),
        });
        self.try_run_until(deadline, f).await
    }

    async fn try_run_until<R, E, F, B>(self, deadline: Option<Deadline<E>>, f: F) -> Result<R, E>
    where
        F: FnOnce(TryScope<E>) -> B,
        B: Future<Output = Result<R, E>>,
        E: Send + 'static,
    {
        let shared = Shared::new(self.limit);
        let scope = TryScope {
            shared: shared.clone(),
        };
        run(shared, deadline, || f(scope)).await
    }
}

/// Spawns the children of a [`scope()`]. Clones go to the children, which then spawn siblings.
///
/// - A child is a task of its own: the scope waits for it, also if its handle is dropped. A child that
///   waits for its scope's end waits for ever.
/// - When the scope has ended or was cancelled it takes no more children: their futures are dropped at
///   the call, unpolled, and their handles say that they were cancelled. So a clone that outlives the
///   scope spawns nothing.
/// - A child that is cancelled is dropped at its next await point. One that never awaits runs on and the
///   scope waits for it, as it does for a blocking closure that has begun.
/// - The scope's end means that the futures of all children are gone. An output whose handle was
///   dropped may be dropped a moment later.
/// - Children that end because their runtime does, or by [`abort`](ScopedJoinHandle::abort), are
///   no failure of the scope.
#[derive(Clone)]
pub struct Scope {
    /// The error is that of the deadline.
    shared: Arc<Shared<Elapsed>>,
}

/// Spawns the children of a [`try_scope`], whose outputs are `Result`s. Else it is as a [`Scope`].
pub struct TryScope<E> {
    shared: Arc<Shared<E>>,
}

impl<E: Send + 'static> Shared<E> {
    fn spawn<F, O, T>(
        this: &Arc<Self>,
        future: F,
        judge: Judge<O, T, E>,
        start: impl FnOnce(Child<F, T, E>) -> crate::task::JoinHandle<child::Ended<T>>,
    ) -> ScopedJoinHandle<T>
    where
        F: Future<Output = O>,
    {
        match Self::ticket(this) {
            Some(ticket) => ScopedJoinHandle::new(start(Child::new(future, judge, ticket))),
            None => ScopedJoinHandle::refused(),
        }
    }

    #[track_caller]
    fn spawn_blocking<F, O, T>(this: &Arc<Self>, f: F, judge: Judge<O, T, E>) -> ScopedJoinHandle<T>
    where
        F: FnOnce() -> O + Send + 'static,
        O: 'static,
        T: Send + 'static,
    {
        match Self::ticket(this) {
            Some(ticket) => ScopedJoinHandle::new(crate::task::spawn_blocking(move || {
                // The closure goes before the ticket.
                block(f, judge, &ticket)
            })),
            None => ScopedJoinHandle::refused(),
        }
    }
}

impl Scope {
    /// Starts a child on the current runtime.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> ScopedJoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Shared::spawn(&self.shared, future, Ok, |child| crate::task::spawn(child))
    }

    /// Starts a child on the runtime of `handle`.
    #[track_caller]
    pub fn spawn_on<F>(&self, future: F, handle: &Handle) -> ScopedJoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Shared::spawn(&self.shared, future, Ok, |child| handle.spawn(child))
    }

    /// Starts a child on the current [`LocalSet`](crate::task::LocalSet) or local runtime. The scope
    /// ends only while that is driven.
    ///
    /// # Panics
    ///
    /// Panics outside of both.
    #[track_caller]
    pub fn spawn_local<F>(&self, future: F) -> ScopedJoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        Shared::spawn(&self.shared, future, Ok, |child| {
            crate::task::spawn_local(child)
        })
    }

    /// Starts a blocking closure on the pool of the current runtime. Once it runs it is not cancelled:
    /// the scope waits for it.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, and if the pool has no thread and the system refuses one.
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, f: F) -> ScopedJoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        Shared::spawn_blocking(&self.shared, f, Ok)
    }
}

impl<E: Send + 'static> TryScope<E> {
    /// Starts a child on the current runtime. Its error is the scope's; the handle then says that it was
    /// cancelled.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime.
    #[track_caller]
    pub fn spawn<F, T>(&self, future: F) -> ScopedJoinHandle<T>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
    {
        Shared::spawn(
            &self.shared,
            future,
            |result| result,
            |child| crate::task::spawn(child),
        )
    }

    /// As [`spawn`](Self::spawn), on the runtime of `handle`.
    #[track_caller]
    pub fn spawn_on<F, T>(&self, future: F, handle: &Handle) -> ScopedJoinHandle<T>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
    {
        Shared::spawn(
            &self.shared,
            future,
            |result| result,
            |child| handle.spawn(child),
        )
    }

    /// As [`spawn`](Self::spawn), on the current [`LocalSet`](crate::task::LocalSet) or local runtime.
    /// The scope ends only while that is driven.
    ///
    /// # Panics
    ///
    /// Panics outside of both.
    #[track_caller]
    pub fn spawn_local<F, T>(&self, future: F) -> ScopedJoinHandle<T>
    where
        F: Future<Output = Result<T, E>> + 'static,
        T: 'static,
    {
        let start = |child| crate::task::spawn_local(child);
        Shared::spawn(&self.shared, future, |result| result, start)
    }

    /// Starts a blocking closure on the pool of the current runtime. Once it runs it is not cancelled:
    /// the scope waits for it.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, and if the pool has no thread and the system refuses one.
    #[track_caller]
    pub fn spawn_blocking<F, T>(&self, f: F) -> ScopedJoinHandle<T>
    where
        F: FnOnce() -> Result<T, E> + Send + 'static,
        T: Send + 'static,
    {
        Shared::spawn_blocking(&self.shared, f, |result| result)
    }
}

/// What both kinds of scope can.
macro_rules! both {
    ($name:literal, [$($generics:tt)*], $scope:ty) => {
        impl<$($generics)*> $scope {
            /// Cancels all children, those to come as well. The body goes on, and this is no failure.
            pub fn cancel(&self) {
                self.shared.children.cancel();
            }

            /// Whether the children are cancelled: by [`cancel`](Self::cancel), a failure, or the
            /// scope's end.
            #[must_use]
            pub fn is_cancelled(&self) -> bool {
                self.shared.children.is_cancelled()
            }

            /// How many children have not ended.
            #[must_use]
            pub fn len(&self) -> usize {
                self.shared.live.len()
            }

            /// Whether all children have ended.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }
        }

        impl<$($generics)*> std::panic::UnwindSafe for $scope {}
        impl<$($generics)*> std::panic::RefUnwindSafe for $scope {}

        impl<$($generics)*> fmt::Debug for $scope {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct($name)
                    .field("len", &self.len())
                    .field("is_cancelled", &self.is_cancelled())
                    .finish()
            }
        }
    };
}

both!("Scope", [], Scope);
both!("TryScope", [E], TryScope<E>);

impl<E> Clone for TryScope<E> {
    /// The same scope.
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}
