//! How many children of a scope are alive, and its end.
//!
//! - S1. `word` counts children in its upper bits; the lowest says *ended*. A child comes in while
//!   that is clear, in one read-modify-write; the end is set when the count is zero, in another. So
//!   nobody is inside after the end, also if a scope's handle was carried out of it.
//! - S2. The scope leaves its waker, then looks; a child that takes the count to zero takes the waker
//!   afterwards. Either the look sees zero, or the child finds the waker.
//!
//! Each child's `AcqRel` decrement carries what it did to the end's `AcqRel` exchange.
//!
//! Rejected: a `TaskTracker`, which may be opened again and takes tokens after its end: a child that
//! comes in at the wrong moment would be polled after its scope.

use crate::loom::sync::atomic::{AtomicUsize, Ordering};
use crate::util::atomic_waker::AtomicWaker;
use crate::util::wake_batch::wake_contained;
use std::task::{Context, Poll};

const ENDED: usize = 1;
const ONE: usize = 2;

/// See the module.
pub(crate) struct Live {
    word: AtomicUsize,
    scope: AtomicWaker,
}

impl Live {
    pub(crate) fn new() -> Self {
        Self {
            word: AtomicUsize::new(0),
            scope: AtomicWaker::new(),
        }
    }

    /// Counts a child in; false after the end.
    #[must_use]
    pub(crate) fn enter(&self) -> bool {
        let count = |word| (word & ENDED == 0).then_some(word + ONE);
        self.word
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, count)
            .is_ok()
    }

    /// Counts a child out.
    pub(crate) fn exit(&self) {
        if self.word.fetch_sub(ONE, Ordering::AcqRel) == ONE {
            if let Some(waker) = self.scope.take() {
                wake_contained(waker);
            }
        }
    }

    /// How many children are inside.
    pub(crate) fn len(&self) -> usize {
        self.word.load(Ordering::Acquire) / ONE
    }

    /// Ready when there are no children: that is the end. For the scope's future alone.
    pub(crate) fn poll_end(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.try_end() {
            return Poll::Ready(());
        }
        let before = self.scope.replace(cx.waker());
        // By S2 in this order.
        let is_ended = self.try_end();
        drop(before);
        if is_ended {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    fn try_end(&self) -> bool {
        let ended = self
            .word
            .compare_exchange(0, ENDED, Ordering::AcqRel, Ordering::Acquire);
        matches!(ended, Ok(_) | Err(ENDED))
    }
}
