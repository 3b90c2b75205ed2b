//! An oracle of the registry: a list of owners, by token.
//!
//! [`check`] runs operations on both. A test feeds it, and a fuzz target through [`decode`] and a
//! test facade in `model`.

use std::collections::HashSet;

use super::{Arc, Page, Registry, Token, is_shutdown_error};
use crate::ready::Ready;
use crate::wake_batch::WakeBatch;

/// One step. Owners are named by their number, modulo how many there are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    /// So many sources come.
    Allocate(u16),
    /// One goes.
    Free(usize),
    /// So many of the last that came go.
    FreeLast(u16),
    /// The kernel reports something of one that is there.
    Event(usize),
    /// It reports something of one that has gone.
    StaleEvent(usize),
    Close,
}

#[derive(Default)]
struct Oracle {
    owners: Vec<(Token, Arc<Page>)>,
    /// Tokens of all who have gone, each given out once.
    gone: Vec<Token>,
    given: HashSet<usize>,
    /// The most slots that were in use at one time.
    most: usize,
    is_closed: bool,
}

/// Runs the operations on a registry and on a list.
///
/// # Panics
///
/// Panics where the two differ: two owners have one token or slot (I2, I3), a slot is made while
/// one is free, an event reaches another owner than it names, or a closed registry gives one out.
pub(crate) fn check(ops: &[Op]) {
    let registry = Registry::new();
    let mut oracle = Oracle::default();
    for &op in ops {
        oracle.apply(&registry, op);
        let made = registry.slots.lock().made as usize;
        assert_eq!(made, oracle.most, "slots made, after {op:?}");
    }
    let slots: HashSet<_> = oracle.owners.iter().map(|(it, _)| it.index()).collect();
    assert_eq!(slots.len(), oracle.owners.len(), "two owners of one slot");
    for (token, page) in &oracle.owners {
        let found = registry.find(*token).expect("it has an owner");
        assert!(std::ptr::eq(found, page.source(*token)));
        let event = page.source(*token).event(Ready::ALL);
        assert_eq!(event.is_shutdown(), oracle.is_closed);
    }
}

impl Oracle {
    fn apply(&mut self, registry: &Registry, op: Op) {
        match op {
            Op::Allocate(count) => (0..count).for_each(|_| self.allocate(registry)),
            Op::Free(n) => {
                if let Some(n) = n.checked_rem(self.owners.len()) {
                    let owner = self.owners.swap_remove(n);
                    self.free(registry, &owner);
                }
            }
            Op::FreeLast(count) => {
                for _ in 0..count {
                    let Some(owner) = self.owners.pop() else {
                        break;
                    };
                    self.free(registry, &owner);
                }
            }
            Op::Event(n) => {
                if let Some(n) = n.checked_rem(self.owners.len()) {
                    let (token, page) = &self.owners[n];
                    let source = registry.find(*token).expect("it has an owner");
                    assert!(std::ptr::eq(source, page.source(*token)));
                    let mut batch = WakeBatch::new();
                    let is_taken = source.dispatch(token.generation(), Ready::READABLE, &mut batch);
                    assert!(is_taken, "an event of a present owner");
                    assert!(!source.event(Ready::READABLE).ready.is_empty());
                }
            }
            Op::StaleEvent(n) => {
                if let Some(n) = n.checked_rem(self.gone.len()) {
                    let token = self.gone[n];
                    let source = registry.find(token).expect("a slot is never freed (I1)");
                    let mut batch = WakeBatch::new();
                    let is_taken = source.dispatch(token.generation(), Ready::WRITABLE, &mut batch);
                    assert!(!is_taken, "an event of somebody who has gone");
                }
            }
            Op::Close => {
                registry.close(&mut WakeBatch::new());
                self.is_closed = true;
            }
        }
    }

    fn allocate(&mut self, registry: &Registry) {
        match registry.allocate() {
            Ok((token, page)) => {
                assert!(!self.is_closed, "a closed registry gave a slot out (I4)");
                assert!(self.given.insert(token.raw()), "two owners of {token:?}");
                assert_eq!(Token::from_raw(token.raw()), token);
                // The one before has left nothing.
                assert!(page.source(token).event(Ready::ALL).ready.is_empty());
                self.owners.push((token, page));
                self.most = self.most.max(self.owners.len());
            }
            Err(error) => assert!(self.is_closed && is_shutdown_error(&error)),
        }
    }

    fn free(&mut self, registry: &Registry, (token, page): &(Token, Arc<Page>)) {
        drop(page.source(*token).release());
        registry.free(*token, page.source(*token));
        self.gone.push(*token);
    }
}

/// Reads operations, two bytes each. All bytes mean something.
pub(crate) fn decode(bytes: &[u8]) -> Vec<Op> {
    let decode_one = |bytes: &[u8]| {
        let n = bytes[1];
        match bytes[0] % 32 {
            0..=11 => Op::Allocate(u16::from(n % 8)),
            // Into the next pages and levels.
            12 => Op::Allocate(u16::from(n) * 4),
            13..=20 => Op::Free(usize::from(n)),
            21..=22 => Op::FreeLast(u16::from(n)),
            23..=26 => Op::Event(usize::from(n)),
            27..=30 => Op::StaleEvent(usize::from(n)),
            // Seldom, or nothing happens after it.
            _ if n < 16 => Op::Close,
            _ => Op::Free(usize::from(n) * 7),
        }
    };
    bytes.chunks_exact(2).map(decode_one).collect()
}
