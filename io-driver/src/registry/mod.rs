//! Gives every source a slot with a stable address and a token that names slot and owner.
//!
//! ```text
//!   token = generation | index          level 0   level 1      level 2 …
//!   index = page number | slot in page  [page]    [page page]  [page page page page] …
//! ```
//!
//! A page holds 256 sources. Pages hang in levels of doubling length, each made when first
//! needed, so that finding a slot takes two loads and no lock, nothing ever moves, and at most
//! one page is unused.
//!
//! I1. Pages live as long as the registry, and as their registrations, which keep their page at
//!     hand so as not to look it up for each operation; a slot is reused, never freed.
//! I2. A slot is free or owned, never both: allocating and freeing change the list under the lock.
//! I3. The generation moved on before the slot went to the free list, so that two owners of a slot
//!     have different tokens (until 2^32 reuses, 2^12 with 32-bit words).
//! I4. Once closed nothing is allocated any more, and every slot ever given out is below `made`.
//!
//! A page is published by `OnceLock` (release/acquire). The driver looks a token up after the
//! kernel reported it, which is after the registering thread had made the page. The count of
//! pages says the same in the open (`Release` update, `Acquire` load), because ThreadSanitizer
//! sees nothing of what std does inside `OnceLock`.
//!
//! The index of a slot in its page is masked, not checked, so that an operation finds its source by
//! one load.
//!
//! Rejected: `slab` under a lock (the driver would take it for each event, and it moves entries);
//! one `Arc` per source in the token (a late event would need the pointer to stay valid).

use std::{array, fmt, io};

use crate::loom::{Arc, AtomicU32, Mutex, OnceLock, Ordering};
use crate::readiness::GENERATION_BITS;
use crate::source::Source;
use crate::wake_batch::WakeBatch;

const INDEX_BITS: u32 = usize::BITS - GENERATION_BITS;
const PAGE_BITS: u32 = 8;
const PAGE_LEN: u32 = 1 << PAGE_BITS;
const LEVELS: usize = (INDEX_BITS - PAGE_BITS) as usize;
/// One page number less than the levels have room for: so no token is all ones in its index, and
/// the driver's own tokens cannot be mistaken for a source.
const MAX_SOURCES: u32 = (((1_u64 << INDEX_BITS) - 2 * PAGE_LEN as u64) & u32::MAX as u64) as u32;
const NO_SLOT: u32 = u32::MAX;

/// Names a slot and its owner, in the shape in which mio carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token(usize);

impl Token {
    pub(crate) fn from_raw(raw: usize) -> Self {
        Self(raw)
    }

    fn new(index: u32, generation: u32) -> Self {
        Self((generation as usize) << INDEX_BITS | index as usize)
    }

    pub(crate) fn raw(self) -> usize {
        self.0
    }

    pub(crate) fn index(self) -> u32 {
        (self.0 & (usize::MAX >> GENERATION_BITS)) as u32
    }

    pub(crate) fn generation(self) -> u32 {
        (self.0 >> INDEX_BITS) as u32
    }
}

/// 256 sources.
pub(crate) struct Page([Source; PAGE_LEN as usize]);

impl Page {
    fn new() -> Self {
        Self(array::from_fn(|_| Source::new()))
    }

    /// The source of a token, of which this is the page.
    #[inline]
    pub(crate) fn source(&self, token: Token) -> &Source {
        &self.0[(token.index() % PAGE_LEN) as usize]
    }
}

type PagePlace = OnceLock<Arc<Page>>;

#[derive(Debug)]
struct Slots {
    /// Head of the list of free slots, linked through `Source::next_free`.
    first_free: u32,
    /// How many slots were ever given out; those below are in existing pages.
    made: u32,
    is_closed: bool,
}

/// All sources of one driver.
pub(crate) struct Registry {
    levels: [OnceLock<Box<[PagePlace]>>; LEVELS],
    /// How many pages were made.
    pages: AtomicU32,
    slots: Mutex<Slots>,
}

impl Registry {
    pub(crate) fn new() -> Self {
        let slots = Slots {
            first_free: NO_SLOT,
            made: 0,
            is_closed: false,
        };
        Self {
            levels: [const { OnceLock::new() }; LEVELS],
            pages: AtomicU32::new(0),
            slots: Mutex::new(slots),
        }
    }

    /// Takes a slot; returns its token and its page.
    pub(crate) fn allocate(&self) -> io::Result<(Token, Arc<Page>)> {
        loop {
            let mut slots = self.slots.lock();
            if slots.is_closed {
                return Err(shutdown_error());
            }
            let index = slots.first_free;
            if index != NO_SLOT {
                let page = self.page_of(index).expect("by I1 a free slot has a page");
                let source = &page.0[(index % PAGE_LEN) as usize];
                slots.first_free = source.next_free.load(Ordering::Relaxed);
                return Ok((Token::new(index, source.generation()), page.clone()));
            }
            let index = slots.made;
            if let Some(page) = self.page_of(index) {
                slots.made += 1;
                let source = &page.0[(index % PAGE_LEN) as usize];
                return Ok((Token::new(index, source.generation()), page.clone()));
            }
            drop(slots);
            self.make_page(index)?;
        }
    }

    /// Gives a slot back whose owner has released it; `source` is the one of `token`.
    pub(crate) fn free(&self, token: Token, source: &Source) {
        let mut slots = self.slots.lock();
        source.next_free.store(slots.first_free, Ordering::Relaxed);
        slots.first_free = token.index();
    }

    /// The slot that an event names, which may belong to somebody else by now.
    pub(crate) fn find(&self, token: Token) -> Option<&Source> {
        self.source_at(token.index())
    }

    /// Refuses further sources and ends every wait.
    pub(crate) fn close(&self, batch: &mut WakeBatch) {
        let mut slots = self.slots.lock();
        slots.is_closed = true;
        let made = slots.made;
        drop(slots);
        // By I4 these are all; one that is freed meanwhile has no next owner.
        for source in (0..made).filter_map(|index| self.source_at(index)) {
            source.shut_down(batch);
        }
        batch.wake_all();
    }

    fn source_at(&self, index: u32) -> Option<&Source> {
        let page = self.page_of(index)?;
        Some(&page.0[(index % PAGE_LEN) as usize])
    }

    fn page_of(&self, index: u32) -> Option<&Arc<Page>> {
        let (level, page) = place_of(index);
        self.pages.load(Ordering::Acquire);
        self.levels.get(level)?.get()?[page].get()
    }

    /// Makes the page that will hold `index`. Of several threads one wins, the others' is dropped.
    fn make_page(&self, index: u32) -> io::Result<()> {
        if index >= MAX_SOURCES {
            return Err(io::Error::other(
                "too many i/o sources are registered: close some first",
            ));
        }
        let (level, page) = place_of(index);
        if self.levels[level].get().is_none() {
            let pages = (0..1_usize << level).map(|_| PagePlace::new()).collect();
            let _ = self.levels[level].set(pages);
        }
        let made = Arc::new(Page::new());
        let pages = self.levels[level].get().expect("set above");
        let _ = pages[page].set(made);
        self.pages.fetch_add(1, Ordering::Release);
        Ok(())
    }
}

/// Level and page within the level.
fn place_of(index: u32) -> (usize, usize) {
    let nth = (index >> PAGE_BITS) + 1;
    let level = nth.ilog2();
    (level as usize, (nth - (1 << level)) as usize)
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").finish_non_exhaustive()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

/// The error of everything that waits for, or registers with, a driver that was shut down. Programs
/// know it by tokio's text.
#[derive(Debug)]
struct ShutDown;

impl fmt::Display for ShutDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("A Tokio 1.x context was found, but it is being shutdown.")
    }
}

impl std::error::Error for ShutDown {}

pub(crate) fn shutdown_error() -> io::Error {
    io::Error::other(ShutDown)
}

/// Returns whether `error` says that the driver was shut down.
pub fn is_shutdown_error(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<ShutDown>())
}

#[cfg(all(any(test, feature = "loom"), not(loom)))]
pub(crate) mod oracle;

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::ready::Ready;
    use std::collections::HashSet;

    fn release(registry: &Registry, (token, page): (Token, Arc<Page>)) {
        drop(page.source(token).release());
        registry.free(token, page.source(token));
    }

    #[test]
    fn tokens_keep_index_and_generation() {
        let last = (usize::MAX >> INDEX_BITS) as u32;
        for (index, generation) in [(0, 0), (MAX_SOURCES - 1, last), (5, last), (300, 1)] {
            let token = Token::new(index, generation);
            assert_eq!((token.index(), token.generation()), (index, generation));
            assert_eq!(Token::from_raw(token.raw()), token);
        }
    }

    #[test]
    fn every_index_has_a_place_of_its_own_within_the_levels() {
        let mut seen = HashSet::new();
        for page in 0..5_000_u32 {
            let (level, at) = place_of(page << PAGE_BITS);
            assert!(at < 1 << level && seen.insert((level, at)));
        }
        assert!(place_of(MAX_SOURCES - 1).0 < LEVELS);
    }

    /// I2, I3: live tokens differ; a reused slot has a new token and refuses the old one's events.
    #[test]
    fn a_reused_slot_has_a_new_token() {
        let registry = Registry::new();
        let tokens: Vec<_> = (0..1_000).map(|_| registry.allocate().unwrap()).collect();
        let distinct: HashSet<_> = tokens.iter().map(|(token, _)| token.raw()).collect();
        assert_eq!(distinct.len(), tokens.len());

        let (old, page) = tokens[700].clone();
        release(&registry, (old, page));
        let (new, page) = registry.allocate().unwrap();
        assert_eq!(new.index(), old.index());
        assert_ne!(new, old);
        let mut batch = WakeBatch::new();
        let source = page.source(new);
        assert!(std::ptr::eq(source, registry.find(new).unwrap()));
        assert!(!source.dispatch(old.generation(), Ready::READABLE, &mut batch));
        assert!(source.event(Ready::ALL).ready.is_empty());
        assert!(source.dispatch(new.generation(), Ready::READABLE, &mut batch));
    }

    /// I4.
    #[test]
    fn a_closed_registry_gives_out_nothing() {
        let registry = Registry::new();
        let (token, page) = registry.allocate().unwrap();
        registry.close(&mut WakeBatch::new());
        assert!(page.source(token).event(Ready::ALL).is_shutdown());
        let error = registry.allocate().unwrap_err();
        assert!(is_shutdown_error(&error));
        assert!(error.to_string().contains("is being shutdown"));
    }

    #[test]
    fn threads_that_need_a_page_at_once_share_it() {
        let registry = Registry::new();
        let all = Mutex::new(HashSet::new());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let (token, _) = registry.allocate().unwrap();
                        assert!(all.lock().insert(token.raw()));
                    }
                });
            }
        });
        assert_eq!(registry.slots.lock().made, 2_000);
    }

    /// SplitMix64.
    fn bytes(seed: u64, count: usize) -> Vec<u8> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 33
        };
        (0..count).map(|_| next() as u8).collect()
    }

    #[test]
    fn it_agrees_with_a_list_of_owners() {
        for seed in 0..150 {
            oracle::check(&oracle::decode(&bytes(seed, 600)));
        }
    }
}
