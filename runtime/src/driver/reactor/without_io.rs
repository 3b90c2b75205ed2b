//! The reactor of a build without I/O. Only a model asks for I/O there.

use super::signal::Signal;
use super::{Counts, Turn, Wait};
use std::io;

/// Waits for wakes from other threads and for time to pass.
#[derive(Debug)]
pub(crate) struct Reactor(Signal);

/// Ends a reactor's wait.
#[derive(Clone, Debug)]
pub(crate) struct ReactorHandle(Signal);

impl Reactor {
    pub(crate) fn new(io_events: Option<usize>) -> io::Result<(Self, ReactorHandle)> {
        let signal = Signal::new(io_events.is_some());
        Ok((Self(signal.clone()), ReactorHandle(signal)))
    }

    pub(crate) fn turn(&mut self, wait: Wait) -> Turn {
        self.0.turn(wait)
    }

    pub(crate) fn clock_was_set(&mut self) {}

    pub(crate) fn shutdown(&mut self) {}
}

impl ReactorHandle {
    pub(crate) fn wake(&self) {
        self.0.wake();
    }

    /// Whether a turn without waiting could bring anything.
    pub(crate) fn has_sources(&self) -> bool {
        self.0.has_source()
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts::default()
    }
}
