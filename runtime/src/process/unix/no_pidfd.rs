//! Systems that have no descriptors of processes: `SIGCHLD` tells there. Not built on the machines
//! where this crate is developed.

use std::convert::Infallible;
use std::io;
use std::process::Child;

/// The descriptor of a child, of which there is none.
#[derive(Debug)]
pub(super) struct PidFd(Infallible);

impl PidFd {
    pub(super) fn open(_child: &Child) -> Option<Self> {
        None
    }
}

impl mio::event::Source for PidFd {
    fn register(
        &mut self,
        _registry: &mio::Registry,
        _token: mio::Token,
        _interests: mio::Interest,
    ) -> io::Result<()> {
        match self.0 {}
    }

    fn reregister(
        &mut self,
        _registry: &mio::Registry,
        _token: mio::Token,
        _interests: mio::Interest,
    ) -> io::Result<()> {
        match self.0 {}
    }

    fn deregister(&mut self, _registry: &mio::Registry) -> io::Result<()> {
        match self.0 {}
    }
}
