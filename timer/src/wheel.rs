//! [`Wheel`]: arming, cancelling and firing over the slots of [`level`](crate::level).
//!
//! The wheel has two positions: `now`, the latest time it was told, and `base`, how far it has
//! been worked off. They differ only while a limit stopped [`Wheel::advance`].
//!
//! I7. `base <= now`, and `base` is at or before every pending deadline.
//! I8. Every entry lies in the slot `Place::of(at, base)`: after every move of `base`, not just
//!     at insertion. So entries of equal deadline always share a slot and stay in the order of
//!     their arming, and the levels are ordered (I1).
//!
//! Moving `base` to a later `target` at or before all deadlines keeps I8 for every slot but the
//! first occupied one: the others lie behind it and so behind the digit in which the target
//! differs. The first one has to be spread over lower levels exactly if the place of its
//! `earliest` changes. Hence one slot at most is touched per move, and none for the time that
//! passed: a jump over years costs what a jump over one tick does.
//!
//! An entry is spread at most once per level, so it costs amortised constant work. The target
//! is the slot's `earliest`, not its begin: nobody has to wake up just to move entries, and the
//! first deadline lands on level 0 in one step whatever level it came from.
//!
//! Rejected: a list of expired entries (they stay in their slots until they are handed out, so
//! a limited `advance` resumes by itself and they can be removed like others); firing past
//! deadlines by their age (a task that arms in the past again and again would starve others).
//! Source: G. Varghese, T. Lauck, "Hashed and hierarchical timing wheels", SOSP 1987.

use crate::entries::{Entries, Key, Page};
use crate::level::{Levels, Place};
use crate::tick::Tick;

/// A set of values with deadlines: arm, cancel and re-arm in constant time, fire in order.
///
/// The wheel knows no clock: [`advance`](Wheel::advance) tells it the time and hands out what
/// has become due. It runs no code of `T` except when it is dropped itself.
///
/// # Examples
///
/// ```
/// use timer::{Tick, Wheel};
///
/// let mut wheel = Wheel::new(Tick::from_raw(1_000));
/// let tea = wheel.insert(Tick::from_raw(1_500), "tea");
/// wheel.insert(Tick::from_raw(1_200), "eggs");
/// assert_eq!(wheel.next_deadline(), Some(Tick::from_raw(1_200)));
///
/// let mut fired = Vec::new();
/// wheel.advance(Tick::from_raw(1_499), usize::MAX, &mut fired);
/// assert_eq!(fired, ["eggs"]);
/// assert_eq!(wheel.remove(tea), Some("tea"));
/// assert!(wheel.is_empty());
/// ```
pub struct Wheel<T> {
    base: Tick,
    now: Tick,
    levels: Levels,
    entries: Entries<T>,
}

impl<T> Wheel<T> {
    /// Makes an empty wheel at time `now`. It takes 6 KiB; entries come in pages of 256.
    pub fn new(now: Tick) -> Self {
        Wheel {
            base: now,
            now,
            levels: Levels::new(),
            entries: Entries::new(),
        }
    }

    /// Arms `value` to fire at `at`.
    ///
    /// A deadline that is not in the future counts as [`now`](Wheel::now): the value is due at
    /// once, behind everything that was due before, and the next [`advance`](Wheel::advance)
    /// returns it.
    ///
    /// Allocates a page if all entries are in use; see [`needs_page`](Wheel::needs_page).
    ///
    /// # Panics
    ///
    /// Panics if 2^32 - 256 values are armed already.
    #[inline]
    pub fn insert(&mut self, at: Tick, value: T) -> Key {
        let at = at.max(self.now);
        let place = Place::of(at, self.base);
        let (index, key) = self.entries.add(at, place, value);
        let slot = self.levels.occupy(place, at);
        self.entries.append(&mut slot.list, index);
        key
    }

    /// Returns the value, or `None` if it has fired or was removed.
    #[inline]
    pub fn get(&self, key: Key) -> Option<&T> {
        self.entries.get(key)
    }

    /// Returns the value for a change in place, or `None` if it has fired or was removed.
    #[inline]
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        self.entries.get_mut(key)
    }

    /// Disarms a value and returns it, or `None` if it has fired or was removed before.
    #[inline]
    pub fn remove(&mut self, key: Key) -> Option<T> {
        let index = self.entries.find(key)?;
        self.unlink(index);
        self.entries.free(index)
    }

    /// Moves the deadline to `at`, earlier or later, as if the value were removed and inserted
    /// again, but the key stays good. Returns `false` if it has fired or was removed.
    #[inline]
    pub fn rearm(&mut self, key: Key, at: Tick) -> bool {
        let Some(index) = self.entries.find(key) else {
            return false;
        };
        self.unlink(index);
        let at = at.max(self.now);
        self.link(index, at);
        true
    }

    /// Returns the deadline, or `None` if the value has fired or was removed. For one that was
    /// in the past when it was armed this is the time of arming.
    #[inline]
    pub fn deadline(&self, key: Key) -> Option<Tick> {
        self.entries.deadline(key)
    }

    /// Moves the time to `now` and appends what is due to `fired`, at most `limit` values, in
    /// the order of their deadlines and among equal ones in the order of arming.
    ///
    /// Returns whether more is due; call it again then. A `now` before the current time counts
    /// as the current time. Reserve `limit` places in `fired` to keep this from allocating.
    pub fn advance(&mut self, now: Tick, limit: usize, fired: &mut Vec<T>) -> bool {
        self.now = self.now.max(now);
        let mut room = limit;
        while let Some(place) = self.next_due() {
            if room == 0 {
                return true;
            }
            room -= self.fire(place, room, fired);
        }
        false
    }

    /// Returns the time at which [`advance`](Wheel::advance) should be called next; it is not
    /// after [`now`](Wheel::now) if something is due. `None` if nothing is armed.
    ///
    /// That is the earliest deadline. Only when a value was removed or re-armed it may be
    /// earlier, because the deadline of that one can be remembered; an `advance` to this time
    /// puts it right. It is never later.
    #[inline]
    pub fn next_deadline(&self) -> Option<Tick> {
        let place = self.levels.first()?;
        Some(self.levels.slot(place).earliest)
    }

    /// Returns the latest time the wheel was told.
    #[inline]
    pub fn now(&self) -> Tick {
        self.now
    }

    /// Returns how many values are armed or due.
    #[inline]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether no value is armed or due.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.entries.len() == 0
    }

    /// Returns whether the next [`insert`](Wheel::insert) would allocate. A caller who holds a
    /// lock can let go of it, make a [`Page`] and [add it](Wheel::add_page) instead.
    #[inline]
    pub fn needs_page(&self) -> bool {
        self.entries.is_full()
    }

    /// Adds room for 256 values. Harmless if somebody else has added some meanwhile.
    ///
    /// The table of pages, 8 bytes each, is the one thing that is copied when it is full.
    ///
    /// # Panics
    ///
    /// Panics if the wheel has room for 2^32 - 256 values already.
    pub fn add_page(&mut self, page: Page<T>) {
        self.entries.add_page(page);
    }

    /// Gives all pages away, to be freed outside a lock, if the wheel is empty; otherwise none.
    /// This is how memory returns after a crowd of timers. Keys that are used up stay so.
    pub fn take_pages(&mut self) -> Vec<Page<T>> {
        self.entries.take_pages()
    }

    /// Removes all values, at shutdown for example, and appends them to `values`. The order is
    /// not specified.
    pub fn drain(&mut self, values: &mut Vec<T>) {
        values.reserve(self.len());
        while let Some(place) = self.levels.first() {
            let mut list = self.levels.take(place);
            while let Some(index) = self.entries.pop_front(&mut list) {
                values.extend(self.entries.free(index));
            }
        }
    }

    /// Moves `base` on until it stands on a tick at which something is due, and returns that
    /// tick's slot; or, if nothing is due, up to `now`.
    fn next_due(&mut self) -> Option<Place> {
        loop {
            let Some(place) = self.levels.first() else {
                self.base = self.now;
                return None;
            };
            let earliest = self.levels.slot(place).earliest;
            let is_due = earliest <= self.now;
            self.base = earliest.min(self.now);
            if place.is_one_tick() {
                return is_due.then_some(place);
            }
            if Place::of(earliest, self.base) != place {
                self.spread(place);
            }
            // `earliest` may be that of a removed entry: look again at what is first now. It
            // is on a lower level or, after the overflow slot, has an exact bound; so this ends.
            if !is_due {
                return None;
            }
        }
    }

    /// Moves the entries of a slot to their places for the new `base` (I8), in their order.
    fn spread(&mut self, place: Place) {
        let mut list = self.levels.take(place);
        while let Some(index) = self.entries.pop_front(&mut list) {
            let at = self.entries.at(index);
            self.link(index, at);
        }
    }

    /// Hands out at most `room` entries of a slot of one tick; returns how many.
    fn fire(&mut self, place: Place, room: usize, fired: &mut Vec<T>) -> usize {
        let list = &mut self.levels.slot_mut(place).list;
        let mut count = 0;
        while count < room {
            let Some(index) = self.entries.pop_front(list) else {
                break;
            };
            fired.extend(self.entries.free(index));
            count += 1;
        }
        if list.is_empty() {
            self.levels.vacate(place);
        }
        count
    }

    #[inline]
    fn link(&mut self, index: u32, at: Tick) {
        let place = Place::of(at, self.base);
        self.entries.set(index, at, place);
        let slot = self.levels.occupy(place, at);
        self.entries.append(&mut slot.list, index);
    }

    #[inline]
    fn unlink(&mut self, index: u32) {
        let place = self.entries.place(index);
        let list = &mut self.levels.slot_mut(place).list;
        if self.entries.unlink(list, index) {
            self.levels.vacate(place);
        }
    }
}

impl<T> std::fmt::Debug for Wheel<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wheel")
            .field("now", &self.now)
            .field("len", &self.len())
            .field("next_deadline", &self.next_deadline())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: u64 = 1 << 36;

    fn tick(raw: u64) -> Tick {
        Tick::from_raw(raw)
    }

    fn advance(wheel: &mut Wheel<u64>, now: u64) -> Vec<u64> {
        let mut fired = Vec::new();
        assert!(!wheel.advance(tick(now), usize::MAX, &mut fired));
        check_invariants(wheel);
        fired
    }

    /// I2 to I4, I7 and I8 for the whole wheel.
    fn check_invariants<T>(wheel: &Wheel<T>) {
        assert!(wheel.base <= wheel.now);
        let mut len = 0;
        for place in wheel.levels.places() {
            let slot = wheel.levels.slot(place);
            let indexes = wheel.entries.walk(slot.list);
            assert!(!indexes.is_empty(), "{place:?} is marked, but empty");
            for &index in &indexes {
                let at = wheel.entries.at(index);
                assert!(at >= wheel.base && at >= slot.earliest);
                assert_eq!(wheel.entries.place(index), place);
                assert_eq!(Place::of(at, wheel.base), place);
            }
            len += indexes.len();
        }
        assert_eq!(len, wheel.len());
    }

    /// I7 and I8 for positions on both sides of every digit's wrap-around.
    #[test]
    fn fires_at_its_tick_and_not_one_before_at_every_boundary() {
        for level in 0..=10 {
            let power = 1_u64 << (6 * level);
            for start in [0, 1, power - 1, power, power - power / 64, power * 5 + 3] {
                for distance in [1, 63, 64, 65, power - 1, power, power + 1, 2 * power] {
                    let at = start.saturating_add(distance.max(1));
                    let mut wheel = Wheel::new(tick(start));
                    wheel.insert(tick(at), at);
                    assert_eq!(wheel.next_deadline(), Some(tick(at)));
                    assert_eq!(advance(&mut wheel, at - 1), [], "{start} + {distance}");
                    assert_eq!(wheel.next_deadline(), Some(tick(at)));
                    assert_eq!(advance(&mut wheel, at), [at], "{start} + {distance}");
                    assert!(wheel.is_empty());
                }
            }
        }
    }

    #[test]
    fn the_last_tick_is_an_ordinary_deadline() {
        let mut wheel = Wheel::new(tick(5));
        let never = wheel.insert(Tick::MAX, 1);
        assert_eq!(advance(&mut wheel, u64::MAX - 1), []);
        assert_eq!(wheel.deadline(never), Some(Tick::MAX));
        assert_eq!(advance(&mut wheel, u64::MAX), [1]);
        wheel.insert(Tick::ZERO, 2);
        wheel.insert(Tick::MAX, 3);
        assert_eq!(wheel.next_deadline(), Some(Tick::MAX));
        assert_eq!(advance(&mut wheel, 0), [2, 3]);
    }

    #[test]
    fn a_past_deadline_is_due_at_once_behind_what_was_due_before() {
        let mut wheel = Wheel::new(tick(100));
        wheel.insert(tick(150), 1);
        wheel.insert(tick(160), 2);
        let mut fired = Vec::new();
        assert!(wheel.advance(tick(200), 1, &mut fired));
        let past = wheel.insert(tick(3), 3);
        check_invariants(&wheel);
        assert_eq!(wheel.deadline(past), Some(tick(200)));
        assert_eq!(wheel.next_deadline(), Some(tick(160)));
        assert!(!wheel.advance(tick(200), 2, &mut fired));
        assert_eq!(fired, [1, 2, 3]);
    }

    #[test]
    fn equal_deadlines_fire_in_the_order_of_arming_over_all_levels() {
        let at = 3 * SPAN + 12_345;
        let mut wheel = Wheel::new(Tick::ZERO);
        let mut armed = 0;
        for start in [0, SPAN, 3 * SPAN, 3 * SPAN + 4_096, at - 60, at - 1] {
            assert_eq!(advance(&mut wheel, start), []);
            wheel.insert(tick(at), armed);
            armed += 1;
        }
        assert_eq!(advance(&mut wheel, at), (0..armed).collect::<Vec<_>>());
    }

    #[test]
    fn a_limit_stops_within_a_tick_and_resumes() {
        let mut wheel = Wheel::new(Tick::ZERO);
        let keys: Vec<Key> = (0..10).map(|n| wheel.insert(tick(70), n)).collect();
        let mut fired = Vec::new();
        assert!(wheel.advance(tick(500), 0, &mut fired));
        assert!(wheel.advance(tick(500), 4, &mut fired));
        check_invariants(&wheel);
        assert_eq!(wheel.remove(keys[3]), None);
        assert_eq!(wheel.remove(keys[5]), Some(5));
        assert!(wheel.rearm(keys[6], tick(600)));
        assert!(
            !wheel.advance(tick(500), 4, &mut fired),
            "exactly the limit was due"
        );
        assert_eq!(fired, [0, 1, 2, 3, 4, 7, 8, 9]);
        assert_eq!(wheel.next_deadline(), Some(tick(600)));
    }

    #[test]
    fn time_never_goes_back() {
        let mut wheel = Wheel::new(tick(1_000));
        wheel.insert(tick(1_001), 1);
        assert_eq!(advance(&mut wheel, 10), []);
        assert_eq!(wheel.now(), tick(1_000));
        assert_eq!(advance(&mut wheel, 1_001), [1]);
    }

    /// Nobody wakes up just to move entries, and a stale bound wakes at most once.
    #[test]
    fn a_remembered_deadline_is_put_right_by_one_advance() {
        let mut wheel = Wheel::new(Tick::ZERO);
        let first = wheel.insert(tick(70_000), 1);
        wheel.insert(tick(70_500), 2);
        assert_eq!(wheel.remove(first), Some(1));
        assert_eq!(wheel.next_deadline(), Some(tick(70_000)));
        assert_eq!(advance(&mut wheel, 70_000), []);
        assert_eq!(wheel.next_deadline(), Some(tick(70_500)));
    }

    #[test]
    fn draining_empties_all_levels_and_uses_up_the_keys() {
        let mut wheel = Wheel::new(Tick::ZERO);
        let deadlines: Vec<u64> = (0..11).map(|level| 1 << (6 * level)).collect();
        let keys: Vec<Key> = deadlines
            .iter()
            .map(|&at| wheel.insert(tick(at), at))
            .collect();
        let mut values = Vec::new();
        wheel.drain(&mut values);
        values.sort_unstable();
        assert_eq!(values, deadlines);
        assert!(keys.iter().all(|&key| wheel.get(key).is_none()));
        assert_eq!(wheel.next_deadline(), None);
        check_invariants(&wheel);
        assert_eq!(wheel.take_pages().len(), 1);
        assert!(wheel.needs_page());
        wheel.insert(tick(9), 9);
        assert_eq!(advance(&mut wheel, u64::MAX), [9]);
    }
}
