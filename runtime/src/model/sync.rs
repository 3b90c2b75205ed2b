//! Parts below and in `sync` that have no public face.

use crate::util::atomic_waker;
use std::task::Waker;

/// The waker cell.
#[derive(Debug)]
pub struct AtomicWaker(atomic_waker::AtomicWaker);

impl AtomicWaker {
    #[allow(missing_docs, clippy::new_without_default)]
    pub fn new() -> Self {
        Self(atomic_waker::AtomicWaker::new())
    }

    #[allow(missing_docs)]
    pub fn register(&self, waker: &Waker) {
        self.0.register(waker);
    }

    #[allow(missing_docs)]
    pub fn wake(&self) {
        self.0.wake();
    }
}
