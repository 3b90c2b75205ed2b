//! Waits by the system's own time limit, where there is no timer file. Same items as `timerfd`.
//!
//! mio rounds the limit up to what the system can do, so a wait is never early, and late by up to
//! a millisecond on Windows.

use std::io;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct PreciseTimer;

impl PreciseTimer {
    pub(crate) fn new(_system: &mio::Registry) -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) fn timeout(&mut self, now_ns: u64, until_ns: u64) -> Option<Duration> {
        Some(Duration::from_nanos(until_ns.saturating_sub(now_ns)))
    }

    pub(crate) fn fired(&mut self) {}

    pub(crate) fn forget(&mut self) {}
}
