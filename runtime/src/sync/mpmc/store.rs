//! The pure part: messages in order, and who may take or send one. No lock, no waker.
//!
//! ```text
//!               ┌───────────────── bound ─────────────────┐
//!   messages:   [ promised ][ free to take ][  reserved   ][ room ]
//!               └────────── len ───────────┘
//! ```
//!
//! A receiver that waits is *promised* a message when one comes, a sender that waits gets room
//! *reserved*; both come for it later, or hand it back. So nobody who comes later can snatch it.
//!
//! M1. promised <= messages until the store is settled; messages + reserved <= bound.
//! M2. While a receiver waits no message is free to take; while a sender waits there is no room.
//!     (The shell keeps it: it serves those who wait in the step that makes something free.)
//! M3. Messages leave in the order in which they came.
//! M4. Settled: closed, no reservation. Then no message will ever be put, and promises are void: the
//!     messages are free to all. Finished: settled and empty.
//! M5. Nothing rests on a promise or a reservation coming back, for its future may be leaked. Such a
//!     promise keeps a message only until the store is settled; such a reservation keeps room only
//!     until the last sender is gone, since all of them borrow one (`forget_reserved`).
//!
//! Messages lie in chunks of fixed size, which are made and freed outside of the lock: `put` asks
//! for one, `pop` hands one back. One is kept.

use crate::loom::sized;
use std::collections::VecDeque;

/// Messages per chunk.
const CHUNK: usize = sized(128, 2);

/// Messages of one chunk; its capacity is never exceeded.
pub(super) type Chunk<T> = VecDeque<T>;

/// What a store without room for another chunk needs, made outside of the lock.
#[derive(Debug)]
pub(super) struct Supply<T> {
    chunk: Chunk<T>,
    /// A longer list of chunks, if the present one is full.
    list: Option<VecDeque<Chunk<T>>>,
}

/// How to make a [`Supply`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    chunk: usize,
    list: Option<usize>,
}

impl Order {
    pub(super) fn make<T>(self) -> Supply<T> {
        Supply {
            chunk: Chunk::with_capacity(self.chunk),
            list: self.list.map(VecDeque::with_capacity),
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Store<T> {
    /// Never empty but before the first message.
    chunks: VecDeque<Chunk<T>>,
    spare: Option<Chunk<T>>,
    len: usize,
    promised: usize,
    reserved: usize,
    bound: usize,
    is_closed: bool,
}

impl<T> Store<T> {
    /// Holds at most `bound` messages; `usize::MAX` stands for no limit.
    pub(super) const fn new(bound: usize) -> Self {
        Self {
            chunks: VecDeque::new(),
            spare: None,
            len: 0,
            promised: 0,
            reserved: 0,
            bound,
            is_closed: false,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn bound(&self) -> usize {
        self.bound
    }

    pub(super) const fn room(&self) -> usize {
        self.bound - self.len - self.reserved
    }

    pub(super) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    pub(super) const fn close(&mut self) {
        self.is_closed = true;
    }

    /// Nobody is left to use what is reserved, or to hand it back.
    pub(super) const fn forget_reserved(&mut self) {
        self.reserved = 0;
    }

    #[inline]
    pub(super) const fn is_settled(&self) -> bool {
        self.is_closed && self.reserved == 0
    }

    #[inline]
    pub(super) const fn is_finished(&self) -> bool {
        self.is_settled() && self.len == 0
    }

    #[inline]
    fn last_has_room(&self) -> bool {
        self.chunks
            .back()
            .is_some_and(|chunk| chunk.len() < chunk.capacity())
    }

    /// What [`Self::put`] needs first, if anything.
    #[inline]
    pub(super) fn order(&self) -> Option<Order> {
        let list_is_full = self.chunks.len() == self.chunks.capacity();
        if self.last_has_room() || (self.spare.is_some() && !list_is_full) {
            return None;
        }
        Some(self.order_chunk(list_is_full))
    }

    #[cold]
    fn order_chunk(&self, list_is_full: bool) -> Order {
        Order {
            chunk: self.bound.min(CHUNK),
            list: list_is_full.then(|| (self.chunks.len() * 2).max(4)),
        }
    }

    /// Takes in what was ordered, and hands out what is left over, to be freed outside of the
    /// lock: others may have supplied in between.
    #[must_use = "dropped outside of the lock"]
    pub(super) fn supply(&mut self, mut supply: Supply<T>) -> Option<Supply<T>> {
        if self.order().is_none() {
            return Some(supply);
        }
        if let Some(list) = &mut supply.list {
            if list.capacity() > self.chunks.len() {
                list.append(&mut self.chunks);
                std::mem::swap(list, &mut self.chunks);
            }
        }
        // Kept at once, not used yet: `put` takes it.
        let unused = self.spare.replace(supply.chunk);
        supply.chunk = unused.unwrap_or_default();
        Some(supply)
    }

    /// Adds a message. The caller saw that there is nothing to order, and has room.
    #[inline]
    pub(super) fn put(&mut self, value: T) {
        debug_assert!(self.room() > 0, "a message without room (M1)");
        if !self.last_has_room() {
            let chunk = self.spare.take();
            self.chunks.push_back(chunk.expect("ordered before"));
        }
        if let Some(chunk) = self.chunks.back_mut() {
            chunk.push_back(value);
            self.len += 1;
        }
    }

    /// Reserves room if there is some, and the store is open.
    pub(super) const fn reserve(&mut self) -> bool {
        let has_room = self.room() > 0 && !self.is_closed;
        if has_room {
            self.reserved += 1;
        }
        has_room
    }

    /// Gives reserved room back.
    pub(super) const fn unreserve(&mut self) {
        self.reserved -= 1;
    }

    /// Whether a message is there that is not promised.
    #[inline]
    pub(super) const fn has_free(&self) -> bool {
        self.len > self.promised || (self.len > 0 && self.is_settled())
    }

    /// Promises a message if one is free.
    #[inline]
    pub(super) const fn promise(&mut self) -> bool {
        let is_free = self.has_free();
        if is_free && !self.is_settled() {
            self.promised += 1;
        }
        is_free
    }

    /// Gives a promise back, unless it is void.
    pub(super) const fn release_promise(&mut self) {
        if !self.is_settled() {
            self.promised -= 1;
        }
    }

    /// Takes the oldest message, which no promise is kept for.
    #[inline]
    pub(super) fn take_free(&mut self) -> Option<Taken<T>> {
        if !self.has_free() {
            return None;
        }
        self.pop()
    }

    /// Takes the oldest message by a promise; there is one unless the promise is void.
    #[inline]
    pub(super) fn take_promised(&mut self) -> Option<Taken<T>> {
        self.release_promise();
        self.pop()
    }

    #[inline]
    fn pop(&mut self) -> Option<Taken<T>> {
        let value = self.chunks.front_mut()?.pop_front()?;
        self.len -= 1;
        let is_drained = self.chunks.len() > 1 && self.chunks[0].is_empty();
        let used = if is_drained {
            self.retire_first()
        } else {
            None
        };
        Some(Taken { value, used })
    }

    #[cold]
    fn retire_first(&mut self) -> Option<Chunk<T>> {
        let drained = self.chunks.pop_front()?;
        self.spare.replace(drained)
    }

    /// Takes all messages, for a channel without a receiver: nobody is left to keep a promise to.
    pub(super) fn drain(&mut self) -> VecDeque<Chunk<T>> {
        self.promised = 0;
        self.len = 0;
        std::mem::take(&mut self.chunks)
    }
}

/// A message, and a chunk to free outside of the lock.
#[derive(Debug)]
#[must_use]
pub(super) struct Taken<T> {
    pub(super) value: T,
    pub(super) used: Option<Chunk<T>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Copy, Debug)]
    enum Op {
        Send,
        Reserve,
        SendReserved,
        Unreserve,
        Take,
        Promise,
        TakePromised,
        ReleasePromise,
        SupplyTooMuch,
        Close,
        LoseSenders,
    }

    fn op() -> impl Strategy<Value = Op> {
        use Op::*;
        prop_oneof![
            8 => Just(Send), 1 => Just(Reserve), 1 => Just(SendReserved), 1 => Just(Unreserve),
            5 => Just(Take), 2 => Just(Promise), 2 => Just(TakePromised), 1 => Just(ReleasePromise),
            1 => Just(SupplyTooMuch),
        ]
    }

    /// The same, and the ends of a channel, now and then.
    fn op_or_end() -> impl Strategy<Value = Op> {
        prop_oneof![200 => op(), 1 => Just(Op::Close), 1 => Just(Op::LoseSenders)]
    }

    fn put(store: &mut Store<usize>, value: usize) {
        if let Some(order) = store.order() {
            drop(store.supply(order.make()));
        }
        assert_eq!(store.order(), None, "one order is enough");
        let capacity = store.chunks.capacity();
        store.put(value);
        assert_eq!(
            store.chunks.capacity(),
            capacity,
            "allocated under the lock"
        );
    }

    proptest! {
        /// M1, M3, M4 against a `VecDeque` and three numbers.
        #[test]
        fn behaves_like_a_deque(
            ops in proptest::collection::vec(op_or_end(), 1..600),
            bound in prop_oneof![Just(1_usize), Just(3), Just(200), Just(usize::MAX)],
        ) {
            let mut store = Store::new(bound);
            let (mut oracle, mut promised, mut reserved) = (VecDeque::new(), 0, 0);
            let mut is_closed = false;
            for (value, op) in ops.into_iter().enumerate() {
                prop_assert_eq!(store.room(), bound - oracle.len() - reserved);
                let room = if is_closed { 0 } else { bound - oracle.len() - reserved };
                match op {
                    Op::Send => if room > 0 {
                        put(&mut store, value);
                        oracle.push_back(value);
                    },
                    Op::Reserve => {
                        prop_assert_eq!(store.reserve(), room > 0);
                        reserved += usize::from(room > 0);
                    }
                    Op::SendReserved => if reserved > 0 {
                        reserved -= 1;
                        store.unreserve();
                        put(&mut store, value);
                        oracle.push_back(value);
                    },
                    Op::Unreserve => if reserved > 0 {
                        reserved -= 1;
                        store.unreserve();
                    },
                    Op::Take => {
                        let expected = if oracle.len() > promised { oracle.pop_front() } else { None };
                        prop_assert_eq!(store.take_free().map(|taken| taken.value), expected);
                    }
                    Op::Promise => {
                        let is_free = oracle.len() > promised;
                        prop_assert_eq!(store.promise(), is_free);
                        let is_settled = is_closed && reserved == 0;
                        promised += usize::from(is_free && !is_settled);
                    }
                    Op::TakePromised => if promised > 0 {
                        promised -= 1;
                        prop_assert_eq!(store.take_promised().map(|taken| taken.value), oracle.pop_front());
                    },
                    Op::ReleasePromise => if promised > 0 {
                        promised -= 1;
                        store.release_promise();
                    },
                    Op::SupplyTooMuch => {
                        let order = Order { chunk: bound.min(CHUNK), list: Some(64) };
                        drop(store.supply(order.make()));
                    }
                    Op::Close => {
                        store.close();
                        is_closed = true;
                    }
                    Op::LoseSenders => {
                        store.close();
                        store.forget_reserved();
                        (is_closed, reserved) = (true, 0);
                    }
                }
                if is_closed && reserved == 0 {
                    // M4, M5: whoever was promised something and never comes for it.
                    promised = 0;
                }
                prop_assert_eq!(store.len(), oracle.len());
                prop_assert_eq!(store.has_free(), oracle.len() > promised);
                let is_finished = is_closed && reserved == 0 && oracle.is_empty();
                prop_assert_eq!(store.is_finished(), is_finished);
            }
            store.close();
            prop_assert_eq!(store.is_finished(), oracle.is_empty() && reserved == 0);
        }
    }
}
