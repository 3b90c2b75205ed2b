//! `JoinSet`: under every schedule each completed task comes out once, whoever waits is woken,
//! and nothing leaks. The invariants J1 to J4 are those of `task/join_set/ready.rs`.

use loom_tests::{block_on, model, model_within, thread};
use runtime::model::cell::Scheduler;
use runtime::model::task::insert;
use runtime::task::JoinSet;

/// A set with tasks that give their numbers; nothing has run.
fn set_of(scheduler: &Scheduler, tasks: usize) -> JoinSet<usize> {
    let mut set = JoinSet::new();
    for number in 0..tasks {
        let (task, handle) = scheduler.spawn(async move { number });
        drop((task, insert(&mut set, handle)));
    }
    set
}

fn run_elsewhere(scheduler: &Scheduler) -> thread::JoinHandle<()> {
    let scheduler = scheduler.clone();
    thread::spawn(move || scheduler.run_all())
}

fn assert_freed(scheduler: &Scheduler) {
    let counts = scheduler.counts();
    assert_eq!(counts.freed, counts.spawned, "a cell leaks: {counts:?}");
}

/// J1, J3.
#[test]
fn completion_against_join() {
    model(|| {
        let scheduler = Scheduler::new();
        let mut set = set_of(&scheduler, 2);
        let other = run_elsewhere(&scheduler);
        let sum: usize = (0..2)
            .map(|_| block_on(set.join_next()).unwrap().unwrap())
            .sum();
        assert_eq!(sum, 1);
        assert!(block_on(set.join_next()).is_none());
        other.join().unwrap();
        drop(set);
        assert_freed(&scheduler);
    });
}

/// J3: two that push at once.
#[test]
fn two_completions_against_join() {
    // The cells' own steps make it wide.
    model_within(2, || {
        let scheduler = Scheduler::new();
        let mut set = set_of(&scheduler, 2);
        let run_one = |scheduler: &Scheduler| {
            let scheduler = scheduler.clone();
            thread::spawn(move || assert!(scheduler.run_one()))
        };
        let others = [run_one(&scheduler), run_one(&scheduler)];
        for _ in 0..2 {
            block_on(set.join_next()).unwrap().unwrap();
        }
        for other in others {
            other.join().unwrap();
        }
        drop(set);
        assert_freed(&scheduler);
    });
}

/// J1: a task that completes while it is added comes out once.
#[test]
fn completion_against_insert() {
    model(|| {
        let scheduler = Scheduler::new();
        let (task, handle) = scheduler.spawn(async { 7 });
        drop(task);
        let other = run_elsewhere(&scheduler);
        let mut set = JoinSet::new();
        insert(&mut set, handle);
        assert_eq!(block_on(set.join_next()).unwrap().unwrap(), 7);
        assert!(set.try_join_next().is_none());
        other.join().unwrap();
        drop(set);
        assert_freed(&scheduler);
    });
}

/// J4: the set goes while its tasks complete.
#[test]
fn completion_against_drop() {
    model(|| {
        let scheduler = Scheduler::new();
        let set = set_of(&scheduler, 2);
        let other = run_elsewhere(&scheduler);
        drop(set);
        other.join().unwrap();
        scheduler.run_all();
        assert_freed(&scheduler);
    });
}

/// J4: keys of detached tasks do not come up among those of new ones.
#[test]
fn completion_against_detach() {
    model(|| {
        let scheduler = Scheduler::new();
        let mut set = set_of(&scheduler, 1);
        let other = run_elsewhere(&scheduler);
        set.detach_all();
        let (task, handle) = scheduler.spawn(async { 7 });
        drop((task, insert(&mut set, handle)));
        scheduler.run_all();
        assert_eq!(block_on(set.join_next()).unwrap().unwrap(), 7);
        other.join().unwrap();
        drop(set);
        assert_freed(&scheduler);
    });
}
