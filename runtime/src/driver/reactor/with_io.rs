//! The reactor of a build with I/O: mio's poll if the runtime enables it.

use super::signal::Signal;
use super::{Counts, Turn, Wait};
use crate::loom::CHECKED;
use std::io;

/// Waits for readiness, wakes from other threads and time to pass.
#[derive(Debug)]
pub(crate) enum Reactor {
    Io(io_driver::Driver),
    Signal(Signal),
}

/// Ends a reactor's wait; registers sources.
#[derive(Clone, Debug)]
pub(crate) enum ReactorHandle {
    Io(io_driver::Handle),
    Signal(Signal),
}

impl Reactor {
    /// With I/O if `io_events` says how many events a turn takes.
    pub(crate) fn new(io_events: Option<usize>) -> io::Result<(Self, ReactorHandle)> {
        match io_events {
            // A checker's threads must not wait in the system.
            Some(events) if !CHECKED => {
                let (driver, handle) = io_driver::Driver::new(events)?;
                Ok((Self::Io(driver), ReactorHandle::Io(handle)))
            }
            _ => {
                let signal = Signal::new(io_events.is_some());
                Ok((Self::Signal(signal.clone()), ReactorHandle::Signal(signal)))
            }
        }
    }

    pub(crate) fn turn(&mut self, wait: Wait) -> Turn {
        let driver = match self {
            Self::Io(driver) => driver,
            Self::Signal(signal) => return signal.turn(wait),
        };
        let wait = match wait {
            Wait::Now => io_driver::Wait::Now,
            Wait::Forever => io_driver::Wait::Forever,
            Wait::For { now_ns, until_ns } => io_driver::Wait::For { now_ns, until_ns },
        };
        match driver.turn(wait) {
            Ok(turn) => Turn {
                events: turn.events,
                woken: turn.woken_by_handle,
            },
            // The poll of an open epoll descriptor fails only if the descriptor was closed behind
            // our back: no progress is possible, and hiding it would be a silent hang.
            Err(error) => panic!("the reactor's poll failed: {error}"),
        }
    }

    /// The clock that waits are given in jumped.
    pub(crate) fn clock_was_set(&mut self) {
        if let Self::Io(driver) = self {
            driver.clock_was_set();
        }
    }

    pub(crate) fn shutdown(&mut self) {
        if let Self::Io(driver) = self {
            driver.shutdown();
        }
    }
}

impl ReactorHandle {
    pub(crate) fn wake(&self) {
        match self {
            Self::Io(handle) => handle.wake(),
            Self::Signal(signal) => signal.wake(),
        }
    }

    /// Whether a turn without waiting could bring anything.
    pub(crate) fn has_sources(&self) -> bool {
        match self {
            Self::Io(handle) => handle.registered() > 0,
            Self::Signal(signal) => signal.has_source(),
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        match self {
            Self::Io(handle) => Counts {
                registered: handle.fd_registered(),
                deregistered: handle.fd_deregistered(),
                ready: handle.ready_count(),
            },
            Self::Signal(_) => Counts::default(),
        }
    }

    /// The handle sources register with, if I/O is enabled.
    pub(crate) fn io(&self) -> Option<&io_driver::Handle> {
        match self {
            Self::Io(handle) => Some(handle),
            Self::Signal(_) => None,
        }
    }
}
