//! Without the feature `tracing`: types of no size that do nothing.

use std::marker::PhantomData;

/// Whether there are spans at all.
pub(crate) const IS_ON: bool = false;

/// What a subscriber is told of a new task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a>(PhantomData<&'a str>);

#[allow(
    clippy::extra_unused_type_parameters,
    reason = "the signatures of the other file"
)]
impl<'a> About<'a> {
    #[inline(always)]
    pub(crate) fn task<F>() -> Self {
        Self(PhantomData)
    }

    #[inline(always)]
    pub(crate) fn local<F>() -> Self {
        Self(PhantomData)
    }

    #[inline(always)]
    pub(crate) fn blocking<F>() -> Self {
        Self(PhantomData)
    }

    #[inline(always)]
    pub(crate) fn block_on<F>() -> Self {
        Self(PhantomData)
    }

    #[inline(always)]
    pub(crate) fn named(self, _name: Option<&'a str>) -> Self {
        self
    }
}

/// No span.
#[derive(Debug, Default)]
pub(crate) struct Span;

impl Span {
    /// Those of a task that the caller spawns.
    #[inline(always)]
    pub(crate) fn new(_id: u64, _about: &About<'_>) -> Self {
        Self
    }

    /// The span that the caller is in.
    #[inline(always)]
    pub(crate) fn current() -> Self {
        Self
    }

    /// Whether [`new`](Self::new) and [`current`](Self::current) run code of a subscriber.
    #[inline(always)]
    pub(crate) fn is_in_use() -> bool {
        false
    }

    /// Whether there is none.
    #[inline(always)]
    pub(crate) fn is_none(&self) -> bool {
        true
    }

    /// The task's own.
    #[inline(always)]
    pub(crate) fn id(&self) -> SpanId {
        SpanId
    }

    /// Runs `f` inside of the span.
    #[inline(always)]
    pub(crate) fn within<R>(&self, f: impl FnOnce() -> R) -> R {
        f()
    }

    /// A poll is over, and the drop of the future follows.
    #[inline(always)]
    pub(crate) fn poll_is_over(&self) {}
}

/// No task's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpanId;

impl SpanId {
    #[inline(always)]
    pub(crate) fn is_none(self) -> bool {
        true
    }

    #[inline(always)]
    pub(crate) fn waker(self, _op: &'static str) {}
}

/// The future as it is.
#[inline(always)]
pub(crate) fn rooted<F: Future>(
    future: F,
    _id: impl FnOnce() -> u64,
    _about: &About<'_>,
) -> impl Future<Output = F::Output> {
    future
}
