//! The futures of both sides: one node each, in the list of its side.
//!
//! F1. A node joins a list of its future's channel, under the channel's lock, and is taken out
//!     under the same lock when the future is dropped; the future borrows the channel.
//!     A future that is leaked leaves its node in the list, in memory that is leaked with it: it can
//!     be served and finished like any other.
//! F2. A future that is dropped, or refused, with a promise or a reservation in its node hands it
//!     back (C2 of `chan`).
#![allow(unsafe_code)]

use super::chan::{CLOSED, Chan, Received, Refused, SERVED, State};
use crate::budget;
use crate::sync::wait_list::{Stage, WaitList, Waiter};
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

/// Which of the two lists a node is in.
type Side<T> = fn(&mut State<T>) -> &mut WaitList;

/// What a node does in either list.
impl<T> Chan<T> {
    /// Has a node that waits wake `waker`; false if it does not wait any more.
    fn renew(&self, side: Side<T>, waiter: Pin<&Waiter>, waker: &Waker) -> bool {
        let mut fresh = None;
        loop {
            let mut state = self.lock();
            if waiter.stage() != Stage::Waiting {
                drop(state);
                return false;
            }
            // SAFETY: it waits, and in this list (F1).
            let is_settled = unsafe { side(&mut state).renew(waiter, waker, &mut fresh) };
            // Unlock before `fresh` (by now the replaced waker) is dropped or cloned.
            drop(state);
            if is_settled {
                return true;
            }
            fresh = Some(waker.clone());
        }
    }

    /// Joins the list if `must_wait` says so under the lock.
    fn join_if(
        &self,
        side: Side<T>,
        waiter: Pin<&Waiter>,
        waker: &Waker,
        must_wait: impl FnOnce(&State<T>) -> bool,
    ) -> bool {
        let waker = waker.clone();
        let mut state = self.lock();
        if !must_wait(&state) {
            drop(state);
            drop(waker);
            return false;
        }
        // SAFETY: the node is new and pinned; the drop of its future takes it out (F1).
        unsafe { side(&mut state).join(waiter, waker, 0) };
        true
    }

    /// Takes a node out of its list; true if it was served before.
    fn leave(&self, side: Side<T>, waiter: Pin<&Waiter>) -> bool {
        if waiter.stage() == Stage::Waiting {
            let mut state = self.lock();
            if waiter.stage() == Stage::Waiting {
                // SAFETY: it waits, and in this list (F1).
                unsafe { side(&mut state).leave(waiter) };
            }
        }
        waiter.stage() == Stage::Finished(SERVED)
    }
}

fn receivers<T>(state: &mut State<T>) -> &mut WaitList {
    &mut state.receivers
}

fn senders<T>(state: &mut State<T>) -> &mut WaitList {
    &mut state.senders
}

pin_project! {
    /// The wait of one `recv`.
    #[must_use = "futures do nothing unless polled"]
    pub(super) struct Recv<'a, T> {
        chan: &'a Chan<T>,
        #[pin]
        waiter: Waiter,
    }

    impl<T> PinnedDrop for Recv<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if this.chan.leave(receivers, this.waiter.into_ref()) {
                this.chan.release_promise(); // F2
            }
        }
    }
}

impl<'a, T> Recv<'a, T> {
    #[inline]
    pub(super) fn new(chan: &'a Chan<T>) -> Self {
        Self {
            chan,
            waiter: Waiter::new(),
        }
    }
}

impl<T> Future for Recv<'_, T> {
    type Output = Option<T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let unit = ready!(budget::poll_proceed(cx));
        let this = self.project();
        let polled = this.chan.poll_recv(this.waiter.into_ref(), cx.waker());
        if polled.is_ready() {
            unit.made_progress();
        }
        polled
    }
}

impl<T> Chan<T> {
    #[inline]
    fn poll_recv(&self, waiter: Pin<&Waiter>, waker: &Waker) -> Poll<Option<T>> {
        if waiter.stage() != Stage::New {
            if let Some(polled) = self.poll_promise(waiter, waker) {
                return polled;
            }
        }
        loop {
            match self.try_recv() {
                Received::Message(value) => return Poll::Ready(Some(value)),
                Received::Finished => return Poll::Ready(None),
                Received::Empty => {}
            }
            let must_wait = |state: &State<T>| !state.store.has_free() && !state.store.is_settled();
            if self.join_if(receivers, waiter, waker, must_wait) {
                return Poll::Pending;
            }
        }
    }

    /// Goes on with a node that waits or has waited; `None` if it is to look again.
    fn poll_promise(&self, waiter: Pin<&Waiter>, waker: &Waker) -> Option<Poll<Option<T>>> {
        if waiter.stage() == Stage::Waiting && self.renew(receivers, waiter, waker) {
            return Some(Poll::Pending);
        }
        let stage = waiter.stage();
        waiter.reset(); // The promise leaves the node.
        match stage {
            Stage::Finished(CLOSED) => None,
            _ => Some(Poll::Ready(match self.recv_promised() {
                Received::Message(value) => Some(value),
                Received::Empty | Received::Finished => None,
            })),
        }
    }
}

pin_project! {
    /// Waits for reserved room.
    #[must_use = "futures do nothing unless polled"]
    pub(super) struct Reserve<'a, T> {
        chan: &'a Chan<T>,
        #[pin]
        waiter: Waiter,
    }

    impl<T> PinnedDrop for Reserve<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if this.chan.leave(senders, this.waiter.into_ref()) {
                this.chan.unreserve(); // F2
            }
        }
    }
}

impl<'a, T> Reserve<'a, T> {
    #[inline]
    pub(super) fn new(chan: &'a Chan<T>) -> Self {
        Self {
            chan,
            waiter: Waiter::new(),
        }
    }
}

/// `Ok` with room reserved for the caller, `Err` if the channel is closed.
impl<T> Future for Reserve<'_, T> {
    type Output = Result<(), ()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let unit = ready!(budget::poll_proceed(cx));
        let this = self.project();
        let waiter = this.waiter.into_ref();
        let polled = this
            .chan
            .poll_room(waiter, cx.waker(), || this.chan.try_reserve());
        let polled = polled.map(|got| match got {
            Room::Used(()) => Ok(()),
            Room::Reserved if !this.chan.lock().store.is_closed() => Ok(()),
            Room::Reserved => {
                this.chan.unreserve(); // F2
                Err(())
            }
            Room::Closed => Err(()),
        });
        if polled.is_ready() {
            unit.made_progress();
        }
        polled
    }
}

/// How a wait for room ended.
enum Room<R> {
    /// At once: `attempt` has used it.
    Used(R),
    /// After a wait: it is the caller's to use or to give back.
    Reserved,
    Closed,
}

impl<T> Chan<T> {
    /// Tries `attempt` before any wait, then waits for reserved room.
    #[inline]
    fn poll_room<R>(
        &self,
        waiter: Pin<&Waiter>,
        waker: &Waker,
        mut attempt: impl FnMut() -> Result<R, Refused>,
    ) -> Poll<Room<R>> {
        match waiter.stage() {
            Stage::New => {}
            Stage::Waiting if self.renew(senders, waiter, waker) => return Poll::Pending,
            _ => {
                let stage = waiter.stage();
                waiter.reset(); // The reservation leaves the node.
                return Poll::Ready(match stage {
                    Stage::Finished(CLOSED) => Room::Closed,
                    _ => Room::Reserved,
                });
            }
        }
        loop {
            match attempt() {
                Ok(used) => return Poll::Ready(Room::Used(used)),
                Err(Refused::Closed) => return Poll::Ready(Room::Closed),
                Err(Refused::Full) => {}
            }
            let must_wait = |state: &State<T>| state.store.room() == 0 && !state.store.is_closed();
            if self.join_if(senders, waiter, waker, must_wait) {
                return Poll::Pending;
            }
        }
    }
}

pin_project! {
    /// The wait of one `send`, with its message.
    #[must_use = "futures do nothing unless polled"]
    pub(super) struct Send<'a, T> {
        // Taken when it is sent or given back.
        value: Option<T>,
        #[pin]
        wait: Reserve<'a, T>,
    }
}

impl<'a, T> Send<'a, T> {
    #[inline]
    pub(super) fn new(chan: &'a Chan<T>, value: T) -> Self {
        Self {
            value: Some(value),
            wait: Reserve::new(chan),
        }
    }
}

impl<T> Future for Send<'_, T> {
    type Output = Result<(), T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let unit = ready!(budget::poll_proceed(cx));
        let this = self.project();
        let wait = this.wait.project();
        let chan = *wait.chan;
        let mut message = this.value.take();
        let room = chan.poll_room(wait.waiter.into_ref(), cx.waker(), || {
            let Some(value) = message.take() else {
                return Err(Refused::Closed);
            };
            chan.try_send(value).map_err(|(refused, value)| {
                message = Some(value);
                refused
            })
        });
        let sent = match (room, message) {
            (Poll::Pending, message) => {
                *this.value = message;
                return Poll::Pending;
            }
            (Poll::Ready(Room::Used(())), _) => Ok(()),
            (Poll::Ready(Room::Reserved), Some(value)) => chan.send_reserved(value, true),
            (Poll::Ready(Room::Closed), Some(value)) => Err(value),
            (_, None) => unreachable!("polled after it was ready"),
        };
        unit.made_progress();
        Poll::Ready(sent)
    }
}
