//! The end that watches the value.

use super::Ref;
use super::error::RecvError;
use super::shared::{Shared, Version};
use crate::budget;
use crate::loom::sync::Arc;
use crate::sync::version_waiters::Waiter;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Watches the value of a [`Sender`](super::Sender); made by [`channel`](super::channel) or
/// `subscribe`.
///
/// It remembers which version of the value was marked as seen last; a clone starts with the same.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    seen: Version,
}

impl<T> Receiver<T> {
    /// For a caller that has counted the receiver.
    pub(super) fn from_shared(shared: Arc<Shared<T>>) -> Self {
        let seen = shared.snapshot().version();
        Self { shared, seen }
    }

    /// Borrows the newest value without marking it as seen. See [`Ref`] for what this blocks.
    pub fn borrow(&self) -> Ref<'_, T> {
        let (reading, version) = self.shared.read();
        let has_changed = version != self.seen;
        Ref::new(reading, has_changed)
    }

    /// Borrows the newest value and marks it as seen, so that [`Self::changed`] waits for the
    /// next one. See [`Ref`] for what this blocks.
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let (reading, version) = self.shared.read();
        let has_changed = version != self.seen;
        self.seen = version;
        Ref::new(reading, has_changed)
    }

    /// Returns whether there is a value that was not marked as seen.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if all senders were dropped, whether or not the last value was seen.
    pub fn has_changed(&self) -> Result<bool, RecvError> {
        let now = self.shared.snapshot();
        if now.is_closed() {
            return Err(RecvError(()));
        }
        Ok(now.version() != self.seen)
    }

    /// Marks the value as not seen, so that [`Self::changed`] ends at once.
    pub fn mark_changed(&mut self) {
        self.seen = self.seen.previous();
    }

    /// Marks the newest value as seen, without a look at it.
    pub fn mark_unchanged(&mut self) {
        self.seen = self.shared.snapshot().version();
    }

    /// Returns whether all senders were dropped.
    pub fn is_closed(&self) -> bool {
        self.shared.snapshot().is_closed()
    }

    /// Waits for a value that was not marked as seen, and marks it as seen. Ends at once if there
    /// is one. Values that came between two calls are not told apart: only the newest is there.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if all senders were dropped and the last value was seen.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is marked as seen unless it returns.
    ///
    /// ```
    /// # use runtime::sync::watch;
    /// # runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let (tx, mut rx) = watch::channel("first");
    /// tx.send("second").unwrap();
    /// rx.changed().await.unwrap();
    /// assert_eq!(*rx.borrow_and_update(), "second");
    /// drop(tx);
    /// assert!(rx.changed().await.is_err());
    /// # });
    /// ```
    pub async fn changed(&mut self) -> Result<(), RecvError> {
        Changed {
            shared: &self.shared,
            seen: &mut self.seen,
            waiter: Waiter::new(),
        }
        .await
    }

    /// Waits for a value of which `f` says `true`, and returns a borrow of it. It asks for the
    /// present value first, seen or not, and marks each value that it asks for as seen.
    ///
    /// Values that are replaced quickly may be skipped. See [`Ref`] for what the borrow blocks.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if all senders were dropped, and `f` has said `false` of the last value.
    ///
    /// # Panics
    ///
    /// Panics if `f` does; the channel and this receiver stay usable.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: of the value that was marked as seen last, `f` has said `false`.
    ///
    /// ```
    /// # use runtime::sync::watch;
    /// # runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let (tx, mut rx) = watch::channel(1);
    /// tx.send(5).unwrap();
    /// assert_eq!(*rx.wait_for(|value| *value > 4).await.unwrap(), 5);
    /// # });
    /// ```
    pub async fn wait_for(&mut self, f: impl FnMut(&T) -> bool) -> Result<Ref<'_, T>, RecvError> {
        WaitFor {
            shared: &self.shared,
            seen: &mut self.seen,
            is_waiting: false,
            f,
            waiter: Waiter::new(),
        }
        .await
    }

    /// Returns whether both receivers belong to the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

pin_project! {
    /// [`Receiver::changed`].
    struct Changed<'a, T> {
        shared: &'a Shared<T>,
        seen: &'a mut Version,
        #[pin]
        waiter: Waiter,
    }

    impl<T> PinnedDrop for Changed<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.shared.leave(this.waiter.into_ref());
        }
    }
}

impl<T> Future for Changed<'_, T> {
    type Output = Result<(), RecvError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let unit = ready!(budget::poll_proceed(cx));
        let this = self.project();
        let waiter = this.waiter.into_ref();
        let changed = ready!(poll_changed(this.shared, this.seen, waiter, cx));
        unit.made_progress();
        Poll::Ready(changed)
    }
}

/// Waits for a version other than `seen`, and stores it there.
#[inline]
fn poll_changed<T>(
    shared: &Shared<T>,
    seen: &mut Version,
    waiter: Pin<&Waiter>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), RecvError>> {
    let now = ready!(shared.poll_over(waiter, *seen, cx.waker()));
    if now.version() == *seen {
        return Poll::Ready(Err(RecvError(())));
    }
    *seen = now.version();
    Poll::Ready(Ok(()))
}

pin_project! {
    /// [`Receiver::wait_for`].
    struct WaitFor<'a, T, F> {
        shared: &'a Shared<T>,
        seen: &'a mut Version,
        // Whether `f` has refused the value of the version `seen`.
        is_waiting: bool,
        f: F,
        #[pin]
        waiter: Waiter,
    }

    impl<T, F> PinnedDrop for WaitFor<'_, T, F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.shared.leave(this.waiter.into_ref());
        }
    }
}

impl<'a, T, F: FnMut(&T) -> bool> Future for WaitFor<'a, T, F> {
    type Output = Result<Ref<'a, T>, RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let unit = ready!(budget::poll_proceed(cx));
        let this = self.project();
        let shared: &'a Shared<T> = this.shared;
        let waiter = this.waiter.into_ref();
        loop {
            if *this.is_waiting {
                let changed = ready!(poll_changed(shared, this.seen, waiter, cx));
                // The next wait is for another version.
                shared.leave(waiter);
                *this.is_waiting = false;
                if let Err(error) = changed {
                    unit.made_progress();
                    return Poll::Ready(Err(error));
                }
            }
            let (reading, version) = shared.read();
            let has_changed = version != **this.seen;
            **this.seen = version;
            if (this.f)(&reading) {
                unit.made_progress();
                return Poll::Ready(Ok(Ref::new(reading, has_changed)));
            }
            *this.is_waiting = true;
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.add_receiver();
        Self {
            shared: self.shared.clone(),
            seen: self.seen,
        }
    }
}

/// The last receiver ends the wait of [`Sender::closed`](super::Sender::closed).
impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.remove_receiver();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("channel", &*self.shared)
            .field("seen", &self.seen)
            .finish()
    }
}
