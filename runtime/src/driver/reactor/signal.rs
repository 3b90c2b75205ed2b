//! A wait without I/O: a flag under a lock and a condition variable.

use super::{Turn, Wait};
use crate::loom::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Ends a wait from any thread; kept until the next wait if there is none.
#[derive(Clone, Debug)]
pub(crate) struct Signal(Arc<State>);

#[derive(Debug)]
struct State {
    woken: Mutex<bool>,
    changed: Condvar,
    has_source: bool,
}

impl Signal {
    /// `has_source`: for models, which thereby decide as beside a socket that never has anything.
    pub(crate) fn new(has_source: bool) -> Self {
        Self(Arc::new(State {
            woken: Mutex::new(false),
            changed: Condvar::new(),
            has_source,
        }))
    }

    pub(crate) fn has_source(&self) -> bool {
        self.0.has_source
    }

    pub(crate) fn wake(&self) {
        *self.0.woken.lock() = true;
        self.0.changed.notify_one();
    }

    pub(crate) fn turn(&self, wait: Wait) -> Turn {
        let mut woken = self.0.woken.lock();
        // One wait only: whoever asked looks at the clock and at its queues before the next.
        if !*woken {
            woken = match wait {
                Wait::Now => woken,
                Wait::Forever => self.0.changed.wait(woken),
                Wait::For { now_ns, until_ns } => {
                    let limit = Duration::from_nanos(until_ns.saturating_sub(now_ns));
                    self.0.changed.wait_timeout(woken, limit).0
                }
            };
        }
        Turn {
            events: 0,
            woken: std::mem::take(&mut *woken),
        }
    }
}
