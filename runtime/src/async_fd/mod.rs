//! [`AsyncFd`]: any descriptor that the system can watch, and the guards that tell what it said.
//!
//! The runtime makes no system call on the descriptor itself: it waits, and the caller reads or
//! writes. So only the caller can know that readiness is used up, and only a guard, or a closure
//! run by `try_io` and the like that said `WouldBlock`, takes readiness back.
//!
//! I1. `inner` is there until `into_inner` or `drop` takes it. The descriptor is deregistered
//!     before its owner is given away or dropped, so the system never watches a closed one for us.
//! I2. A guard clears with the event under which it was made: what came since is kept
//!     (`io_driver`, readiness I1).
//! I3. A guard that cleared everything it saw has no event left, so that clearing twice wipes
//!     out nothing.
//!
//! The descriptor is asked of its owner each time and never stored: an owner that was exchanged
//! through `get_mut` must not make us deregister a number that by now is somebody else's.
//!
//! How it is made: `docs/design/io.md`.
#![allow(unsafe_code)]

mod guard;
mod try_new_error;

pub use self::guard::{AsyncFdReadyGuard, AsyncFdReadyMutGuard, TryIoError};
pub use self::try_new_error::{AsyncFdRegisterError, AsyncFdTryNewError};

use crate::budget;
use crate::io_core::{Interest, Ready};
use crate::runtime::context;
use io_driver::{Direction, ReadyEvent, Registration};
use mio::unix::SourceFd;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::task::{Context, Poll, ready};

/// A descriptor of the caller's, watched by the runtime.
///
/// For descriptors that the runtime has no type for: an inotify queue, a device, a socket of a
/// family of its own. The descriptor must be in non-blocking mode, and the system must be able to
/// watch it (not so for regular files on Linux).
///
/// Readiness is remembered until somebody says that it is used up. So after a call that said
/// `WouldBlock`, clear it with [`clear_ready`](AsyncFdReadyGuard::clear_ready), or let
/// [`try_io`](AsyncFdReadyGuard::try_io) do that. Clear it in no other case: the system reports
/// changes only, and what was cleared too early is never reported again.
///
/// # Examples
///
/// ```
/// use runtime::io::unix::AsyncFd;
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
///
/// # runtime::Runtime::new().unwrap().block_on(async {
/// let (mut near, far) = UnixStream::pair()?;
/// far.set_nonblocking(true)?;
/// // SAFETY: a `UnixStream` owns its descriptor.
/// let far = unsafe { AsyncFd::register(far) }?;
/// near.write_all(b"hello")?;
/// let mut text = [0; 5];
/// let count = loop {
///     let mut guard = far.readable().await?;
///     if let Ok(result) = guard.try_io(|fd| fd.get_ref().read(&mut text)) { break result? }
/// };
/// assert_eq!(&text[..count], b"hello");
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct AsyncFd<T: AsRawFd> {
    registration: Registration,
    /// `None` only after `into_inner` took it (I1).
    inner: Option<T>,
}

/// The two directions together.
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

impl<T: AsRawFd> AsyncFd<T> {
    /// Watches `inner` for reading and writing.
    ///
    /// # Errors
    ///
    /// What the system says, with `inner`: it cannot watch this kind of file (`PermissionDenied`
    /// for a regular file on Linux), or watches this descriptor already (`AlreadyExists`).
    ///
    /// # Panics
    ///
    /// Panics outside of a runtime, and in one without I/O.
    ///
    /// # Safety
    ///
    /// As long as the `AsyncFd` owns `inner`, `as_raw_fd` returns the same descriptor, and that
    /// stays open. So it is for every type that owns its descriptor or borrows it by lifetime.
    #[track_caller]
    pub unsafe fn register(inner: T) -> Result<Self, AsyncFdTryNewError<T>> {
        Self::watch(inner, BOTH)
    }

    /// Watches `inner` for `interest` only.
    ///
    /// # Errors
    ///
    /// As [`register`](AsyncFd::register).
    ///
    /// # Panics
    ///
    /// As [`register`](AsyncFd::register).
    ///
    /// # Safety
    ///
    /// As [`register`](AsyncFd::register).
    #[track_caller]
    pub unsafe fn register_with_interest(
        inner: T,
        interest: Interest,
    ) -> Result<Self, AsyncFdTryNewError<T>> {
        Self::watch(inner, interest)
    }

    /// As [`register`](AsyncFd::register), whatever `inner` does with its descriptor. Errors drop
    /// `inner`.
    ///
    /// # Errors
    ///
    /// As [`register`](AsyncFd::register).
    ///
    /// # Panics
    ///
    /// As [`register`](AsyncFd::register).
    #[deprecated = "nothing holds `inner` to keep its descriptor open: use `AsyncFd::register`"]
    #[track_caller]
    pub fn new(inner: T) -> io::Result<Self> {
        Ok(Self::watch(inner, BOTH)?)
    }

    /// As [`register_with_interest`](AsyncFd::register_with_interest), whatever `inner` does with
    /// its descriptor. Errors drop `inner`.
    ///
    /// # Errors
    ///
    /// As [`register`](AsyncFd::register).
    ///
    /// # Panics
    ///
    /// As [`register`](AsyncFd::register).
    #[deprecated = "nothing holds `inner` to keep its descriptor open: use \
                    `AsyncFd::register_with_interest`"]
    #[track_caller]
    pub fn with_interest(inner: T, interest: Interest) -> io::Result<Self> {
        Ok(Self::watch(inner, interest)?)
    }

    /// As [`register`](AsyncFd::register), whatever `inner` does with its descriptor.
    ///
    /// # Errors
    ///
    /// As [`register`](AsyncFd::register).
    ///
    /// # Panics
    ///
    /// As [`register`](AsyncFd::register).
    #[deprecated = "nothing holds `inner` to keep its descriptor open: use `AsyncFd::register`"]
    #[track_caller]
    pub fn try_new(inner: T) -> Result<Self, AsyncFdTryNewError<T>> {
        Self::watch(inner, BOTH)
    }

    /// As [`register_with_interest`](AsyncFd::register_with_interest), whatever `inner` does with
    /// its descriptor.
    ///
    /// # Errors
    ///
    /// As [`register`](AsyncFd::register).
    ///
    /// # Panics
    ///
    /// As [`register`](AsyncFd::register).
    #[deprecated = "nothing holds `inner` to keep its descriptor open: use \
                    `AsyncFd::register_with_interest`"]
    #[track_caller]
    pub fn try_with_interest(inner: T, interest: Interest) -> Result<Self, AsyncFdTryNewError<T>> {
        Self::watch(inner, interest)
    }

    #[track_caller]
    fn watch(inner: T, interest: Interest) -> Result<Self, AsyncFdTryNewError<T>> {
        let handle = context::io_handle();
        let fd = inner.as_raw_fd();
        match Registration::new(&mut SourceFd(&fd), interest, &handle) {
            Ok(registration) => Ok(Self {
                registration,
                inner: Some(inner),
            }),
            Err(cause) => Err(AsyncFdTryNewError::new(inner, cause)),
        }
    }

    /// The owner of the descriptor.
    pub fn get_ref(&self) -> &T {
        self.inner.as_ref().expect("by I1")
    }

    /// The owner of the descriptor. Exchanging the descriptor itself is not noticed.
    pub fn get_mut(&mut self) -> &mut T {
        self.inner.as_mut().expect("by I1")
    }

    /// Stops watching, and gives the owner of the descriptor back.
    pub fn into_inner(mut self) -> T {
        self.take().expect("by I1")
    }

    /// Deregisters the descriptor and takes its owner (I1).
    fn take(&mut self) -> Option<T> {
        let inner = self.inner.take()?;
        let fd = inner.as_raw_fd();
        // It fails only if the descriptor is closed or exchanged; then nothing is watched.
        let _ = self.registration.deregister(&mut SourceFd(&fd));
        Some(inner)
    }

    fn poll_event(&self, cx: &mut Context<'_>, on: Direction) -> Poll<io::Result<ReadyEvent>> {
        let unit = ready!(budget::poll_proceed(cx));
        let event = ready!(self.registration.poll_ready(cx, on));
        unit.made_progress();
        Poll::Ready(event)
    }

    /// Polls for readiness to read. Of several tasks that poll for reading, only the last one is
    /// woken; use [`readable`](AsyncFd::readable) for several.
    ///
    /// # Errors
    ///
    /// The runtime is shut down, or shuts down while waiting.
    pub fn poll_read_ready<'a>(
        &'a self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyGuard<'a, T>>> {
        let event = ready!(self.poll_event(cx, Direction::Read))?;
        Poll::Ready(Ok(AsyncFdReadyGuard::new(self, event)))
    }

    /// As [`poll_read_ready`](AsyncFd::poll_read_ready), with access to the owner by `&mut`.
    ///
    /// # Errors
    ///
    /// The runtime is shut down, or shuts down while waiting.
    pub fn poll_read_ready_mut<'a>(
        &'a mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyMutGuard<'a, T>>> {
        let event = ready!(self.poll_event(cx, Direction::Read))?;
        Poll::Ready(Ok(AsyncFdReadyMutGuard::new(self, event)))
    }

    /// Polls for readiness to write. Of several tasks that poll for writing, only the last one is
    /// woken; use [`writable`](AsyncFd::writable) for several.
    ///
    /// # Errors
    ///
    /// The runtime is shut down, or shuts down while waiting.
    pub fn poll_write_ready<'a>(
        &'a self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyGuard<'a, T>>> {
        let event = ready!(self.poll_event(cx, Direction::Write))?;
        Poll::Ready(Ok(AsyncFdReadyGuard::new(self, event)))
    }

    /// As [`poll_write_ready`](AsyncFd::poll_write_ready), with access to the owner by `&mut`.
    ///
    /// # Errors
    ///
    /// The runtime is shut down, or shuts down while waiting.
    pub fn poll_write_ready_mut<'a>(
        &'a mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyMutGuard<'a, T>>> {
        let event = ready!(self.poll_event(cx, Direction::Write))?;
        Poll::Ready(Ok(AsyncFdReadyMutGuard::new(self, event)))
    }

    /// Waits for any readiness of `interest`. Any number of tasks may wait.
    ///
    /// # Errors
    ///
    /// The runtime is shut down, or shuts down while waiting.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: readiness stays recorded.
    pub async fn ready(&self, interest: Interest) -> io::Result<AsyncFdReadyGuard<'_, T>> {
        let event = self.registration.readiness(interest).await?;
        Ok(AsyncFdReadyGuard::new(self, event))
    }

    /// As [`ready`](AsyncFd::ready), with access to the owner by `&mut`.
    ///
    /// # Errors
    ///
    /// The runtime is shut down, or shuts down while waiting.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: readiness stays recorded.
    pub async fn ready_mut(
        &mut self,
        interest: Interest,
    ) -> io::Result<AsyncFdReadyMutGuard<'_, T>> {
        let event = self.registration.readiness(interest).await?;
        Ok(AsyncFdReadyMutGuard::new(self, event))
    }

    /// Waits until reading is worth a try. Any number of tasks may wait.
    ///
    /// # Errors
    ///
    /// The runtime is shut down, or shuts down while waiting.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: readiness stays recorded.
    pub async fn readable(&self) -> io::Result<AsyncFdReadyGuard<'_, T>> {
        self.ready(Interest::READABLE).await
    }

    /// As [`readable`](AsyncFd::readable), with access to the owner by `&mut`.
    ///
    /// # Errors
    ///
    /// The runtime is shut down, or shuts down while waiting.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: readiness stays recorded.
    pub async fn readable_mut(&mut self) -> io::Result<AsyncFdReadyMutGuard<'_, T>> {
        self.ready_mut(Interest::READABLE).await
    }

    /// Waits until writing is worth a try. Any number of tasks may wait.
    ///
    /// # Errors
    ///
    /// The runtime is shut down, or shuts down while waiting.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: readiness stays recorded.
    pub async fn writable(&self) -> io::Result<AsyncFdReadyGuard<'_, T>> {
        self.ready(Interest::WRITABLE).await
    }

    /// As [`writable`](AsyncFd::writable), with access to the owner by `&mut`.
    ///
    /// # Errors
    ///
    /// The runtime is shut down, or shuts down while waiting.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: readiness stays recorded.
    pub async fn writable_mut(&mut self) -> io::Result<AsyncFdReadyMutGuard<'_, T>> {
        self.ready_mut(Interest::WRITABLE).await
    }

    /// Waits for `interest` and calls `f`, again and again until it does not say `WouldBlock`.
    ///
    /// # Errors
    ///
    /// What `f` returned, or the runtime is shut down.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe if `f` has no effect when it says `WouldBlock`.
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        mut f: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            let event = self.next_event(interest).await?;
            match f(self.get_ref()) {
                Err(error) if would_block(&error) => self.registration.clear(event),
                outcome => return outcome,
            }
        }
    }

    /// As [`async_io`](AsyncFd::async_io), with access to the owner by `&mut`.
    ///
    /// # Errors
    ///
    /// What `f` returned, or the runtime is shut down.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe if `f` has no effect when it says `WouldBlock`.
    pub async fn async_io_mut<R>(
        &mut self,
        interest: Interest,
        mut f: impl FnMut(&mut T) -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            let event = self.next_event(interest).await?;
            match f(self.get_mut()) {
                Err(error) if would_block(&error) => self.registration.clear(event),
                outcome => return outcome,
            }
        }
    }

    /// Waits for `interest`, for one unit of the budget.
    async fn next_event(&self, interest: Interest) -> io::Result<ReadyEvent> {
        let event = self.registration.readiness(interest).await?;
        poll_fn(budget::poll_proceed).await.made_progress();
        Ok(event)
    }

    /// Calls `f` if the descriptor is ready for `interest`, and clears that readiness if `f` says
    /// `WouldBlock`.
    ///
    /// # Errors
    ///
    /// `WouldBlock` without a call if it is not ready; otherwise what `f` returned.
    pub fn try_io<R>(
        &self,
        interest: Interest,
        f: impl FnOnce(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.registration.try_io(interest, || f(self.get_ref()))
    }

    /// As [`try_io`](AsyncFd::try_io), with access to the owner by `&mut`.
    ///
    /// # Errors
    ///
    /// As [`try_io`](AsyncFd::try_io).
    pub fn try_io_mut<R>(
        &mut self,
        interest: Interest,
        f: impl FnOnce(&mut T) -> io::Result<R>,
    ) -> io::Result<R> {
        let inner = self.inner.as_mut().expect("by I1");
        self.registration.try_io(interest, || f(inner))
    }

    /// Takes back `ready`, unless an event came since `event` (I2).
    fn clear(&self, mut event: ReadyEvent, ready: Ready) {
        event.ready = ready;
        self.registration.clear(event);
    }
}

fn would_block(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

impl<T: AsRawFd> AsRawFd for AsyncFd<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.get_ref().as_raw_fd()
    }
}

impl<T: AsRawFd> AsFd for AsyncFd<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: by I1 the owner is here, and by the contract of `register` its descriptor stays
        // open meanwhile. The older constructors leave that to the caller's word, hence their end.
        unsafe { BorrowedFd::borrow_raw(self.as_raw_fd()) }
    }
}

impl<T: AsRawFd> Drop for AsyncFd<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

impl<T: fmt::Debug + AsRawFd> fmt::Debug for AsyncFd<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFd")
            .field("inner", &self.inner)
            .finish()
    }
}
