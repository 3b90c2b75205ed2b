//! A source of events together with its registration: what every socket, pipe and so on is
//! made of, and the only way from the leaves to the reactor.
//!
//! Readiness is a cache of what the system said. An operation polls for readiness, makes its
//! system call and clears the readiness when the call says `WouldBlock`; the next event sets it
//! again. The system reports edges: if readiness is cleared while the source is still ready,
//! nobody will ever be woken.
//!
//! I1. `source` is there until `into_inner` or `drop` takes it, and it is deregistered then.
//! I2. Readiness is cleared only with the event under which the call was made, whose tick the
//!     registration compares: an event that arrived since is never lost.
//! I3. An error other than `WouldBlock` clears nothing. An `accept` that failed for want of
//!     descriptors works again once there are some, without a new edge.
//! I4. A call that says `WouldBlock` proves that its half is not closed, so that the clear takes
//!     closed bits away too. Only a datagram socket that was shut down says so all the same: see
//!     `datagram`.
//!
//! `stream` has the reads and writes of byte streams, `datagram` the calls of datagram sockets,
//! `pipe_end` a source for pipes.

use crate::budget;
use io_driver::{Direction, Handle, Interest, Ready, ReadyEvent, Registration};
use mio::event::Source;
use std::fmt;
use std::io;
use std::ops::Deref;
use std::task::{Context, Poll, ready};

/// `Source` of a type that has one, for the macro's user to say where.
macro_rules! source_through {
    ($type:ty, |$this:ident| $source:expr) => {
        impl mio::event::Source for $type {
            fn register(
                &mut self,
                registry: &mio::Registry,
                token: mio::Token,
                interests: mio::Interest,
            ) -> std::io::Result<()> {
                let $this = self;
                $source.register(registry, token, interests)
            }

            fn reregister(
                &mut self,
                registry: &mio::Registry,
                token: mio::Token,
                interests: mio::Interest,
            ) -> std::io::Result<()> {
                let $this = self;
                $source.reregister(registry, token, interests)
            }

            fn deregister(&mut self, registry: &mio::Registry) -> std::io::Result<()> {
                let $this = self;
                $source.deregister(registry)
            }
        }
    };
}
#[allow(unused_imports, reason = "only some features have users outside")]
pub(crate) use source_through;

pub(crate) mod datagram;
#[cfg(unix)]
pub(crate) mod pipe_end;
pub(crate) mod stream;

/// A source registered with a reactor, and deregistered when dropped.
pub(crate) struct Evented<S: Source> {
    /// `None` only after `into_inner` took it (I1).
    source: Option<S>,
    registration: Registration,
}

impl<S: Source> Evented<S> {
    /// Registers `source` for `interest`.
    ///
    /// # Errors
    ///
    /// The system refuses more registrations, or the reactor is shut down. The source is
    /// dropped.
    pub(crate) fn new(mut source: S, interest: Interest, handle: &Handle) -> io::Result<Self> {
        let registration = Registration::new(&mut source, interest, handle)?;
        Ok(Self {
            source: Some(source),
            registration,
        })
    }

    /// Deregisters the source and returns it.
    ///
    /// # Errors
    ///
    /// The system refuses to deregister it. The source is dropped.
    pub(crate) fn into_inner(mut self) -> io::Result<S> {
        let mut source = self.source.take().expect("taken only here and in drop");
        self.registration.deregister(&mut source)?;
        Ok(source)
    }

    /// For waiting without an operation.
    pub(crate) fn registration(&self) -> &Registration {
        &self.registration
    }

    /// Waits for any readiness of `interest`.
    ///
    /// # Errors
    ///
    /// The reactor is shut down.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: readiness stays recorded.
    pub(crate) async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        Ok(self.registration.readiness(interest).await?.ready)
    }

    /// Polls for readiness of one direction, within the budget.
    pub(crate) fn poll_ready(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
    ) -> Poll<io::Result<()>> {
        let unit = ready!(budget::poll_proceed(cx));
        let event = ready!(self.registration.poll_ready(cx, direction));
        unit.made_progress();
        Poll::Ready(event.map(drop))
    }

    /// Calls `operation` when the source is ready, as often as it takes, within the budget.
    pub(crate) fn poll_io<R>(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        mut operation: impl FnMut(&S) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        let unit = ready!(budget::poll_proceed(cx));
        let source: &S = self;
        let outcome = ready!(
            self.registration
                .poll_io(cx, direction, || operation(source))
        );
        unit.made_progress();
        Poll::Ready(outcome)
    }

    /// As [`poll_io`](Self::poll_io), for any number of tasks at once.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe if `operation` has no effect when it says `WouldBlock`.
    pub(crate) async fn async_io<R>(
        &self,
        interest: Interest,
        mut operation: impl FnMut(&S) -> io::Result<R>,
    ) -> io::Result<R> {
        let source: &S = self;
        loop {
            let event = self.registration.readiness(interest).await?;
            let unit = std::future::poll_fn(budget::poll_proceed).await;
            match operation(source) {
                Err(error) if blocks(&error) => self.registration.clear_blocked(event),
                outcome => {
                    unit.made_progress();
                    return outcome;
                }
            }
        }
    }

    /// Calls `operation` if the source is ready now.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if it is not, or the operation's own.
    pub(crate) fn try_io<R>(
        &self,
        interest: Interest,
        operation: impl FnOnce(&S) -> io::Result<R>,
    ) -> io::Result<R> {
        let event = self.present_event(interest)?;
        operation(self).inspect_err(|error| self.clear_if_blocked(event, error))
    }

    /// The present readiness.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none.
    #[inline]
    fn present_event(&self, interest: Interest) -> io::Result<ReadyEvent> {
        let event = self.registration.ready_event(interest);
        if event.ready.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(event)
    }

    /// Clears the readiness under which a call was made that failed with `error` (I2, I3, I4).
    #[inline]
    fn clear_if_blocked(&self, event: ReadyEvent, error: &io::Error) {
        if blocks(error) {
            self.registration.clear_blocked(event);
        }
    }
}

impl<S: Source> Deref for Evented<S> {
    type Target = S;

    fn deref(&self) -> &S {
        self.source
            .as_ref()
            .expect("taken only in into_inner and drop")
    }
}

impl<S: Source> Drop for Evented<S> {
    fn drop(&mut self) {
        if let Some(mut source) = self.source.take() {
            // A source that is closed next is gone from the reactor anyway.
            let _ = self.registration.deregister(&mut source);
        }
    }
}

impl<S: Source + fmt::Debug> fmt::Debug for Evented<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// Whether a call would have blocked.
#[inline]
fn blocks(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}
