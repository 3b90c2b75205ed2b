//! One source, and the wake flag, without mio, for the model checker: the model plays the driver and the tasks.
//!
//! Nothing here decides anything; each call is the one that `driver` or `registration` makes.

use std::task::{Context, Poll};

use crate::waiters::PlaceKey;
use crate::wake_batch::WakeBatch;
use crate::{Direction, Interest, Ready, ReadyEvent};

/// A slot of the registry.
#[derive(Debug)]
pub struct Source(crate::source::Source);

impl Default for Source {
    fn default() -> Self {
        Self(crate::source::Source::new())
    }
}

impl Source {
    /// The generation that a token for the present owner carries.
    pub fn generation(&self) -> u32 {
        self.0.generation()
    }

    /// An event for the owner of `generation`; returns whether that is the present one.
    pub fn dispatch(&self, generation: u32, ready: Ready) -> bool {
        let mut batch = WakeBatch::new();
        let is_current = self.0.dispatch(generation, ready, &mut batch);
        batch.wake_all();
        is_current
    }

    /// The shutdown of the driver, as this source sees it.
    pub fn shut_down(&self) {
        let mut batch = WakeBatch::new();
        self.0.shut_down(&mut batch);
        batch.wake_all();
    }

    /// The end of an ownership, as `Registration::drop` does it.
    pub fn release(&self) {
        self.0.release().into_wakers().for_each(drop);
    }

    /// As `Registration::poll_ready`.
    pub fn poll_ready(&self, cx: &mut Context<'_>, direction: Direction) -> Poll<ReadyEvent> {
        self.0.poll_ready(cx, direction)
    }

    /// As `Registration::ready_event`.
    pub fn ready_event(&self, interest: Interest) -> ReadyEvent {
        self.0.event(Ready::from_interest(interest))
    }

    /// As `Registration::clear`.
    pub fn clear(&self, event: ReadyEvent) {
        self.0.clear(event);
    }

    /// As `Registration::clear_blocked`.
    pub fn clear_blocked(&self, event: ReadyEvent) {
        self.0.clear_blocked(event);
    }

    /// As `Registration::clear_unless`.
    pub fn clear_unless(&self, event: ReadyEvent, unless: Ready) {
        self.0.clear_unless(event, unless);
    }

    /// As `Registration::assume_ready`.
    pub fn assume_ready(&self, ready: Ready) {
        self.0.assume_ready(self.0.generation(), ready);
    }

    /// As `Registration::readiness`.
    pub fn readiness(&self, interest: Interest) -> Readiness<'_> {
        Readiness {
            source: self,
            interest,
            place: None,
        }
    }
}

/// As the future of the same name.
#[derive(Debug)]
pub struct Readiness<'a> {
    source: &'a Source,
    interest: Interest,
    place: Option<PlaceKey>,
}

impl Readiness<'_> {
    /// One poll.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ReadyEvent> {
        self.source
            .0
            .poll_readiness(cx, self.interest, &mut self.place)
    }
}

impl Drop for Readiness<'_> {
    fn drop(&mut self) {
        self.source.0.leave(&mut self.place);
    }
}

/// The flag by which coinciding wakes of the driver become one.
#[derive(Debug)]
pub struct WakeFlag(crate::wake_flag::WakeFlag);

impl Default for WakeFlag {
    fn default() -> Self {
        Self(crate::wake_flag::WakeFlag::new())
    }
}

impl WakeFlag {
    /// As `Handle::wake` asks it; returns whether to signal.
    #[must_use]
    pub fn request(&self) -> bool {
        self.0.request()
    }

    /// As `Driver::turn` does on a signal.
    pub fn acknowledge(&self) {
        self.0.acknowledge();
    }
}

/// The registry against its oracle, with what the bytes say.
///
/// # Panics
///
/// Panics where the two differ.
#[cfg(not(loom))]
pub fn check_registry(bytes: &[u8]) {
    crate::registry::oracle::check(&crate::registry::oracle::decode(bytes));
}
