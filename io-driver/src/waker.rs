//! What ends the driver's wait from another thread: mio's waker. Same items as `waker_linux`.

use std::io;

#[derive(Debug)]
pub(crate) struct SystemWaker(mio::Waker);

impl SystemWaker {
    pub(crate) fn new(system: &mio::Registry, token: mio::Token) -> io::Result<Self> {
        mio::Waker::new(system, token).map(Self)
    }

    pub(crate) fn wake(&self) -> io::Result<()> {
        self.0.wake()
    }

    pub(crate) fn seen(&self) {}
}
