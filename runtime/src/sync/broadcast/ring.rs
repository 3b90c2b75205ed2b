//! The pure part: which value is where, and who still has to see it. No lock, no atomic, no waker.
//!
//! ```text
//!   position:   0   1   2   3   4   5   6   7   8 ← tail             capacity 4
//!   entry:                      [0] [1] [2] [3]
//!               └─ overwritten ─┘ ▲
//!                                 oldest that can be received
//! ```
//!
//! R1. The value of position `p` lies in entry `p % capacity` until that of `p + capacity` comes.
//! R2. `remaining` of an entry counts the receivers that have not passed its position: those that
//!     there were when the value came, less one for each that read it or left. At 0 the value goes.
//! R3. Receivers read in order, so from the oldest entry to the newest `remaining` never falls,
//!     but for values that a receiver which just left did not release yet.
//!
//! Positions are 64 bits and start at 0: they do not wrap in the life of a machine.

/// The end of the ring: what senders and arriving or leaving receivers change.
#[derive(Debug)]
pub(super) struct Tail {
    /// Where the next value goes.
    position: u64,
    receivers: usize,
    is_closed: bool,
}

/// What a receiver finds at its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// The value is there.
    Ready,
    /// Nothing yet.
    Empty,
    /// Nothing, and nothing will come.
    Closed,
    /// So many values were overwritten; go on at `oldest`.
    Lagged { missed: u64, oldest: u64 },
}

impl Tail {
    /// The most receivers at a time, so that no count overflows.
    pub(super) const MAX_RECEIVERS: usize = usize::MAX >> 2;

    pub(super) const fn new() -> Self {
        Self {
            position: 0,
            receivers: 0,
            is_closed: false,
        }
    }

    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    pub(super) const fn receivers(&self) -> usize {
        self.receivers
    }

    /// Takes the next position for a value, which `receivers` are to see. `None` without any.
    #[inline]
    pub(super) const fn claim(&mut self) -> Option<(u64, usize)> {
        if self.receivers == 0 {
            return None;
        }
        let position = self.position;
        self.position += 1;
        Some((position, self.receivers))
    }

    /// Counts a receiver in and returns where it begins.
    ///
    /// # Panics
    ///
    /// Panics above [`Self::MAX_RECEIVERS`].
    #[track_caller]
    pub(super) fn subscribe(&mut self) -> u64 {
        assert!(
            self.receivers < Self::MAX_RECEIVERS,
            "max receivers: a broadcast channel has at most usize::MAX / 4 at a time"
        );
        self.receivers += 1;
        self.position
    }

    /// Counts a receiver out. It must release the values before the returned position (R2).
    pub(super) const fn unsubscribe(&mut self) -> u64 {
        self.receivers -= 1;
        self.position
    }

    pub(super) const fn close(&mut self) {
        self.is_closed = true;
    }

    #[inline]
    pub(super) const fn look(&self, position: u64, capacity: u64) -> Look {
        let ahead = self.position - position;
        if ahead == 0 {
            return if self.is_closed {
                Look::Closed
            } else {
                Look::Empty
            };
        }
        if ahead <= capacity {
            return Look::Ready;
        }
        Look::Lagged {
            missed: ahead - capacity,
            oldest: self.position - capacity,
        }
    }
}

/// One place of the ring.
#[derive(Debug)]
pub(super) struct Entry<T> {
    /// Of the value that was put here last.
    position: Option<u64>,
    remaining: usize,
    value: Option<T>,
}

/// A value as a reader gets it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read<'a, T> {
    /// Others will come for it: clone it.
    Shared(&'a T),
    /// The reader was the last.
    Last(T),
}

impl<T> Entry<T> {
    pub(super) const fn new() -> Self {
        Self {
            position: None,
            remaining: 0,
            value: None,
        }
    }

    /// Puts a value in and returns the one that it overwrites, if somebody had still to see that.
    #[must_use = "values are dropped after unlocking"]
    #[inline]
    pub(super) const fn put(&mut self, position: u64, receivers: usize, value: T) -> Option<T> {
        self.position = Some(position);
        self.remaining = receivers;
        self.value.replace(value)
    }

    /// Passes `position` for one receiver; `None` if another value is here by now.
    #[inline]
    pub(super) fn read(&mut self, position: u64) -> Option<Read<'_, T>> {
        if self.position != Some(position) {
            return None;
        }
        self.remaining -= 1;
        if self.remaining == 0 {
            self.value.take().map(Read::Last)
        } else {
            self.value.as_ref().map(Read::Shared)
        }
    }

    /// Whether some receiver has still to see the value.
    #[cfg(test)]
    pub(super) const fn is_wanted(&self) -> bool {
        self.remaining > 0
    }
}

/// How many of the last values some receiver has still to see; `is_wanted` asks for a position.
/// By R3 a binary search does.
pub(super) fn count_wanted(tail: u64, capacity: u64, is_wanted: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (tail.saturating_sub(capacity), tail);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_wanted(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    tail - low
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    #[derive(Clone, Copy, Debug)]
    enum Op {
        Send,
        Subscribe,
        Receive(usize),
        Leave(usize),
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            6 => Just(Op::Send),
            1 => Just(Op::Subscribe),
            6 => any::<usize>().prop_map(Op::Receive),
            1 => any::<usize>().prop_map(Op::Leave),
        ]
    }

    /// What a receiver is to get, told without a ring: all values since it came, the first of
    /// which it lost when there are more than the capacity.
    #[derive(Default)]
    struct Expected(VecDeque<u64>);

    #[derive(Debug, PartialEq)]
    enum Got {
        Value(u64),
        Nothing,
        Lagged(u64),
    }

    impl Expected {
        fn receive(&mut self, capacity: usize) -> Got {
            if self.0.len() > capacity {
                let missed = self.0.len() - capacity;
                self.0.drain(..missed);
                return Got::Lagged(missed as u64);
            }
            self.0.pop_front().map_or(Got::Nothing, Got::Value)
        }
    }

    struct Ring {
        tail: Tail,
        entries: Vec<Entry<u64>>,
    }

    impl Ring {
        fn receive(&mut self, next: &mut u64) -> Got {
            let capacity = self.entries.len() as u64;
            match self.tail.look(*next, capacity) {
                Look::Empty | Look::Closed => Got::Nothing,
                Look::Lagged { missed, oldest } => {
                    *next = oldest;
                    Got::Lagged(missed)
                }
                Look::Ready => {
                    let read = self.entries[(*next % capacity) as usize].read(*next);
                    *next += 1;
                    match read.expect("R1") {
                        Read::Shared(&value) | Read::Last(value) => Got::Value(value),
                    }
                }
            }
        }
    }

    proptest! {
        /// R1 to R3 against queues without a limit.
        #[test]
        fn behaves_like_a_queue_per_receiver(
            ops in proptest::collection::vec(op(), 1..200),
            capacity in prop_oneof![Just(1_usize), Just(2), Just(4)],
        ) {
            let mut ring = Ring {
                tail: Tail::new(),
                entries: (0..capacity).map(|_| Entry::new()).collect(),
            };
            let mut receivers: Vec<(u64, Expected)> = Vec::new();
            for op in ops {
                match op {
                    Op::Subscribe => receivers.push((ring.tail.subscribe(), Expected::default())),
                    Op::Send => match ring.tail.claim() {
                        None => prop_assert!(receivers.is_empty()),
                        Some((position, count)) => {
                            prop_assert_eq!(count, receivers.len());
                            let entry = &mut ring.entries[position as usize % capacity];
                            let was_wanted = entry.is_wanted();
                            prop_assert_eq!(entry.put(position, count, position).is_some(), was_wanted);
                            receivers.iter_mut().for_each(|(_, queue)| queue.0.push_back(position));
                        }
                    },
                    Op::Receive(_) | Op::Leave(_) if receivers.is_empty() => {}
                    Op::Receive(who) => {
                        let at = who % receivers.len();
                        let (next, expected) = &mut receivers[at];
                        prop_assert_eq!(ring.receive(next), expected.receive(capacity));
                    }
                    Op::Leave(who) => {
                        let at = who % receivers.len();
                        let (mut next, _) = receivers.swap_remove(at);
                        ring.tail.unsubscribe();
                        while ring.receive(&mut next) != Got::Nothing {}
                    }
                }
                let longest = receivers.iter().map(|(_, queue)| queue.0.len().min(capacity)).max();
                let wanted = count_wanted(ring.tail.position(), capacity as u64, |position| {
                    ring.entries[position as usize % capacity].is_wanted()
                });
                prop_assert_eq!(wanted as usize, longest.unwrap_or(0));
                let kept = ring.entries.iter().filter(|entry| entry.value.is_some()).count();
                prop_assert_eq!(kept, longest.unwrap_or(0), "values go with their last reader");
            }
        }
    }

    #[test]
    fn a_closed_ring_is_read_to_its_end() {
        let mut tail = Tail::new();
        let next = tail.subscribe();
        tail.claim().unwrap();
        tail.close();
        assert_eq!(tail.look(next, 2), Look::Ready);
        assert_eq!(tail.look(next + 1, 2), Look::Closed);
    }
}
