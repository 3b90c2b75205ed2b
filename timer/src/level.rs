//! The slots of the wheel: which one a deadline belongs to, and which ones hold something.
//!
//! A tick is read as digits of six bits. With `base` the wheel's own position, a deadline
//! belongs to the level of the highest digit in which it differs from `base`, and there to the
//! slot named by its own digit:
//!
//! ```text
//!            digit:  overflow | 5 | 4 | 3 | 2 | 1 | 0        (bits 63..36, then 6 bits each)
//!            base  =    0     | 0 | 0 | 3 | 9 | 0 | 7
//!            at    =    0     | 0 | 0 | 3 |12 |44 | 1   ──►  level 2, slot 12
//! ```
//!
//! I1. Slots of a lower level lie wholly before those of a higher one, and within a level they
//!     lie in the order of their index, because a deadline is never before `base`. So the first
//!     occupied slot is found with one `trailing_zeros`, without any rotation: digits above the
//!     level agree with `base`, so an index never wraps around.
//! I2. A slot's bit is set exactly while its list is not empty.
//! I3. `earliest` is a lower bound of the deadlines in its slot; [`Tick::MAX`] when it is empty.
//!     It is exact as long as nothing left the slot singly, and always on level 0, where a slot
//!     is one tick.
//!
//! What lies beyond the levels goes into one overflow slot, kept as a seventh level of one
//! slot, so that every operation treats it like the others.

use crate::entries::List;
use crate::tick::Tick;

/// Bits per digit: 64 slots fit one occupancy word.
const DIGIT_BITS: u32 = 6;
const SLOTS_PER_LEVEL: u64 = 1 << DIGIT_BITS;
const LEVELS: u32 = 6;
const SLOTS: usize = (LEVELS as usize) << DIGIT_BITS;

/// Names a slot: its level and its index there, packed as they lie in the array.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place(u16);

impl Place {
    /// The slot beyond all levels.
    pub(crate) const OVERFLOW: Place = Place(SLOTS as u16);

    /// Returns the slot of deadline `at` in a wheel that stands at `base`.
    ///
    /// `at` must not be before `base` (I1).
    #[inline]
    pub(crate) fn of(at: Tick, base: Tick) -> Place {
        debug_assert!(
            at >= base,
            "{at:?} lies before the wheel's position {base:?}"
        );
        // The lowest digit is filled with ones so that equal ticks are on level 0, too.
        let differing = (at.raw() ^ base.raw()) | (SLOTS_PER_LEVEL - 1);
        let level = differing.ilog2() / DIGIT_BITS;
        if level >= LEVELS {
            return Place::OVERFLOW;
        }
        let index = (at.raw() >> (level * DIGIT_BITS)) % SLOTS_PER_LEVEL;
        Place(((level << DIGIT_BITS) | index as u32) as u16)
    }

    #[inline]
    fn level(self) -> usize {
        usize::from(self.0 >> DIGIT_BITS)
    }

    /// Whether the slot is one tick, so that all its entries are due together.
    #[inline]
    pub(crate) fn is_one_tick(self) -> bool {
        self.level() == 0
    }

    #[inline]
    fn bit(self) -> u64 {
        1 << (u64::from(self.0) % SLOTS_PER_LEVEL)
    }
}

/// The entries of one slot in the order of their arming, and a lower bound of their deadlines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) list: List,
    pub(crate) earliest: Tick,
}

impl Slot {
    const EMPTY: Slot = Slot {
        list: List::EMPTY,
        earliest: Tick::MAX,
    };
}

/// All slots and their occupancy words.
#[derive(Debug)]
pub(crate) struct Levels {
    /// One word per level and one for the overflow slot. Apart from the slots, so that the
    /// search for the first one reads a single cache line.
    occupied: [u64; LEVELS as usize + 1],
    /// 6 KiB, boxed so that a wheel can be moved.
    slots: Box<[Slot; SLOTS + 1]>,
}

impl Levels {
    pub(crate) fn new() -> Levels {
        Levels {
            occupied: [0; LEVELS as usize + 1],
            slots: Box::new([Slot::EMPTY; SLOTS + 1]),
        }
    }

    /// Returns the occupied slot that lies before all others (I1).
    #[inline]
    pub(crate) fn first(&self) -> Option<Place> {
        let level = self.occupied.iter().position(|&word| word != 0)?;
        let index = self.occupied[level].trailing_zeros();
        Some(Place(((level as u32) << DIGIT_BITS | index) as u16))
    }

    #[inline]
    pub(crate) fn slot(&self, place: Place) -> &Slot {
        &self.slots[usize::from(place.0)]
    }

    /// Returns a slot from which something is to be unlinked. [`vacate`](Self::vacate) it if
    /// nothing is left.
    #[inline]
    pub(crate) fn slot_mut(&mut self, place: Place) -> &mut Slot {
        &mut self.slots[usize::from(place.0)]
    }

    /// Marks a slot as occupied and returns it; the caller links an entry with deadline `at`.
    #[inline]
    pub(crate) fn occupy(&mut self, place: Place, at: Tick) -> &mut Slot {
        self.occupied[place.level()] |= place.bit();
        let slot = &mut self.slots[usize::from(place.0)];
        slot.earliest = slot.earliest.min(at);
        slot
    }

    /// Marks a slot as empty after its last entry was unlinked (I2, I3).
    #[inline]
    pub(crate) fn vacate(&mut self, place: Place) {
        self.occupied[place.level()] &= !place.bit();
        self.slots[usize::from(place.0)].earliest = Tick::MAX;
    }

    /// Empties a slot and returns the list that was in it.
    pub(crate) fn take(&mut self, place: Place) -> List {
        self.occupied[place.level()] &= !place.bit();
        std::mem::replace(&mut self.slots[usize::from(place.0)], Slot::EMPTY).list
    }

    /// Lists the occupied slots, first to last.
    #[cfg(test)]
    pub(crate) fn places(&self) -> impl Iterator<Item = Place> + '_ {
        (0..=SLOTS as u16)
            .map(Place)
            .filter(|place| self.occupied[place.level()] & place.bit() != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick(raw: u64) -> Tick {
        Tick::from_raw(raw)
    }

    fn place(level: u16, index: u16) -> Place {
        Place(level * 64 + index)
    }

    #[test]
    fn a_deadline_belongs_to_the_highest_digit_that_differs() {
        assert_eq!(Place::of(tick(0), tick(0)), place(0, 0));
        assert_eq!(Place::of(tick(63), tick(0)), place(0, 63));
        assert_eq!(Place::of(tick(64), tick(0)), place(1, 1));
        assert_eq!(Place::of(tick(64), tick(63)), place(1, 1));
        assert_eq!(Place::of(tick(64), tick(64)), place(0, 0));
        assert_eq!(Place::of(tick(127), tick(64)), place(0, 63));
        assert_eq!(Place::of(tick(4095), tick(0)), place(1, 63));
        assert_eq!(Place::of(tick(4096), tick(4095)), place(2, 1));
    }

    #[test]
    fn every_level_begins_and_ends_at_its_power_of_64() {
        for level in 1..6_u16 {
            let start = 1_u64 << (6 * level);
            assert_eq!(Place::of(tick(start - 1), tick(0)), place(level - 1, 63));
            assert_eq!(Place::of(tick(start), tick(0)), place(level, 1));
            assert_eq!(Place::of(tick(start), tick(start - 1)), place(level, 1));
        }
        let span = 1_u64 << 36;
        assert_eq!(Place::of(tick(span - 1), tick(0)), place(5, 63));
        assert_eq!(Place::of(tick(span), tick(0)), Place::OVERFLOW);
        assert_eq!(Place::of(tick(span), tick(span - 1)), Place::OVERFLOW);
        assert_eq!(Place::of(Tick::MAX, tick(0)), Place::OVERFLOW);
        assert_eq!(Place::of(Tick::MAX, Tick::MAX), place(0, 63));
        assert_eq!(Place::of(Tick::MAX, tick(u64::MAX - 63)), place(0, 63));
    }

    /// I1: a later deadline never belongs to an earlier slot.
    #[test]
    fn slots_lie_in_the_order_of_their_deadlines() {
        for base in [0, 1, 63, 64, 4_000, 4_095, (1 << 36) - 1, 1 << 40] {
            let mut previous = Place::of(tick(base), tick(base));
            let powers = (2..64).map(|bit| 1_u64 << bit);
            for distance in powers.flat_map(|power| [power - 1, power, power + 1]) {
                let next = Place::of(tick(base).saturating_add(distance), tick(base));
                assert!(next.0 >= previous.0, "base {base}, distance {distance}");
                previous = next;
            }
        }
    }

    /// I2 and I3 over the life of a slot.
    #[test]
    fn the_first_occupied_slot_is_found_and_its_bound_falls() {
        let mut levels = Levels::new();
        assert_eq!(levels.first(), None);
        levels.occupy(Place::OVERFLOW, Tick::MAX);
        assert_eq!(levels.first(), Some(Place::OVERFLOW));
        levels.occupy(place(3, 9), tick(900));
        levels.occupy(place(3, 7), tick(700));
        levels.occupy(place(3, 7), tick(650));
        levels.occupy(place(3, 7), tick(660));
        assert_eq!(levels.first(), Some(place(3, 7)));
        assert_eq!(levels.slot(place(3, 7)).earliest, tick(650));
        levels.vacate(place(3, 7));
        assert_eq!(levels.slot(place(3, 7)).earliest, Tick::MAX);
        assert_eq!(levels.first(), Some(place(3, 9)));
        levels.take(place(3, 9));
        assert_eq!(levels.first(), Some(Place::OVERFLOW));
        levels.take(Place::OVERFLOW);
        assert_eq!(levels.first(), None);
    }
}
