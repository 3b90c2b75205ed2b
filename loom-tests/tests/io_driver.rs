//! Models of the reactor's shared state; the model itself plays driver, tasks and sockets.
//! The invariants are those at the head of `io-driver/src/{source,readiness,wake_flag}.rs`.

use std::task::{Context, Poll, Wake, Waker};

use io_driver::model::{Source, WakeFlag};
use io_driver::{Direction, Interest, Ready};
use loom_tests::atomic::{AtomicUsize, Ordering};
use loom_tests::{Arc, Condvar, Mutex, model, thread};

/// Counts its wakes.
#[derive(Default)]
struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A task that can be polled with, and asked how often it was woken.
struct Probe(std::sync::Arc<Task>);

impl Probe {
    fn new() -> Self {
        Self(std::sync::Arc::default())
    }

    fn poll<R>(&self, poll: impl FnOnce(&mut Context<'_>) -> R) -> R {
        poll(&mut Context::from_waker(&Waker::from(self.0.clone())))
    }

    fn wakes(&self) -> usize {
        self.0.0.load(Ordering::Relaxed)
    }

    /// Whether no clone of its waker is left anywhere.
    fn is_forgotten(&self) -> bool {
        std::sync::Arc::strong_count(&self.0) == 1
    }
}

/// `source` I1: a poll that says "wait" is woken; one that says "ready" sees what came before the
/// event.
#[test]
fn an_event_reaches_whoever_polls_meanwhile() {
    model(|| {
        let source = Arc::new(Source::default());
        let data = Arc::new(AtomicUsize::new(0));
        let dispatcher = {
            let (source, data) = (source.clone(), data.clone());
            thread::spawn(move || {
                data.store(1, Ordering::Relaxed);
                assert!(source.dispatch(0, Ready::READABLE));
            })
        };
        let probe = Probe::new();
        let first = probe.poll(|cx| source.poll_ready(cx, Direction::Read));
        if first.is_ready() {
            assert_eq!(data.load(Ordering::Relaxed), 1, "ready before its cause");
        }
        dispatcher.join().unwrap();
        if first.is_pending() {
            assert_eq!(probe.wakes(), 1, "the wake was lost");
        }
        let again = probe.poll(|cx| source.poll_ready(cx, Direction::Read));
        assert!(matches!(again, Poll::Ready(event) if event.ready == Ready::READABLE));
        assert!(probe.is_forgotten());
    });
}

/// `source` I1: one event for both directions, the reader and the writer on threads of their own.
#[test]
fn an_event_for_both_directions_reaches_both() {
    model(|| {
        let source = Arc::new(Source::default());
        let dispatcher = {
            let source = source.clone();
            thread::spawn(move || source.dispatch(0, Ready::READABLE | Ready::WRITABLE))
        };
        let writer = {
            let source = source.clone();
            thread::spawn(move || {
                let probe = Probe::new();
                let poll = probe.poll(|cx| source.poll_ready(cx, Direction::Write));
                (probe, poll)
            })
        };
        let probe = Probe::new();
        let poll = probe.poll(|cx| source.poll_ready(cx, Direction::Read));
        assert!(dispatcher.join().unwrap());
        let writer = writer.join().unwrap();
        for (probe, poll) in [(probe, poll), writer] {
            assert_eq!(probe.wakes(), usize::from(poll.is_pending()));
            assert!(probe.is_forgotten());
        }
    });
}

/// `readiness` I1: a clear for what was seen keeps an event that came in between.
#[test]
fn a_clear_keeps_the_event_that_came_in_between() {
    model(|| {
        let source = Arc::new(Source::default());
        assert!(source.dispatch(0, Ready::READABLE));
        let seen = source.ready_event(Interest::READABLE);
        let dispatcher = {
            let source = source.clone();
            thread::spawn(move || source.dispatch(0, Ready::READABLE))
        };
        source.clear(seen);
        let probe = Probe::new();
        let poll = probe.poll(|cx| source.poll_ready(cx, Direction::Read));
        assert!(dispatcher.join().unwrap());
        assert_eq!(probe.wakes(), usize::from(poll.is_pending()));
        let now = source.ready_event(Interest::READABLE);
        assert!(now.ready.is_readable(), "an event was wiped out");
    });
}

/// `readiness` I3, and I1 for it: a call that blocked takes the closed bit of an error along, so that
/// its next wait waits, but leaves what an event says meanwhile, be it a real end.
#[test]
fn a_blocked_call_takes_a_wrong_end_along_and_no_later_one() {
    let closed = Ready::READABLE | Ready::READ_CLOSED;
    for event in [Ready::READABLE, closed] {
        model(move || {
            let source = Arc::new(Source::default());
            assert!(source.dispatch(0, closed));
            let seen = source.ready_event(Interest::READABLE);
            let dispatcher = {
                let source = source.clone();
                thread::spawn(move || source.dispatch(0, event))
            };
            source.clear_blocked(seen);
            let probe = Probe::new();
            let poll = probe.poll(|cx| source.poll_ready(cx, Direction::Read));
            assert!(dispatcher.join().unwrap());
            assert_eq!(probe.wakes(), usize::from(poll.is_pending()));
            let now = source.ready_event(Interest::READABLE);
            assert!(now.ready.contains(event), "an event was wiped out");
            source.clear_blocked(now);
            let left = source.ready_event(Interest::READABLE);
            assert!(left.ready.is_empty(), "it would be tried for ever");
        });
    }
}

/// `readiness` I1 for a read that drained the socket: its guarded clear keeps the bytes, or the end
/// of the stream, that came in between, and takes nothing once the end was seen.
#[test]
fn a_guarded_clear_keeps_what_came_in_between() {
    let closed = Ready::READABLE | Ready::READ_CLOSED;
    for event in [Ready::READABLE, closed] {
        model(move || {
            let source = Arc::new(Source::default());
            source.assume_ready(Ready::READABLE);
            let seen = source.ready_event(Interest::READABLE);
            assert_eq!(seen.ready, Ready::READABLE);
            let dispatcher = {
                let source = source.clone();
                thread::spawn(move || source.dispatch(0, event))
            };
            source.clear_unless(seen, Ready::READ_CLOSED);
            let probe = Probe::new();
            let poll = probe.poll(|cx| source.poll_ready(cx, Direction::Read));
            assert!(dispatcher.join().unwrap());
            assert_eq!(probe.wakes(), usize::from(poll.is_pending()));
            let now = source.ready_event(Interest::READABLE);
            assert_eq!(now.ready, event, "an event was wiped out");
            source.clear_unless(now, Ready::READ_CLOSED);
            let still = source.ready_event(Interest::READABLE);
            assert_eq!(still == now, event == closed, "the guard did not hold");
        });
    }
}

/// `Registration::assume_ready` with `readiness` I1: an operation tried on a guess, before the event
/// of what it looks for, leaves that event to be found.
#[test]
fn a_wrong_guess_loses_no_event() {
    model(|| {
        let source = Arc::new(Source::default());
        let data = Arc::new(AtomicUsize::new(0));
        let dispatcher = {
            let (source, data) = (source.clone(), data.clone());
            thread::spawn(move || {
                data.store(1, Ordering::Relaxed);
                assert!(source.dispatch(0, Ready::READABLE));
            })
        };
        source.assume_ready(Ready::READABLE | Ready::WRITABLE);
        let probe = Probe::new();
        let Poll::Ready(guess) = probe.poll(|cx| source.poll_ready(cx, Direction::Read)) else {
            panic!("assumed readiness is readiness");
        };
        let was_there = data.swap(0, Ordering::Relaxed) == 1;
        source.clear(guess);
        let poll = probe.poll(|cx| source.poll_ready(cx, Direction::Read));
        dispatcher.join().unwrap();
        if !was_there {
            assert_eq!(probe.wakes(), usize::from(poll.is_pending()));
            let now = source.ready_event(Interest::READABLE);
            assert!(now.ready.is_readable(), "an event was wiped out");
        }
        let writable = source.ready_event(Interest::WRITABLE);
        assert!(
            writable.ready.is_writable(),
            "the other direction lost its guess"
        );
    });
}

/// `source` I2: an event for the previous owner neither marks nor wakes the next.
#[test]
fn a_late_event_misses_the_next_owner() {
    model(|| {
        let source = Arc::new(Source::default());
        let old = Probe::new();
        assert!(
            old.poll(|cx| source.poll_ready(cx, Direction::Read))
                .is_pending()
        );
        let dispatcher = {
            let source = source.clone();
            thread::spawn(move || source.dispatch(0, Ready::READABLE))
        };
        source.release();
        assert_eq!(source.generation(), 1);
        let new = Probe::new();
        let poll = new.poll(|cx| source.poll_ready(cx, Direction::Read));
        assert!(poll.is_pending(), "the next owner got a foreign event");
        dispatcher.join().unwrap();
        assert_eq!(new.wakes(), 0, "the next owner was woken");
        assert!(source.ready_event(Interest::READABLE).ready.is_empty());
        assert!(old.is_forgotten());
    });
}

/// `source` I1 and `waiters` I1: a future that is dropped takes no wake away from the others, and
/// one that reuses its place meanwhile gets its own.
#[test]
fn a_cancelled_wait_swallows_no_wake() {
    model(|| {
        let source = Arc::new(Source::default());
        let probes = [Probe::new(), Probe::new(), Probe::new()];
        {
            let mut cancelled = source.readiness(Interest::READABLE);
            let mut stays = source.readiness(Interest::READABLE);
            assert!(probes[0].poll(|cx| cancelled.poll(cx)).is_pending());
            assert!(probes[1].poll(|cx| stays.poll(cx)).is_pending());
            let dispatcher = {
                let source = source.clone();
                thread::spawn(move || source.dispatch(0, Ready::READABLE))
            };
            drop(cancelled);
            let mut late = source.readiness(Interest::READABLE);
            let poll = probes[2].poll(|cx| late.poll(cx));
            assert!(dispatcher.join().unwrap());
            assert_eq!(probes[1].wakes(), 1, "the wake was swallowed");
            assert_eq!(probes[2].wakes(), usize::from(poll.is_pending()));
            assert!(probes[1].poll(|cx| stays.poll(cx)).is_ready());
        }
        assert!(probes.iter().all(Probe::is_forgotten));
    });
}

/// `readiness` I3, `source` I1: shutdown ends a wait that begins meanwhile.
#[test]
fn shutdown_ends_a_wait_that_begins_meanwhile() {
    model(|| {
        let source = Arc::new(Source::default());
        let driver = {
            let source = source.clone();
            thread::spawn(move || source.shut_down())
        };
        let (single, listed) = (Probe::new(), Probe::new());
        let first = single.poll(|cx| source.poll_ready(cx, Direction::Write));
        let mut future = source.readiness(Interest::READABLE);
        let second = listed.poll(|cx| future.poll(cx));
        driver.join().unwrap();
        assert_eq!(single.wakes(), usize::from(first.is_pending()));
        assert_eq!(listed.wakes(), usize::from(second.is_pending()));
        let told = single.poll(|cx| source.poll_ready(cx, Direction::Write));
        assert!(matches!(told, Poll::Ready(event) if event.is_shutdown()));
        assert!(listed.poll(|cx| future.poll(cx)).is_ready());
    });
}

/// Stands for the kernel's counter: a write makes the next wait return.
#[derive(Default)]
struct Signal(Mutex<bool>, Condvar);

impl Signal {
    fn raise(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_one();
    }

    fn wait(&self) {
        let mut raised = self.0.lock().unwrap();
        while !*raised {
            raised = self.1.wait(raised).unwrap();
        }
        *raised = false;
    }
}

/// `wake_flag` I1, I2: two wakes at once reach the driver, also when one leaves its signal out;
/// a driver that slept on would be a deadlock.
#[test]
fn a_wake_without_a_signal_is_seen_by_the_turn_of_another() {
    model(|| {
        let shared = Arc::new((WakeFlag::default(), Signal::default()));
        let work = [Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0))];
        let wakers = work.clone().map(|work| {
            let shared = shared.clone();
            thread::spawn(move || {
                work.store(1, Ordering::Relaxed);
                if shared.0.request() {
                    shared.1.raise();
                }
            })
        });
        while work.iter().any(|work| work.load(Ordering::Relaxed) == 0) {
            shared.1.wait();
            shared.0.acknowledge();
        }
        for waker in wakers {
            waker.join().unwrap();
        }
    });
}
