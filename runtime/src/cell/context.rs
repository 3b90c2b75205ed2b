//! The context of a task, which its cell carries beside the future: values that it inherits, its
//! spans, stamps for observers.
//! One pointer, which is null for most tasks.
//!
//! A task with values alone shares its spawner's snapshot. Spans and stamps are the task's own: they
//! take an allocation, which then has the values inside.
//!
//! - O1. The pointer and what is behind it are ruled by I9 of [`super`], with one exception. Wakers of a
//!   *watched* task, which has a span of its own, read the span's id through the pointer at any time.
//!   There the pointer is not written between spawn and the end of the cell, and what goes before
//!   `COMPLETE` is taken out from behind it. The id is never written.
#![allow(unsafe_code)]

use super::inherited::{self, Values};
use super::stamps::TaskStamps;
use crate::loom::cell::UnsafeCell;
use crate::trace::{self, Span, SpanId};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct TaskContext(Values);

/// What is one task's alone, behind its pointer.
#[derive(Debug)]
pub(super) struct Own {
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
        if self.is_none() && inherited::is_clear() {
            return f();
        }
        // SAFETY: the caller's promise, passed on.
        match unsafe { self.own_context() } {
            Some(own) => inherited::within(&own.values, || own.span.within(f)),
            None => inherited::within(&self.0, f),
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
