//! `CancellationToken` and `TaskTracker`: under every schedule nobody below a cancelled token and
//! nobody who waits is left behind, and no node leaks. K1 to K5 are those of
//! `task/cancellation/tree.rs`, R1 and R2 those of `task/tracker.rs`.

use loom_tests::{block_on, model, poll_once, thread};
use runtime::task::{CancellationToken, TaskTracker};
use std::pin::pin;

/// K5.
#[test]
fn cancel_against_registration() {
    model(|| {
        let token = CancellationToken::new();
        let other = thread::spawn({
            let token = token.clone();
            move || token.cancel()
        });
        block_on(token.cancelled());
        assert!(token.is_cancelled());
        other.join().unwrap();
    });
}

/// K5: a waiter of a child, which is cancelled from above.
#[test]
fn cancel_against_registration_below() {
    model(|| {
        let token = CancellationToken::new();
        let child = token.child_token();
        let other = thread::spawn(move || token.cancel());
        block_on(child.cancelled_owned());
        other.join().unwrap();
    });
}

/// K3.
#[test]
fn cancel_against_child() {
    model(|| {
        let token = CancellationToken::new();
        let other = thread::spawn({
            let token = token.clone();
            move || token.cancel()
        });
        let child = token.child_token();
        let grandchild = child.child_token();
        drop(child);
        other.join().unwrap();
        assert!(grandchild.is_cancelled(), "K3");
    });
}

/// K2, K4: a token whose references go while it is cancelled from above.
#[test]
fn cancel_against_drop_of_a_child() {
    model(|| {
        let token = CancellationToken::new();
        let child = token.child_token();
        let grandchild = child.child_token();
        let other = thread::spawn(move || drop(child));
        token.cancel();
        assert!(grandchild.is_cancelled(), "K3");
        other.join().unwrap();
    });
}

/// K2: a node dies, is cancelled through, and loses children, all at once.
#[test]
fn cancel_against_a_node_that_dies() {
    model(|| {
        let token = CancellationToken::new();
        let middle = token.child_token();
        let (one, two) = (middle.child_token(), middle.child_token());
        let other = thread::spawn(move || drop(middle));
        let third = thread::spawn(move || drop(one));
        token.cancel();
        assert!(two.is_cancelled(), "K3");
        other.join().unwrap();
        third.join().unwrap();
    });
}

/// K2: nodes that go from both ends of a chain.
#[test]
fn drops_of_parent_and_children() {
    model(|| {
        let token = CancellationToken::new();
        let middle = token.child_token();
        let (one, two) = (middle.child_token(), middle.child_token());
        let other = thread::spawn(move || drop(middle));
        let third = thread::spawn(move || drop(one));
        other.join().unwrap();
        third.join().unwrap();
        token.cancel();
        assert!(two.is_cancelled(), "K3");
    });
}

/// K5: a waiter that goes while it is woken.
#[test]
fn cancel_against_drop_of_a_waiter() {
    model(|| {
        let token = CancellationToken::new();
        let other = thread::spawn({
            let token = token.clone();
            move || token.cancel()
        });
        {
            let mut waiting = pin!(token.cancelled());
            let _ = poll_once(waiting.as_mut());
        }
        other.join().unwrap();
    });
}

/// Two cancellers: both return, one does it.
#[test]
fn two_cancellers() {
    model(|| {
        let token = CancellationToken::new();
        let child = token.child_token();
        let other = thread::spawn({
            let child = child.clone();
            move || child.cancel()
        });
        token.cancel();
        assert!(token.is_cancelled());
        other.join().unwrap();
        assert!(child.is_cancelled());
    });
}

/// R1, R2.
#[test]
fn exit_and_close_against_wait() {
    model(|| {
        let tracker = TaskTracker::new();
        let token = tracker.token();
        let one = thread::spawn(move || drop(token));
        let two = thread::spawn({
            let tracker = tracker.clone();
            move || tracker.close()
        });
        block_on(tracker.wait());
        assert!(tracker.is_empty());
        one.join().unwrap();
        two.join().unwrap();
    });
}

/// R1: two exits of a closed tracker.
#[test]
fn exits_against_wait() {
    model(|| {
        let tracker = TaskTracker::new();
        let tokens = [tracker.token(), tracker.token()];
        tracker.close();
        let exits = tokens.map(|token| thread::spawn(move || drop(token)));
        block_on(tracker.wait());
        assert_eq!(tracker.len(), 0);
        for exit in exits {
            exit.join().unwrap();
        }
    });
}
