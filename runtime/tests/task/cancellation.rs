//! `CancellationToken` as its users see it.

use crate::support::{
    Count, OnDrop, Polled, With, now, on_each_flavour, panics, poll_with_panicking_waker,
    within_bound,
};
use proptest::prelude::*;
use runtime::sync::oneshot;
use runtime::task::cancellation::{DropGuard, DropGuardRef, WaitForCancellationFutureOwned};
use runtime::task::{CancellationToken, yield_now};
use std::collections::HashSet;
use std::future::{pending, ready};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::{Pin, pin};
use std::sync::{Arc, Barrier};

#[test]
fn tokens_and_guards_go_anywhere() {
    fn all<T: Send + Sync + UnwindSafe + RefUnwindSafe>() {}
    fn shared<T: Send + Sync>() {}
    all::<CancellationToken>();
    shared::<DropGuard>();
    shared::<DropGuardRef<'_>>();
    shared::<WaitForCancellationFutureOwned>();
}

#[test]
fn a_cancellation_reaches_clones_and_children_but_no_parent() {
    let token = CancellationToken::default();
    let (child, sibling) = (token.child_token(), token.child_token());
    let grandchild = child.child_token();
    child.clone().cancel();
    assert!(child.is_cancelled() && grandchild.is_cancelled());
    assert!(!token.is_cancelled() && !sibling.is_cancelled());
    assert!(child.child_token().is_cancelled(), "from the start");
    token.cancel();
    token.cancel();
    assert!(sibling.is_cancelled());
    assert!(format!("{token:?}").contains("is_cancelled: true"));
}

#[test]
fn clones_are_equal_and_others_are_not() {
    let token = CancellationToken::new();
    let set: HashSet<_> = [
        token.clone(),
        token.child_token(),
        CancellationToken::new(),
        token.clone(),
    ]
    .into();
    assert_eq!(set.len(), 3);
    assert!(set.contains(&token));
}

#[test]
fn whoever_waits_is_woken_once() {
    let token = CancellationToken::new();
    let child = token.child_token();
    let mut borrowed = Polled::new(child.cancelled());
    let mut owned = Polled::new(child.clone().cancelled_owned());
    assert!(borrowed.is_pending() && owned.is_pending());
    assert!(borrowed.is_pending(), "the same waker");
    assert!(borrowed.poll_with_new_waker().is_pending());
    token.cancel();
    token.cancel();
    assert_eq!((borrowed.wakes(), owned.wakes()), (1, 1));
    borrowed.ready();
    owned.ready();
    now(token.cancelled());
}

#[test]
fn many_waiters_are_woken_and_those_that_left_are_not() {
    let token = CancellationToken::new();
    let mut waiters: Vec<_> = (0..200)
        .map(|_| Polled::new(token.clone().cancelled_owned()))
        .collect();
    assert!(waiters.iter_mut().all(Polled::is_pending));
    let mut index = 0;
    waiters.retain(|_| {
        index += 1;
        index % 3 != 0
    });
    token.cancel();
    assert!(waiters.iter().all(|waiter| waiter.wakes() == 1));
    waiters.iter_mut().for_each(Polled::ready);
}

#[test]
fn a_waker_that_panics_takes_no_wake_from_the_others() {
    let token = CancellationToken::new();
    let child = token.child_token();
    let mut before = Polled::new(token.cancelled());
    let mut bad = pin!(token.cancelled());
    let mut after = Polled::new(token.cancelled());
    let mut below = Polled::new(child.cancelled());
    assert!(before.is_pending());
    assert!(poll_with_panicking_waker(bad.as_mut()).is_pending());
    assert!(after.is_pending() && below.is_pending());
    assert!(panics(|| token.cancel()), "the panic reaches the canceller");
    before.ready();
    after.ready();
    below.ready();
    assert_eq!((before.wakes(), after.wakes(), below.wakes()), (1, 1, 1));
}

#[test]
fn guards_cancel_unless_they_are_disarmed() {
    let token = CancellationToken::new();
    assert_eq!(token.clone().drop_guard().disarm(), token);
    assert_eq!(token.drop_guard_ref().disarm(), &token);
    assert!(!token.is_cancelled());
    let child = token.child_token();
    drop(child.drop_guard_ref());
    assert!(child.is_cancelled());
    let guard = token.clone().drop_guard();
    assert!(panics(move || {
        let _guard = guard;
        panic!("unwinds");
    }));
    assert!(token.is_cancelled());
}

#[test]
fn run_until_cancelled_gives_the_output_or_none() {
    let token = CancellationToken::new();
    assert_eq!(now(token.run_until_cancelled(ready(1))), Some(1));
    let dropped = Count::default();
    let beside = OnDrop::new(&dropped, || ());
    let mut waits = Polled::new(token.run_until_cancelled(With::new(pending::<()>(), beside)));
    let mut owned = Polled::new(token.clone().run_until_cancelled_owned(pending::<()>()));
    assert!(waits.is_pending() && owned.is_pending());
    token.cancel();
    assert_eq!((waits.ready(), owned.ready()), (None, None));
    assert_eq!(dropped.get(), 1);
    // Not polled any more.
    let never = async { panic!("polled") };
    assert_eq!(now(token.run_until_cancelled(never)), None::<()>);
    let never = async { panic!("polled") };
    assert_eq!(
        now(token.clone().run_until_cancelled_owned(never)),
        None::<()>
    );
}

/// After the look at the start the future goes first: what is ready is not thrown away.
#[test]
fn an_output_that_is_there_counts_more_than_a_cancellation() {
    let token = CancellationToken::new();
    let stops_itself = async {
        token.cancel();
        1
    };
    assert_eq!(now(token.run_until_cancelled(stops_itself)), Some(1));
    for owned in [false, true] {
        let token = CancellationToken::new();
        let (sender, receiver) = oneshot::channel();
        let wait: Pin<Box<dyn Future<Output = _>>> = if owned {
            Box::pin(token.clone().run_until_cancelled_owned(receiver))
        } else {
            Box::pin(token.run_until_cancelled(receiver))
        };
        let mut wait = Polled::new(wait);
        assert!(wait.is_pending());
        token.cancel();
        sender.send(2).unwrap();
        assert_eq!(wait.ready(), Some(Ok(2)));
    }
}

/// A hundred thousand levels: no operation recurses, and what is gone takes no place.
#[test]
fn depth_is_no_matter() {
    within_bound(|| {
        const DEPTH: usize = 100_000;
        let root = CancellationToken::new();
        let mut all = vec![root.clone()];
        for _ in 0..DEPTH {
            all.push(all[all.len() - 1].child_token());
        }
        // The middle goes: its nodes are taken out one by one.
        all.drain(1..DEPTH / 2);
        root.cancel();
        assert!(all.iter().all(CancellationToken::is_cancelled));
        drop(all);

        let root = CancellationToken::new();
        let mut token = root.clone();
        for _ in 0..DEPTH {
            token = token.child_token();
        }
        root.cancel();
        assert!(token.is_cancelled());

        // Dropped from the root down and from the leaf up, never cancelled.
        for reverse in [false, true] {
            let mut all = vec![CancellationToken::new()];
            for _ in 0..DEPTH {
                all.push(all[all.len() - 1].child_token());
            }
            if reverse {
                all.reverse();
            }
            all.into_iter().for_each(drop);
        }
    });
}

#[test]
fn tasks_are_stopped_from_above() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let token = CancellationToken::new();
            let tasks: Vec<_> = (0..100)
                .map(|_| {
                    let child = token.child_token();
                    runtime::spawn(async move { child.cancelled().await })
                })
                .collect();
            yield_now().await;
            token.cancel();
            for task in tasks {
                task.await.unwrap();
            }
        });
    });
}

/// Children are made, dropped and awaited on some threads while another cancels, many times.
#[test]
fn cancellation_meets_children_that_come_and_go() {
    within_bound(|| {
        for round in 0..200 {
            let token = CancellationToken::new();
            let barrier = Arc::new(Barrier::new(4));
            let others: Vec<_> = (0..3)
                .map(|_| {
                    let (token, barrier) = (token.clone(), barrier.clone());
                    std::thread::spawn(move || {
                        barrier.wait();
                        let mut kept = Vec::new();
                        let mut parent = token;
                        for step in 0..50 {
                            let child = parent.child_token();
                            let mut waits = Polled::new(child.clone().cancelled_owned());
                            let _ = waits.poll();
                            if step % 3 == 0 {
                                kept.push((child.child_token(), waits));
                            }
                            if step % 2 == 0 {
                                parent = child;
                            }
                        }
                        kept
                    })
                })
                .collect();
            barrier.wait();
            for _ in 0..round % 50 {
                std::hint::spin_loop();
            }
            token.cancel();
            for other in others {
                for (child, mut waits) in other.join().unwrap() {
                    assert!(child.is_cancelled());
                    waits.ready();
                }
            }
        }
    });
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Child(usize),
    Drop(usize),
    Cancel(usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => any::<usize>().prop_map(Op::Child),
        5 => any::<usize>().prop_map(Op::Drop),
        1 => any::<usize>().prop_map(Op::Cancel),
    ]
}

proptest! {
    /// Against a table of parents in which nothing ever goes.
    #[test]
    fn a_tree_with_gaps_cancels_like_one_without(ops in proptest::collection::vec(op(), 1..150)) {
        let mut parents = vec![None];
        let mut cancelled = vec![false];
        let mut tokens = vec![(0, CancellationToken::new())];
        for op in ops {
            if tokens.is_empty() {
                break;
            }
            match op {
                Op::Child(at) => {
                    let (parent, token) = &tokens[at % tokens.len()];
                    let (parent, child) = (*parent, token.child_token());
                    tokens.push((parents.len(), child));
                    parents.push(Some(parent));
                    cancelled.push(cancelled[parent]);
                }
                Op::Drop(at) => drop(tokens.swap_remove(at % tokens.len())),
                Op::Cancel(at) => {
                    let (node, token) = &tokens[at % tokens.len()];
                    token.cancel();
                    cancelled[*node] = true;
                    // Parents have smaller numbers.
                    for node in 1..parents.len() {
                        let above = parents[node].is_some_and(|parent: usize| cancelled[parent]);
                        cancelled[node] |= above;
                    }
                }
            }
            for (node, token) in &tokens {
                prop_assert_eq!(token.is_cancelled(), cancelled[*node], "node {}", node);
            }
        }
    }
}
