//! Every transition over every snapshot that the invariants allow.

use super::*;

/// Every combination of flags that the invariants allow, with 1 to 3 references.
fn reachable() -> impl Iterator<Item = Snapshot> {
    (1..=3)
        .flat_map(|refs| (0..REF_ONE).map(move |flags| Snapshot(flags | (refs * REF_ONE))))
        .filter(|s| {
            !(s.is_complete() && (s.is_running() || s.is_notified()))
                && (s.has_join_interest() || !s.has_join_waker() || s.is_complete())
        })
}

fn open() -> impl Iterator<Item = Snapshot> {
    reachable().filter(|s| !s.is_complete())
}

/// I4: whatever the flags were, a wake is remembered until the next poll.
#[test]
fn wake_is_never_forgotten_before_completion() {
    for before in open().filter(|s| s.refs() > 1) {
        assert!(
            before.wake_by_ref().0.is_notified(),
            "{before:?} forgot the wake"
        );
        assert!(
            before.wake_by_value().0.is_notified(),
            "{before:?} forgot the wake"
        );
    }
}

/// I1: an entry is made exactly when the task was idle.
#[test]
fn wake_schedules_exactly_the_idle_tasks() {
    for before in reachable().filter(|s| s.refs() > 1) {
        let idle = !before.is_complete() && !before.is_running() && !before.is_notified();
        assert_eq!(
            before.wake_by_ref().1 == OnWake::Schedule,
            idle,
            "{before:?}"
        );
        assert_eq!(
            before.wake_by_value().1 == OnWake::Schedule,
            idle,
            "{before:?}"
        );
        assert_eq!(before.abort().1 == OnWake::Schedule, idle, "{before:?}");
        assert_eq!(
            before.abort_by_value().1 == OnWake::Schedule,
            idle,
            "{before:?}"
        );
    }
}

/// A reference is used up by value, and made for an entry by reference.
#[test]
fn references_balance_in_every_transition() {
    for before in reachable().filter(|s| s.refs() > 1) {
        let count = |(after, action): (Snapshot, OnWake)| {
            let entry = usize::from(action == OnWake::Schedule);
            (after.refs(), entry)
        };
        let (refs, entry) = count(before.wake_by_ref());
        assert_eq!(refs, before.refs() + entry, "{before:?} wake_by_ref");
        let (refs, entry) = count(before.wake_by_value());
        assert_eq!(refs, before.refs() - 1 + entry, "{before:?} wake_by_value");
        let (refs, entry) = count(before.abort());
        assert_eq!(refs, before.refs() + entry, "{before:?} abort");
        let (refs, entry) = count(before.abort_by_value());
        assert_eq!(refs, before.refs() - 1 + entry, "{before:?} abort_by_value");
    }
}

/// I7: after an abort the next look at the task cancels it.
#[test]
fn abort_reaches_queued_and_running_tasks() {
    for before in open() {
        let (marked, _) = before.abort();
        assert!(marked.is_cancelled());
        if marked.is_running() {
            assert_eq!(marked.finish_pending().1, OnPending::Cancel, "{before:?}");
        } else {
            assert_eq!(marked.start_poll().1, OnStart::Cancel, "{before:?}");
        }
    }
}

/// I3: nothing changes the flags of a complete task but the `JoinHandle`'s drop.
#[test]
fn a_complete_task_stays_complete() {
    for before in reachable().filter(|s| s.is_complete() && s.refs() > 1) {
        assert_eq!(before.wake_by_ref(), (before, OnWake::Done));
        assert_eq!(before.abort(), (before, OnWake::Done));
        assert_eq!(before.wake_by_value().0, before.ref_dec());
        if before.has_join_interest() {
            assert_eq!(before.drop_join(), (before, OnJoinDrop::Completed));
        }
    }
}

/// I5: the `JoinHandle` gets the waker back before completion only.
#[test]
fn the_join_waker_changes_hands_before_completion_only() {
    for before in reachable().filter(|s| s.has_join_interest()) {
        let (after, done) = if before.has_join_waker() {
            before.unset_join_waker()
        } else {
            before.set_join_waker()
        };
        assert_eq!(done, !before.is_complete());
        assert_eq!(after.has_join_waker() != before.has_join_waker(), done);
    }
}

#[test]
fn completion_forgets_wakes_and_keeps_references() {
    for before in open().filter(|s| s.is_running()) {
        for count in 1..=before.refs() {
            let (after, action) = before.complete(count);
            assert!(after.is_complete() && !after.is_running() && !after.is_notified());
            let gone = matches!(action, OnComplete::Done | OnComplete::Free);
            assert_eq!(after.refs(), before.refs() - if gone { count } else { 0 });
            assert_eq!(action == OnComplete::Free, after.refs() == 0);
            assert_eq!(
                action == OnComplete::DropOutput,
                !before.has_join_interest()
            );
        }
    }
}

/// I5: a waker that is still in use is left to the completer, any other to the `JoinHandle`.
#[test]
fn exactly_one_side_drops_the_join_waker() {
    for before in reachable().filter(|s| s.is_complete() && s.refs() > 2) {
        if before.has_join_interest() {
            let (after, action) = before.drop_join_after_complete(false);
            assert_eq!(action == OnJoinDrop::DropWaker, !before.has_join_waker());
            assert_eq!(after.has_join_interest(), action == OnJoinDrop::DropWaker);
        }
        if before.has_join_waker() {
            let (after, action) = before.give_up_waker(1);
            assert!(!after.has_join_waker());
            assert_eq!(action == OnGiveUp::DropWaker, !before.has_join_interest());
        }
    }
}

#[test]
fn a_pending_poll_keeps_its_reference_only_to_run_again() {
    for before in open().filter(|s| s.is_running()) {
        let (after, action) = before.finish_pending();
        let kept = matches!(action, OnPending::Reschedule | OnPending::Cancel);
        assert_eq!(
            after.refs(),
            before.refs() - usize::from(!kept),
            "{before:?}"
        );
        assert_eq!(action == OnPending::Free, after.refs() == 0, "{before:?}");
    }
}
