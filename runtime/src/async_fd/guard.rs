//! The guards: what a descriptor was ready for, and the means to say that it is used up.

use super::{AsyncFd, would_block};
use crate::io_core::Ready;
use io_driver::ReadyEvent;
use std::error::Error;
use std::fmt;
use std::io;
use std::os::fd::AsRawFd;

/// Says that a call would have blocked although the descriptor was reported ready: its readiness
/// has been cleared, wait again.
#[derive(Debug)]
pub struct TryIoError(());

impl fmt::Display for TryIoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the call would block: wait for readiness again")
    }
}

impl Error for TryIoError {}

/// The readiness of an [`AsyncFd`] that somebody waited for.
///
/// Dropping it leaves the readiness as it is: the next wait returns at once. After a call that
/// said `WouldBlock`, clear it.
#[must_use = "a guard that is dropped clears nothing: use `clear_ready`, `retain_ready` or `try_io`"]
pub struct AsyncFdReadyGuard<'a, T: AsRawFd> {
    async_fd: &'a AsyncFd<T>,
    event: Option<ReadyEvent>,
}

/// As [`AsyncFdReadyGuard`], with access to the owner by `&mut`.
#[must_use = "a guard that is dropped clears nothing: use `clear_ready`, `retain_ready` or `try_io`"]
pub struct AsyncFdReadyMutGuard<'a, T: AsRawFd> {
    async_fd: &'a mut AsyncFd<T>,
    event: Option<ReadyEvent>,
}

/// What both guards do with their event.
macro_rules! guard_methods {
    () => {
        /// Says that all of the readiness seen is used up, so that the next wait waits for an
        /// event. Call it only after a call on the descriptor said `WouldBlock`.
        ///
        /// An event that came since this guard was made is kept. So is the knowledge that a half
        /// is closed.
        pub fn clear_ready(&mut self) {
            if let Some(event) = self.event.take() {
                self.async_fd.clear(event, event.ready);
            }
        }

        /// As [`clear_ready`](Self::clear_ready), for the bits in `ready` alone.
        pub fn clear_ready_matching(&mut self, ready: Ready) {
            let Some(mut event) = self.event.take() else {
                return;
            };
            self.async_fd.clear(event, ready);
            event.ready = event.ready - ready;
            if !event.ready.is_empty() {
                self.event = Some(event);
            }
        }

        /// Leaves the readiness as it is, as dropping the guard does; it says so in the code.
        pub fn retain_ready(&mut self) {}

        /// What the descriptor was ready for when this guard was made, less what the guard has
        /// cleared.
        pub fn ready(&self) -> Ready {
            self.event.map_or(Ready::EMPTY, |event| event.ready)
        }

        /// Clears what was seen if a call would have blocked.
        fn settle<R>(&mut self, outcome: io::Result<R>) -> Result<io::Result<R>, TryIoError> {
            match outcome {
                Err(error) if would_block(&error) => {
                    self.clear_ready();
                    Err(TryIoError(()))
                }
                outcome => Ok(outcome),
            }
        }
    };
}

impl<'a, T: AsRawFd> AsyncFdReadyGuard<'a, T> {
    pub(super) fn new(async_fd: &'a AsyncFd<T>, event: ReadyEvent) -> Self {
        Self {
            async_fd,
            event: Some(event),
        }
    }

    guard_methods!();

    /// Calls `f`, and clears the readiness seen if that says `WouldBlock`.
    ///
    /// # Errors
    ///
    /// `f` said `WouldBlock`: wait again. Any other outcome of `f` is in the `Ok`.
    pub fn try_io<R>(
        &mut self,
        f: impl FnOnce(&'a AsyncFd<T>) -> io::Result<R>,
    ) -> Result<io::Result<R>, TryIoError> {
        let outcome = f(self.async_fd);
        self.settle(outcome)
    }

    /// The watched descriptor.
    pub fn get_ref(&self) -> &'a AsyncFd<T> {
        self.async_fd
    }

    /// The owner of the descriptor.
    pub fn get_inner(&self) -> &'a T {
        self.async_fd.get_ref()
    }
}

impl<'a, T: AsRawFd> AsyncFdReadyMutGuard<'a, T> {
    pub(super) fn new(async_fd: &'a mut AsyncFd<T>, event: ReadyEvent) -> Self {
        Self {
            async_fd,
            event: Some(event),
        }
    }

    guard_methods!();

    /// Calls `f`, and clears the readiness seen if that says `WouldBlock`.
    ///
    /// # Errors
    ///
    /// `f` said `WouldBlock`: wait again. Any other outcome of `f` is in the `Ok`.
    pub fn try_io<R>(
        &mut self,
        f: impl FnOnce(&mut AsyncFd<T>) -> io::Result<R>,
    ) -> Result<io::Result<R>, TryIoError> {
        let outcome = f(self.async_fd);
        self.settle(outcome)
    }

    /// The watched descriptor.
    pub fn get_ref(&self) -> &AsyncFd<T> {
        self.async_fd
    }

    /// The watched descriptor.
    pub fn get_mut(&mut self) -> &mut AsyncFd<T> {
        self.async_fd
    }

    /// The owner of the descriptor.
    pub fn get_inner(&self) -> &T {
        self.async_fd.get_ref()
    }

    /// The owner of the descriptor.
    pub fn get_inner_mut(&mut self) -> &mut T {
        self.async_fd.get_mut()
    }
}

impl<T: fmt::Debug + AsRawFd> fmt::Debug for AsyncFdReadyGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFdReadyGuard")
            .field("async_fd", &self.async_fd)
            .field("ready", &self.ready())
            .finish()
    }
}

impl<T: fmt::Debug + AsRawFd> fmt::Debug for AsyncFdReadyMutGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFdReadyMutGuard")
            .field("async_fd", &self.async_fd)
            .field("ready", &self.ready())
            .finish()
    }
}
