//! Starting tasks that need not be `Send`, from inside of what runs them.

use crate::cell::NewTask;
use crate::cell::id::Id;
use crate::cell::join::JoinHandle;
use crate::runtime::context;
use crate::scheduler::keep_alive::Started;
use crate::scheduler::local_set::{self, Shared};
use crate::trace::About;
use crate::util::names;

/// Starts a task, which need not be `Send`, on the [`LocalSet`](crate::task::LocalSet) that the
/// caller runs in or has entered, else on the current
/// [`LocalRuntime`](crate::runtime::LocalRuntime). It stays on this thread.
///
/// # Panics
///
/// Panics outside of both, and on another thread than the local runtime's.
///
/// ```
/// # runtime::runtime::LocalRuntime::new().unwrap().block_on(async {
/// let text = std::rc::Rc::new("not Send");
/// let task = runtime::task::spawn_local(async move { text.len() });
/// assert_eq!(task.await.unwrap(), 8);
/// # });
/// ```
#[track_caller]
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    spawn_local_as(future, &About::local::<F>())
}

/// As [`spawn_local`], of a future that may be wrapped: `about` is what was given to us.
#[track_caller]
pub(super) fn spawn_local_as<F>(future: F, about: &About<'_>) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    if let Some(set) = local_set::current() {
        return Shared::spawn(set.shared(), future, NewTask::new(Id::next(), about)).finish();
    }
    let started = match context::try_current() {
        Ok(handle) if handle.is_local() => {
            handle.start_local(future, handle.new_task(Id::next(), about))
        }
        _ => Err(future),
    };
    match started {
        Ok(started) => Started::finish(started),
        Err(_future) => panic!(
            "`spawn_local` called from outside of a `task::LocalSet` or `runtime::LocalRuntime`: \
             await inside of `LocalSet::run_until`, or use `#[{}::main(flavor = \"local\")]`",
            names::CRATE
        ),
    }
}
