//! Telling many tasks to stop.
//!
//! A [`CancellationToken`] is cancelled once, for ever, and all its clones and children with it.
//! Code asks it ([`is_cancelled`](CancellationToken::is_cancelled)), waits for it
//! ([`cancelled`](CancellationToken::cancelled)), or has a future dropped by it
//! ([`run_until_cancelled`](CancellationToken::run_until_cancelled)).

mod futures;
mod guard;
pub(crate) mod tree;
mod wait;

pub use self::futures::{WaitForCancellationFuture, WaitForCancellationFutureOwned};
pub use self::guard::{DropGuard, DropGuardRef};

use self::futures::RunUntil;
use self::tree::{Node, NodeRef};
use std::fmt;
use std::hash::{Hash, Hasher};

/// A signal to stop that many tasks can see; clones are the same signal.
///
/// A [`child_token`](Self::child_token) is cancelled with its parent, but not the other way round.
/// Trees may be of any depth: no operation recurses. All but a cancellation take constant time,
/// and [`is_cancelled`](Self::is_cancelled) is one load.
///
/// ```
/// # runtime::runtime::Runtime::new().unwrap().block_on(async {
/// use runtime::task::CancellationToken;
///
/// let token = CancellationToken::new();
/// let child = token.child_token();
/// let task = runtime::spawn(async move {
///     child.run_until_cancelled(std::future::pending::<()>()).await
/// });
/// token.cancel();
/// assert_eq!(task.await.unwrap(), None);
/// # });
/// ```
#[derive(Clone)]
pub struct CancellationToken {
    node: NodeRef,
}

impl CancellationToken {
    /// A token that is not cancelled and has no parent.
    pub fn new() -> Self {
        Self { node: Node::root() }
    }

    /// A token that is cancelled with this one; cancelled from the start if this one is.
    #[must_use = "a child token that is dropped can tell nobody"]
    pub fn child_token(&self) -> Self {
        Self {
            node: self.node.child(),
        }
    }

    /// Cancels this token, its clones and all tokens below it, and wakes whoever waits for them.
    /// Has no effect the second time.
    ///
    /// # Panics
    ///
    /// Panics as the first of the wakers that does, after all were woken.
    pub fn cancel(&self) {
        self.node.cancel();
    }

    /// Whether the token is cancelled.
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        self.node.is_cancelled()
    }

    /// A future that is ready when the token is cancelled.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: there is nothing to lose.
    pub fn cancelled(&self) -> WaitForCancellationFuture<'_> {
        WaitForCancellationFuture::new(self)
    }

    /// As [`cancelled`](Self::cancelled), for a future that keeps the token.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: there is nothing to lose.
    pub fn cancelled_owned(self) -> WaitForCancellationFutureOwned {
        WaitForCancellationFutureOwned::new(self)
    }

    /// Cancels the token when the guard is dropped.
    pub fn drop_guard(self) -> DropGuard {
        DropGuard::new(self)
    }

    /// As [`drop_guard`](Self::drop_guard), borrowed.
    pub fn drop_guard_ref(&self) -> DropGuardRef<'_> {
        DropGuardRef::new(self)
    }

    /// Awaits `fut` and gives its output, or `None` when the token is cancelled first.
    ///
    /// With a token that is cancelled already the future is dropped without a poll. After that the
    /// future goes first: one that is ready when the token is cancelled gives its output.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe if `fut` is.
    pub async fn run_until_cancelled<F: Future>(&self, fut: F) -> Option<F::Output> {
        if self.is_cancelled() {
            return None;
        }
        RunUntil::new(self.cancelled(), fut).await
    }

    /// As [`run_until_cancelled`](Self::run_until_cancelled), for a future that keeps the token.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe if `fut` is.
    pub async fn run_until_cancelled_owned<F: Future>(self, fut: F) -> Option<F::Output> {
        if self.is_cancelled() {
            return None;
        }
        RunUntil::new(self.cancelled_owned(), fut).await
    }
}

impl Default for CancellationToken {
    fn default() -> Self {
        Self::new()
    }
}

/// Clones are equal; a child is not equal to its parent.
impl PartialEq for CancellationToken {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(&*self.node, &*other.node)
    }
}

impl Eq for CancellationToken {}

/// Clones have the same hash.
impl Hash for CancellationToken {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::ptr::hash(&raw const *self.node, state);
    }
}

impl std::panic::UnwindSafe for CancellationToken {}
impl std::panic::RefUnwindSafe for CancellationToken {}

impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancellationToken")
            .field("is_cancelled", &self.is_cancelled())
            .finish()
    }
}
