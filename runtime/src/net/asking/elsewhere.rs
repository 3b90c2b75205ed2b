//! Sockets of a system that cannot tell what a read left behind.

use crate::driver::evented::stream::Taken;
use std::io;
use std::mem::MaybeUninit;

/// What a kind of socket would ask.
#[derive(Clone, Copy, Debug)]
pub(in crate::net) struct Question;

impl Question {
    pub(in crate::net) const TCP: Question = Question;
    #[cfg(unix)]
    pub(in crate::net) const UNIX: Question = Question;
}

/// Nothing: no socket asks.
#[derive(Debug)]
pub(in crate::net) struct Asking;

impl Asking {
    pub(in crate::net) fn new() -> Self {
        Self
    }

    pub(in crate::net) fn stop<S>(&self, _socket: &S, _question: Question) {}

    #[inline]
    pub(in crate::net) fn read<S>(
        &self,
        _socket: &S,
        _question: Question,
        buf: &mut [MaybeUninit<u8>],
        plain: impl FnOnce(&mut [MaybeUninit<u8>]) -> io::Result<Taken>,
    ) -> io::Result<Taken> {
        plain(buf)
    }
}
