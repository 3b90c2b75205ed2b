//! The readiness word of one source: what it is ready for, since which event, for which owner.
//!
//! ```text
//!   64-bit:  generation 32 | tick 23 | shutdown 1 | ready 8
//!   32-bit:  generation 12 | tick 11 | shutdown 1 | ready 8
//! ```
//!
//! I1. `tick` changes with every event that is set, and with nothing else. A clear that names an
//!     older tick changes nothing: it would wipe out readiness that the caller has not seen.
//! I2. `generation` changes with every release of the slot, and with nothing else. An event that
//!     names an older generation changes nothing: it was meant for the previous owner.
//! I3. The shutdown flag, once set, stays until the slot is released. Closed bits do so too, unless
//!     a call said `WouldBlock` under the event that has them: such a half is not closed. A FIFO
//!     has new writers, a datagram socket goes on after an error (mio takes an error for a closed
//!     half), and with a bit that stays, its waits would end at once for ever.
//!
//! `Snapshot` is a value; each change is a function on it, and `ReadyWord` applies it in one CAS
//! loop. A successful change is `AcqRel` and pairs with the `Acquire` of `load`: who sees the
//! readiness sees what the dispatching thread did before. That no wake is lost does not rest on
//! this pairing but on the waiters' lock (see `source`).
//!
//! The tick wraps. A clear is fooled only if exactly 2^23 (2^11) events, or a multiple, were set
//! between the look and the clear, and then one more edge or wake puts it right for streams.
//! Rejected: the turn's number as the tick (two turns by two threads could share a number, and an
//! event per source is as cheap to count); a second word for the generation (an event could pass
//! its check and then land in the new owner's bits).

use crate::loom::{AtomicUsize, Ordering};
use crate::ready::Ready;

/// How many bits of a word, and of a token, hold the generation.
pub(crate) const GENERATION_BITS: u32 = if usize::BITS >= 64 { 32 } else { 12 };
const GENERATION_SHIFT: u32 = usize::BITS - GENERATION_BITS;
const SHUTDOWN: usize = 1 << 8;
const TICK_SHIFT: u32 = 9;
const TICK_ONE: usize = 1 << TICK_SHIFT;
const GENERATION_MASK: usize = usize::MAX << GENERATION_SHIFT;
const TICK_MASK: usize = !GENERATION_MASK & !(TICK_ONE - 1);

/// What a source was ready for at one moment; handed back to `clear` once it proved used up.
///
/// ```
/// use io_driver::{Driver, Interest, Registration};
///
/// # fn main() -> std::io::Result<()> {
/// let (_driver, handle) = Driver::new(64)?;
/// let mut socket = mio::net::UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
/// let registration = Registration::new(&mut socket, Interest::READABLE, &handle)?;
/// let event = registration.ready_event(Interest::READABLE);
/// assert!(event.ready.is_empty() && !event.is_shutdown());
/// # registration.deregister(&mut socket)
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadyEvent {
    /// The readiness, limited to what was asked for. `clear` takes away these bits.
    pub ready: Ready,
    tick: u32,
    is_shutdown: bool,
}

impl ReadyEvent {
    /// Returns whether the driver has been shut down: no readiness will come any more.
    pub fn is_shutdown(&self) -> bool {
        self.is_shutdown
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot(usize);

impl Snapshot {
    pub(crate) fn ready(self) -> Ready {
        Ready::from_bits((self.0 & 0xff) as u8)
    }

    pub(crate) fn is_shutdown(self) -> bool {
        self.0 & SHUTDOWN != 0
    }

    pub(crate) fn tick(self) -> u32 {
        ((self.0 & TICK_MASK) >> TICK_SHIFT) as u32
    }

    pub(crate) fn generation(self) -> u32 {
        (self.0 >> GENERATION_SHIFT) as u32
    }

    /// What a caller that looks for `mask` is told.
    #[inline]
    pub(crate) fn event(self, mask: Ready) -> ReadyEvent {
        ReadyEvent {
            ready: self.ready() & mask,
            tick: self.tick(),
            is_shutdown: self.is_shutdown(),
        }
    }

    /// Like `event`, but `None` if the caller has to wait.
    #[inline]
    pub(crate) fn event_if_any(self, mask: Ready) -> Option<ReadyEvent> {
        let event = self.event(mask);
        (event.is_shutdown || !event.ready.is_empty()).then_some(event)
    }

    /// Adds the readiness of one event; `None` if it was meant for an earlier owner (I2).
    fn set(self, generation: u32, ready: Ready) -> Option<Self> {
        if self.generation() != generation {
            return None;
        }
        let tick = self.0.wrapping_add(TICK_ONE) & TICK_MASK;
        Some(Self(
            (self.0 & !TICK_MASK) | tick | usize::from(ready.bits()),
        ))
    }

    /// Takes away what `event` named; `None` if nothing changes, as with an old tick (I1, I3).
    fn clear(self, event: ReadyEvent) -> Option<Self> {
        self.without(event, event.ready - Ready::CLOSED)
    }

    /// As `clear`, but takes closed bits away too: the call proved that they are wrong (I3).
    fn clear_blocked(self, event: ReadyEvent) -> Option<Self> {
        self.without(event, event.ready)
    }

    fn without(self, event: ReadyEvent, gone: Ready) -> Option<Self> {
        let gone = gone & self.ready();
        if self.tick() != event.tick || gone.is_empty() {
            return None;
        }
        Some(Self(self.0 & !usize::from(gone.bits())))
    }

    /// As `clear`, but `None` also if any of `unless` is set.
    fn clear_unless(self, event: ReadyEvent, unless: Ready) -> Option<Self> {
        if self.ready().intersects(unless) {
            return None;
        }
        self.clear(event)
    }

    fn shut_down(self) -> Option<Self> {
        (!self.is_shutdown()).then_some(Self(self.0 | SHUTDOWN))
    }

    /// The word of the next owner: nothing ready, next generation.
    fn release(self) -> Option<Self> {
        let generation = self.0.wrapping_add(1 << GENERATION_SHIFT) & GENERATION_MASK;
        Some(Self(generation | (self.0 & TICK_MASK)))
    }
}

/// The atomic cell around a [`Snapshot`].
#[derive(Debug)]
pub(crate) struct ReadyWord(AtomicUsize);

impl ReadyWord {
    pub(crate) fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    #[inline]
    pub(crate) fn load(&self) -> Snapshot {
        Snapshot(self.0.load(Ordering::Acquire))
    }

    /// Returns whether the event was for the present owner.
    pub(crate) fn set(&self, generation: u32, ready: Ready) -> bool {
        self.update(|word| word.set(generation, ready))
    }

    pub(crate) fn clear(&self, event: ReadyEvent) {
        self.update(|word| word.clear(event));
    }

    pub(crate) fn clear_blocked(&self, event: ReadyEvent) {
        self.update(|word| word.clear_blocked(event));
    }

    pub(crate) fn clear_unless(&self, event: ReadyEvent, unless: Ready) {
        self.update(|word| word.clear_unless(event, unless));
    }

    pub(crate) fn shut_down(&self) {
        self.update(Snapshot::shut_down);
    }

    pub(crate) fn release(&self) {
        self.update(Snapshot::release);
    }

    /// Applies `change` until it sticks; returns whether there was anything to change.
    #[inline]
    fn update(&self, change: impl Fn(Snapshot) -> Option<Snapshot>) -> bool {
        let mut seen = self.load();
        while let Some(next) = change(seen) {
            match self
                .0
                .compare_exchange(seen.0, next.0, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return true,
                Err(now) => seen = Snapshot(now),
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_ready() -> impl Iterator<Item = Ready> {
        (0..=Ready::ALL.bits()).map(Ready::from_bits)
    }

    const LAST_TICK: u32 = (TICK_MASK >> TICK_SHIFT) as u32;
    const LAST_GENERATION: u32 = (GENERATION_MASK >> GENERATION_SHIFT) as u32;

    fn word(generation: u32, tick: u32, is_shutdown: bool, ready: Ready) -> Snapshot {
        Snapshot(
            (generation as usize) << GENERATION_SHIFT
                | (tick as usize) << TICK_SHIFT
                | if is_shutdown { SHUTDOWN } else { 0 }
                | usize::from(ready.bits()),
        )
    }

    /// Every ready set and flag, with the ticks and generations at which a carry could spill.
    fn words() -> impl Iterator<Item = Snapshot> {
        let corners = [(0, 0), (0, LAST_TICK), (LAST_GENERATION, LAST_TICK), (7, 5)];
        corners.into_iter().flat_map(|(generation, tick)| {
            [false, true].into_iter().flat_map(move |down| {
                all_ready().map(move |ready| word(generation, tick, down, ready))
            })
        })
    }

    /// I1: all combinations of present bits, wanted bits and tick distance.
    #[test]
    fn a_stale_tick_clears_nothing() {
        for before in words() {
            for (ready, behind) in all_ready().flat_map(|r| (0..3).map(move |b| (r, b))) {
                let tick = before.tick().wrapping_sub(behind) & LAST_TICK;
                let event = ReadyEvent {
                    ready,
                    tick,
                    is_shutdown: false,
                };
                let after = before.clear(event).unwrap_or(before);
                if behind != 0 {
                    assert_eq!(after, before, "{before:?} lost bits to an old tick");
                } else {
                    assert_eq!(after.ready(), before.ready() - (ready - Ready::CLOSED));
                }
                let blocked = before.clear_blocked(event).unwrap_or(before);
                let closed = if behind == 0 {
                    ready & Ready::CLOSED
                } else {
                    Ready::EMPTY
                };
                assert_eq!(blocked.ready(), after.ready() - closed, "I3: {before:?}");
                assert_eq!(blocked.0 >> 8, after.0 >> 8);
                assert_eq!(after.tick(), before.tick());
                assert_eq!(after.generation(), before.generation());
                assert_eq!(after.is_shutdown(), before.is_shutdown());
            }
        }
    }

    /// I1, and what makes a guarded clear different: one bit of the guard and nothing changes.
    #[test]
    fn a_guarded_clear_is_a_clear_or_nothing() {
        for before in words().filter(|word| !word.is_shutdown()) {
            for unless in all_ready() {
                for tick in [before.tick(), before.tick() ^ 1] {
                    let event = ReadyEvent {
                        ready: Ready::READABLE | Ready::READ_CLOSED,
                        tick,
                        is_shutdown: false,
                    };
                    let expected = if before.ready().intersects(unless) {
                        None
                    } else {
                        before.clear(event)
                    };
                    assert_eq!(before.clear_unless(event, unless), expected);
                }
            }
        }
    }

    /// I1, I2: an event moves the tick and adds bits, and only for its own generation.
    #[test]
    fn an_event_adds_bits_and_moves_the_tick_only() {
        for (before, ready) in words().flat_map(|w| all_ready().map(move |r| (w, r))) {
            let after = before.set(before.generation(), ready).unwrap();
            assert_eq!(after.ready(), before.ready() | ready);
            assert_eq!(after.tick(), before.tick().wrapping_add(1) & LAST_TICK);
            assert_eq!(after.generation(), before.generation());
            assert_eq!(after.is_shutdown(), before.is_shutdown());
            assert_eq!(before.set(before.generation() ^ 1, ready), None);
        }
    }

    /// I2, I3: the next owner starts clean, and events of the last one miss it.
    #[test]
    fn a_released_word_is_empty_and_of_the_next_generation() {
        for before in words() {
            let after = before.release().unwrap();
            assert!(after.ready().is_empty() && !after.is_shutdown());
            assert_ne!(after.generation(), before.generation());
            assert_eq!(after.tick(), before.tick());
            assert_eq!(after.set(before.generation(), Ready::ALL), None);
        }
    }

    /// I3: shutdown is told to everyone, whatever they wait for, and twice changes nothing.
    #[test]
    fn shutdown_ends_every_wait() {
        for before in words() {
            let after = before.shut_down().unwrap_or(before);
            assert!(after.event_if_any(Ready::EMPTY).unwrap().is_shutdown());
            assert_eq!(after.ready(), before.ready());
            assert_eq!(after.shut_down(), None);
        }
    }

    #[test]
    fn waiting_ends_exactly_when_a_wanted_bit_is_set() {
        for (ready, mask) in all_ready().flat_map(|r| all_ready().map(move |m| (r, m))) {
            let event = word(3, 9, false, ready).event_if_any(mask);
            assert_eq!(event.is_some(), ready.intersects(mask));
            assert!(event.is_none_or(|event| event.ready == ready & mask && event.tick == 9));
        }
    }
}
