//! A descriptor of a process, which is ready for reading once the process ended.
//!
//! By R1 of the module the number names the right process when the descriptor is opened.
#![allow(unsafe_code)]

use mio::unix::SourceFd;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::Child;

/// The descriptor of a child.
#[derive(Debug)]
pub(super) struct PidFd(OwnedFd);

impl PidFd {
    /// `None` if the system refuses: it is old (before Linux 5.3) or forbids the call. The
    /// caller does without.
    pub(super) fn open(child: &Child) -> Option<Self> {
        let number = libc::pid_t::try_from(child.id()).ok()?;
        // SAFETY: a call with two integers; it opens a descriptor that is closed on `exec`.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, number, 0) };
        let fd = libc::c_int::try_from(fd).ok().filter(|&fd| fd >= 0)?;
        // SAFETY: the call returned a descriptor that nobody else has.
        Some(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }
}

impl mio::event::Source for PidFd {
    fn register(
        &mut self,
        registry: &mio::Registry,
        token: mio::Token,
        interests: mio::Interest,
    ) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).register(registry, token, interests)
    }

    fn reregister(
        &mut self,
        registry: &mio::Registry,
        token: mio::Token,
        interests: mio::Interest,
    ) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &mio::Registry) -> io::Result<()> {
        SourceFd(&self.0.as_raw_fd()).deregister(registry)
    }
}
