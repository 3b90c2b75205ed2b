//! The tracing span that a task carries from its spawner: with the feature `tracing` one of the
//! crate of that name, else nothing at all. Both files have the same signatures.

#[cfg(not(feature = "tracing"))]
mod disabled;
#[cfg(feature = "tracing")]
mod enabled;

#[cfg(not(feature = "tracing"))]
pub(crate) use self::disabled::Span;
#[cfg(feature = "tracing")]
pub(crate) use self::enabled::Span;
