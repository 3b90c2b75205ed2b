//! [`AsyncFdTryNewError`]: why a descriptor is not watched, with its owner.

use std::error::Error;
use std::fmt;
use std::io;

/// Why [`AsyncFd::register`](super::AsyncFd::register) failed, and the owner of the descriptor.
pub struct AsyncFdTryNewError<T> {
    inner: T,
    cause: io::Error,
}

/// The name that goes with [`AsyncFd::register`](super::AsyncFd::register).
pub type AsyncFdRegisterError<T> = AsyncFdTryNewError<T>;

impl<T> AsyncFdTryNewError<T> {
    pub(super) fn new(inner: T, cause: io::Error) -> Self {
        Self { inner, cause }
    }

    /// The owner of the descriptor, and what the system said.
    pub fn into_parts(self) -> (T, io::Error) {
        (self.inner, self.cause)
    }
}

impl<T> From<AsyncFdTryNewError<T>> for io::Error {
    fn from(error: AsyncFdTryNewError<T>) -> Self {
        error.cause
    }
}

impl<T> fmt::Display for AsyncFdTryNewError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl<T> fmt::Debug for AsyncFdTryNewError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.cause, f)
    }
}

impl<T> Error for AsyncFdTryNewError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}
