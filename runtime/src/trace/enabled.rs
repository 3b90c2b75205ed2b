//! With the feature `tracing`: the current span of the spawner, entered around each poll.
//!
//! All functions run code of the program's subscriber, so they are called where user code may run.
//! Boxed, because a span is five words and most tasks have none: what carries it stays small.

/// A span, if the spawner was in one.
#[derive(Debug, Default)]
pub(crate) struct Span(Option<Box<tracing::Span>>);

impl Span {
    /// The span that the caller is in.
    #[inline]
    pub(crate) fn current() -> Self {
        if !Self::is_in_use() {
            return Self(None);
        }
        let span = tracing::Span::current();
        Self((!span.is_none()).then(|| Box::new(span)))
    }

    /// Whether [`current`](Self::current) runs code of a subscriber. A load.
    #[inline]
    pub(crate) fn is_in_use() -> bool {
        tracing::dispatcher::has_been_set()
    }

    /// Whether there is none.
    #[inline]
    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// Runs `f` inside of the span.
    #[inline]
    pub(crate) fn within<R>(&self, f: impl FnOnce() -> R) -> R {
        match &self.0 {
            Some(span) => span.in_scope(f),
            None => f(),
        }
    }
}
