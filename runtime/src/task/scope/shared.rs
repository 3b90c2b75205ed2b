//! What a scope, its handles and its children share.
//!
//! - S3. The failure that the scope ends with is the first panic, or else the first error. It is there
//!   before `failed` is cancelled, and no other comes after the end (S1).

use super::live::Live;
use crate::loom::sync::{Arc, Mutex};
use crate::sync::Semaphore;
use crate::task::CancellationToken;
use crate::util::bomb::Payload;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Why a scope ends early.
pub(super) enum Failure<E> {
    Error(E),
    Panic(Payload),
}

pub(super) struct Shared<E> {
    pub(super) live: Live,
    /// Ends the body and all children.
    pub(super) failed: CancellationToken,
    /// Ends the children; below `failed`.
    pub(super) children: CancellationToken,
    failure: Mutex<Option<Failure<E>>>,
    /// How many children run at a time.
    pub(super) limit: Option<std::sync::Arc<Semaphore>>,
}

impl<E> Shared<E> {
    pub(super) fn new(limit: Option<usize>) -> Arc<Self> {
        let failed = CancellationToken::new();
        Arc::new(Self {
            live: Live::new(),
            children: failed.child_token(),
            failed,
            failure: Mutex::new(None),
            limit: limit.map(|limit| std::sync::Arc::new(Semaphore::new(limit))),
        })
    }

    /// Ends the scope with a failure, unless there is a graver one.
    pub(super) fn fail(&self, failure: Failure<E>) {
        let dropped = {
            let mut kept = self.failure.lock();
            match (&*kept, &failure) {
                (None, _) | (Some(Failure::Error(_)), Failure::Panic(_)) => kept.replace(failure),
                _ => Some(failure),
            }
        };
        self.failed.cancel();
        // What others made: without the lock, and when all is done.
        drop(dropped);
    }

    /// Runs what others wrote; a panic fails the scope.
    pub(super) fn contain<R>(&self, f: impl FnOnce() -> R) -> Option<R> {
        match catch_unwind(AssertUnwindSafe(f)) {
            Ok(result) => Some(result),
            Err(payload) => {
                self.fail(Failure::Panic(payload));
                None
            }
        }
    }

    pub(super) fn take_failure(&self) -> Option<Failure<E>> {
        self.failure.lock().take()
    }

    /// Lets a child in, unless the children are cancelled or the scope has ended.
    pub(super) fn ticket(this: &Arc<Self>) -> Option<Ticket<E>> {
        if this.children.is_cancelled() || !this.live.enter() {
            return None;
        }
        Some(Ticket(this.clone()))
    }
}

/// A child that is alive; the scope's end waits for its drop.
pub(super) struct Ticket<E>(Arc<Shared<E>>);

impl<E> Ticket<E> {
    pub(super) fn shared(&self) -> &Arc<Shared<E>> {
        &self.0
    }
}

impl<E> Drop for Ticket<E> {
    fn drop(&mut self) {
        self.0.live.exit();
    }
}
