//! The bits and the listeners of `signal`; the model plays handler, pipe and reactor.

use crate::loom::sync::Arc;
use crate::signal::{pending, slot};
use std::task::{Context, Poll};

/// The pending bits.
#[derive(Debug, Default)]
pub struct Pending(pending::Pending);

impl Pending {
    #[allow(missing_docs)]
    #[must_use]
    pub fn add(&self, number: usize) -> bool {
        self.0.add(number)
    }

    #[allow(missing_docs)]
    pub fn take(&self) -> impl Iterator<Item = usize> {
        self.0.take()
    }
}

/// The listeners of one signal.
#[derive(Clone, Debug, Default)]
pub struct Slot(Arc<slot::Slot>);

/// One of them.
#[derive(Debug)]
pub struct Subscription(slot::Subscription);

impl Slot {
    #[allow(missing_docs)]
    pub fn deliver(&self) {
        self.0.deliver();
    }

    #[allow(missing_docs)]
    pub fn subscribe(&self) -> Subscription {
        Subscription(slot::Slot::subscribe(&self.0))
    }
}

impl Subscription {
    #[allow(missing_docs)]
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll(cx)
    }
}
