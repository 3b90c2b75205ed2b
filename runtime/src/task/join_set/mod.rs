//! A set of tasks with outputs of one type, joined in the order in which they complete.
//!
//! Each operation takes constant time, however many tasks there are.

// Handles sit in `slots`, completed tasks queue in `ready`. Keys that come out of the queue are
// always those of handles in the slots: a set that gives up its handles (`detach_all`) takes a new
// queue with them.

mod builder;
pub(crate) mod ready;
mod slots;

pub use self::builder::Builder;

use self::ready::{Chain, Ready};
use self::slots::Slots;
use super::{LocalSet, spawn_local};
use crate::budget;
use crate::cell::abort::AbortHandle;
use crate::cell::error::JoinError;
use crate::cell::id::Id;
use crate::cell::join::JoinHandle;
use crate::runtime::Handle;
use std::fmt;
use std::future::poll_fn;
use std::panic;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// A set of spawned tasks whose outputs have the same type; gives them out as the tasks complete.
///
/// Dropping the set aborts all its tasks. Each operation takes constant time.
///
/// ```
/// use runtime::task::JoinSet;
///
/// # runtime::runtime::Runtime::new().unwrap().block_on(async {
/// let mut set = JoinSet::new();
/// for i in 0..10 {
///     set.spawn(async move { i * i });
/// }
/// let mut sum = 0;
/// while let Some(square) = set.join_next().await {
///     sum += square.unwrap();
/// }
/// assert_eq!(sum, 285);
/// # });
/// ```
pub struct JoinSet<T> {
    tasks: Slots<JoinHandle<T>>,
    ready: Arc<Ready>,
    /// Taken from `ready`, and first in turn.
    chain: Chain,
}

impl<T> JoinSet<T> {
    /// An empty set.
    pub fn new() -> Self {
        Self {
            tasks: Slots::new(),
            ready: Ready::new(),
            chain: Chain::default(),
        }
    }

    /// How many tasks are in the set, those that have completed and were not joined included.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether no task is in the set.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T: 'static> JoinSet<T> {
    /// A builder of a task of the set: it can give the task a name.
    pub fn build_task(&mut self) -> Builder<'_, T> {
        Builder::new(self)
    }

    /// Starts a task on the current runtime and adds it to the set.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime.
    #[track_caller]
    pub fn spawn<F>(&mut self, task: F) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        self.insert(crate::task::spawn(task))
    }

    /// Starts a task on the runtime of `handle` and adds it to the set.
    #[track_caller]
    pub fn spawn_on<F>(&mut self, task: F, handle: &Handle) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        self.insert(handle.spawn(task))
    }

    /// Starts a task on the current [`LocalSet`] or local runtime and adds it to the set.
    ///
    /// # Panics
    ///
    /// Panics outside of both, as [`spawn_local`] does.
    #[track_caller]
    pub fn spawn_local<F>(&mut self, task: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.insert(spawn_local(task))
    }

    /// Starts a task on `local_set` and adds it to the set.
    #[track_caller]
    pub fn spawn_local_on<F>(&mut self, task: F, local_set: &LocalSet) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.insert(local_set.spawn_local(task))
    }

    /// Starts a closure on the blocking pool of the current runtime and adds it to the set. An
    /// abort has no effect once the closure runs.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, and if the pool has no thread and the system refuses one.
    #[track_caller]
    pub fn spawn_blocking<F>(&mut self, f: F) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send,
    {
        self.insert(crate::task::spawn_blocking(f))
    }

    /// Starts a closure on the blocking pool of the runtime of `handle` and adds it to the set.
    ///
    /// # Panics
    ///
    /// Panics if the pool has no thread and the system refuses one.
    #[track_caller]
    pub fn spawn_blocking_on<F>(&mut self, f: F, handle: &Handle) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send,
    {
        self.insert(handle.spawn_blocking(f))
    }

    pub(crate) fn insert(&mut self, mut handle: JoinHandle<T>) -> AbortHandle {
        let abort = handle.abort_handle();
        let waker = self.ready.entry(self.tasks.next_key());
        let refused = handle.leave_waker(waker).err();
        self.tasks.insert(handle);
        if let Some(waker) = refused {
            // The task has completed meanwhile.
            waker.wake();
        }
        abort
    }

    /// Waits until a task of the set completes, takes it out and gives its output; `None` if the
    /// set is empty.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no task is taken out unless its output is given.
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        poll_fn(|cx| self.poll_join_next(cx)).await
    }

    /// As [`join_next`](Self::join_next), with the task's id. An error has it
    /// [inside](JoinError::id).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no task is taken out unless its output is given.
    pub async fn join_next_with_id(&mut self) -> Option<Result<(Id, T), JoinError>> {
        poll_fn(|cx| self.poll_join_next_with_id(cx)).await
    }

    /// The output of a task that has completed, if there is one; `None` also if the set is empty.
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        self.try_join_next_with_id().map(without_id)
    }

    /// As [`try_join_next`](Self::try_join_next), with the task's id.
    pub fn try_join_next_with_id(&mut self) -> Option<Result<(Id, T), JoinError>> {
        self.next_ready().map(|key| self.take(key))
    }

    /// Aborts all tasks and waits until they have ended; the set is empty then. Panics of tasks
    /// are ignored.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the tasks are aborted, and those that were not waited for stay in the set.
    pub async fn shutdown(&mut self) {
        self.abort_all();
        while self.join_next().await.is_some() {}
    }

    /// Waits for all tasks and gives their outputs, in the order in which they complete.
    ///
    /// # Panics
    ///
    /// Panics as the first task that panics does, and if a task was aborted; the others are
    /// aborted then.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: outputs are lost and the tasks aborted.
    pub async fn join_all(mut self) -> Vec<T> {
        let mut outputs = Vec::with_capacity(self.len());
        while let Some(joined) = self.join_next().await {
            match joined {
                Ok(output) => outputs.push(output),
                Err(error) => match error.try_into_panic() {
                    Ok(payload) => panic::resume_unwind(payload),
                    Err(cancelled) => panic!("{cancelled}; `join_all` needs every output"),
                },
            }
        }
        outputs
    }

    /// Aborts all tasks. They stay in the set until they are joined.
    pub fn abort_all(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }

    /// Takes all tasks out of the set without aborting them: they go on, and their outputs are
    /// dropped.
    pub fn detach_all(&mut self) {
        self.chain = Chain::default();
        // Tasks that complete from now on find the old queue closed.
        std::mem::replace(&mut self.ready, Ready::new()).close();
        self.tasks.clear();
    }

    /// Polls for a task that completes; see [`join_next`](Self::join_next). `None` if the set is
    /// empty. Pending also when the cooperative budget is used up.
    pub fn poll_join_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        self.poll_join_next_with_id(cx)
            .map(|joined| joined.map(without_id))
    }

    /// As [`poll_join_next`](Self::poll_join_next), with the task's id.
    pub fn poll_join_next_with_id(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<(Id, T), JoinError>>> {
        if self.is_empty() {
            return Poll::Ready(None);
        }
        let unit = ready!(budget::poll_proceed(cx));
        let Some(key) = self.next_ready().or_else(|| self.register(cx)) else {
            return Poll::Pending;
        };
        unit.made_progress();
        Poll::Ready(Some(self.take(key)))
    }

    /// Leaves the waker and looks once more.
    fn register(&mut self, cx: &mut Context<'_>) -> Option<usize> {
        let before = self.ready.register(cx.waker());
        let key = self.next_ready();
        // Foreign code, which may complete tasks of the set: after the look.
        drop(before);
        key
    }

    fn next_ready(&mut self) -> Option<usize> {
        self.chain.pop().or_else(|| {
            self.chain = self.ready.take_all();
            self.chain.pop()
        })
    }

    fn take(&mut self, key: usize) -> Result<(Id, T), JoinError> {
        let handle = self.tasks.remove(key);
        let id = handle.id();
        handle.into_output().map(|output| (id, output))
    }
}

fn without_id<T>(joined: Result<(Id, T), JoinError>) -> Result<T, JoinError> {
    joined.map(|(_, output)| output)
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        self.ready.close();
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl<T> Default for JoinSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for JoinSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinSet").field("len", &self.len()).finish()
    }
}

/// Spawns each future on the current runtime.
impl<T, F> FromIterator<F> for JoinSet<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    fn from_iter<I: IntoIterator<Item = F>>(iter: I) -> Self {
        let mut set = Self::new();
        set.extend(iter);
        set
    }
}

/// Spawns each future on the current runtime.
impl<T, F> Extend<F> for JoinSet<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    fn extend<I: IntoIterator<Item = F>>(&mut self, iter: I) {
        iter.into_iter().for_each(|task| {
            self.spawn(task);
        });
    }
}
