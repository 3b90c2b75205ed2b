//! Sockets of a system that cannot tell what a read left behind.

use crate::driver::evented::stream::Taken;
use std::io;
use std::mem::MaybeUninit;

/// The option by which a kind of socket would ask.
#[derive(Clone, Copy, Debug)]
pub(in crate::net) struct InqOption;

impl InqOption {
    pub(in crate::net) const TCP: InqOption = InqOption;
    #[cfg(unix)]
    pub(in crate::net) const UNIX: InqOption = InqOption;
}

/// Nothing: no socket asks.
#[derive(Debug)]
pub(in crate::net) struct InqMode;

impl InqMode {
    pub(in crate::net) fn new() -> Self {
        Self
    }

    pub(in crate::net) fn stop<S>(&self, _socket: &S, _option: InqOption) {}

    #[inline]
    pub(in crate::net) fn read<S>(
        &self,
        _socket: &S,
        _option: InqOption,
        buf: &mut [MaybeUninit<u8>],
        plain: impl FnOnce(&mut [MaybeUninit<u8>]) -> io::Result<Taken>,
    ) -> io::Result<Taken> {
        plain(buf)
    }
}
