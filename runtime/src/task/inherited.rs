//! Task-local values that spawned tasks inherit.
//!
//! The values are those of [`cell::context`](crate::cell::context), which also says how a task
//! gets them.
//!
//! - A3. A scope's future adds its value to what its caller sees at each poll, as a call would.
//!   What comes out is kept and used again while the caller sees the same.
//!
//! A macro of its own, and no mark in `task_local!`: the keys have another type, with bounds and
//! costs of their own, and attributes given to `task_local!` stay their writer's.

use super::local_key::AccessError;
use crate::cell::context::{self, Values};
use crate::cell::inherited::Entry;
use pin_project_lite::pin_project;
use std::fmt;
use std::marker::{PhantomData, PhantomPinned};
use std::mem;
use std::pin::Pin;
use std::ptr;
use std::sync::OnceLock;
use std::task::{Context, Poll};

/// Declares task-local values that spawned tasks inherit, of the type
/// [`InheritedKey`](crate::task::InheritedKey).
///
/// A declaration looks like that of a `static` without a value; there may be several, with
/// attributes and visibilities of their own.
///
/// ```
/// runtime::task_inherited! {
///     /// Whom all this is done for.
///     pub static REQUEST_ID: u64;
/// }
///
/// # runtime::runtime::Runtime::new().unwrap().block_on(async {
/// let answer = REQUEST_ID.scope(7, async {
///     runtime::spawn(async { format!("request {}", REQUEST_ID.get()) }).await
/// });
/// assert_eq!(answer.await.unwrap(), "request 7");
/// # });
/// ```
#[macro_export]
macro_rules! task_inherited {
    () => {};
    ($(#[$attr:meta])* $vis:vis static $name:ident: $ty:ty $(; $($rest:tt)*)?) => {
        $(#[$attr])*
        $vis static $name: $crate::task::InheritedKey<$ty> =
            $crate::task::InheritedKey::__of_a_static();
        $($crate::task_inherited!($($rest)*);)?
    };
}

/// The name of a task-local value that spawned tasks inherit; declared by
/// [`task_inherited!`](crate::task_inherited).
///
/// [`scope`](Self::scope) gives a future a value, [`with`](Self::with) and [`get`](Self::get) read it
/// inside. So do tasks that are spawned inside, by whatever function, closures given to
/// [`spawn_blocking`](crate::task::spawn_blocking), and what they spawn in turn. They see what the
/// spawner saw at the call of `spawn`: scopes that it opens or leaves later change nothing for them.
/// A value is there in the task's polls and in the drop of its future, and is let go right after
/// that drop; a task's output is dropped without it. The value itself is dropped when scopes and
/// tasks are through with it, on any of their threads.
///
/// A spawn copies one pointer, however many values there are; code that opens no scope pays nothing.
/// A scope allocates twice.
///
/// Threads that are not the runtime's inherit nothing: [`Inherited`] carries values there, and away
/// from tasks that should not have them.
pub struct InheritedKey<T: 'static> {
    /// Something that the linker never folds with another key: the address is the key's name.
    _address: OnceLock<()>,
    _type: PhantomData<fn() -> T>,
}

impl<T: Send + Sync + 'static> InheritedKey<T> {
    /// For [`task_inherited!`](crate::task_inherited).
    #[doc(hidden)]
    #[must_use]
    pub const fn __of_a_static() -> Self {
        Self {
            _address: OnceLock::new(),
            _type: PhantomData,
        }
    }

    fn key(&'static self) -> usize {
        ptr::from_ref(self).addr()
    }

    /// A future that polls `f` with the value set, and drops it so.
    pub fn scope<F: Future>(&'static self, value: T, f: F) -> InheritedFuture<F> {
        InheritedFuture {
            layer: Layer::One(Entry::new(self.key(), value)),
            future: Some(f),
            _pinned: PhantomPinned,
        }
    }

    /// Calls `f` with the value set.
    ///
    /// # Panics
    ///
    /// Panics if `f` does.
    pub fn sync_scope<F, R>(&'static self, value: T, f: F) -> R
    where
        F: FnOnce() -> R,
    {
        let entry = Entry::new(self.key(), value);
        let values = context::with_current(|current| current.and(&entry));
        context::within(&values, f)
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
                "cannot access an inherited task-local value without setting it first: call this \
                 inside of `scope` or in a task that was spawned there, or use `try_with`"
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
        context::with_current(|values| values.get(self.key()).map(f)).ok_or(AccessError(()))
    }
}

impl<T: Clone + Send + Sync + 'static> InheritedKey<T> {
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

impl<T: 'static> fmt::Debug for InheritedKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("InheritedKey { .. }")
    }
}

/// All inherited values that some code sees, to set them elsewhere.
///
/// ```
/// use runtime::task::{self, Inherited};
///
/// runtime::task_inherited! { static USER: &'static str; }
///
/// # runtime::runtime::Runtime::new().unwrap().block_on(USER.scope("anna", async {
/// // To a thread that is not the runtime's.
/// let values = Inherited::current();
/// let thread = std::thread::spawn(move || values.sync_scope(|| USER.get()));
/// assert_eq!(thread.join().unwrap(), "anna");
///
/// // Away from a task that outlives the request.
/// let task = Inherited::none().sync_scope(|| task::spawn(async { USER.try_get() }));
/// assert!(task.await.unwrap().is_err());
/// # }));
/// ```
#[derive(Clone, Default)]
#[must_use = "values are set in a `scope` only"]
pub struct Inherited(Values);

impl Inherited {
    /// Those that the caller sees.
    pub fn current() -> Self {
        Self(Values::current())
    }

    /// No values.
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether there are no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A future that polls `f` with these values and no others, and drops it so.
    pub fn scope<F: Future>(self, f: F) -> InheritedFuture<F> {
        InheritedFuture {
            layer: Layer::All(self.0),
            future: Some(f),
            _pinned: PhantomPinned,
        }
    }

    /// Calls `f` with these values and no others.
    ///
    /// # Panics
    ///
    /// Panics if `f` does.
    pub fn sync_scope<F, R>(&self, f: F) -> R
    where
        F: FnOnce() -> R,
    {
        context::within(&self.0, f)
    }
}

impl fmt::Debug for Inherited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inherited")
            .field("len", &self.0.len())
            .finish()
    }
}

/// What a scope's future sets.
enum Layer {
    /// A value on top of the caller's, not yet polled.
    One(Entry),
    /// The same with what came out, while the caller sees `below` (A3).
    On {
        below: Values,
        entry: Entry,
        values: Values,
    },
    /// These and no others.
    All(Values),
}

impl Layer {
    fn values(&mut self) -> &Values {
        let entry = match self {
            Self::One(entry) => Some(entry),
            Self::On { below, entry, .. } => {
                let is_same = context::with_current(|current| current.is_same(below));
                (!is_same).then_some(entry)
            }
            Self::All(_) => None,
        };
        if let Some(entry) = entry {
            let below = Values::current();
            *self = Self::On {
                values: below.and(entry),
                entry: entry.clone(),
                below,
            };
        }
        match self {
            Self::On { values, .. } | Self::All(values) => values,
            Self::One(_) => unreachable!("replaced above"),
        }
    }
}

pin_project! {
    /// A future with inherited values; made by [`InheritedKey::scope`] and [`Inherited::scope`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct InheritedFuture<F> {
        layer: Layer,
        #[pin]
        future: Option<F>,
        #[pin]
        _pinned: PhantomPinned,
    }

    impl<F> PinnedDrop for InheritedFuture<F> {
        /// The future is dropped with its values set.
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let mut future = this.future;
            if mem::needs_drop::<F>() && future.is_some() {
                context::within(this.layer.values(), || future.set(None));
            }
        }
    }
}

impl<F: Future> Future for InheritedFuture<F> {
    type Output = F::Output;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut future = this.future;
        let polled = context::within(this.layer.values(), || {
            let polled = future.as_mut().as_pin_mut()?.poll(cx);
            if polled.is_ready() {
                future.set(None);
            }
            Some(polled)
        });
        match polled {
            Some(polled) => polled,
            None => panic!("`InheritedFuture` polled after completion; await it only once"),
        }
    }
}

impl<F> fmt::Debug for InheritedFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InheritedFuture").finish_non_exhaustive()
    }
}
