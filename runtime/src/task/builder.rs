//! Tasks with a name.
//!
//! A name costs only the tasks that have one: it sits beside the future, and a thread-local says
//! it while that is polled or dropped.

use super::LocalSet;
use super::spawn::spawn_as;
use super::spawn_local::spawn_local_as;
use crate::cell::join::JoinHandle;
use crate::loom::local;
use crate::runtime::{Handle, context};
use crate::trace::About;
use crate::util::scoped::{self, Scoped};
use pin_project_lite::pin_project;
use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

local! {
    /// The running task's. No borrow is held while user code runs.
    static CURRENT: RefCell<Option<Arc<str>>> = RefCell::new(None)
}

/// The name of the running task, if [`Builder::name`] gave it one. A panic hook can ask as well,
/// and so can what the task drops at its end.
///
/// ```
/// # runtime::runtime::Runtime::new().unwrap().block_on(async {
/// use runtime::task;
///
/// let task = task::Builder::new().name("greeter").spawn(async { task::name() })?;
/// assert_eq!(task.await?.as_deref(), Some("greeter"));
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
pub fn name() -> Option<Arc<str>> {
    CURRENT
        .try_with(|current| current.borrow().clone())
        .ok()
        .flatten()
}

/// Makes the name that of the running task, until the guard is dropped.
fn enter(name: &Option<Arc<str>>) -> Scoped<RefCell<Option<Arc<str>>>> {
    scoped::set(&CURRENT, name.clone())
}

pin_project! {
    /// A future that is polled and dropped under a name.
    struct Named<F> {
        name: Option<Arc<str>>,
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Named<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let _name = enter(this.name);
            let mut future = this.future;
            future.set(None);
        }
    }
}

impl<F: Future> Future for Named<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _name = enter(this.name);
        let future = this.future.as_pin_mut();
        future.expect("it is there until the drop").poll(cx)
    }
}

/// Starts tasks that have a name.
///
/// The task itself, its panic hook and its destructors read it with [`name`]; nothing else keeps
/// it. All methods return a `Result`, whose error only [`spawn_blocking`](Self::spawn_blocking) has
/// a use for.
///
/// ```
/// # runtime::runtime::Runtime::new().unwrap().block_on(async {
/// let task = runtime::task::Builder::new().name("adder").spawn(async { 1 + 1 })?;
/// assert_eq!(task.await?, 2);
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Builder<'a> {
    name: Option<&'a str>,
}

impl<'a> Builder<'a> {
    /// A builder without a name.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the task's name.
    pub fn name(&self, name: &'a str) -> Self {
        Self { name: Some(name) }
    }

    fn named<F>(self, future: F) -> Named<F> {
        Named {
            name: self.name.map(Arc::from),
            future: Some(future),
        }
    }

    /// Starts a task on the current runtime.
    ///
    /// # Errors
    ///
    /// None.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> io::Result<JoinHandle<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let about = About::task::<F>().named(self.name);
        Ok(spawn_as(self.named(future), &about))
    }

    /// Starts a task on the runtime of `handle`.
    ///
    /// # Errors
    ///
    /// None.
    #[track_caller]
    pub fn spawn_on<F>(self, future: F, handle: &Handle) -> io::Result<JoinHandle<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let about = About::task::<F>().named(self.name);
        Ok(handle.spawn_as(self.named(future), &about))
    }

    /// Starts a task on the current [`LocalSet`] or local runtime.
    ///
    /// # Errors
    ///
    /// None.
    ///
    /// # Panics
    ///
    /// Panics outside of both.
    #[track_caller]
    pub fn spawn_local<F>(self, future: F) -> io::Result<JoinHandle<F::Output>>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let about = About::local::<F>().named(self.name);
        Ok(spawn_local_as(self.named(future), &about))
    }

    /// Starts a task on `local_set`.
    ///
    /// # Errors
    ///
    /// None.
    #[track_caller]
    pub fn spawn_local_on<F>(
        self,
        future: F,
        local_set: &LocalSet,
    ) -> io::Result<JoinHandle<F::Output>>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let about = About::local::<F>().named(self.name);
        Ok(local_set.spawn_as(self.named(future), &about))
    }

    /// Starts a closure on the blocking pool of the current runtime.
    ///
    /// # Errors
    ///
    /// Returns the system's error if the pool has no thread and the system refuses one.
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime.
    #[track_caller]
    pub fn spawn_blocking<F, R>(self, function: F) -> io::Result<JoinHandle<R>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.spawn_blocking_on(function, &context::current())
    }

    /// Starts a closure on the blocking pool of the runtime of `handle`.
    ///
    /// # Errors
    ///
    /// Returns the system's error if the pool has no thread and the system refuses one.
    #[track_caller]
    pub fn spawn_blocking_on<F, R>(self, function: F, handle: &Handle) -> io::Result<JoinHandle<R>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let about = About::blocking::<F>().named(self.name);
        let name = self.name.map(Arc::from);
        let named = move || {
            let _name = enter(&name);
            function()
        };
        handle.try_spawn_blocking(named, &about)
    }
}
