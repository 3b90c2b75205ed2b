//! The context of a task, which its cell carries beside the future: values that it inherits, its
//! spans, stamps for observers; and the values that the code which runs sees.
//!
//! In the cell it is one pointer, which is null for most tasks. A task with values alone shares its
//! spawner's snapshot. Spans and stamps are the task's own: they take an allocation, which then has
//! the values inside.
//!
//! A thread-local points to the values of the innermost scope that this thread is in: that of a
//! task's cell, of a scope's future or of a scope's call. Nothing is counted for entering: the
//! scope stays where it is until it has been left.
//!
//! - V1. `CURRENT` is null or points to values that a call of [`within`] borrows which has not
//!   returned on this thread. Calls nest: each puts back what it found, also by a panic.
//! - O1. The pointer and what is behind it are ruled by I9 of [`super`], with one exception. Wakers of a
//!   *watched* task, which has a span of its own, read the span's id through the pointer at any time.
//!   There the pointer is not written between spawn and the end of the cell, and what goes before
//!   `COMPLETE` is taken out from behind it. The id is never written.
//!
//! V2 and V3 are those of [`inherited`](super::inherited).
//!
//! A task without values hides those of the thread that polls it: a `LocalSet` is driven inside of a
//! task, and `block_on` inside of a scope.
#![allow(unsafe_code)]

use super::inherited::{EMPTY, Entry, Map};
use super::stamps::TaskStamps;
use crate::loom::cell::UnsafeCell;
use crate::loom::local;
use crate::loom::sync::Arc;
use crate::trace::{self, Span, SpanId};
use crate::util::scoped;
use std::cell::Cell;
use std::ptr::NonNull;

local! {
    /// By V1.
    static CURRENT: Cell<Option<NonNull<Values>>> = Cell::new(None)
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct TaskContext(Values);

/// What is one task's alone, behind its pointer.
#[derive(Debug)]
struct Own {
    span_id: SpanId,
    /// Ruled by I9. None once it was taken.
    context: UnsafeCell<Option<OwnContext>>,
}

// SAFETY: by I9 one thread at a time uses the cell; the values that code sees, which are shared, have
// none of it. All that is in it may be sent and shared.
unsafe impl Sync for Own {}

/// The part of it that goes before the task completes.
#[derive(Debug)]
pub(super) struct OwnContext {
    values: Values,
    stamps: Option<TaskStamps>,
    span: Span,
}

impl TaskContext {
    /// Of a task that the caller spawns.
    #[inline]
    pub(super) fn new(stamps: Option<TaskStamps>, span: Span) -> Self {
        let values = Values::current();
        if stamps.is_none() && span.is_none() {
            return Self(values);
        }
        Self(Values::with_own(Own {
            span_id: span.id(),
            context: UnsafeCell::new(Some(OwnContext {
                values,
                stamps,
                span,
            })),
        }))
    }

    #[inline]
    pub(super) fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Whose wakers tell what is done with them, if they do (O1).
    pub(super) fn span_id(&self) -> Option<SpanId> {
        let span_id = self.0.own()?.span_id;
        (!span_id.is_none()).then_some(span_id)
    }

    /// Whether wakers read through the pointer (O1).
    #[inline]
    pub(super) fn is_watched(&self) -> bool {
        trace::IS_ON && !self.is_none() && self.span_id().is_some()
    }

    /// # Safety
    ///
    /// By I9 nobody writes the context meanwhile.
    pub(super) unsafe fn stamps(&self) -> Option<&TaskStamps> {
        // SAFETY: the caller's promise, passed on.
        unsafe { self.own_context() }?.stamps.as_ref()
    }

    /// # Safety
    ///
    /// By I9 nobody writes the context meanwhile.
    unsafe fn own_context(&self) -> Option<&OwnContext> {
        let own = self.0.own()?;
        // SAFETY: by the caller's promise nobody writes it while the borrow lasts.
        own.context.with(|context| unsafe { &*context }.as_ref())
    }

    /// Takes out what is behind the pointer of a watched task, and leaves the pointer (O1).
    ///
    /// # Safety
    ///
    /// By I9 it is the caller's alone.
    pub(super) unsafe fn take_own_context(&self) -> Option<OwnContext> {
        let own = self.0.own()?;
        // SAFETY: the caller's promise.
        own.context
            .with_mut(|context| unsafe { &mut *context }.take())
    }

    /// Runs `f` with the context, and without that of the calling code.
    ///
    /// # Safety
    ///
    /// By I9 nobody writes the context meanwhile.
    #[inline]
    pub(super) unsafe fn within<R>(&self, f: impl FnOnce() -> R) -> R {
        if self.is_none() && is_clear() {
            return f();
        }
        // SAFETY: the caller's promise, passed on.
        match unsafe { self.own_context() } {
            Some(own) => within(&own.values, || own.span.within(f)),
            None => within(&self.0, f),
        }
    }

    /// A poll is over, and the drop of the future follows, both [`within`](Self::within).
    ///
    /// # Safety
    ///
    /// As there.
    #[inline]
    pub(super) unsafe fn poll_is_over(&self) {
        if !self.is_watched() {
            return;
        }
        // SAFETY: the caller's promise, passed on.
        if let Some(own) = unsafe { self.own_context() } {
            own.span.poll_is_over();
        }
    }
}

/// A snapshot of all values that code sees (V2). Empty ones take no memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values(Option<Arc<Snapshot>>);

#[derive(Debug)]
struct Snapshot {
    map: Map,
    /// Only in the cell of the task that owns it, never in what code sees.
    own: Option<Own>,
}

impl Values {
    /// Those that the caller sees.
    #[inline]
    pub(crate) fn current() -> Self {
        if is_clear() {
            return Self(None);
        }
        with_current(Self::clone)
    }

    /// No values, but what is one task's alone.
    #[cold]
    fn with_own(own: Own) -> Self {
        Self(Some(Arc::new(Snapshot {
            map: Map::new(),
            own: Some(own),
        })))
    }

    fn own(&self) -> Option<&Own> {
        self.0.as_ref()?.own.as_ref()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// How many keys have a value.
    pub(crate) fn len(&self) -> usize {
        self.map().len()
    }

    fn map(&self) -> &Map {
        self.0.as_ref().map_or(&EMPTY, |snapshot| &snapshot.map)
    }

    /// Whether both are the same snapshot.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(this), Some(other)) => Arc::ptr_eq(this, other),
            (None, None) => true,
            _ => false,
        }
    }

    /// The value of a key.
    pub(crate) fn get<T: Send + Sync + 'static>(&self, key: usize) -> Option<&T> {
        self.map().get(key)
    }

    /// These, and one more in place of the one with its key (V3).
    pub(crate) fn and(&self, entry: &Entry) -> Self {
        let map = self.map().and(entry);
        Self(Some(Arc::new(Snapshot { map, own: None })))
    }
}

impl std::panic::UnwindSafe for Values {}
impl std::panic::RefUnwindSafe for Values {}

/// Whether the caller sees no values.
#[inline]
pub(crate) fn is_clear() -> bool {
    matches!(CURRENT.try_with(Cell::get), Ok(None))
}

/// Runs `f`, which sees `values` and no others.
#[inline]
pub(crate) fn within<R>(values: &Values, f: impl FnOnce() -> R) -> R {
    let mine = (!values.is_empty()).then(|| NonNull::from(values));
    // Borrowed until `f` has returned or unwound: V1.
    let _restore = scoped::set(&CURRENT, mine);
    f()
}

/// Runs `f` with the values that the caller sees.
#[inline]
pub(crate) fn with_current<R>(f: impl FnOnce(&Values) -> R) -> R {
    match CURRENT.try_with(Cell::get) {
        // SAFETY: by V1 borrowed by a call of `within` below us on this thread's stack, which returns
        // after `f`; nobody changes what is borrowed.
        Ok(Some(values)) => f(unsafe { values.as_ref() }),
        _ => f(&Values(None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    fn seen(key: usize) -> Option<u32> {
        with_current(|values| values.get::<u32>(key).copied())
    }

    /// V1.
    #[test]
    fn scopes_nest_also_by_a_panic() {
        let outer = Values::default().and(&Entry::new(1, 10_u32));
        within(&outer, || {
            let inner = Values::current().and(&Entry::new(2, 20_u32));
            let unwound = catch_unwind(AssertUnwindSafe(|| {
                within(&inner, || {
                    assert_eq!((seen(1), seen(2)), (Some(10), Some(20)));
                    within(&Values::default(), || assert_eq!(seen(1), None));
                    panic!("on purpose");
                })
            }));
            assert!(unwound.is_err());
            assert_eq!((seen(1), seen(2)), (Some(10), None));
        });
        assert_eq!(seen(1), None);
    }
}
