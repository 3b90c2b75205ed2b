//! With the feature `tracing`: a span for each task, and that of its spawner.
//!
//! Names, targets and fields are those that tools for tokio look for; `docs/design/task_context.md`
//! lists them. All functions run code of the program's subscriber, so they are called where user code
//! may run.
//!
//! - T1. A task's own span has no parent, and the spawner's is entered inside of it: what the task logs
//!   and the spans that it opens belong to the spawner's, whether the subscriber wants the task's or not.
//! - T2. What a task inherits is never a task's own span, which would stay open for as long as any of
//!   its descendants lives, and count their polls. If the current one is that, the spawner passes on
//!   what it inherited itself.

use crate::loom::local;
use crate::loom::sync::Arc;
use crate::util::scoped;
use pin_project_lite::pin_project;
use std::cell::RefCell;
use std::num::NonZeroU64;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Whether there are spans at all.
pub(crate) const IS_ON: bool = true;

const TARGET: &str = "tokio::task";
const NAME: &str = "runtime.spawn";

local! {
    /// Of the innermost task that runs on this thread and has some (T2).
    static RUNNING: RefCell<Option<Arc<Spans>>> = RefCell::new(None)
}

/// What a subscriber is told of a new task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    kind: &'static str,
    name: Option<&'a str>,
    /// The blocking closure's type.
    function: Option<&'static str>,
    bytes: usize,
    spawned_at: &'static Location<'static>,
}

impl<'a> About<'a> {
    #[track_caller]
    fn new<F>(kind: &'static str) -> Self {
        Self {
            kind,
            name: None,
            function: None,
            bytes: size_of::<F>(),
            spawned_at: Location::caller(),
        }
    }

    #[track_caller]
    pub(crate) fn task<F>() -> Self {
        Self::new::<F>("task")
    }

    #[track_caller]
    pub(crate) fn local<F>() -> Self {
        Self::new::<F>("local")
    }

    #[track_caller]
    pub(crate) fn blocking<F>() -> Self {
        Self {
            function: Some(std::any::type_name::<F>()),
            ..Self::new::<F>("blocking")
        }
    }

    #[track_caller]
    pub(crate) fn block_on<F>() -> Self {
        Self::new::<F>("block_on")
    }

    pub(crate) fn named(self, name: Option<&'a str>) -> Self {
        Self { name, ..self }
    }

    /// Disabled if no subscriber wants it, which each callsite remembers.
    fn span(&self, id: u64) -> tracing::Span {
        tracing::trace_span!(
            target: TARGET,
            parent: None,
            NAME,
            kind = %self.kind,
            task.name = self.name.map(tracing::field::display),
            task.id = id,
            "fn" = self.function.map(tracing::field::display),
            size.bytes = self.bytes,
            loc.file = self.spawned_at.file(),
            loc.line = self.spawned_at.line(),
            loc.col = self.spawned_at.column(),
        )
    }
}

/// A task's spans, if it has any. Shared with [`RUNNING`], and small where there are none.
#[derive(Debug, Default)]
pub(crate) struct Span(Option<Arc<Spans>>);

/// Either may be disabled.
#[derive(Debug)]
struct Spans {
    task: tracing::Span,
    spawner: tracing::Span,
}

impl Span {
    /// Those of a task that the caller spawns.
    #[inline]
    pub(crate) fn new(id: u64, about: &About<'_>) -> Self {
        match Self::is_in_use() {
            true => Self::of(Some((id, about))),
            false => Self(None),
        }
    }

    /// The span that the caller is in.
    #[inline]
    pub(crate) fn current() -> Self {
        match Self::is_in_use() {
            true => Self::of(None),
            false => Self(None),
        }
    }

    fn of(task: Option<(u64, &About<'_>)>) -> Self {
        let spawner = inheritable();
        let task = task.map_or_else(tracing::Span::none, |(id, about)| about.span(id));
        if task.is_disabled() && spawner.is_disabled() {
            return Self(None);
        }
        Self(Some(Arc::new(Spans { task, spawner })))
    }

    /// Whether [`new`](Self::new) and [`current`](Self::current) run code of a subscriber. A load.
    #[inline]
    pub(crate) fn is_in_use() -> bool {
        tracing::dispatcher::has_been_set()
    }

    /// Whether there is none.
    #[inline]
    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// The task's own.
    pub(crate) fn id(&self) -> SpanId {
        let id = self.0.as_ref().and_then(|spans| spans.task.id());
        SpanId(id.map(|id| id.into_non_zero_u64()))
    }

    /// Runs `f` inside of the spans.
    #[inline]
    pub(crate) fn within<R>(&self, f: impl FnOnce() -> R) -> R {
        let Some(spans) = &self.0 else { return f() };
        let _running = scoped::set(&RUNNING, Some(spans.clone()));
        spans.task.in_scope(|| spans.spawner.in_scope(f))
    }

    /// A poll is over, and the drop of the future follows: the span is entered once for each, so that
    /// whoever measures polls does not measure drops.
    pub(crate) fn poll_is_over(&self) {
        let Some(spans) = &self.0 else { return };
        if spans.task.is_disabled() {
            return;
        }
        for span in [&spans.spawner, &spans.task] {
            span.with_subscriber(|(id, subscriber)| subscriber.exit(id));
        }
        for span in [&spans.task, &spans.spawner] {
            span.with_subscriber(|(id, subscriber)| subscriber.enter(id));
        }
    }
}

/// The span that a task inherits from the caller (T2).
fn inheritable() -> tracing::Span {
    let current = tracing::Span::current();
    let is_of_task = current
        .metadata()
        .is_some_and(|metadata| metadata.name() == NAME && metadata.target() == TARGET);
    if !is_of_task {
        return current;
    }
    // Cloned, because a subscriber's code runs below.
    let running = RUNNING.try_with(|running| running.borrow().clone());
    match running {
        Ok(Some(spans)) => spans.spawner.clone(),
        _ => tracing::Span::none(),
    }
}

/// What wakers of a task say whose they are: the id of its own span, also when that is closed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpanId(Option<NonZeroU64>);

impl SpanId {
    #[inline]
    pub(crate) fn is_none(self) -> bool {
        self.0.is_none()
    }

    /// Tells what is about to be done with a waker.
    pub(crate) fn waker(self, op: &'static str) {
        if let Some(id) = self.0 {
            tracing::trace!(target: "tokio::task::waker", op, task.id = id.get());
        }
    }
}

/// A future given to `block_on`, with a span of its own if somebody wants that.
pub(crate) fn rooted<F: Future>(
    future: F,
    id: impl FnOnce() -> u64,
    about: &About<'_>,
) -> Rooted<F> {
    let spans = match Span::is_in_use() {
        true => root(id, about),
        false => None,
    };
    Rooted {
        spans,
        future: Some(future),
    }
}

/// The caller's span is around the root already: it is for what the root spawns (T2).
fn root(id: impl FnOnce() -> u64, about: &About<'_>) -> Option<Arc<Spans>> {
    let task = about.span(id());
    let spawner = match task.is_disabled() {
        true => return None,
        false => inheritable(),
    };
    Some(Arc::new(Spans { task, spawner }))
}

pin_project! {
    /// Polled and dropped inside of its span.
    pub(crate) struct Rooted<F> {
        spans: Option<Arc<Spans>>,
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Rooted<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            within_root(this.spans, || this.future.set(None));
        }
    }
}

impl<F: Future> Future for Rooted<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let future = this
            .future
            .as_pin_mut()
            .expect("it is there until the drop");
        within_root(this.spans, || future.poll(cx))
    }
}

#[inline]
fn within_root<R>(spans: &Option<Arc<Spans>>, f: impl FnOnce() -> R) -> R {
    let Some(spans) = spans else { return f() };
    let _running = scoped::set(&RUNNING, Some(spans.clone()));
    spans.task.in_scope(f)
}
