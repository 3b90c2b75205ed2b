//! How a signal reaches the threads of one runtime: the read end of the process's signal pipe,
//! registered with this runtime's reactor.
//!
//! ```text
//!   handler: set bit, write a byte ─► pipe ─► each runtime's reactor: drain, `deliver`
//! ```
//!
//! The pump is a waker: the reactor wakes it as it would a task, and it does its work there. So a
//! runtime that listens for no signal has no pipe, no registration and no look at a flag.
//!
//! A fork has a pipe of its own. A runtime that was made before and goes on in the fork is given
//! a second pump, for that pipe; the first stays until the reactor's shutdown.
//!
//! - P1. The pump drains the pipe before it calls `deliver`, which takes the pending bits: a bit
//!   set after that comes with a byte that is not drained, and so with another event.
//! - P2. The registration holds the waker that holds the pump. The ring ends with the reactor's
//!   shutdown, which takes every waker.
//!
//! Whichever runtime comes first delivers to the listeners of all: a runtime that nobody drives
//! at the moment holds nothing up, and what comes while none is driven stays in the pipe.
//!
//! Rejected: a flag that each turn of each worker looks at; one byte per signal number, which is
//! lost when the pipe is full.

use super::evented::Evented;
use crate::loom::sync::Mutex;
use io_driver::{Direction, Handle, Interest};
use mio::unix::pipe::Receiver;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, RawFd};
// `Wake` wants std's `Arc`.
use std::sync::Arc;
use std::task::{Context, Poll, Wake};

/// What a runtime has of signals: nothing until its first listener.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    pump: Mutex<Option<Arc<Pump>>>,
}

/// Drains the pipe when the reactor says so.
#[derive(Debug)]
struct Pump {
    pipe: Evented<Receiver>,
    /// The number of the process's own end, which is never closed: it names the pipe.
    of: RawFd,
    deliver: fn(),
}

impl Signals {
    /// Has `reactor` call `deliver` whenever something is written to the other end of `pipe`,
    /// unless that was arranged before. `pipe` is not blocking, and never closed; other runtimes
    /// may read it too.
    ///
    /// # Errors
    ///
    /// The system gives no more descriptors, or the reactor is shut down.
    pub(crate) fn start(&self, reactor: &Handle, pipe: &Receiver, deliver: fn()) -> io::Result<()> {
        let of = pipe.as_raw_fd();
        if is_of(&self.pump.lock(), of) {
            return Ok(());
        }
        let pipe = Receiver::from(pipe.as_fd().try_clone_to_owned()?);
        let pump = Arc::new(Pump {
            pipe: Evented::new(pipe, Interest::READABLE, reactor)?,
            of,
            deliver,
        });
        let mut place = self.pump.lock();
        if is_of(&place, of) {
            // The loser of a race drops its pump, which no waker holds yet.
            drop(place);
            return Ok(());
        }
        let before = place.replace(pump.clone());
        drop(place);
        drop(before); // Its waker holds it (P2).
        pump.wake();
        Ok(())
    }
}

fn is_of(pump: &Option<Arc<Pump>>, pipe: RawFd) -> bool {
    pump.as_ref().is_some_and(|pump| pump.of == pipe)
}

impl Pump {
    /// Reads what is there, byte by byte worthless.
    fn drain(&self) {
        let mut bytes = [0; 128];
        loop {
            match (&*self.pipe).read(&mut bytes) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }
}

impl Wake for Pump {
    fn wake(self: Arc<Self>) {
        let waker = self.clone().into();
        let mut cx = Context::from_waker(&waker);
        // An error is the reactor's shutdown: there is nothing to be woken by any more (P2).
        while let Poll::Ready(Ok(event)) = self
            .pipe
            .registration()
            .poll_ready(&mut cx, Direction::Read)
        {
            self.drain();
            self.pipe.registration().clear(event);
            (self.deliver)();
        }
    }
}
