//! Models of `runtime::process`: orphans on their way to the thread that reaps.

use loom_tests::atomic::{AtomicUsize, Ordering};
use loom_tests::{Arc, model, thread};
use runtime::model::process::OrphanQueue;

struct Orphans {
    queue: OrphanQueue<usize>,
    reaped: AtomicUsize,
    reapers: AtomicUsize,
}

impl Orphans {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            queue: OrphanQueue::new(),
            reaped: AtomicUsize::new(0),
            reapers: AtomicUsize::new(0),
        })
    }

    /// Gives a child up; the reaper, if one is to be started, is this thread.
    fn give_up(&self, child: usize) {
        if self.queue.push(child) {
            self.reap();
        }
    }

    fn reap(&self) {
        assert_eq!(self.reapers.fetch_add(1, Ordering::Relaxed), 0);
        let mut own = Vec::new();
        loop {
            // One at a time, as children end.
            if let Some(child) = own.pop() {
                self.reaped.fetch_add(child, Ordering::Relaxed);
            }
            if own.is_empty() {
                // Before it may leave: another may start as soon as it has.
                self.reapers.fetch_sub(1, Ordering::Relaxed);
                if !self.queue.go_on(&mut own) {
                    return;
                }
                self.reapers.fetch_add(1, Ordering::Relaxed);
            } else {
                assert!(self.queue.go_on(&mut own), "it holds children");
            }
        }
    }
}

/// Q1: whoever comes while the reaper is about to leave is reaped, by it or by another.
#[test]
fn no_orphan_is_left_by_a_reaper_that_leaves() {
    model(|| {
        let orphans = Orphans::new();
        let others = [1, 10].map(|child| {
            let orphans = orphans.clone();
            thread::spawn(move || orphans.give_up(child))
        });
        orphans.give_up(100);
        others.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(orphans.reaped.load(Ordering::Relaxed), 111);
    });
}

/// Q1: a reaper that cannot be started is started by the next who comes.
#[test]
fn an_orphan_whose_reaper_failed_to_start_is_reaped_with_the_next() {
    model(|| {
        let orphans = Orphans::new();
        let failing = thread::spawn({
            let orphans = orphans.clone();
            move || {
                if orphans.queue.push(1) {
                    orphans.queue.unattended();
                }
            }
        });
        orphans.give_up(10);
        failing.join().unwrap();
        orphans.give_up(100);
        assert_eq!(orphans.reaped.load(Ordering::Relaxed), 111);
    });
}

/// Q3: a reaper that holds a child rests, and whoever comes ends that.
#[test]
fn a_reaper_that_rests_sees_who_comes() {
    model(|| {
        let queue = Arc::new(OrphanQueue::new());
        assert!(queue.push(1));
        let other = thread::spawn({
            let queue = queue.clone();
            move || assert!(!queue.push(10), "the reaper is there")
        });
        let mut own = Vec::new();
        while own.len() < 2 {
            assert!(queue.go_on(&mut own), "it holds children");
            if own.len() < 2 {
                queue.rest();
            }
        }
        other.join().unwrap();
    });
}
