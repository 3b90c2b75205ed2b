//! The unbounded queue under both channels: a linked list of blocks, many writers, one reader.
//!
//! ```text
//!   oldest ──► block ──► block ──► block ──► null          slot:  EMPTY ──► READY
//!                head ───┘ (reader)  └─ tail_block                   └─► WAITING ─► READY
//!   tail: next free position << 1 | CLOSED
//! ```
//!
//! A writer claims a position with one `fetch_add` on `tail`, finds the block of that position,
//! writes the value and publishes it with one `swap` of the slot's state. The reader looks at
//! the state of the slot at its head: no read-modify-write, unless it is about to wait.
//!
//! B1. A position below the one at which `CLOSED` was set belongs to the writer that claimed it;
//!     it alone writes that slot, once. A claim above is void: its writer touches no block.
//! B2. The value is written before the swap to `READY` and read after the reader saw it.
//! B3. The reader that will wait changes the slot at its head from `EMPTY` to `WAITING`. Both
//!     sides do an RMW on that one word, so either the reader finds `READY` or the writer finds
//!     `WAITING` and wakes.
//! B4. A block has a successor before its last slot is `READY`.
//! B5. The head does not pass a position that was claimed but not written, so the block of that
//!     position and all behind it stay. `tail_block` may be beyond it, since every writer that
//!     walked forward moves `tail_block` along: its writer then walks back, by `previous`.
//! B6. The writer that moved `tail_block` past some blocks stores in their `released_at` a
//!     position of `tail` that it read, by an RMW, after that. A claim at or above it comes later
//!     in the order of `tail`, sees the new `tail_block`, and belongs to a block from there on;
//!     every claim below may still walk through the blocks, until its slot is `READY`, which is
//!     its writer's last access to any block. So the reader may take a block away once its head
//!     has reached `released_at`.
//!
//! Blocks taken away go to `spare` (one) or are freed. Writers reset a spare block, because they
//! are going to write its lines anyway.
//!
//! Rejected: one waker word for the channel, checked on each send (needs a fence or an RMW on a
//! shared line); a bit set per block (all writers of 32 slots share it); a claim by CAS (retries
//! under contention); a `tail_block` that waits for full blocks (a writer without a core holds it back,
//! and all others walk an ever longer chain). Sources: tokio's mpsc for the release position (B6); Vyukov's bounded
//! queue for a state per slot; crossbeam's list channel for the successor made early (B4).
#![allow(unsafe_code)]

use crate::loom::cell::UnsafeCell;
use crate::loom::sync::atomic::{AtomicPtr, AtomicU8, AtomicUsize, Ordering};
use crate::loom::{Track, hint, sized, thread};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

/// Slots per block: a power of two.
const SLOTS: usize = sized(32, 2);

const EMPTY: u8 = 0;
const WAITING: u8 = 1;
const READY: u8 = 2;

/// In `tail`: no claim above this position counts.
const CLOSED: usize = 1;
/// In `tail`: one position.
const STEP: usize = 2;

/// In `released_at`: `tail_block` has not moved past the block.
const IN_USE: usize = 0;

/// Positions are counted modulo this plus one: what `tail` has bits for.
const LAST: usize = usize::MAX / STEP;

#[inline]
const fn position_of(tail: usize) -> usize {
    tail / STEP
}

/// The first position of the block that holds `position`.
#[inline]
const fn start_of(position: usize) -> usize {
    position & !(SLOTS - 1)
}

#[inline]
const fn ahead(position: usize, by: usize) -> usize {
    (position + by) & LAST
}

/// How far `to` is ahead of `from`, if it is.
#[inline]
const fn distance(from: usize, to: usize) -> usize {
    to.wrapping_sub(from) & LAST
}

#[inline]
const fn is_before(a: usize, b: usize) -> bool {
    let distance = distance(a, b);
    distance != 0 && distance <= LAST / 2
}

struct Slot<T> {
    state: AtomicU8,
    value: UnsafeCell<MaybeUninit<T>>,
}

struct Block<T> {
    /// Changed only while the block is not linked. In a cell, so that the models see a writer that
    /// still reads a block when it is taken away (B6).
    place: UnsafeCell<Place<T>>,
    next: AtomicPtr<Block<T>>,
    /// `IN_USE`, or one more than the position of B6.
    released_at: AtomicUsize,
    slots: [Slot<T>; SLOTS],
    _track: Track,
}

/// Where a block is in the queue.
struct Place<T> {
    /// The position of the first slot.
    start: usize,
    /// The block before, for a writer whose position is there (B5). Dangles once that is taken away.
    previous: *const Block<T>,
}

impl<T> Clone for Place<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Place<T> {}

impl<T> Block<T> {
    fn new(place: Place<T>) -> Box<Self> {
        Box::new(Self {
            place: UnsafeCell::new(place),
            next: AtomicPtr::new(ptr::null_mut()),
            released_at: AtomicUsize::new(IN_USE),
            slots: std::array::from_fn(|_| Slot {
                state: AtomicU8::new(EMPTY),
                value: UnsafeCell::new(MaybeUninit::uninit()),
            }),
            _track: Track::new(),
        })
    }

    /// Makes a used block like a new one.
    fn reset(&mut self, place: Place<T>) {
        self.set_place(place);
        // Nobody else has the block: the link that publishes it later orders these stores.
        self.next.store(ptr::null_mut(), Ordering::Relaxed);
        self.released_at.store(IN_USE, Ordering::Relaxed);
        for slot in &self.slots {
            slot.state.store(EMPTY, Ordering::Relaxed);
        }
    }

    #[inline]
    fn place(&self) -> Place<T> {
        // SAFETY: a linked block's place does not change; by B6 this one is still linked.
        self.place.with(|place| unsafe { *place })
    }

    #[inline]
    fn start(&self) -> usize {
        self.place().start
    }

    fn set_place(&mut self, place: Place<T>) {
        // SAFETY: `&mut self`: nobody else has the block.
        self.place.with_mut(|cell| unsafe { *cell = place });
    }

    fn slot(&self, position: usize) -> &Slot<T> {
        &self.slots[position % SLOTS]
    }
}

/// The side of the queue that all share.
pub(super) struct Queue<T> {
    tail: AtomicUsize,
    tail_block: AtomicPtr<Block<T>>,
    spare: AtomicPtr<Block<T>>,
}

/// The reader's side; only the one reader has it.
pub(super) struct Head<T> {
    position: usize,
    block: NonNull<Block<T>>,
    /// The first block that was not taken away yet.
    oldest: NonNull<Block<T>>,
    /// Where the reader has closed the queue.
    closed_at: Option<usize>,
}

// SAFETY: values move from writers to the reader; blocks are reached by the rules above.
unsafe impl<T: Send> Send for Queue<T> {}
// SAFETY: as above; no `&T` is ever shared.
unsafe impl<T: Send> Sync for Queue<T> {}
// SAFETY: the reader may move between threads.
unsafe impl<T: Send> Send for Head<T> {}

/// An empty queue.
pub(super) fn queue<T>() -> (Queue<T>, Head<T>) {
    let first = Place {
        start: 0,
        previous: ptr::null(),
    };
    let block = NonNull::from(Box::leak(Block::new(first)));
    let queue = Queue {
        tail: AtomicUsize::new(0),
        tail_block: AtomicPtr::new(block.as_ptr()),
        spare: AtomicPtr::new(ptr::null_mut()),
    };
    (
        queue,
        Head {
            position: 0,
            block,
            oldest: block,
            closed_at: None,
        },
    )
}

/// What the writer has to do after a push.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    Done,
    /// The reader waits: wake it.
    WakeReader,
}

/// Writers.
impl<T> Queue<T> {
    /// Adds a value, or gives it back if the queue is closed.
    #[inline]
    pub(super) fn push(&self, value: T) -> Result<Pushed, T> {
        // Acquire: B6. Release: the reader's look at the length.
        let claimed = self.tail.fetch_add(STEP, Ordering::AcqRel);
        if claimed & CLOSED != 0 {
            return Err(value);
        }
        let position = position_of(claimed);
        let block = self.find(position);
        let slot = block.slot(position);
        slot.value.with_mut(|slot| {
            // SAFETY: by B1 the slot is ours to write.
            unsafe { slot.cast::<T>().write(value) };
        });
        // Release: the value (B2). Acquire: the waker that the reader registered (B3).
        match slot.state.swap(READY, Ordering::AcqRel) {
            WAITING => Ok(Pushed::WakeReader),
            _ => Ok(Pushed::Done),
        }
    }

    /// The block of a position that the caller has claimed.
    #[inline]
    fn find(&self, position: usize) -> &Block<T> {
        // Acquire: the block's start, and B6.
        let block = self.tail_block.load(Ordering::Acquire);
        // SAFETY: by B6 it stays until our slot is ready.
        let mut block = unsafe { &*block };
        if block.start() != start_of(position) {
            block = self.walk(block, start_of(position));
        }
        if position % SLOTS == SLOTS - 1 {
            self.successor(block); // B4
        }
        block
    }

    /// Walks from `tail_block` to the block that starts at `start`, and moves `tail_block` along.
    #[cold]
    fn walk<'a>(&'a self, from: &'a Block<T>, start: usize) -> &'a Block<T> {
        let mut block = from;
        while is_before(start, block.start()) {
            // SAFETY: by B5 no block from ours on goes away before our slot is ready.
            block = unsafe { &*block.place().previous };
        }
        while block.start() != start {
            // SAFETY: by B6 no block from `tail_block` on goes away before our slot is ready.
            block = unsafe { self.successor(block).as_ref() };
        }
        if is_before(from.start(), start) {
            self.advance(from, block);
        }
        block
    }

    /// Moves `tail_block` forward, unless another writer did.
    fn advance(&self, from: &Block<T>, to: &Block<T>) {
        // AcqRel: passes on what made the block visible to us.
        let moved = self.tail_block.compare_exchange(
            ptr::from_ref(from).cast_mut(),
            ptr::from_ref(to).cast_mut(),
            Ordering::AcqRel,
            Ordering::Relaxed,
        );
        if moved.is_err() {
            return;
        }
        // An RMW, so that it has a place in the order of claims (B6).
        let observed = position_of(self.tail.fetch_or(0, Ordering::AcqRel));
        let mut passed = from;
        while passed.start() != to.start() {
            let next = self.successor(passed);
            passed.released_at.store(observed + 1, Ordering::Release);
            // SAFETY: by B6 none of these goes away before our slot is ready.
            passed = unsafe { next.as_ref() };
        }
    }

    /// The next block; makes it if there is none.
    fn successor(&self, block: &Block<T>) -> NonNull<Block<T>> {
        if let Some(next) = NonNull::new(block.next.load(Ordering::Acquire)) {
            return next;
        }
        let place = Place {
            start: ahead(block.start(), SLOTS),
            previous: block,
        };
        let fresh = match NonNull::new(self.spare.swap(ptr::null_mut(), Ordering::AcqRel)) {
            Some(mut spare) => {
                // SAFETY: the swap made it ours alone.
                unsafe { spare.as_mut() }.reset(place);
                spare
            }
            None => NonNull::from(Box::leak(Block::new(place))),
        };
        let linked = block.next.compare_exchange(
            ptr::null_mut(),
            fresh.as_ptr(),
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        match linked.map_err(NonNull::new) {
            Err(Some(other)) => {
                self.put_away(fresh);
                other
            }
            _ => fresh,
        }
    }

    /// Keeps a block that nobody reaches for later, and frees the one kept before.
    fn put_away(&self, mut block: NonNull<Block<T>>) {
        // SAFETY: the caller is the last that reaches the block.
        unsafe { block.as_mut() }.set_place(Place {
            start: usize::MAX,
            previous: ptr::null(),
        });
        if let Some(kept) = NonNull::new(self.spare.swap(block.as_ptr(), Ordering::AcqRel)) {
            // SAFETY: the swap made it ours alone; blocks come from boxes.
            drop(unsafe { Box::from_raw(kept.as_ptr()) });
        }
    }

    /// Makes all later claims void.
    pub(super) fn close(&self) -> usize {
        position_of(self.tail.fetch_or(CLOSED, Ordering::AcqRel))
    }

    pub(super) fn is_closed(&self) -> bool {
        self.tail.load(Ordering::Acquire) & CLOSED != 0
    }
}

/// The reader.
impl<T> Queue<T> {
    /// Takes the value at the head if it is there.
    #[inline]
    pub(super) fn pop(&self, head: &mut Head<T>) -> Option<T> {
        // SAFETY: the head's block is taken away only by the reader, later.
        let block = unsafe { head.block.as_ref() };
        let slot = block.slot(head.position);
        // Acquire: the value (B2).
        if slot.state.load(Ordering::Acquire) != READY {
            return None;
        }
        let value = slot.value.with(|slot| {
            // SAFETY: by B2 it was written; the position moves on, so it is read once.
            unsafe { slot.cast::<T>().read() }
        });
        head.position = ahead(head.position, 1);
        if head.position % SLOTS == 0 {
            self.next_block(head);
        }
        Some(value)
    }

    /// The head has read all of a block.
    #[cold]
    fn next_block(&self, head: &mut Head<T>) {
        // SAFETY: the head's block is taken away only below.
        let next = unsafe { head.block.as_ref() }.next.load(Ordering::Acquire);
        head.block = NonNull::new(next).expect("a full block has a successor (B4)");
        while head.oldest != head.block {
            // SAFETY: from the oldest on, no block was taken away.
            let oldest = unsafe { head.oldest.as_ref() };
            // Acquire: the writer that stored it was done with the block.
            let released_at = oldest.released_at.load(Ordering::Acquire);
            if released_at == IN_USE || is_before(head.position, released_at - 1) {
                break;
            }
            let next = oldest.next.load(Ordering::Acquire);
            self.put_away(head.oldest); // by B6 no writer reaches it
            head.oldest = NonNull::new(next).expect("a full block has a successor (B4)");
        }
    }

    /// Announces that the reader will wait; false if there is a value after all.
    pub(super) fn mark_waiting(&self, head: &Head<T>) -> bool {
        // SAFETY: the head's block is taken away only by the reader.
        let slot = unsafe { head.block.as_ref() }.slot(head.position);
        // Release: the registered waker. Acquire: the value, if it is there (B3).
        let marked =
            slot.state
                .compare_exchange(EMPTY, WAITING, Ordering::AcqRel, Ordering::Acquire);
        marked != Err(READY)
    }

    /// Closes the queue from the reader's side: claims before this still count.
    pub(super) fn close_reader(&self, head: &mut Head<T>) {
        let closed_at = self.close();
        head.closed_at.get_or_insert(closed_at);
    }

    /// How many values are in the queue or being written to it.
    pub(super) fn len(&self, head: &Head<T>) -> usize {
        let tail = position_of(self.tail.load(Ordering::Acquire));
        distance(head.position, head.closed_at.unwrap_or(tail))
    }

    /// Whether the queue is closed and all was read.
    pub(super) fn is_finished(&self, head: &Head<T>) -> bool {
        // Without `closed_at` the last writer closed it, so that the tail stands still.
        self.is_closed() && self.len(head) == 0
    }

    /// Like [`Self::pop`], but waits for a value that is being written, which takes a few
    /// instructions of another thread.
    pub(super) fn pop_claimed(&self, head: &mut Head<T>) -> Option<T> {
        let mut rounds = 0_u32;
        loop {
            if let Some(value) = self.pop(head) {
                return Some(value);
            }
            if self.len(head) == 0 {
                return None;
            }
            rounds += 1;
            if rounds % sized(64, 1) as u32 == 0 {
                thread::yield_now();
            } else {
                hint::spin_loop();
            }
        }
    }

    /// Frees all blocks. The queue must be empty (values left are leaked) and not used again.
    ///
    /// # Safety
    ///
    /// Nobody else has the queue any more.
    pub(super) unsafe fn free(&self, head: &mut Head<T>) {
        let mut next = Some(head.oldest);
        while let Some(block) = next {
            // SAFETY: the caller has the queue alone; blocks come from boxes.
            let block = unsafe { Box::from_raw(block.as_ptr()) };
            next = NonNull::new(block.next.load(Ordering::Acquire));
        }
        if let Some(spare) = NonNull::new(self.spare.swap(ptr::null_mut(), Ordering::AcqRel)) {
            // SAFETY: as above.
            drop(unsafe { Box::from_raw(spare.as_ptr()) });
        }
    }
}
