//! Without the feature `tracing`: a span of no size that does nothing.

/// No span.
#[derive(Debug, Default)]
pub(crate) struct Span;

impl Span {
    /// The span that the caller is in.
    #[inline(always)]
    pub(crate) fn current() -> Self {
        Self
    }

    /// Whether [`current`](Self::current) runs code of a subscriber.
    #[inline(always)]
    pub(crate) fn is_in_use() -> bool {
        false
    }

    /// Whether there is none.
    #[inline(always)]
    pub(crate) fn is_none(&self) -> bool {
        true
    }

    /// Runs `f` inside of the span.
    #[inline(always)]
    pub(crate) fn within<R>(&self, f: impl FnOnce() -> R) -> R {
        f()
    }
}
