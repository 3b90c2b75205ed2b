//! The wheel against a `BTreeMap` over lists of operations.
//!
//! [`check`] is the oracle; it is fed by proptest (which shrinks), by a seeded generator (which
//! is fast) and can be fed by a fuzz target through [`decode`], for example with
//! `#[path = "../../timer/tests/model.rs"] mod model;`.

use std::collections::BTreeMap;

use timer::{Key, Page, Tick, Wheel};

/// One step. Entries are named by their number in the order of insertion, modulo how many there
/// were, so that every list of operations means something.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    /// Arms at this distance from the present time.
    Insert(u64),
    /// Arms at this tick, past or future.
    InsertAt(u64),
    /// Arms where an entry armed earlier is or was: equal deadlines.
    InsertWith(usize),
    /// Disarms an entry, which may have fired.
    Remove(usize),
    /// Moves an entry, which may have fired, to this distance from the present time.
    Rearm(usize, u64),
    /// Lets this many ticks pass and takes all that is due.
    Advance(u64),
    /// Lets this many ticks pass and takes at most so many values.
    AdvanceLimited(u64, usize),
    /// Lets time pass up to the next deadline, plus or minus one tick or exactly.
    AdvanceToNext(i64),
    /// Tells the wheel a time that has passed.
    GoBack(u64),
}

/// What an entry of the wheel should be: its deadline and its number in the order of arming.
type Due = (Tick, u64);

struct Model {
    wheel: Wheel<usize>,
    /// Every entry there ever was: its key, its last deadline and, while pending, its order.
    entries: Vec<(Key, Tick, Option<u64>)>,
    pending: BTreeMap<Due, usize>,
    now: Tick,
    armed: u64,
    /// Nothing was removed since the wheel was empty: its bounds must be exact.
    is_exact: bool,
    fired: Vec<usize>,
}

/// Runs the operations on a wheel and on a map.
///
/// # Panics
///
/// Panics where the two differ: a value fires twice, early, late, out of order or though it was
/// removed, or `next_deadline` is later than the earliest deadline, or earlier without cause.
pub fn check(start: u64, ops: &[Op]) {
    let mut model = Model::new(Tick::from_raw(start));
    for &op in ops {
        model.apply(op);
        model.compare();
    }
    model.finish();
}

impl Model {
    fn new(now: Tick) -> Model {
        Model {
            wheel: Wheel::new(now),
            entries: Vec::new(),
            pending: BTreeMap::new(),
            now,
            armed: 0,
            is_exact: true,
            fired: Vec::new(),
        }
    }

    fn apply(&mut self, op: Op) {
        let named = |id: usize| id.checked_rem(self.entries.len());
        match op {
            Op::Insert(distance) => self.insert(self.now.saturating_add(distance)),
            Op::InsertAt(at) => self.insert(Tick::from_raw(at)),
            Op::InsertWith(id) => match named(id) {
                Some(id) => self.insert(self.entries[id].1),
                None => self.insert(self.now),
            },
            Op::Remove(id) => {
                if let Some(id) = named(id) {
                    self.remove(id);
                }
            }
            Op::Rearm(id, distance) => {
                if let Some(id) = named(id) {
                    self.rearm(id, self.now.saturating_add(distance));
                }
            }
            Op::Advance(ticks) => self.advance(self.now.saturating_add(ticks), usize::MAX),
            Op::AdvanceLimited(ticks, limit) => {
                self.advance(self.now.saturating_add(ticks), limit);
            }
            Op::AdvanceToNext(offset) => {
                let next = self.wheel.next_deadline().unwrap_or(self.now);
                let to = next.raw().saturating_add_signed(offset);
                self.advance(Tick::from_raw(to), usize::MAX);
            }
            Op::GoBack(ticks) => {
                let earlier = self.now.raw().saturating_sub(ticks);
                self.advance(Tick::from_raw(earlier), usize::MAX);
            }
        }
    }

    fn insert(&mut self, at: Tick) {
        let id = self.entries.len();
        if id % 3 == 0 && self.wheel.needs_page() {
            self.wheel.add_page(Page::new());
            assert!(!self.wheel.needs_page());
        }
        let key = self.wheel.insert(at, id);
        let at = at.max(self.now);
        self.armed += 1;
        self.entries.push((key, at, Some(self.armed)));
        assert_eq!(self.pending.insert((at, self.armed), id), None);
        assert_eq!(self.wheel.get(key), Some(&id));
    }

    fn remove(&mut self, id: usize) {
        let (key, at, order) = self.entries[id];
        let removed = self.wheel.remove(key);
        assert_eq!(removed, order.map(|_| id), "removal of {id}");
        assert_eq!(self.wheel.get(key), None);
        if let Some(order) = order {
            self.entries[id].2 = None;
            self.pending.remove(&(at, order));
            self.is_exact = false;
        }
    }

    fn rearm(&mut self, id: usize, to: Tick) {
        let (key, at, order) = self.entries[id];
        assert_eq!(
            self.wheel.rearm(key, to),
            order.is_some(),
            "re-arming of {id}"
        );
        if let Some(order) = order {
            self.pending.remove(&(at, order));
            self.armed += 1;
            self.entries[id] = (key, to, Some(self.armed));
            self.pending.insert((to, self.armed), id);
            self.is_exact = false;
        }
    }

    fn advance(&mut self, to: Tick, limit: usize) {
        self.now = self.now.max(to);
        self.fired.clear();
        let is_more_due = self.wheel.advance(to, limit, &mut self.fired);
        for (nth, &id) in self.fired.iter().enumerate() {
            assert!(nth < limit, "more than {limit} values");
            let ((at, _), due) = self.pending.pop_first().expect("fired out of nothing");
            assert_eq!(id, due, "another one was due first");
            assert!(at <= self.now, "{id} fired early: {at:?} at {:?}", self.now);
            self.entries[id].2 = None;
        }
        let is_left = self
            .pending
            .keys()
            .next()
            .is_some_and(|&(at, _)| at <= self.now);
        assert_eq!(
            is_more_due, is_left,
            "something due was kept back, or promised"
        );
        assert!(
            !is_left || self.fired.len() == limit,
            "stopped before the limit"
        );
        if !is_left {
            let next = self.wheel.next_deadline();
            assert!(
                next.is_none_or(|at| at > self.now),
                "{next:?} would wake at once"
            );
        }
    }

    fn compare(&mut self) {
        assert_eq!(self.wheel.now(), self.now);
        assert_eq!(self.wheel.len(), self.pending.len());
        assert_eq!(self.wheel.is_empty(), self.pending.is_empty());
        let next = self.wheel.next_deadline();
        let earliest = self.pending.keys().next().map(|&(at, _)| at);
        match (next, earliest) {
            (None, None) => self.is_exact = true,
            (Some(next), Some(earliest)) => {
                assert!(next <= earliest, "{next:?} is later than {earliest:?}");
                assert!(
                    next == earliest || !self.is_exact,
                    "{next:?}, not {earliest:?}"
                );
            }
            _ => panic!("next deadline {next:?}, earliest {earliest:?}"),
        }
        // One entry per step, so that a long run stays linear.
        if let Some(id) = (self.armed as usize * 7).checked_rem(self.entries.len()) {
            self.compare_entry(id);
        }
    }

    fn compare_entry(&mut self, id: usize) {
        let (key, at, order) = self.entries[id];
        let pending = order.map(|_| id);
        assert_eq!(self.wheel.get(key).copied(), pending);
        assert_eq!(self.wheel.get_mut(key).copied(), pending);
        assert_eq!(self.wheel.deadline(key), order.map(|_| at));
    }

    /// Fires or drains the rest, so that nothing can have been lost.
    fn finish(mut self) {
        for id in 0..self.entries.len() {
            self.compare_entry(id);
        }
        if self.armed % 2 == 0 {
            self.advance(Tick::MAX, usize::MAX);
            assert!(self.pending.is_empty());
        } else {
            let mut drained = Vec::new();
            self.wheel.drain(&mut drained);
            drained.sort_unstable();
            let mut pending: Vec<usize> = self.pending.into_values().collect();
            pending.sort_unstable();
            assert_eq!(drained, pending);
        }
        assert!(self.wheel.is_empty());
        assert_eq!(self.wheel.next_deadline(), None);
        for (key, ..) in self.entries {
            assert_eq!(
                self.wheel.remove(key),
                None,
                "a used-up key found something"
            );
        }
    }
}

/// Reads operations from bytes, 10 for each. All bytes mean something.
pub fn decode(bytes: &[u8]) -> Vec<Op> {
    bytes.chunks_exact(10).map(decode_one).collect()
}

fn decode_one(bytes: &[u8]) -> Op {
    let raw = bytes[2..]
        .iter()
        .fold(0, |raw, &byte| raw << 8 | u64::from(byte));
    let id = (raw >> 20) as usize;
    match bytes[0] % 32 {
        0..=8 => Op::Insert(distance(bytes[1], raw)),
        9 => Op::InsertAt(distance(bytes[1], raw)),
        10..=12 => Op::InsertWith(id),
        13..=17 => Op::Remove(id),
        18..=21 => Op::Rearm(id, distance(bytes[1], raw)),
        22..=23 => Op::Advance(distance(bytes[1], raw) >> 40),
        24 => Op::Advance(distance(bytes[1], raw) >> 25),
        25 => Op::Advance(distance(bytes[1], raw) >> 5),
        26 => Op::AdvanceLimited(distance(bytes[1], raw) >> 30, raw as usize % 4),
        27 => Op::AdvanceLimited(distance(bytes[1], raw) >> 10, raw as usize % 4),
        28..=30 => Op::AdvanceToNext(raw as i64 % 3),
        _ => Op::GoBack(distance(bytes[1], raw)),
    }
}

/// Distances of every magnitude, a quarter of them at or next to the begin of a level.
fn distance(magnitude: u8, raw: u64) -> u64 {
    match magnitude % 4 {
        0 => (1_u64 << (magnitude / 4 % 11 * 6)).wrapping_add(raw % 3) - 1,
        _ => (raw | 1 << 63) >> (magnitude / 4),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Times at which many digits are about to carry, or none is left to.
    const STARTS: [u64; 6] = [
        0,
        (1 << 12) - 1,
        (1 << 36) - 100,
        0x0123_4567_89ab_cdef,
        u64::MAX - (1 << 36),
        u64::MAX - 5,
    ];

    fn distances() -> impl Strategy<Value = u64> {
        (any::<u8>(), any::<u64>()).prop_map(|(magnitude, raw)| distance(magnitude, raw))
    }

    fn ops() -> impl Strategy<Value = Op> {
        let id = || any::<u16>().prop_map(usize::from);
        prop_oneof![
            6 => distances().prop_map(Op::Insert),
            1 => any::<u64>().prop_map(Op::InsertAt),
            2 => id().prop_map(Op::InsertWith),
            3 => id().prop_map(Op::Remove),
            2 => (id(), distances()).prop_map(|(id, to)| Op::Rearm(id, to)),
            2 => (0..200_u64).prop_map(Op::Advance),
            1 => distances().prop_map(|ticks| Op::Advance(ticks >> 4)),
            2 => (distances(), 0..4_usize)
                .prop_map(|(ticks, limit)| Op::AdvanceLimited(ticks >> 16, limit)),
            2 => (-1..2_i64).prop_map(Op::AdvanceToNext),
            1 => distances().prop_map(Op::GoBack),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 512,
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn agrees_with_an_ordered_map(
            start in prop::sample::select(&STARTS[..]),
            ops in prop::collection::vec(ops(), 0..120),
        ) {
            check(start, &ops);
        }
    }

    /// SplitMix64: reproducible, and quick enough for a million operations.
    struct Rng(u64);

    impl Rng {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        }

        fn ops(&mut self, count: usize) -> Vec<Op> {
            let bytes: Vec<u8> = (0..count * 10).map(|_| self.next() as u8).collect();
            decode(&bytes)
        }
    }

    /// Names the seed when the test panics.
    struct Seed(u64);

    impl Drop for Seed {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("failed with seed {}", self.0);
            }
        }
    }

    #[test]
    fn agrees_with_an_ordered_map_over_many_seeds() {
        for seed in 0..4_000 {
            let seed = Seed(seed);
            let start = STARTS[seed.0 as usize % STARTS.len()];
            check(start, &Rng(seed.0).ops(150));
        }
    }

    /// Long enough that thousands are pending and several pages are in use.
    #[test]
    fn agrees_with_an_ordered_map_in_a_crowd() {
        for seed in 0..4 {
            let seed = Seed(seed);
            let mut rng = Rng(seed.0 ^ 0xc0ffee);
            let mut ops = rng.ops(20_000);
            // Only short times pass, or nobody would stay.
            for op in &mut ops {
                *op = match *op {
                    Op::Advance(ticks) => Op::Advance(ticks % 5_000),
                    Op::AdvanceLimited(ticks, limit) => Op::AdvanceLimited(ticks % 5_000, limit),
                    Op::AdvanceToNext(_) => Op::Advance(1),
                    Op::GoBack(ticks) => Op::Insert(ticks),
                    other => other,
                };
            }
            check(STARTS[seed.0 as usize], &ops);
        }
    }

    /// Jumps over years do not step through them: with a loop over ticks this would not end.
    #[test]
    fn years_pass_at_once() {
        let ops: Vec<Op> = (0..64)
            .flat_map(|shift| [Op::Insert(1 << shift), Op::Insert(u64::MAX >> shift)])
            .chain((0..4).map(|_| Op::Advance(1 << 62)))
            .collect();
        check(0, &ops);
    }
}
