//! Waits that end on time: a timerfd in the driver's own epoll set, armed only when needed.
//!
//! `epoll_wait` counts milliseconds, and its slack adds to that; a timer file is exact to the
//! resolution of the kernel's clock. It is armed relative to now, so the caller's clock need not
//! be the kernel's.
//!
//! Where a sandbox or an old kernel refuses timer files, the wait's own limit does it, rounded up
//! to a millisecond by mio: never early, late by up to that.
//!
//! I1. While `armed_ns` is `Some(t)` the kernel's timer was set for `t` and its event was not yet
//!     seen. A wait until `t` or later leaves it alone: an early end does no harm, and setting it
//!     costs a system call.
//! I2. The file is never read. It is registered edge-triggered, and setting the timer zeroes the
//!     count of expirations, so an expiry after that is a new edge, and one that happened before
//!     it without having been fetched is not reported: the kernel looks at the count when it
//!     hands the event out.
//! I3. Once a call was refused there is no file, for good: nothing is asked twice.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;
use std::time::Duration;

use mio::unix::SourceFd;

use crate::driver::TIMER;
use crate::refusal::is_refusal;

#[derive(Debug)]
pub(crate) struct PreciseTimer {
    /// `None` where there is none to be had (I3).
    file: Option<TimerFile>,
    armed_ns: Option<u64>,
}

#[derive(Debug)]
struct TimerFile(OwnedFd);

impl PreciseTimer {
    /// # Errors
    ///
    /// The system has no room for a timer file, or for its registration.
    pub(crate) fn new(system: &mio::Registry) -> io::Result<Self> {
        let file = match TimerFile::open() {
            Ok(file) => {
                system.register(
                    &mut SourceFd(&file.0.as_raw_fd()),
                    TIMER,
                    mio::Interest::READABLE,
                )?;
                Some(file)
            }
            Err(error) if is_refusal(&error) => None,
            Err(error) => return Err(error),
        };
        let armed_ns = None;
        Ok(Self { file, armed_ns })
    }

    /// Sees to it that a wait ends by `until_ns`; returns the time limit to give the system,
    /// which is none if the timer does it.
    pub(crate) fn timeout(&mut self, now_ns: u64, until_ns: u64) -> Option<Duration> {
        let delay = Duration::from_nanos(until_ns.saturating_sub(now_ns));
        let Some(file) = &self.file else {
            return Some(delay);
        };
        if needs_arming(self.armed_ns, now_ns, until_ns) {
            self.armed_ns = None;
            if file.arm(delay).is_err() {
                self.file = None;
                return Some(delay);
            }
            self.armed_ns = Some(until_ns);
        }
        None
    }

    /// The timer's event was seen.
    pub(crate) fn fired(&mut self) {
        self.armed_ns = None;
    }

    /// The next wait arms the timer whatever it was armed for.
    pub(crate) fn forget(&mut self) {
        self.armed_ns = None;
    }
}

impl TimerFile {
    fn open() -> io::Result<Self> {
        let flags = libc::TFD_NONBLOCK | libc::TFD_CLOEXEC;
        // SAFETY: the call takes no pointer.
        let fd = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just opened `fd` for us and nobody else knows its number.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    fn arm(&self, delay: Duration) -> io::Result<()> {
        let once = libc::itimerspec {
            it_interval: libc::timespec {
                tv_sec: 0,
                tv_nsec: 0,
            },
            it_value: libc::timespec {
                tv_sec: libc::time_t::try_from(delay.as_secs()).unwrap_or(libc::time_t::MAX),
                tv_nsec: delay.subsec_nanos() as _,
            },
        };
        // SAFETY: the file is open as long as `self`, `once` is read during the call only, and the
        // kernel accepts a null pointer for the old value.
        let result =
            unsafe { libc::timerfd_settime(self.0.as_raw_fd(), 0, &once, ptr::null_mut()) };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}

/// I1; a timer that should have gone off by the caller's clock is set afresh too, since either its
/// event is about to come, or that clock was moved.
fn needs_arming(armed_ns: Option<u64>, now_ns: u64, until_ns: u64) -> bool {
    armed_ns.is_none_or(|armed_ns| until_ns < armed_ns || armed_ns <= now_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// I1.
    #[test]
    fn the_timer_is_set_only_when_the_armed_one_would_not_do() {
        assert!(needs_arming(None, 0, 50), "nothing is armed");
        assert!(!needs_arming(Some(50), 10, 50), "armed for this");
        assert!(!needs_arming(Some(50), 10, 90), "ends early, harmless");
        assert!(needs_arming(Some(50), 10, 49), "would end late");
        assert!(needs_arming(Some(50), 50, 90), "is over, or never comes");
    }
}
