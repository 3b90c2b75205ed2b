//! Task-local values: a thread-local that is filled while a future is polled.
//!
//! - A1. While a scope runs, its value is in the thread-local and that of the scope around it is in
//!   the scope's slot; at all other times its own value is in its slot. One swap goes in, one
//!   comes back, also by a panic.
//! - A2. The thread-local is borrowed only while a closure of `with` runs, and for the swap.
//!
//! A future is dropped inside of its scope, when it is ready or when the scope is dropped.

use pin_project_lite::pin_project;
use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomPinned;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

/// Declares task-local values of the type [`LocalKey`](crate::task::LocalKey).
///
/// A declaration looks like that of a `static` without a value; there may be several, with
/// attributes and visibilities of their own.
///
/// ```
/// runtime::task_local! {
///     /// Who asks.
///     pub static USER: String;
///     static DEPTH: u32;
/// }
///
/// # runtime::runtime::Runtime::new().unwrap().block_on(async {
/// let greeting = USER.scope("anna".into(), async { USER.with(|user| format!("hello {user}")) });
/// assert_eq!(greeting.await, "hello anna");
/// assert!(DEPTH.try_get().is_err());
/// # });
/// ```
#[macro_export]
macro_rules! task_local {
    () => {};
    ($(#[$attr:meta])* $vis:vis static $name:ident: $ty:ty $(; $($rest:tt)*)?) => {
        $crate::__task_local_inner!($(#[$attr])* $vis $name, $ty);
        $($crate::task_local!($($rest)*);)?
    };
}

/// One declaration of [`task_local!`].
#[doc(hidden)]
#[macro_export]
macro_rules! __task_local_inner {
    ($(#[$attr:meta])* $vis:vis $name:ident, $ty:ty) => {
        $(#[$attr])*
        $vis static $name: $crate::task::LocalKey<$ty> = {
            ::std::thread_local! {
                static __KEY: ::std::cell::RefCell<::std::option::Option<$ty>> =
                    const { ::std::cell::RefCell::new(::std::option::Option::None) }
            }
            $crate::task::LocalKey { inner: __KEY }
        };
    };
}

/// The name of a task-local value; declared by [`task_local!`](crate::task_local).
///
/// [`scope`](Self::scope) gives a future a value, [`with`](Self::with) and [`get`](Self::get) read
/// it inside. Tasks that are spawned inside do not get it;
/// those of an [`InheritedKey`](crate::task::InheritedKey) they do.
pub struct LocalKey<T: 'static> {
    #[doc(hidden)]
    pub inner: thread::LocalKey<RefCell<Option<T>>>,
}

/// Why a scope cannot be entered.
#[derive(Debug)]
enum ScopeError {
    Borrowed,
    Destroyed,
}

impl ScopeError {
    #[cold]
    #[track_caller]
    fn panic(&self) -> ! {
        match self {
            Self::Borrowed => panic!(
                "cannot enter a task-local scope while the task-local storage is borrowed: a \
                 closure given to `with` enters another scope of the same key"
            ),
            Self::Destroyed => panic!(
                "cannot enter a task-local scope during or after destruction of the underlying \
                 thread-local: the thread is ending"
            ),
        }
    }
}

/// Swaps back on drop (A1).
struct Restore<'a, T: 'static> {
    key: &'static LocalKey<T>,
    slot: &'a mut Option<T>,
}

impl<T: 'static> Drop for Restore<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // By A2 nobody borrows it now, and it was there when the scope began.
        let _ = self.key.inner.try_with(|inner| {
            if let Ok(mut inner) = inner.try_borrow_mut() {
                mem::swap(self.slot, &mut inner);
            }
        });
    }
}

impl<T: 'static> LocalKey<T> {
    /// A future that polls `f` with the value set, and drops it so.
    ///
    /// # Panics
    ///
    /// Its poll panics inside of a closure given to [`with`](Self::with) of the same key, and when
    /// the thread's locals are gone.
    pub fn scope<F>(&'static self, value: T, f: F) -> TaskLocalFuture<T, F>
    where
        F: Future,
    {
        TaskLocalFuture {
            key: self,
            slot: Some(value),
            future: Some(f),
            _pinned: PhantomPinned,
        }
    }

    /// Calls `f` with the value set.
    ///
    /// # Panics
    ///
    /// Panics if `f` does, inside of a closure given to [`with`](Self::with) of the same key, and
    /// when the thread's locals are gone.
    #[track_caller]
    pub fn sync_scope<F, R>(&'static self, value: T, f: F) -> R
    where
        F: FnOnce() -> R,
    {
        let mut slot = Some(value);
        match self.scoped(&mut slot, f) {
            Ok(result) => result,
            Err(error) => error.panic(),
        }
    }

    fn scoped<R>(
        &'static self,
        slot: &mut Option<T>,
        f: impl FnOnce() -> R,
    ) -> Result<R, ScopeError> {
        let swapped = self.inner.try_with(|inner| {
            let mut inner = inner.try_borrow_mut().map_err(|_| ScopeError::Borrowed)?;
            mem::swap(slot, &mut inner);
            Ok(())
        });
        swapped.unwrap_or(Err(ScopeError::Destroyed))?;
        let _restore = Restore { key: self, slot };
        Ok(f())
    }

    /// Calls `f` with the value.
    ///
    /// # Panics
    ///
    /// Panics outside of a scope; [`try_with`](Self::try_with) does not.
    #[track_caller]
    pub fn with<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&T) -> R,
    {
        match self.try_with(f) {
            Ok(result) => result,
            Err(_) => panic!(
                "cannot access a task-local storage value without setting it first: call this \
                 inside of `scope`, or use `try_with`. A spawned task has no values of its spawner, except \
                 those that `task_inherited!` declares"
            ),
        }
    }

    /// Calls `f` with the value.
    ///
    /// # Errors
    ///
    /// Returns an error outside of a scope.
    pub fn try_with<F, R>(&'static self, f: F) -> Result<R, AccessError>
    where
        F: FnOnce(&T) -> R,
    {
        self.inner
            .try_with(|inner| inner.borrow().as_ref().map(f))
            .ok()
            .flatten()
            .ok_or(AccessError(()))
    }
}

impl<T: Clone + 'static> LocalKey<T> {
    /// A clone of the value.
    ///
    /// # Panics
    ///
    /// Panics outside of a scope; [`try_get`](Self::try_get) does not.
    #[track_caller]
    pub fn get(&'static self) -> T {
        self.with(T::clone)
    }

    /// A clone of the value.
    ///
    /// # Errors
    ///
    /// Returns an error outside of a scope.
    pub fn try_get(&'static self) -> Result<T, AccessError> {
        self.try_with(T::clone)
    }
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("LocalKey { .. }")
    }
}

pin_project! {
    /// A future with a task-local value; made by [`LocalKey::scope`].
    pub struct TaskLocalFuture<T, F>
    where
        T: 'static,
    {
        key: &'static LocalKey<T>,
        slot: Option<T>,
        #[pin]
        future: Option<F>,
        #[pin]
        _pinned: PhantomPinned,
    }

    impl<T: 'static, F> PinnedDrop for TaskLocalFuture<T, F> {
        /// The future is dropped with its value set, if that can be.
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if mem::needs_drop::<F>() && this.future.is_some() {
                let mut future = this.future;
                let _ = this.key.scoped(this.slot, || future.set(None));
            }
        }
    }
}

impl<T: 'static, F> TaskLocalFuture<T, F> {
    /// Takes the value out; none if that was done before. The future then runs without.
    pub fn take_value(self: Pin<&mut Self>) -> Option<T> {
        self.project().slot.take()
    }
}

impl<T: 'static, F: Future> Future for TaskLocalFuture<T, F> {
    type Output = F::Output;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut future = this.future;
        let polled = this.key.scoped(this.slot, || {
            let polled = future.as_mut().as_pin_mut()?.poll(cx);
            if polled.is_ready() {
                future.set(None);
            }
            Some(polled)
        });
        match polled {
            Ok(Some(polled)) => polled,
            Ok(None) => panic!("`TaskLocalFuture` polled after completion; await it only once"),
            Err(error) => error.panic(),
        }
    }
}

impl<T: fmt::Debug + 'static, F> fmt::Debug for TaskLocalFuture<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskLocalFuture")
            .field("value", &self.slot)
            .finish_non_exhaustive()
    }
}

/// There is no value: the caller is in no scope of the key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AccessError(pub(super) ());

impl fmt::Debug for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessError")
    }
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("task-local value not set: read it inside of its key's `scope`")
    }
}

impl std::error::Error for AccessError {}
