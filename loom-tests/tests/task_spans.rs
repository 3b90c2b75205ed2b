//! Tasks with a span of their own, which wakers read while the task completes: O1 of
//! `cell/context.rs`, under every schedule. The cells that hold what a task carries are watched, so a
//! write beside a waker's read is found.

use loom_tests::{Arc, Mutex, block_on, model, thread};
use runtime::model::cell::Scheduler;
use std::pin::Pin;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::set_global_default;
use tracing::{Event, Metadata, Subscriber};

/// Wants tasks' spans, all of which have one id, and counts. Std's: it orders nothing.
struct Counts;

static OPENED: AtomicUsize = AtomicUsize::new(0);
static CLOSED: AtomicUsize = AtomicUsize::new(0);
static EVENTS: AtomicUsize = AtomicUsize::new(0);

impl Subscriber for Counts {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tokio::task")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        OPENED.fetch_add(1, Ordering::Relaxed);
        Id::from_u64(1)
    }

    fn try_close(&self, _: Id) -> bool {
        CLOSED.fetch_add(1, Ordering::Relaxed);
        true
    }

    fn event(&self, _: &Event<'_>) {
        EVENTS.fetch_add(1, Ordering::Relaxed);
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Gives its waker away, and is ready at once or when it is polled again.
struct GivesWaker {
    to: Arc<Mutex<Option<Waker>>>,
    polls: usize,
}

impl Future for GivesWaker {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.polls == 0 {
            return Poll::Ready(());
        }
        self.polls -= 1;
        *self.to.lock().unwrap() = Some(cx.waker().clone());
        match self.polls {
            0 => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }
}

/// One model at a time: they share the counts.
fn exclusive() -> std::sync::MutexGuard<'static, ()> {
    static SUBSCRIBE: Once = Once::new();
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    SUBSCRIBE.call_once(|| set_global_default(Counts).expect("the first"));
    ONE.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// One thread runs the task, whose waker `act` uses on another.
fn run_against(polls: usize, act: fn(Waker)) {
    let _exclusive = exclusive();
    model(move || {
        let before = OPENED.load(Ordering::Relaxed);
        let scheduler = Scheduler::new();
        let slot = Arc::new(Mutex::new(None));
        let to = slot.clone();
        let (task, join) = scheduler.spawn(GivesWaker { to, polls });
        drop(task);
        let other = thread::spawn({
            let scheduler = scheduler.clone();
            move || scheduler.run_all()
        });
        let waker: Option<Waker> = slot.lock().unwrap().take();
        if let Some(waker) = waker {
            act(waker);
        }
        other.join().unwrap();
        let waker = slot.lock().unwrap().take();
        if let Some(waker) = waker {
            waker.wake();
        }
        scheduler.run_all();
        block_on(join).unwrap();
        assert_eq!(OPENED.load(Ordering::Relaxed), before + 1);
        // Also while a waker is left, that of the last poll.
        assert_eq!(CLOSED.load(Ordering::Relaxed), before + 1, "I9, once each");
        drop(slot.lock().unwrap().take());
        assert_eq!(scheduler.counts().freed, 1);
    });
    assert!(EVENTS.load(Ordering::Relaxed) > 0);
}

/// O1: the task completes while its waker is cloned and both are dropped.
#[test]
fn clones_and_drops_against_completion() {
    run_against(1, |waker| drop(waker.clone()));
}

/// O1: the task completes while it is woken.
#[test]
fn a_wake_against_completion() {
    run_against(1, Waker::wake);
}

/// O1: it is woken between two polls, in one of them or at its end.
#[test]
fn wakes_against_polls() {
    run_against(2, |waker| {
        waker.wake_by_ref();
        drop(waker);
    });
}
