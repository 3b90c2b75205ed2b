//! `LocalSet`: under every schedule its futures are polled and dropped on its own thread, no wake
//! from elsewhere is lost, and no cell leaks. N1 to N5 are those of `scheduler/pinned.rs`.

use loom_tests::atomic::{AtomicBool, Ordering};
use loom_tests::{Arc, block_on, model, model_within, poll_once, thread};
use runtime::task::{JoinHandle, LocalSet};
use std::pin::Pin;
use std::rc::Rc;
// The slot of the waker and the tally are std's: they add no step and order nothing.
use std::sync::{Arc as Plain, Mutex};
use std::task::{Context, Poll, Waker};

/// What other threads may touch of a [`Probe`].
#[derive(Clone)]
struct Door {
    gate: Arc<AtomicBool>,
    waker: Plain<Mutex<Option<Waker>>>,
}

impl Door {
    fn new() -> Self {
        Self {
            gate: Arc::new(AtomicBool::new(false)),
            waker: Plain::default(),
        }
    }

    /// Opens the gate and wakes; `Relaxed`, so that only the wake can carry it.
    fn open(&self) {
        self.gate.store(true, Ordering::Relaxed);
        let waker = self.waker.lock().unwrap().take();
        waker.expect("the task was polled").wake();
    }
}

/// Ready when the gate is open. Counts on an `Rc`, which tells a drop on another thread.
struct Probe {
    door: Door,
    drops: Rc<std::cell::Cell<usize>>,
    home: String,
}

impl Future for Probe {
    type Output = usize;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        if self.door.gate.load(Ordering::Relaxed) {
            return Poll::Ready(7);
        }
        let waker = self.door.waker.lock().unwrap().replace(cx.waker().clone());
        drop(waker);
        Poll::Pending
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        assert_eq!(self.home, this_thread(), "N1: dropped elsewhere");
        self.drops.set(self.drops.get() + 1);
    }
}

/// As a text: the checker's threads have ids of another type.
fn this_thread() -> String {
    format!("{:?}", thread::current().id())
}

/// A set with one task that has been polled once.
fn polled_once(door: &Door) -> (LocalSet, JoinHandle<usize>, Rc<std::cell::Cell<usize>>) {
    let drops = Rc::new(std::cell::Cell::new(0));
    let mut set = LocalSet::new();
    let handle = set.spawn_local(Probe {
        door: door.clone(),
        drops: drops.clone(),
        home: this_thread(),
    });
    assert!(poll_once(Pin::new(&mut set)).is_pending());
    (set, handle, drops)
}

/// N2.
#[test]
fn wake_against_a_driver() {
    model(|| {
        let door = Door::new();
        let (set, handle, drops) = polled_once(&door);
        let other = thread::spawn({
            let door = door.clone();
            move || door.open()
        });
        block_on(set);
        assert_eq!(block_on(handle).unwrap(), 7);
        assert_eq!(drops.get(), 1);
        other.join().unwrap();
    });
}

/// N2, with `run_until` of another future.
#[test]
fn wake_against_run_until() {
    model(|| {
        let door = Door::new();
        let (set, handle, drops) = polled_once(&door);
        let other = thread::spawn({
            let door = door.clone();
            move || door.open()
        });
        assert_eq!(block_on(set.run_until(handle)).unwrap(), 7);
        assert_eq!(drops.get(), 1);
        other.join().unwrap();
    });
}

/// N4: the set's drop waits for the entry.
#[test]
fn wake_against_drop_of_the_set() {
    model(|| {
        let door = Door::new();
        let (set, handle, drops) = polled_once(&door);
        let other = thread::spawn({
            let door = door.clone();
            move || door.open()
        });
        drop(set);
        assert_eq!(drops.get(), 1, "N4");
        drop(handle);
        other.join().unwrap();
    });
}

/// N1: aborted elsewhere, dropped here.
#[test]
fn abort_against_a_driver() {
    model(|| {
        let door = Door::new();
        let (set, handle, drops) = polled_once(&door);
        let other = thread::spawn(move || {
            handle.abort();
            drop(handle);
        });
        block_on(set);
        assert_eq!(drops.get(), 1);
        drop(door.waker.lock().unwrap().take());
        other.join().unwrap();
    });
}

/// N1, N4: abort and the end of the handle against the drop of the set.
#[test]
fn abort_against_drop_of_the_set() {
    model(|| {
        let door = Door::new();
        let (set, handle, drops) = polled_once(&door);
        let abort = handle.abort_handle();
        let other = thread::spawn(move || {
            abort.abort();
            drop(handle);
        });
        drop(set);
        assert_eq!(drops.get(), 1);
        drop(door.waker.lock().unwrap().take());
        other.join().unwrap();
    });
}

/// N4: what is left frees memory only, and the scheduler with the last of it.
#[test]
fn last_references_elsewhere() {
    // The cells' own steps make it wide.
    model_within(2, || {
        let door = Door::new();
        let (set, handle, drops) = polled_once(&door);
        let waker = door.waker.lock().unwrap().take().unwrap();
        let one = thread::spawn(move || waker.wake());
        let two = thread::spawn(move || drop(handle));
        drop(set);
        assert_eq!(drops.get(), 1);
        one.join().unwrap();
        two.join().unwrap();
    });
}
