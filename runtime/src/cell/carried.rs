//! What a task carries beside its future: values that it inherits, the span that it was spawned in, a
//! trail for observers. One pointer, which is null for most tasks.
//!
//! A task with values alone shares its spawner's snapshot. A span or a trail is the task's own: it takes
//! an allocation, which then has the values inside.

use super::inherited::{self, Values};
use super::trail::Trail;
use crate::trace::Span;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Carried(Values);

/// What is one task's alone.
#[derive(Debug)]
pub(super) struct Own {
    values: Values,
    trail: Option<Trail>,
    span: Span,
}

impl Carried {
    /// Of a task that the caller spawns.
    #[inline]
    pub(super) fn new(trail: Option<Trail>, span: Span) -> Self {
        let values = Values::current();
        if trail.is_none() && span.is_none() {
            return Self(values);
        }
        Self(Values::with_own(Own {
            values,
            trail,
            span,
        }))
    }

    #[inline]
    pub(super) fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn trail(&self) -> Option<&Trail> {
        self.0.own()?.trail.as_ref()
    }

    /// Runs `f` with what is carried, and without what the calling code has.
    #[inline]
    pub(super) fn within<R>(&self, f: impl FnOnce() -> R) -> R {
        if self.is_none() && inherited::is_clear() {
            return f();
        }
        match self.0.own() {
            Some(own) => inherited::within(&own.values, || own.span.within(f)),
            None => inherited::within(&self.0, f),
        }
    }
}
