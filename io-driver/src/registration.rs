//! What a socket type holds: its place in the driver, and the ways to wait on it.
//!
//! A source is registered once and edge-triggered: the kernel reports a change once, and the
//! readiness word keeps it until a call says `WouldBlock`. So the protocol for every operation is
//! *wait for readiness, try, on `WouldBlock` clear what was seen and wait again*. The clear names
//! the tick it saw, so that an event that came in between is kept.
//!
//! I1. A `Registration` owns its slot from `new` to `drop`; its token is refused afterwards.
//! I2. `new` takes the slot first and gives it back if the system refuses the source.
//! I3. A fork shares its parent's epoll set, and drops copies of what the parent goes on using: it
//!     takes nothing out.

use std::future::Future;
use std::io;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use mio::event::Source as MioSource;

use crate::driver::Handle;
use crate::loom::Arc;
use crate::readiness::ReadyEvent;
use crate::ready::{Interest, Ready};
use crate::registry::{Page, Token, shutdown_error};
use crate::source::Source;
use crate::waiters::{Direction, PlaceKey};

/// One source registered with a driver.
///
/// Dropping it ends the driver's interest in the source, but the system still watches the file
/// until it is closed or [`deregister`](Registration::deregister) is called; what it reports then
/// goes nowhere.
///
/// ```
/// use io_driver::{Driver, Interest, Registration, Wait};
///
/// # fn main() -> std::io::Result<()> {
/// let (mut driver, handle) = Driver::new(64)?;
/// let mut socket = mio::net::UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
/// let registration = Registration::new(&mut socket, Interest::WRITABLE, &handle)?;
/// driver.turn(Wait::Forever)?; // The kernel reports the fresh socket as writable.
/// assert!(registration.ready_event(Interest::WRITABLE).ready.is_writable());
/// registration.deregister(&mut socket)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Registration {
    handle: Handle,
    /// Where its slot lies, kept so that an operation finds it by one load.
    page: Arc<Page>,
    token: Token,
}

// A panic of foreign code never leaves a source half changed: none runs while it is locked.
impl UnwindSafe for Registration {}
impl RefUnwindSafe for Registration {}

impl Registration {
    /// Registers `source`, edge-triggered, for `interest`.
    ///
    /// # Errors
    ///
    /// Returns what the system says, for example that it cannot watch this kind of file, or an
    /// error for which [`is_shutdown_error`](crate::is_shutdown_error) holds.
    pub fn new(
        source: &mut (impl MioSource + ?Sized),
        interest: Interest,
        handle: &Handle,
    ) -> io::Result<Self> {
        let (token, page) = handle.sources().allocate()?;
        handle.count_registered();
        // From here on `drop` gives the slot back (I2).
        let registration = Self {
            handle: handle.clone(),
            page,
            token,
        };
        handle
            .system()
            .register(source, mio::Token(token.raw()), interest.to_mio())?;
        Ok(registration)
    }

    /// Tells the system to stop watching `source`, which must be the one registered.
    ///
    /// An event already on its way may still be recorded until this registration is dropped. In a
    /// fork of the process that made the driver this does nothing: the parent is still to be told.
    ///
    /// # Errors
    ///
    /// Returns what the system says.
    pub fn deregister(&self, source: &mut (impl MioSource + ?Sized)) -> io::Result<()> {
        if self.handle.is_inherited() {
            return Ok(()); // I3
        }
        self.handle.system().deregister(source)
    }

    /// The driver with which this is registered.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Polls for readiness in one direction. Each direction has room for one waiting task: the
    /// waker of a later poll replaces the earlier one.
    ///
    /// # Errors
    ///
    /// An error if the driver was shut down.
    #[inline]
    pub fn poll_ready(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
    ) -> Poll<io::Result<ReadyEvent>> {
        let event = ready!(self.source().poll_ready(cx, direction));
        Poll::Ready(unless_shut_down(event))
    }

    /// The present readiness for `interest`, without waiting.
    #[inline]
    pub fn ready_event(&self, interest: Interest) -> ReadyEvent {
        self.source().event(Ready::from_interest(interest))
    }

    /// Waits until some readiness for `interest` is there. Any number of tasks may wait at once.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: readiness stays recorded until it is cleared, whoever saw it.
    pub fn readiness(&self, interest: Interest) -> Readiness<'_> {
        Readiness {
            registration: self,
            interest,
            place: None,
        }
    }

    /// Takes back the readiness in `event`, after a call proved that it is used up.
    ///
    /// Does nothing if another event came since `event` was taken; the closed bits stay anyway.
    #[inline]
    pub fn clear(&self, event: ReadyEvent) {
        self.source().clear(event);
    }

    /// As [`clear`](Registration::clear) after a call that said `WouldBlock`: that proves that its
    /// half is not closed, so the closed bits in `event` go too.
    #[inline]
    pub fn clear_blocked(&self, event: ReadyEvent) {
        self.source().clear_blocked(event);
    }

    /// As [`clear`](Registration::clear), but does nothing either if any bit of `unless`, not
    /// limited to what `event` was asked for, is set by now. Both are looked at in one step.
    #[inline]
    pub fn clear_unless(&self, event: ReadyEvent, unless: Ready) {
        self.source().clear_unless(event, unless);
    }

    /// Records `ready` as if an event had said so, for a source of which it is likely before
    /// its first event. Call it before anybody waits: nobody is woken.
    ///
    /// A wrong guess costs one operation that says `WouldBlock`, which clears it.
    pub fn assume_ready(&self, ready: Ready) {
        self.source().assume_ready(self.token.generation(), ready);
    }

    /// Calls `operation` if the source is ready, and clears that readiness on `WouldBlock`.
    ///
    /// # Errors
    ///
    /// `WouldBlock` without a call if the source is not ready; else what `operation` returned.
    pub fn try_io<R>(
        &self,
        interest: Interest,
        operation: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        let event = self.ready_event(interest);
        if event.ready.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let result = operation();
        self.clear_if_blocked(event, &result);
        result
    }

    /// Polls `operation`: calls it whenever the source is ready, until it does not block.
    ///
    /// # Errors
    ///
    /// An error if the driver was shut down; else what `operation` returned.
    pub fn poll_io<R>(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        mut operation: impl FnMut() -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            let event = ready!(self.poll_ready(cx, direction))?;
            let result = operation();
            if !self.clear_if_blocked(event, &result) {
                return Poll::Ready(result);
            }
        }
    }

    /// Waits for `interest` and calls `operation`, again and again until it does not block.
    ///
    /// # Errors
    ///
    /// An error if the driver was shut down; else what `operation` returned.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it waits only before `operation` or after it said `WouldBlock`.
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        mut operation: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            let event = self.readiness(interest).await?;
            let result = operation();
            if !self.clear_if_blocked(event, &result) {
                return result;
            }
        }
    }

    /// Returns whether `result` is `WouldBlock`.
    fn clear_if_blocked<R>(&self, event: ReadyEvent, result: &io::Result<R>) -> bool {
        let blocked = matches!(result, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        if blocked {
            self.clear_blocked(event);
        }
        blocked
    }

    #[inline]
    fn source(&self) -> &Source {
        self.page.source(self.token)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let abandoned = self.source().release();
        self.handle.discard(abandoned.into_wakers());
        self.handle.count_deregistered();
        self.handle.sources().free(self.token, self.source());
    }
}

#[inline]
fn unless_shut_down(event: ReadyEvent) -> io::Result<ReadyEvent> {
    if event.is_shutdown() {
        return Err(shutdown_error());
    }
    Ok(event)
}

/// Future of [`Registration::readiness`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Readiness<'a> {
    registration: &'a Registration,
    interest: Interest,
    /// Where its waker lies while it waits.
    place: Option<PlaceKey>,
}

impl Future for Readiness<'_> {
    type Output = io::Result<ReadyEvent>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let source = this.registration.source();
        let event = ready!(source.poll_readiness(cx, this.interest, &mut this.place));
        Poll::Ready(unless_shut_down(event))
    }
}

impl Drop for Readiness<'_> {
    fn drop(&mut self) {
        self.registration.source().leave(&mut self.place);
    }
}
