//! What a subscriber of the crate `tracing` sees of tasks, and the span that a task carries from its
//! spawner: with the feature `tracing`, else nothing at all. Both files have the same signatures.
//!
//! How it is made: `docs/design/task_context.md`.

#[cfg(not(feature = "tracing"))]
mod disabled;
#[cfg(feature = "tracing")]
mod enabled;

#[cfg(not(feature = "tracing"))]
pub(crate) use self::disabled::{About, IS_ON, Span, SpanId, rooted};
#[cfg(feature = "tracing")]
pub(crate) use self::enabled::{About, IS_ON, Span, SpanId, rooted};
