//! Test facades of `JoinSet`, with tasks of a model's own scheduler as its members, and of the count of a
//! scope's children.

use crate::task::scope::live::Live;
use crate::task::{AbortHandle, JoinHandle, JoinSet};
use std::fmt;
use std::task::{Context, Poll};

/// Adds a task, as the `spawn` methods do.
pub fn insert<T: 'static>(set: &mut JoinSet<T>, handle: JoinHandle<T>) -> AbortHandle {
    set.insert(handle)
}

/// The children of a scope.
pub struct Children(Live);

impl Default for Children {
    fn default() -> Self {
        Self::new()
    }
}

impl Children {
    /// None.
    pub fn new() -> Self {
        Self(Live::new())
    }

    /// Counts a child in; false after the end.
    pub fn enter(&self) -> bool {
        self.0.enter()
    }

    /// Counts a child out.
    pub fn exit(&self) {
        self.0.exit();
    }

    /// Ready when there are no children: that is the end.
    pub fn poll_end(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_end(cx)
    }
}

impl fmt::Debug for Children {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Children").field(&self.0.len()).finish()
    }
}
