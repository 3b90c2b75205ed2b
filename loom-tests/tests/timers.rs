//! Models of `runtime`'s timers (`driver/timers/`): arming against a waiting reactor, and
//! firing by another thread against everything the owner may do.
#![forbid(unsafe_code)]

use loom_tests::atomic::{AtomicUsize, Ordering::Relaxed};
use loom_tests::{Arc, Condvar, Mutex, model, thread};
use runtime::model::timers::Timers;
use std::task::{Wake, Waker};

/// What ends the reactor's wait: stays set until the next wait, as an eventfd does.
struct Reactor {
    is_woken: Mutex<bool>,
    condvar: Condvar,
}

impl Reactor {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            is_woken: Mutex::new(false),
            condvar: Condvar::new(),
        })
    }

    fn wake(&self) {
        *self.is_woken.lock().unwrap() = true;
        self.condvar.notify_one();
    }

    fn wait(&self) {
        let mut is_woken = self.is_woken.lock().unwrap();
        while !*is_woken {
            is_woken = self.condvar.wait(is_woken).unwrap();
        }
        *is_woken = false;
    }
}

fn timers_with(reactor: &Arc<Reactor>) -> Arc<Timers> {
    let reactor = reactor.clone();
    Arc::new(Timers::new(1, Box::new(move || reactor.wake())))
}

/// Timers whose reactor nobody waits in.
fn timers_alone() -> Arc<Timers> {
    Arc::new(Timers::new(1, Box::new(|| panic!("nobody waits"))))
}

/// The loop of the reactor's holder: returns once it would wake up by itself at `deadline_ms`.
/// A lost wake is a deadlock.
fn wait_until_it_ends_by(timers: &Timers, reactor: &Reactor, deadline_ms: u64) {
    loop {
        let until = timers.prepare_wait_ms();
        if until.is_some_and(|until| until <= deadline_ms) {
            timers.end_wait();
            return;
        }
        reactor.wait();
        timers.end_wait();
    }
}

fn noop() -> Waker {
    Waker::noop().clone()
}

/// A waker that counts.
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

impl Count {
    fn new() -> (std::sync::Arc<Self>, Waker) {
        let count = std::sync::Arc::new(Self(AtomicUsize::new(0)));
        (count.clone(), count.into())
    }

    fn get(&self) -> usize {
        self.0.load(Relaxed)
    }
}

/// A stuck worker's wheel, fired by somebody else.
fn fire(timers: &Arc<Timers>) -> thread::JoinHandle<usize> {
    let timers = timers.clone();
    thread::spawn(move || timers.fire_all_due())
}

/// I4: an arm from outside is either seen by the waiter's second look or wakes the waiter.
#[test]
fn an_outside_arm_is_never_slept_past() {
    model(|| {
        let reactor = Reactor::new();
        let timers = timers_with(&reactor);
        timers.shard(0).arm(9, noop(), true).unwrap();
        let outside = timers.outside();
        let other = thread::spawn(move || outside.arm(5, noop(), false).unwrap());
        wait_until_it_ends_by(&timers, &reactor, 5);
        other.join().unwrap();
    });
}

/// I4: the same for two arms, the later deadline of which may come first.
#[test]
fn two_outside_arms_end_the_wait_by_the_earlier() {
    model(|| {
        let reactor = Reactor::new();
        let timers = timers_with(&reactor);
        let arm = |ms: u64| {
            let outside = timers.outside();
            thread::spawn(move || outside.arm(ms, noop(), false).unwrap())
        };
        let others = [arm(7), arm(5)];
        wait_until_it_ends_by(&timers, &reactor, 5);
        for other in others {
            other.join().unwrap();
        }
    });
}

/// I4: a worker arms its own shard in silence and announces it before it parks.
#[test]
fn a_worker_that_announces_may_park() {
    model(|| {
        let reactor = Reactor::new();
        let timers = timers_with(&reactor);
        let own = timers.shard(0);
        let worker = thread::spawn(move || {
            own.arm(5, noop(), true).unwrap();
            own.announce();
        });
        wait_until_it_ends_by(&timers, &reactor, 5);
        worker.join().unwrap();
    });
}

/// I4: a timer that is moved to an earlier deadline counts like a new one.
#[test]
fn an_outside_rearm_is_never_slept_past() {
    model(|| {
        let reactor = Reactor::new();
        let timers = timers_with(&reactor);
        let outside = timers.outside();
        let key = outside.arm(9, noop(), false).unwrap();
        let other = thread::spawn(move || assert!(outside.rearm(key, 5, false)));
        wait_until_it_ends_by(&timers, &reactor, 5);
        other.join().unwrap();
    });
}

/// I2, I3: the owner cancels while somebody else fires its wheel.
#[test]
fn a_cancelled_timer_stays_silent_and_a_fired_one_wakes_once() {
    model(|| {
        let timers = timers_alone();
        let shard = timers.shard(0);
        let (count, waker) = Count::new();
        let key = shard.arm(1, waker, true).unwrap();
        timers.advance_to_ms(1);
        let other = fire(&timers);
        let was_cancelled = shard.cancel(key);
        assert!(!was_cancelled || count.get() == 0);
        let fired = other.join().unwrap();
        assert_eq!(fired, usize::from(!was_cancelled));
        assert_eq!(count.get(), fired);
    });
}

/// I2: two threads find the same wheel overdue.
#[test]
fn two_threads_that_fire_one_wheel_wake_each_timer_once() {
    model(|| {
        let timers = timers_alone();
        let shard = timers.shard(0);
        let (count, waker) = Count::new();
        shard.arm(1, waker.clone(), true).unwrap();
        shard.arm(1, waker, true).unwrap();
        timers.advance_to_ms(1);
        let others = [fire(&timers), fire(&timers)];
        let fired: usize = others.map(|other| other.join().unwrap()).into_iter().sum();
        assert_eq!((fired, count.get()), (2, 2));
    });
}

/// I3: a timer that was moved does not fire for its old deadline, but for the new one.
#[test]
fn a_moved_timer_fires_once_and_for_its_last_deadline() {
    model(|| {
        let timers = timers_alone();
        let shard = timers.shard(0);
        let (count, waker) = Count::new();
        let key = shard.arm(1, waker, true).unwrap();
        timers.advance_to_ms(1);
        let other = fire(&timers);
        let was_moved = shard.rearm(key, 2, true);
        let fired = other.join().unwrap();
        assert_eq!(fired, usize::from(!was_moved));
        assert_eq!(count.get(), fired);
        timers.advance_to_ms(2);
        assert_eq!(timers.fire_all_due(), usize::from(was_moved));
        assert_eq!(count.get(), 1);
    });
}

/// I2, I3: a timer is moved to a deadline that has passed while somebody else fires its wheel: one
/// of the two runs the waker.
#[test]
fn a_timer_moved_to_the_past_wakes_once() {
    model(|| {
        let timers = timers_alone();
        let shard = timers.shard(0);
        let (count, waker) = Count::new();
        let key = shard.arm(3, waker, true).unwrap();
        timers.advance_to_ms(2);
        timers.fire_all_due();
        timers.advance_to_ms(3);
        let other = fire(&timers);
        let was_ours = shard.rearm_to_past(key, 1, true);
        let fired = other.join().unwrap();
        assert_eq!(fired, usize::from(!was_ours));
        assert_eq!(count.get(), 1);
    });
}

/// I1 when a firing meets an arm: whatever `next` it leaves, the new timer is found.
#[test]
fn a_timer_armed_during_a_firing_is_not_forgotten() {
    model(|| {
        let timers = timers_alone();
        let shard = timers.shard(0);
        let (count, waker) = Count::new();
        shard.arm(1, waker.clone(), true).unwrap();
        timers.advance_to_ms(1);
        let other = fire(&timers);
        shard.arm(2, waker, true).unwrap();
        assert_eq!(other.join().unwrap(), 1);
        assert_eq!(timers.prepare_wait_ms(), Some(2));
        timers.end_wait();
        timers.advance_to_ms(2);
        assert_eq!(timers.fire_all_due(), 1);
        assert_eq!(count.get(), 2);
    });
}

/// I2: the waker of the last poll is the one that runs, or the poll learns of the firing.
#[test]
fn a_poll_that_replaces_the_waker_misses_no_firing() {
    model(|| {
        let timers = timers_alone();
        let shard = timers.shard(0);
        let (old_count, old) = Count::new();
        let (new_count, new) = Count::new();
        let key = shard.arm(1, old, true).unwrap();
        timers.advance_to_ms(1);
        let other = fire(&timers);
        let has_fired = shard.poll(key, &new);
        assert_eq!(other.join().unwrap(), 1);
        let expected = if has_fired { (1, 0) } else { (0, 1) };
        assert_eq!((old_count.get(), new_count.get()), expected);
    });
}

/// I6: nobody arms into a wheel that has been drained.
#[test]
fn an_arm_during_shutdown_is_woken_or_refused() {
    model(|| {
        let timers = timers_alone();
        let outside = timers.outside();
        let (count, waker) = Count::new();
        let other = thread::spawn(move || outside.arm(5, waker, false));
        timers.shutdown();
        let was_armed = other.join().unwrap().is_some();
        assert_eq!(count.get(), usize::from(was_armed));
    });
}
