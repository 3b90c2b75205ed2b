//! Inherited values: under every schedule a value is there while its task's future is polled and
//! dropped, goes before the task is complete, and is dropped once. I9 is that of `cell/mod.rs`; the
//! drop is counted `Relaxed`, so that only the cell's word may carry it.

use loom_tests::atomic::{AtomicUsize, Ordering};
use loom_tests::{Arc, block_on, model, thread};
use runtime::model::cell::Scheduler;
use runtime::task::JoinHandle;
use std::pin::Pin;
use std::task::{Context, Poll};

runtime::task_inherited! {
    static VALUE: Value;
}

/// Counts its drop. The box is tracked, so that a leak is found.
struct Value(Arc<AtomicUsize>);

impl Drop for Value {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Looks at the value in its polls and its drop, and is never ready unless it is told.
struct Looks {
    ready: bool,
}

fn look() {
    VALUE.with(|value| assert_eq!(value.0.load(Ordering::Relaxed), 0, "I9"));
}

impl Future for Looks {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
        look();
        if self.ready {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Drop for Looks {
    fn drop(&mut self) {
        look();
    }
}

/// A task with a value of its own, and the count of that value's drops.
fn spawn(scheduler: &Scheduler, ready: bool) -> (JoinHandle<()>, Arc<AtomicUsize>) {
    let drops = Arc::new(AtomicUsize::new(0));
    let value = Value(drops.clone());
    let (task, join) = VALUE.sync_scope(value, || scheduler.spawn(Looks { ready }));
    drop(task);
    (join, drops)
}

/// I9: whoever joins finds the value gone.
#[test]
fn completion_against_join() {
    model(|| {
        let scheduler = Scheduler::new();
        let (join, drops) = spawn(&scheduler, true);
        let other = thread::spawn({
            let scheduler = scheduler.clone();
            move || scheduler.run_all()
        });
        block_on(join).unwrap();
        assert_eq!(drops.load(Ordering::Relaxed), 1, "I9");
        other.join().unwrap();
        assert!(VALUE.try_with(|_| ()).is_err());
    });
}

/// I9: polled, aborted, dropped, by two threads.
#[test]
fn abort_against_a_poll() {
    model(|| {
        let scheduler = Scheduler::new();
        let (join, drops) = spawn(&scheduler, false);
        let other = thread::spawn({
            let scheduler = scheduler.clone();
            move || scheduler.run_all()
        });
        join.abort();
        scheduler.run_all();
        other.join().unwrap();
        scheduler.run_all();
        assert!(block_on(join).unwrap_err().is_cancelled());
        assert_eq!(drops.load(Ordering::Relaxed), 1, "I9");
    });
}

/// The handle goes while the task completes: one of them frees the cell.
#[test]
fn completion_against_drop_of_the_handle() {
    model(|| {
        let scheduler = Scheduler::new();
        let (join, drops) = spawn(&scheduler, true);
        let other = thread::spawn({
            let scheduler = scheduler.clone();
            move || scheduler.run_all()
        });
        drop(join);
        other.join().unwrap();
        assert_eq!(drops.load(Ordering::Relaxed), 1, "I9");
        assert_eq!(scheduler.counts().freed, 1);
    });
}

/// V2: the scope that a child was spawned in is left while the child completes elsewhere.
#[test]
fn end_of_the_scope_against_completion() {
    model(|| {
        let scheduler = Scheduler::new();
        let drops = Arc::new(AtomicUsize::new(0));
        let other = VALUE.sync_scope(Value(drops.clone()), || {
            let (task, join) = scheduler.spawn(Looks { ready: true });
            drop((task, join));
            let scheduler = scheduler.clone();
            let other = thread::spawn(move || scheduler.run_all());
            look();
            other
        });
        other.join().unwrap();
        assert_eq!(drops.load(Ordering::Relaxed), 1, "V2");
    });
}
