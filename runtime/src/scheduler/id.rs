//! Ids of schedulers: runtimes and local sets.

// Uniqueness needs no order.
use crate::loom::unordered::{AtomicU64, Ordering};
use std::fmt;
use std::num::NonZeroU64;

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Identifies a runtime or a [`LocalSet`](crate::task::LocalSet) within the process. Ids are never
/// reused.
///
/// ```
/// let (one, two) = (runtime::task::LocalSet::new(), runtime::task::LocalSet::new());
/// assert_ne!(one.id(), two.id());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id(NonZeroU64);

impl Id {
    pub(crate) fn next() -> Self {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(NonZeroU64::new(id).expect("nobody makes 2^64 runtimes"))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
