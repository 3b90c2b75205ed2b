//! Who waits for one source: a reader, a writer, and a list for everybody beyond these two.
//!
//! A stream has nearly always one reader and one writer; they cost no allocation. Futures of
//! `readiness` may be many and each owns a *place* of the list from its first pending poll until
//! it is ready or dropped.
//!
//! Plain data that lies in a lock. By the rule of the crate no waker is cloned, woken or dropped
//! and nothing is allocated in here: wakers go in and out by value, and the list grows by a
//! buffer that the caller brings along.
//!
//! I1. A place belongs to one future; `take_ready` empties its waker but leaves it the place, so
//!     a key never names another future's place.
//! I2. Free places form a list through `next`; once no place is owned the list is empty again.

use std::mem;
use std::task::Waker;

use crate::ready::{Interest, Ready};
use crate::wake_batch::WakeBatch;

/// Which of the two single slots a `poll_ready` uses; the later of two polls in the same
/// direction replaces the waker of the earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Readable, or closed for reading.
    Read,
    /// Writable, or closed for writing.
    Write,
}

impl Direction {
    /// The readiness that ends a wait in this direction.
    pub fn mask(self) -> Ready {
        match self {
            Direction::Read => Ready::READABLE | Ready::READ_CLOSED,
            Direction::Write => Ready::WRITABLE | Ready::WRITE_CLOSED,
        }
    }
}

/// The number of a place, kept by the future that owns it.
pub(crate) type PlaceKey = u32;

const NO_PLACE: PlaceKey = PlaceKey::MAX;
/// Places made when the list is first needed: mostly one task waits.
const FIRST_PLACES: usize = 1;

#[derive(Debug)]
pub(crate) enum Place {
    Free {
        next: PlaceKey,
    },
    Owned {
        interest: Interest,
        waker: Option<Waker>,
    },
}

#[derive(Debug)]
pub(crate) struct Waiters {
    reader: Option<Waker>,
    writer: Option<Waker>,
    beyond: Vec<Place>,
    first_free: PlaceKey,
    owned: u32,
}

impl Default for Waiters {
    fn default() -> Self {
        Self {
            reader: None,
            writer: None,
            beyond: Vec::new(),
            first_free: NO_PLACE,
            owned: 0,
        }
    }
}

impl Waiters {
    fn slot(&mut self, direction: Direction) -> &mut Option<Waker> {
        match direction {
            Direction::Read => &mut self.reader,
            Direction::Write => &mut self.writer,
        }
    }

    /// Puts `waker` into the slot; the caller drops the replaced one after unlocking.
    #[must_use = "a waker is dropped after unlocking"]
    pub(crate) fn replace(&mut self, direction: Direction, waker: Waker) -> Option<Waker> {
        self.slot(direction).replace(waker)
    }

    /// Takes a place, or gives the waker back if the list is full and must `grow` first.
    pub(crate) fn insert(&mut self, interest: Interest, waker: Waker) -> Result<PlaceKey, Waker> {
        let place = Place::Owned {
            interest,
            waker: None,
        };
        let key = if self.first_free != NO_PLACE {
            let key = self.first_free;
            let Place::Free { next } = mem::replace(&mut self.beyond[key as usize], place) else {
                unreachable!("by I2 the free list names only free places");
            };
            self.first_free = next;
            key
        } else if self.beyond.len() < self.beyond.capacity() {
            self.beyond.push(place);
            (self.beyond.len() - 1) as PlaceKey
        } else {
            return Err(waker);
        };
        self.owned += 1;
        let unused = self.update(key, waker);
        debug_assert!(unused.is_none(), "a new place has no waker");
        Ok(key)
    }

    /// How many places a buffer for the next `grow` should hold.
    pub(crate) fn grown_capacity(&self) -> usize {
        (self.beyond.capacity() * 2).max(FIRST_PLACES)
    }

    /// Moves the list into `bigger`; returns the buffer to free after unlocking.
    #[must_use = "a buffer is freed after unlocking"]
    pub(crate) fn grow(&mut self, mut bigger: Vec<Place>) -> Vec<Place> {
        if bigger.capacity() <= self.beyond.capacity() {
            return bigger; // Somebody else was faster.
        }
        bigger.append(&mut self.beyond);
        mem::replace(&mut self.beyond, bigger)
    }

    /// Replaces the waker of an owned place; the caller drops the old one after unlocking.
    #[must_use = "a waker is dropped after unlocking"]
    pub(crate) fn update(&mut self, key: PlaceKey, new: Waker) -> Option<Waker> {
        match &mut self.beyond[key as usize] {
            Place::Owned { waker, .. } => waker.replace(new),
            Place::Free { .. } => unreachable!("by I1 the future still owns its place"),
        }
    }

    /// Gives the place back; the caller drops the waker after unlocking.
    #[must_use = "a waker is dropped after unlocking"]
    pub(crate) fn remove(&mut self, key: PlaceKey) -> Option<Waker> {
        let free = Place::Free {
            next: self.first_free,
        };
        let Place::Owned { waker, .. } = mem::replace(&mut self.beyond[key as usize], free) else {
            unreachable!("by I1 the future still owns its place");
        };
        self.first_free = key;
        self.owned -= 1;
        if self.owned == 0 {
            // All places are free and hold nothing: this frees no memory and drops no waker.
            self.beyond.clear();
            self.first_free = NO_PLACE;
        }
        waker
    }

    /// Moves the wakers that wait for `ready` into `batch`, starting at the cursor `from` (0 at
    /// first). Returns where to go on if the batch ran full.
    pub(crate) fn take_ready(
        &mut self,
        ready: Ready,
        from: usize,
        batch: &mut WakeBatch,
    ) -> Option<usize> {
        for (cursor, direction) in [Direction::Read, Direction::Write].into_iter().enumerate() {
            if cursor < from || !ready.intersects(direction.mask()) {
                continue;
            }
            if self.slot(direction).is_some() && batch.is_full() {
                return Some(cursor);
            }
            if let Some(waker) = self.slot(direction).take() {
                batch.push(waker);
            }
        }
        for at in from.saturating_sub(2)..self.beyond.len() {
            let Place::Owned { interest, waker } = &mut self.beyond[at] else {
                continue;
            };
            if waker.is_some() && ready.satisfies(*interest) {
                if batch.is_full() {
                    return Some(at + 2);
                }
                batch.push(waker.take().expect("seen above"));
            }
        }
        None
    }

    /// All wakers, for a slot that is given up.
    pub(crate) fn into_wakers(self) -> impl Iterator<Item = Waker> {
        let beyond = self.beyond.into_iter().filter_map(|place| match place {
            Place::Owned { waker, .. } => waker,
            Place::Free { .. } => None,
        });
        self.reader.into_iter().chain(self.writer).chain(beyond)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Count {
        fn total(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn insert(waiters: &mut Waiters, interest: Interest, count: &Arc<Count>) -> PlaceKey {
        match waiters.insert(interest, count.clone().into()) {
            Ok(key) => key,
            Err(waker) => {
                let bigger = Vec::with_capacity(waiters.grown_capacity());
                drop(waiters.grow(bigger));
                waiters.insert(interest, waker).expect("grown above")
            }
        }
    }

    fn wake_all(waiters: &mut Waiters, ready: Ready) {
        let mut batch = WakeBatch::new();
        let mut from = 0;
        while let Some(next) = waiters.take_ready(ready, from, &mut batch) {
            batch.wake_all();
            from = next;
        }
        batch.wake_all();
    }

    #[test]
    fn only_those_who_wait_for_it_are_woken() {
        let (reads, writes) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let mut waiters = Waiters::default();
        assert!(
            waiters
                .replace(Direction::Read, reads.clone().into())
                .is_none()
        );
        assert!(
            waiters
                .replace(Direction::Write, writes.clone().into())
                .is_none()
        );
        for _ in 0..3 {
            insert(&mut waiters, Interest::READABLE, &reads);
            insert(&mut waiters, Interest::WRITABLE, &writes);
        }
        wake_all(&mut waiters, Ready::READ_CLOSED);
        assert_eq!((reads.total(), writes.total()), (4, 0));
        wake_all(&mut waiters, Ready::READABLE | Ready::WRITABLE);
        assert_eq!((reads.total(), writes.total()), (4, 4));
    }

    #[test]
    fn more_waiters_than_a_batch_holds_are_all_woken_once() {
        let count = Arc::new(Count::default());
        let mut waiters = Waiters::default();
        let keys: Vec<_> = (0..100)
            .map(|_| insert(&mut waiters, Interest::READABLE, &count))
            .collect();
        wake_all(&mut waiters, Ready::READABLE);
        assert_eq!(count.total(), 100);
        assert!(keys.into_iter().all(|key| waiters.remove(key).is_none()));
    }

    /// I1, I2: places are used again, growing keeps them, an emptied list starts afresh.
    #[test]
    fn a_place_is_reused_only_after_its_owner_left() {
        let count = Arc::new(Count::default());
        let mut waiters = Waiters::default();
        let mut live = Vec::new();
        for round in 0..200_usize {
            let key = insert(&mut waiters, Interest::READABLE, &count);
            assert!(!live.contains(&key), "two futures own place {key}");
            live.push(key);
            if round % 3 == 0 {
                let gone = live.swap_remove(round % live.len());
                assert!(waiters.remove(gone).is_some());
            }
        }
        assert!(waiters.beyond.len() <= live.len() + 67);
        live.into_iter()
            .for_each(|key| assert!(waiters.remove(key).is_some()));
        assert!(waiters.beyond.is_empty() && waiters.first_free == NO_PLACE);
    }
}
