//! Models of `runtime::signal`: handler, pipe, reactor and listener. The pipe is a count under a
//! lock, as the system's is.

use loom_tests::{Arc, Mutex, block_on, model, poll_once, thread};
use runtime::model::signal::{Pending, Slot};
use std::future::poll_fn;
use std::pin::pin;

const NUMBER: usize = 10;

#[derive(Default)]
struct Process {
    pending: Pending,
    pipe: Mutex<usize>,
    slot: Slot,
}

impl Process {
    fn raise(&self) {
        if self.pending.add(NUMBER) {
            *self.pipe.lock().unwrap() += 1;
        }
    }

    /// A turn of a reactor: as often as there is something in the pipe.
    fn turn(&self) {
        while std::mem::take(&mut *self.pipe.lock().unwrap()) > 0 {
            for number in self.pending.take() {
                assert_eq!(number, NUMBER);
                self.slot.deliver();
            }
        }
    }
}

/// P1, N1, N2: what is raised while a reactor delivers is delivered by it, or announced again.
#[test]
fn no_signal_is_lost_between_handler_and_reactor() {
    model(|| {
        let process = Arc::new(Process::default());
        let mut listener = process.slot.subscribe();
        let handlers = [(); 2].map(|()| {
            let process = process.clone();
            thread::spawn(move || process.raise())
        });
        process.turn();
        for handler in handlers {
            handler.join().unwrap();
        }
        process.turn();
        assert!(poll_once(pin!(poll_fn(|cx| listener.poll(cx)))).is_ready());
        assert_eq!(process.pending.take().next(), None, "a bit without a byte");
    });
}

/// P1 with the reactors of two runtimes: the one that drains the byte need not be the one that
/// takes the bit, but one of them does.
#[test]
fn two_reactors_deliver_between_them() {
    model(|| {
        let process = Arc::new(Process::default());
        let mut listener = process.slot.subscribe();
        process.raise();
        let reactor = thread::spawn({
            let process = process.clone();
            move || process.turn()
        });
        process.raise();
        process.turn();
        reactor.join().unwrap();
        assert!(poll_once(pin!(poll_fn(|cx| listener.poll(cx)))).is_ready());
        assert_eq!(*process.pipe.lock().unwrap(), 0);
        assert_eq!(process.pending.take().next(), None, "a bit without a byte");
    });
}

/// L1: a delivery against a listener that starts to wait.
#[test]
fn a_listener_that_starts_to_wait_is_woken() {
    model(|| {
        let slot = Slot::default();
        let mut listener = slot.subscribe();
        let delivering = thread::spawn({
            let slot = slot.clone();
            move || slot.deliver()
        });
        block_on(poll_fn(|cx| listener.poll(cx)));
        delivering.join().unwrap();
    });
}

/// L2, L4: listeners come and go while a delivery wakes the others.
#[test]
fn a_listener_that_stays_is_woken_whoever_leaves() {
    model(|| {
        let slot = Slot::default();
        let gone = slot.subscribe();
        let mut stays = slot.subscribe();
        let delivering = thread::spawn({
            let slot = slot.clone();
            move || slot.deliver()
        });
        let leaving = thread::spawn({
            let slot = slot.clone();
            move || {
                drop(gone);
                drop(slot.subscribe());
            }
        });
        block_on(poll_fn(|cx| stays.poll(cx)));
        delivering.join().unwrap();
        leaving.join().unwrap();
    });
}
