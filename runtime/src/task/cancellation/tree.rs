//! The tree of cancellation tokens: who is cancelled with whom.
//!
//! ```text
//!   live:      has tokens; may have children
//!   dead:      its tokens are gone, and it has two children or more, which are cancelled through it
//!   detached:  in no tree: cancelled, or being freed
//! ```
//!
//! One lock per tree guards all links in it. A dead node that is left with one child is taken out,
//! and the child stands in its place. So there are always fewer dead nodes than live ones, and
//! a chain of tokens each of which replaces its parent takes no memory for those that are gone.
//!
//! - K1. Links are touched under the tree's lock only.
//! - K2. A node's references are its tokens, or, when it is dead, the one of the tree; a canceller
//!   adds its own. Whoever drops the last one, and nobody else, *retires* the node: takes it
//!   out of the tree, or declares it dead. A node whose references are gone gets none any more.
//! - K3. `cancelled` is set under the lock, for a whole subtree, which is detached in the same
//!   section. A child is made under the lock, too: it is linked under a node that is not cancelled,
//!   or cancelled itself from the start.
//! - K4. `chain` belongs to the canceller that detached the node.
//! - K5. A waiter is listed under the node's own lock after a look at `cancelled`; a canceller
//!   sets that, then takes the waiters under the same lock. So none is left behind.
//!
//! Nothing recurses, nothing is allocated under a lock, and each operation but a cancellation takes
//! constant time. Reading `cancelled` takes no lock: an `Acquire` load, which pairs with the
//! canceller's `Release` store.
//!
//! Rejected: a lock per node (the drop of a node needs those of its parent and its children, in an
//! order that changes meanwhile); children that keep their parents alive (chains grow without end
//! and are freed by recursion); giving all children of a node that dies to its parent (linear).
#![allow(unsafe_code)]

use super::wait::{self, Waiters};
use crate::loom::Track;
use crate::loom::cell::UnsafeCell;
use crate::loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::loom::sync::{Arc, Mutex, MutexGuard};
use crate::util::wake_batch::WakeBatch;
use std::ptr::NonNull;

/// What a tree's nodes share.
#[derive(Debug)]
struct Tree {
    lock: Mutex<()>,
}

/// One token's state, shared by its clones.
#[derive(Debug)]
pub(crate) struct Node {
    cancelled: AtomicBool,
    /// See K2.
    references: AtomicUsize,
    tree: Arc<Tree>,
    /// Ruled by K1.
    links: UnsafeCell<Links>,
    /// Ruled by K4.
    chain: UnsafeCell<Option<NonNull<Node>>>,
    pub(super) waiters: Waiters,
    _track: Track,
}

#[derive(Clone, Copy, Debug, Default)]
struct Links {
    parent: Option<NonNull<Node>>,
    first_child: Option<NonNull<Node>>,
    previous: Option<NonNull<Node>>,
    next: Option<NonNull<Node>>,
    is_dead: bool,
}

/// One counted reference to a node: a token.
#[derive(Debug)]
pub(crate) struct NodeRef(NonNull<Node>);

// SAFETY: a node is shared through atomics and locks (K1, K4, K5).
unsafe impl Send for NodeRef {}
// SAFETY: as above.
unsafe impl Sync for NodeRef {}

impl std::ops::Deref for NodeRef {
    type Target = Node;

    fn deref(&self) -> &Node {
        // SAFETY: by K2 the node is there while a reference is.
        unsafe { self.0.as_ref() }
    }
}

impl Clone for NodeRef {
    fn clone(&self) -> Self {
        // Made from one that is there: it orders nothing.
        let before = self.references.fetch_add(1, Ordering::Relaxed);
        assert!(
            before < isize::MAX as usize,
            "too many clones of one cancellation token"
        );
        Self(self.0)
    }
}

impl Drop for NodeRef {
    fn drop(&mut self) {
        if self.references.fetch_sub(1, Ordering::AcqRel) == 1 {
            retire(self.0);
        }
    }
}

fn allocate(tree: Arc<Tree>) -> NonNull<Node> {
    let node = Box::new(Node {
        cancelled: AtomicBool::new(false),
        references: AtomicUsize::new(1),
        tree,
        links: UnsafeCell::new(Links::default()),
        chain: UnsafeCell::new(None),
        waiters: Waiters::new(),
        _track: Track::new(),
    });
    NonNull::from(Box::leak(node))
}

/// # Safety
///
/// The caller retired the node (K2), and it is detached.
unsafe fn free(node: NonNull<Node>) {
    // SAFETY: `allocate` leaked it, and by the caller's promise nobody knows it any more.
    drop(unsafe { Box::from_raw(node.as_ptr()) });
}

/// The last reference to `node` is gone.
#[cold]
fn retire(node: NonNull<Node>) {
    // SAFETY: by K2 the node is the caller's.
    let tree = unsafe { node.as_ref() }.tree.clone();
    let locked = Locked::new(&tree);
    let children = locked.children(node);
    let mut gone = [None, None];
    match children {
        Children::Many => locked.with(node, |links| links.is_dead = true),
        Children::One(child) => {
            locked.replace(node, child);
            gone[0] = Some(node);
        }
        Children::None => {
            gone = [Some(node), locked.unlink(node)];
        }
    }
    if gone[0].is_none() {
        // The tree's (K2). Nobody else has one, or could get one without the lock.
        // SAFETY: by K2 the node is there: it is dead, and we have the lock.
        let node = unsafe { node.as_ref() };
        node.references.store(1, Ordering::Release);
    }
    drop(locked);
    for node in gone.into_iter().flatten() {
        // SAFETY: retired by us, or a dead one that `unlink` took the tree's reference of.
        unsafe { free(node) };
    }
}

enum Children {
    None,
    One(NonNull<Node>),
    Many,
}

/// The links of a tree's nodes, under its lock.
struct Locked<'a> {
    _guard: MutexGuard<'a, ()>,
}

impl<'a> Locked<'a> {
    fn new(tree: &'a Tree) -> Self {
        Self {
            _guard: tree.lock.lock(),
        }
    }

    /// Reaches the links of a node of the tree.
    fn with<R>(&self, node: NonNull<Node>, f: impl FnOnce(&mut Links) -> R) -> R {
        // SAFETY: nodes leave the tree, under its lock, before they are freed.
        let node = unsafe { node.as_ref() };
        node.links.with_mut(|links| {
            // SAFETY: by K1 the lock is the right to them, and `f` has no way to a second borrow.
            f(unsafe { &mut *links })
        })
    }

    fn links(&self, node: NonNull<Node>) -> Links {
        self.with(node, |links| *links)
    }

    fn children(&self, node: NonNull<Node>) -> Children {
        match self.links(node).first_child {
            None => Children::None,
            Some(child) if self.links(child).next.is_none() => Children::One(child),
            Some(_) => Children::Many,
        }
    }

    fn link(&self, parent: NonNull<Node>, child: NonNull<Node>) {
        let next = self.with(parent, |links| links.first_child.replace(child));
        self.with(child, |links| {
            links.parent = Some(parent);
            links.next = next;
        });
        if let Some(next) = next {
            self.with(next, |links| links.previous = Some(child));
        }
    }

    /// Has the parent or the sibling before `at`, which is to go, point to `new`, and the sibling
    /// behind it to `previous`.
    fn mend(&self, at: Links, new: Option<NonNull<Node>>, previous: Option<NonNull<Node>>) {
        match (at.previous, at.parent) {
            (Some(before), _) => self.with(before, |links| links.next = new),
            (None, Some(parent)) => self.with(parent, |links| links.first_child = new),
            (None, None) => {}
        }
        if let Some(next) = at.next {
            self.with(next, |links| links.previous = previous);
        }
    }

    /// Takes `node` away from its parent. A dead parent with one child left goes too: it is given
    /// to the caller, with the tree's reference, which was the last.
    fn unlink(&self, node: NonNull<Node>) -> Option<NonNull<Node>> {
        let at = self.links(node);
        self.mend(at, at.next, at.previous);
        self.with(node, |links| {
            (links.parent, links.previous, links.next) = (None, None, None);
        });
        let parent = at.parent.filter(|parent| self.links(*parent).is_dead)?;
        match self.children(parent) {
            Children::One(child) => {
                self.replace(parent, child);
                Some(parent)
            }
            // Two or more: a dead node had at least two before.
            _ => None,
        }
    }

    /// Puts the only child of `node` in its place.
    fn replace(&self, node: NonNull<Node>, child: NonNull<Node>) {
        let at = self.with(node, std::mem::take);
        self.mend(at, Some(child), Some(child));
        self.with(child, |links| {
            (links.parent, links.previous, links.next) = (at.parent, at.previous, at.next);
        });
    }

    /// Detaches the subtree of `root` and marks it cancelled (K3). Those of its nodes that can
    /// have waiters come out as a chain, with a reference each.
    fn cancel(&self, root: NonNull<Node>) -> Chain {
        let mut chain = Chain(None);
        // A queue, linked by `next`: siblings are linked so already.
        let mut last = root;
        let mut first = Some(root);
        while let Some(node) = first {
            let mut child = self.links(node).first_child;
            if child.is_some() {
                self.with(last, |links| links.next = child);
            }
            while let Some(at) = child {
                last = at;
                child = self.links(at).next;
            }
            let links = self.with(node, std::mem::take);
            first = links.next;
            // SAFETY: nodes leave the tree, under its lock, before they are freed.
            unsafe { node.as_ref() }
                .cancelled
                .store(true, Ordering::Release);
            chain.add(node, links.is_dead);
        }
        chain
    }
}

/// Nodes that a canceller has detached (K4), with a reference to each.
struct Chain(Option<NonNull<Node>>);

impl Chain {
    /// Adds a node of a tree whose lock is held, unless its references are gone: then somebody is
    /// about to retire it, and it has no waiters.
    fn add(&mut self, node: NonNull<Node>, is_dead: bool) {
        // SAFETY: it is in the tree, whose lock is held.
        let header = unsafe { node.as_ref() };
        // The reference of a dead one is taken over.
        if !is_dead && !header.try_reference() {
            return;
        }
        // SAFETY: by K4 ours since the node was detached, under the lock.
        header.chain.with_mut(|next| unsafe { *next = self.0 });
        self.0 = Some(node);
    }
}

impl Iterator for Chain {
    type Item = NodeRef;

    fn next(&mut self) -> Option<NodeRef> {
        let node = NodeRef(self.0?);
        // SAFETY: by K4 ours.
        self.0 = node.chain.with_mut(|next| unsafe { (*next).take() });
        Some(node)
    }
}

impl Node {
    /// The root of a new tree.
    pub(crate) fn root() -> NodeRef {
        let tree = Tree {
            lock: Mutex::new(()),
        };
        NodeRef(allocate(Arc::new(tree)))
    }

    /// Whether this node or one above it was cancelled.
    #[inline]
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// One more reference, unless there is none (K2).
    fn try_reference(&self) -> bool {
        let mut now = self.references.load(Ordering::Relaxed);
        while now != 0 {
            let next = self.references.compare_exchange_weak(
                now,
                now + 1,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            match next {
                Ok(_) => return true,
                Err(other) => now = other,
            }
        }
        false
    }
}

/// On the pointer, not on what it points to: whoever retires a node frees it through links.
impl NodeRef {
    /// A node that is cancelled with this one.
    pub(crate) fn child(&self) -> NodeRef {
        let child = allocate(self.tree.clone());
        let locked = Locked::new(&self.tree);
        if self.is_cancelled() {
            // SAFETY: nobody else knows it yet.
            unsafe { child.as_ref() }
                .cancelled
                .store(true, Ordering::Relaxed);
        } else {
            locked.link(self.0, child);
        }
        drop(locked);
        NodeRef(child)
    }

    /// Cancels this node and all below it, and wakes whoever waits.
    pub(crate) fn cancel(&self) {
        if self.is_cancelled() {
            return;
        }
        let locked = Locked::new(&self.tree);
        if self.is_cancelled() {
            return;
        }
        let dead = locked.unlink(self.0);
        let chain = locked.cancel(self.0);
        drop(locked);
        if let Some(dead) = dead {
            // SAFETY: `unlink` took it out of the tree, and the tree's reference was its last.
            unsafe { free(dead) };
        }
        let mut wakes = WakeBatch::new();
        for node in chain {
            wait::take_all(&node.waiters, &mut wakes);
        }
        wakes.wake_all();
    }
}
