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
use io_driver::{Direction, Handle, Interest};
use mio::net::UnixStream;
use std::io::{self, Read};
// `Wake` wants std's `Arc`.
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake};

/// What a runtime has of signals: nothing until its first listener.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    pump: OnceLock<Arc<Pump>>,
}

/// Drains the pipe when the reactor says so.
#[derive(Debug)]
struct Pump {
    pipe: Evented<UnixStream>,
    deliver: fn(),
}

impl Signals {
    /// Has `reactor` call `deliver` whenever something is written to the other end of `pipe`,
    /// unless that was arranged before. `pipe` is not blocking; other runtimes may read it too.
    ///
    /// # Errors
    ///
    /// The system gives no more descriptors, or the reactor is shut down.
    pub(crate) fn start(
        &self,
        reactor: &Handle,
        pipe: &std::os::unix::net::UnixStream,
        deliver: fn(),
    ) -> io::Result<()> {
        if self.pump.get().is_some() {
            return Ok(());
        }
        let pipe = UnixStream::from_std(pipe.try_clone()?);
        let pump = Arc::new(Pump {
            pipe: Evented::new(pipe, Interest::READABLE, reactor)?,
            deliver,
        });
        // The loser of a race drops its pump, which no waker holds yet.
        if self.pump.set(pump.clone()).is_ok() {
            pump.wake();
        }
        Ok(())
    }
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
