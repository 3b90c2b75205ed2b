//! Task ids, and which task runs on this thread.
//!
//! Ids come in blocks of 1,024 per thread, so that a spawn touches no line that all workers
//! share. Their order means nothing,
//! except that those of one thread grow.

use crate::loom::local;
// Uniqueness needs no order.
use crate::loom::unordered::{AtomicU64, Ordering};
use crate::util::scoped::{self, Scoped};
use std::cell::Cell;
use std::fmt;
use std::num::NonZeroU64;

const BLOCK: u64 = 1_024;

static NEXT_BLOCK: AtomicU64 = AtomicU64::new(1);

local! {
    /// The next id of this thread's block; a multiple of `BLOCK` when it is used up.
    static NEXT: Cell<u64> = Cell::new(0)
}

local! {
    static CURRENT: Cell<Option<Id>> = Cell::new(None)
}

/// Identifies a task while it is alive. Ids are not in order of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(NonZeroU64);

impl Id {
    pub(crate) fn next() -> Self {
        let id = NEXT.try_with(|cell| {
            let mut next = cell.get();
            if next % BLOCK == 0 {
                next = new_block();
            }
            cell.set(next + 1);
            next
        });
        // In a thread-local destructor a whole block goes to one id.
        let id = id.unwrap_or_else(|_| new_block());
        Self(NonZeroU64::new(id).expect("the first block starts above 0"))
    }

    pub(crate) fn as_u64(self) -> u64 {
        self.0.get()
    }
}

/// The first id of a fresh block; never a multiple of `BLOCK`, which marks a used-up one.
fn new_block() -> u64 {
    NEXT_BLOCK.fetch_add(1, Ordering::Relaxed) * BLOCK + 1
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The task that runs on this thread.
pub(crate) fn current() -> Option<Id> {
    CURRENT.try_with(Cell::get).ok().flatten()
}

/// Restores the id before, on drop.
pub(super) type Restore = Scoped<Cell<Option<Id>>>;

/// Names the running task until the guard is dropped.
#[inline]
pub(super) fn enter(id: Id) -> Restore {
    scoped::set(&CURRENT, Some(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_of_all_threads_differ() {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(|| (0..5_000).map(|_| Id::next().as_u64()).collect::<Vec<_>>())
            })
            .collect();
        let mut seen = HashSet::new();
        for thread in threads {
            for id in thread.join().unwrap() {
                assert!(seen.insert(id), "{id} was given out twice");
            }
        }
    }
}
