//! Starting tasks from inside a runtime.

use crate::cell::id::{self, Id};
use crate::cell::join::JoinHandle;
use crate::runtime::context;
use crate::scheduler::multi_thread::block_in_place;
use crate::trace::{About, Span};

/// Starts a task on the current runtime. It runs even if the returned handle is dropped, and
/// concurrently with its spawner, perhaps on another thread.
///
/// # Panics
///
/// Panics outside of a runtime.
///
/// ```
/// # runtime::runtime::Runtime::new().unwrap().block_on(async {
/// let task = runtime::spawn(async { "done" });
/// assert_eq!(task.await.unwrap(), "done");
/// # });
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    spawn_as(future, &About::task::<F>())
}

/// As [`spawn`], of a future that may be wrapped: `about` is what was given to us.
#[track_caller]
#[inline]
pub(super) fn spawn_as<F>(future: F, about: &About<'_>) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let started = context::with_handle(|handle| {
        if handle.is_observed() || Span::is_in_use() {
            // Hooks and subscribers run outside of the borrow.
            return Err((handle.clone(), future));
        }
        Ok(handle.start(future, Id::next().into()))
    });
    match started {
        Ok(Ok(started)) => started.finish(),
        Ok(Err((handle, future))) => handle.spawn_as(future, about),
        Err(error) => panic!("{error}"),
    }
}

/// Runs a blocking closure on a thread of the current runtime's blocking pool.
///
/// The pool grows to [`max_blocking_threads`](crate::runtime::Builder::max_blocking_threads);
/// further closures wait. A closure that has started cannot be aborted, and the runtime's end
/// waits for it.
///
/// # Panics
///
/// Panics outside of a runtime, and if the pool has no thread and the system refuses one.
///
/// ```
/// # runtime::runtime::Runtime::new().unwrap().block_on(async {
/// let sum = runtime::task::spawn_blocking(|| (1..=10).sum::<u32>()).await.unwrap();
/// assert_eq!(sum, 55);
/// # });
/// ```
#[track_caller]
pub fn spawn_blocking<F, R>(f: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    context::current().spawn_blocking(f)
}

/// Runs a blocking closure on this thread, while another thread takes over this worker's tasks.
///
/// Other branches of the *same* task (in a `join!`, say) stay blocked. Outside of a runtime, and
/// in [`spawn_blocking`], the closure is just called.
///
/// # Panics
///
/// Panics on a current-thread runtime, which has no other thread.
///
/// ```
/// # runtime::runtime::Runtime::new().unwrap().block_on(async {
/// let text = runtime::task::block_in_place(|| std::fs::read_to_string("Cargo.toml"));
/// # drop(text);
/// # });
/// ```
#[track_caller]
pub fn block_in_place<F, R>(f: F) -> R
where
    F: FnOnce() -> R,
{
    block_in_place::block_in_place(f)
}

/// The id of the running task.
///
/// # Panics
///
/// Panics outside of a task; [`try_id`] does not. A future given to `block_on` is no task.
#[track_caller]
pub fn id() -> Id {
    try_id().expect("Can't get a task id when not inside a task: `block_on` runs none")
}

/// The id of the running task, if there is one.
pub fn try_id() -> Option<Id> {
    id::current()
}
