//! What ends the driver's wait from another thread: mio's waker, which is an eventfd, or a pipe
//! where a sandbox refuses that one.
//!
//! I1. The pipe is read empty by `seen`, after its event and before the wake flag is taken back.
//!     So a byte that is written after that comes with another event, and a pipe that is full has
//!     an event that was not seen yet.

use crate::refusal::is_refusal;
use mio::unix::pipe::{self, Receiver, Sender};
use std::io::{self, ErrorKind, Read, Write};

#[derive(Debug)]
pub(crate) enum SystemWaker {
    Mio(mio::Waker),
    Pipe(Sender, Receiver),
}

impl SystemWaker {
    /// # Errors
    ///
    /// The system has no room for one.
    pub(crate) fn new(system: &mio::Registry, token: mio::Token) -> io::Result<Self> {
        match mio::Waker::new(system, token) {
            Ok(waker) => Ok(Self::Mio(waker)),
            Err(error) if is_refusal(&error) => Self::new_pipe(system, token),
            Err(error) => Err(error),
        }
    }

    fn new_pipe(system: &mio::Registry, token: mio::Token) -> io::Result<Self> {
        let (sender, mut receiver) = pipe::new()?;
        system.register(&mut receiver, token, mio::Interest::READABLE)?;
        Ok(Self::Pipe(sender, receiver))
    }

    /// Makes the present wait return, or else the next.
    pub(crate) fn wake(&self) -> io::Result<()> {
        let mut sender = match self {
            Self::Mio(waker) => return waker.wake(),
            Self::Pipe(sender, _) => sender,
        };
        loop {
            match sender.write(&[0]) {
                Ok(_) => return Ok(()),
                // Full: an event is on its way (I1).
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The driver got the event.
    pub(crate) fn seen(&self) {
        let Self::Pipe(_, receiver) = self else {
            return;
        };
        let mut receiver = receiver;
        let mut bytes = [0; 16];
        loop {
            match receiver.read(&mut bytes) {
                // There is a sender, so this is no end.
                Ok(count) if count == bytes.len() => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::{Events, Poll, Token};
    use std::time::Duration;

    const WAKE: Token = Token(7);

    fn is_woken(poll: &mut Poll, limit: Option<Duration>) -> bool {
        let mut events = Events::with_capacity(4);
        poll.poll(&mut events, limit).unwrap();
        events.iter().any(|event| event.token() == WAKE)
    }

    /// I1, also with more bytes than a look reads and more than the pipe holds.
    #[test]
    fn each_wake_after_a_look_is_an_event() {
        let mut poll = Poll::new().unwrap();
        let waker = SystemWaker::new_pipe(poll.registry(), WAKE).unwrap();
        for wakes in [1, 15, 16, 17, 100, 200_000] {
            for _ in 0..wakes {
                waker.wake().unwrap();
            }
            assert!(is_woken(&mut poll, None), "{wakes}");
            waker.seen();
            assert!(!is_woken(&mut poll, Some(Duration::ZERO)), "{wakes}");
        }
    }
}
