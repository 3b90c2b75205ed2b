//! The children of a scope: under every schedule the end comes when all have left, and nobody is
//! inside after it. S1 and S2 are those of `task/scope/live.rs`. What children do is stored `Relaxed`:
//! only their count may carry it.

use loom_tests::atomic::{AtomicUsize, Ordering};
use loom_tests::{Arc, block_on, model, thread};
use runtime::model::task::Children;
use std::future::poll_fn;

/// The count, and how many children have done their work.
#[derive(Clone)]
struct World {
    children: Arc<Children>,
    done: Arc<AtomicUsize>,
}

impl World {
    fn new() -> Self {
        Self {
            children: Arc::new(Children::new()),
            done: Arc::new(AtomicUsize::new(0)),
        }
    }

    fn work(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
        self.children.exit();
    }

    /// How many had done their work at the end.
    fn end(&self) -> usize {
        block_on(poll_fn(|cx| self.children.poll_end(cx)));
        self.done.load(Ordering::Relaxed)
    }
}

/// S2.
#[test]
fn exit_against_end() {
    model(|| {
        let world = World::new();
        assert!(world.children.enter());
        let child = thread::spawn({
            let world = world.clone();
            move || world.work()
        });
        assert_eq!(world.end(), 1, "S1");
        child.join().unwrap();
    });
}

/// S2: whichever leaves last.
#[test]
fn exits_against_end() {
    model(|| {
        let world = World::new();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                assert!(world.children.enter());
                let world = world.clone();
                thread::spawn(move || world.work())
            })
            .collect();
        assert_eq!(world.end(), 2, "S1");
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

/// S1: a child spawns a sibling, which ends elsewhere.
#[test]
fn a_childs_child_against_end() {
    model(|| {
        let world = World::new();
        assert!(world.children.enter());
        let child = thread::spawn({
            let world = world.clone();
            move || {
                assert!(world.children.enter(), "its own count keeps the scope");
                let sibling = world.clone();
                let sibling = thread::spawn(move || sibling.work());
                world.work();
                sibling.join().unwrap();
            }
        });
        assert_eq!(world.end(), 2, "S1");
        child.join().unwrap();
    });
}

/// S1: a handle that was carried out of the scope.
#[test]
fn a_stranger_against_end() {
    model(|| {
        let world = World::new();
        let stranger = thread::spawn({
            let world = world.clone();
            move || {
                let entered = world.children.enter();
                if entered {
                    world.work();
                }
                entered
            }
        });
        let done = world.end();
        let entered = stranger.join().unwrap();
        assert_eq!(done, usize::from(entered), "S1");
        assert!(!world.children.enter(), "S1: it stays at its end");
    });
}
