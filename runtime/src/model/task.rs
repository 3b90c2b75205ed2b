//! A door to `JoinSet`: tasks of a model's own scheduler as its members.

use crate::task::{AbortHandle, JoinHandle, JoinSet};

/// Adds a task, as the `spawn` methods do.
pub fn insert<T: 'static>(set: &mut JoinSet<T>, handle: JoinHandle<T>) -> AbortHandle {
    set.insert(handle)
}
