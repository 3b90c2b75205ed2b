//! Shards and timers on one thread, with a clock moved by hand.

use super::*;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc as StdArc, Mutex as StdMutex};
use std::task::Wake;
use std::time::Duration;

const MS: u64 = 1_000_000;

/// A waker that writes its number into a list.
struct Recorder {
    number: usize,
    fired: StdArc<StdMutex<Vec<usize>>>,
}

impl Wake for Recorder {
    fn wake(self: StdArc<Self>) {
        self.fired.lock().unwrap().push(self.number);
    }
}

/// Timers over a paused clock; counts the calls of `wake`.
struct Bench {
    timers: Timers,
    clock: Arc<Clock>,
    wakes: StdArc<AtomicUsize>,
    fired: StdArc<StdMutex<Vec<usize>>>,
}

impl Bench {
    fn new(worker_shards: usize) -> Self {
        let clock = Arc::new(Clock::new_paused());
        let wakes = StdArc::new(AtomicUsize::new(0));
        let counter = wakes.clone();
        let wake = Box::new(move || {
            counter.fetch_add(1, Relaxed);
        });
        let timers = Timers::new(worker_shards, clock.clone(), wake);
        Self {
            timers,
            clock,
            wakes,
            fired: StdArc::default(),
        }
    }

    fn waker(&self, number: usize) -> Waker {
        StdArc::new(Recorder {
            number,
            fired: self.fired.clone(),
        })
        .into()
    }

    fn arm(&self, shard: &Shard, at_ms: u64, number: usize) -> Key {
        match shard.arm(at_ms * MS, &self.waker(number), true) {
            Ok(Arm::Armed(key)) => key,
            other => panic!("not armed: {other:?}"),
        }
    }

    fn advance_ms(&self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms)).unwrap();
    }

    fn take_fired(&self) -> Vec<usize> {
        std::mem::take(&mut *self.fired.lock().unwrap())
    }

    fn wakes(&self) -> usize {
        self.wakes.swap(0, Relaxed)
    }
}

#[test]
fn timers_fire_in_order_at_their_millisecond_and_only_once() {
    let bench = Bench::new(1);
    let shard = bench.timers.shard(0);
    bench.arm(shard, 3, 3);
    bench.arm(shard, 1, 1);
    bench.arm(shard, 2, 2);
    assert_eq!(bench.timers.next_deadline_ns(), Some(MS));
    bench.clock.advance_to(MS - 1);
    assert_eq!(bench.timers.fire_due(0), 0);
    assert!(!bench.timers.is_overdue(bench.clock.now_ns()));
    bench.clock.advance_to(MS);
    assert!(bench.timers.is_overdue(bench.clock.now_ns()));
    assert_eq!(bench.timers.fire_due(0), 1);
    bench.advance_ms(10);
    assert_eq!(bench.timers.fire_all_due(), 2);
    assert_eq!(bench.take_fired(), [1, 2, 3]);
    assert_eq!(bench.timers.fire_all_due(), 0);
    assert_eq!(bench.timers.next_deadline_ns(), None);
}

/// I3 without a race.
#[test]
fn a_cancelled_timer_never_fires_and_a_fired_one_cannot_be_cancelled() {
    let bench = Bench::new(1);
    let shard = bench.timers.shard(0);
    let first = bench.arm(shard, 1, 1);
    let second = bench.arm(shard, 1, 2);
    assert!(shard.cancel(first));
    assert!(!shard.cancel(first));
    assert!(!shard.is_armed(first) && shard.is_armed(second));
    bench.advance_ms(1);
    bench.timers.fire_all_due();
    assert_eq!(bench.take_fired(), [2]);
    assert!(!shard.cancel(second));
    assert!(shard.poll(second, Waker::noop()));
}

#[test]
fn a_poll_with_another_waker_replaces_it() {
    let bench = Bench::new(1);
    let shard = bench.timers.shard(0);
    let key = bench.arm(shard, 1, 1);
    assert!(!shard.poll(key, &bench.waker(2)));
    bench.advance_ms(1);
    bench.timers.fire_all_due();
    assert_eq!(bench.take_fired(), [2]);
}

#[test]
fn a_moved_timer_fires_at_its_new_deadline() {
    let bench = Bench::new(1);
    let shard = bench.timers.shard(0);
    let key = bench.arm(shard, 5, 1);
    assert_eq!(shard.rearm(key, 2 * MS, true), Rearm::Moved);
    assert_eq!(bench.timers.next_deadline_ns(), Some(2 * MS));
    assert_eq!(shard.rearm(key, 9 * MS, true), Rearm::Moved);
    bench.advance_ms(5);
    assert_eq!(bench.timers.fire_all_due(), 0);
    assert_eq!(shard.rearm(key, 4 * MS, true), Rearm::Due);
    assert_eq!(bench.take_fired(), [1]);
    assert_eq!(shard.rearm(key, 20 * MS, true), Rearm::Gone);
    assert!(matches!(
        shard.arm(5 * MS, &bench.waker(3), true),
        Ok(Arm::Due)
    ));
    assert!(!bench.timers.auto_advance());
}

/// I4 without a race: who wakes the reactor's waiter, and who need not.
#[test]
fn only_an_earlier_deadline_from_outside_ends_the_wait() {
    let bench = Bench::new(1);
    let (local, outside) = (bench.timers.shard(0), bench.timers.outside());
    bench.arm(local, 10, 0);
    let arm_outside = |ms: u64| outside.arm(ms * MS, &bench.waker(1), false).unwrap();
    let _ = arm_outside(20);
    assert_eq!(bench.wakes(), 0, "nobody waits");
    assert_eq!(bench.timers.prepare_wait(), Some(10 * MS));
    let _ = arm_outside(10);
    let _ = arm_outside(11);
    assert_eq!(bench.wakes(), 0, "the wait ends in time by itself");
    let Arm::Armed(early) = arm_outside(9) else {
        panic!("due")
    };
    assert_eq!(bench.wakes(), 1);
    bench.timers.end_wait();
    assert_eq!(bench.timers.prepare_wait(), Some(9 * MS));
    bench.arm(local, 1, 0);
    assert_eq!(bench.wakes(), 0, "the owner is awake");
    local.announce();
    assert_eq!(bench.wakes(), 1);
    assert_eq!(outside.rearm(early, 2 * MS, false), Rearm::Moved);
    assert_eq!(bench.wakes(), 1);
    bench.timers.end_wait();
    local.announce();
    local.clock_changed();
    assert_eq!(bench.wakes(), 0, "nobody waits");
    assert_eq!(bench.timers.prepare_wait(), Some(MS));
    local.clock_changed();
    assert_eq!(bench.wakes(), 1);
}

#[test]
fn a_wait_without_timers_has_no_limit_and_any_outside_arm_ends_it() {
    let bench = Bench::new(2);
    assert_eq!(bench.timers.prepare_wait(), None);
    let far = bench.timers.outside().arm(u64::MAX, &bench.waker(0), false);
    assert!(matches!(far, Ok(Arm::Armed(_))));
    assert_eq!(bench.wakes(), 1);
    // An idle worker without timers has nothing to announce.
    bench.timers.shard(1).announce();
    assert_eq!(bench.wakes(), 0);
}

/// What was cancelled must not move a paused clock.
#[test]
fn the_clock_jumps_to_timers_that_still_exist() {
    let bench = Bench::new(1);
    let shard = bench.timers.shard(0);
    let cancelled = bench.arm(shard, 100, 1);
    assert!(shard.cancel(cancelled));
    assert!(!bench.timers.auto_advance());
    assert_eq!(bench.clock.now_ns(), 0);
    // Same slot of the wheel, so that the first deadline is remembered after its cancel.
    let cancelled = bench.arm(shard, 100_000, 1);
    bench.arm(shard, 100_001, 2);
    bench.arm(bench.timers.outside(), 300_000, 3);
    assert!(shard.cancel(cancelled));
    bench.clock.inhibit_auto_advance();
    assert!(!bench.timers.auto_advance(), "a blocking job runs");
    bench.clock.allow_auto_advance();
    assert!(bench.timers.auto_advance());
    assert_eq!(bench.clock.now_ns(), 100_001 * MS);
    assert_eq!(bench.take_fired(), [2]);
    assert!(bench.timers.auto_advance());
    assert_eq!(bench.clock.now_ns(), 300_000 * MS);
    assert!(!bench.timers.auto_advance());
}

/// I6 without a race.
#[test]
fn shutdown_wakes_everybody_and_refuses_from_then_on() {
    let bench = Bench::new(1);
    let shard = bench.timers.shard(0);
    let keys: Vec<Key> = (0..1_000)
        .map(|n| bench.arm(shard, 1 + n as u64, n))
        .collect();
    bench.arm(bench.timers.outside(), 5, 1_000);
    bench.timers.shutdown();
    let mut fired = bench.take_fired();
    fired.sort_unstable();
    assert_eq!(fired, (0..=1_000).collect::<Vec<_>>());
    assert!(shard.is_shut_down());
    assert!(matches!(
        shard.arm(9 * MS, &bench.waker(0), true),
        Err(TimersShutDown)
    ));
    assert_eq!(shard.rearm(keys[7], 9 * MS, true), Rearm::Gone);
    assert!(!shard.cancel(keys[8]));
    assert_eq!(bench.timers.next_deadline_ns(), None);
}

/// A jump over an hour: everything once, in order, a bounded number per turn.
#[test]
fn a_jump_of_an_hour_fires_everything_in_order_over_several_turns() {
    let bench = Bench::new(1);
    let count = 3 * PER_TURN + 7;
    for number in (0..count).rev() {
        bench.arm(bench.timers.shard(0), 1 + number as u64, number);
    }
    bench.clock.advance_to(3_600_000 * MS);
    assert_eq!(bench.timers.fire_due(0), PER_TURN);
    assert_eq!(
        bench.timers.prepare_wait(),
        Some(MS * (1 + PER_TURN as u64)),
        "no wait"
    );
    bench.timers.end_wait();
    assert_eq!(bench.timers.fire_all_due(), PER_TURN);
    assert_eq!(bench.timers.shard(0).fire_all(), count - 2 * PER_TURN);
    assert_eq!(bench.take_fired(), (0..count).collect::<Vec<_>>());
}

#[test]
fn the_memory_of_a_crowd_returns_when_it_is_gone() {
    let bench = Bench::new(1);
    let shard = bench.timers.shard(0);
    let crowd = 256 * (KEPT_PAGES + 5);
    let keys: Vec<Key> = (0..crowd).map(|n| bench.arm(shard, 5, n)).collect();
    assert_eq!(shard.own.timers.lock().pages, KEPT_PAGES + 5);
    for key in keys {
        assert!(shard.cancel(key));
    }
    assert!(shard.own.timers.lock().wheel.needs_page());
    // A small wheel keeps what it has.
    let key = bench.arm(shard, 5, 0);
    assert!(shard.cancel(key));
    assert!(!shard.own.timers.lock().wheel.needs_page());
}

/// The others still run, and so does the worker that fires.
#[test]
fn a_waker_that_panics_does_not_silence_the_others() {
    struct Bomb;
    impl Wake for Bomb {
        fn wake(self: StdArc<Self>) {
            panic!("foreign waker");
        }
    }
    let bench = Bench::new(1);
    let shard = bench.timers.shard(0);
    bench.arm(shard, 1, 1);
    let bomb = shard.arm(MS, &StdArc::new(Bomb).into(), true);
    assert!(matches!(bomb, Ok(Arm::Armed(_))));
    bench.arm(shard, 1, 2);
    for number in 3..100 {
        bench.arm(shard, 1, number);
    }
    bench.advance_ms(1);
    assert_eq!(shard.fire_due(), 100);
    assert_eq!(bench.take_fired(), (1..100).collect::<Vec<_>>());
}

/// A waker may use the timers: no lock is held.
#[test]
fn a_waker_may_arm_and_cancel() {
    struct Again(Arc<Shard>, AtomicUsize);
    impl Wake for Again {
        fn wake(self: StdArc<Self>) {
            let round = self.1.fetch_add(1, Relaxed) as u64;
            if round < 5 {
                let shard = self.0.clone();
                assert!(shard.arm((2 + round) * MS, &self.into(), true).is_ok());
            }
        }
    }
    let bench = Bench::new(1);
    let shard = bench.timers.shard(0);
    let again = StdArc::new(Again(shard.clone(), AtomicUsize::new(0)));
    assert!(shard.arm(MS, &again.clone().into(), true).is_ok());
    bench.advance_ms(1);
    assert_eq!(shard.fire_due(), 1);
    bench.advance_ms(100);
    // What is armed while firing for a time that has passed is due at once.
    while bench.timers.fire_all_due() > 0 {}
    assert_eq!(again.1.load(Relaxed), 2);
}

#[test]
fn the_local_shard_is_the_one_that_was_set_last_and_has_not_ended() {
    let bench = Bench::new(2);
    assert!(!bench.timers.shard(0).is_local());
    let own = own_shard(bench.timers.shard(0));
    assert!(bench.timers.shard(0).is_local() && !bench.timers.shard(1).is_local());
    let outside = bench.timers.outside().clone();
    assert!(!outside.is_local());
    // A scheduler within a scheduler, on one thread.
    let inner = Bench::new(1);
    let nested = own_shard(inner.timers.shard(0));
    assert!(inner.timers.shard(0).is_local() && !bench.timers.shard(0).is_local());
    drop(nested);
    assert!(bench.timers.shard(0).is_local());
    give_shard_away();
    assert!(!bench.timers.shard(0).is_local());
    take_shard_back(bench.timers.shard(0));
    assert!(bench.timers.shard(0).is_local());
    drop(own);
    assert!(!bench.timers.shard(0).is_local());
}

mod against_a_sorted_map {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Op {
        Arm { shard: usize, after_us: u64 },
        Cancel { which: usize },
        Rearm { which: usize, after_us: u64 },
        Advance { us: u64 },
        FireOne { shard: usize },
        FireAll,
        AutoAdvance,
        Wait,
    }

    fn delay_us() -> impl Strategy<Value = u64> {
        prop_oneof![
            0..3_u64,
            0..5_000_u64,
            0..100_000_000_u64,
            Just(u64::MAX / 1_000)
        ]
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            6 => (0..3_usize, delay_us()).prop_map(|(shard, after_us)| Op::Arm { shard, after_us }),
            3 => any::<usize>().prop_map(|which| Op::Cancel { which }),
            2 => (any::<usize>(), delay_us())
                .prop_map(|(which, after_us)| Op::Rearm { which, after_us }),
            3 => (0..3_000_000_u64).prop_map(|us| Op::Advance { us }),
            2 => (0..3_usize).prop_map(|shard| Op::FireOne { shard }),
            2 => Just(Op::FireAll),
            1 => Just(Op::AutoAdvance),
            2 => Just(Op::Wait),
        ]
    }

    /// A timer of the oracle: its shard and the millisecond (in ns) at which it fires.
    #[derive(Clone, Copy)]
    struct Expected {
        shard: usize,
        key: Key,
        at_ns: u64,
    }

    struct Oracle {
        bench: Bench,
        armed: BTreeMap<usize, Expected>,
        count: usize,
    }

    impl Oracle {
        fn shard(&self, shard: usize) -> Arc<Shard> {
            match shard {
                2 => self.bench.timers.outside().clone(),
                worker => self.bench.timers.shard(worker).clone(),
            }
        }

        fn at_ns(&self, after_us: u64) -> (u64, u64) {
            let deadline_ns = self.bench.clock.now_ns().saturating_add(after_us * 1_000);
            let ms_ns = deadline_ns
                .checked_next_multiple_of(MS)
                .unwrap_or(u64::MAX - u64::MAX % MS);
            (deadline_ns, ms_ns)
        }

        /// A deadline within the millisecond of now may be called due at once.
        fn is_due(&self, at_ns: u64) -> bool {
            at_ns <= self.bench.clock.now_ns()
        }

        fn pick(&self, which: usize) -> Option<(usize, Expected)> {
            let nth = which % self.armed.len().max(1);
            self.armed
                .iter()
                .nth(nth)
                .map(|(&number, &expected)| (number, expected))
        }

        fn expect_fired(&mut self, shards: &[usize]) {
            let mut due: Vec<(usize, Expected)> = self
                .armed
                .iter()
                .filter(|(_, timer)| shards.contains(&timer.shard) && self.is_due(timer.at_ns))
                .map(|(&number, &timer)| (number, timer))
                .collect();
            due.iter().for_each(|(number, _)| {
                self.armed.remove(number);
            });
            let fired = self.bench.take_fired();
            // Shard by shard, each by its deadlines.
            let at = |number: &usize| {
                due.iter()
                    .find(|(n, _)| n == number)
                    .map(|(_, timer)| (timer.shard, timer.at_ns))
            };
            assert!(
                fired.is_sorted_by_key(|number| at(number).expect("not due")),
                "order"
            );
            let mut fired = fired;
            fired.sort_unstable();
            due.sort_unstable_by_key(|(number, _)| *number);
            assert_eq!(
                fired,
                due.iter().map(|(number, _)| *number).collect::<Vec<_>>()
            );
        }

        fn run(&mut self, op: Op) {
            match op {
                Op::Arm { shard, after_us } => {
                    let (deadline_ns, at_ns) = self.at_ns(after_us);
                    let number = self.count;
                    self.count += 1;
                    let waker = self.bench.waker(number);
                    match self
                        .shard(shard)
                        .arm(deadline_ns, &waker, shard != 2)
                        .unwrap()
                    {
                        Arm::Armed(key) => {
                            assert!(!self.is_due(at_ns));
                            self.armed.insert(number, Expected { shard, key, at_ns });
                        }
                        Arm::Due => assert!(self.is_due(at_ns)),
                    }
                }
                Op::Cancel { which } => {
                    let Some((number, timer)) = self.pick(which) else {
                        return;
                    };
                    assert!(self.shard(timer.shard).cancel(timer.key));
                    self.armed.remove(&number);
                }
                Op::Rearm { which, after_us } => {
                    let Some((number, timer)) = self.pick(which) else {
                        return;
                    };
                    let (deadline_ns, at_ns) = self.at_ns(after_us);
                    match self
                        .shard(timer.shard)
                        .rearm(timer.key, deadline_ns, timer.shard != 2)
                    {
                        Rearm::Moved => {
                            assert!(!self.is_due(at_ns));
                            self.armed.insert(number, Expected { at_ns, ..timer });
                        }
                        Rearm::Due => {
                            assert!(self.is_due(at_ns));
                            assert_eq!(self.bench.take_fired(), [number]);
                            self.armed.remove(&number);
                        }
                        Rearm::Gone => panic!("it is armed"),
                    }
                }
                Op::Advance { us } => {
                    self.bench.clock.advance(Duration::from_micros(us)).unwrap();
                }
                Op::FireOne { shard } => {
                    self.bench.timers.fire_due(shard);
                    self.expect_fired(&[shard]);
                }
                Op::FireAll => {
                    self.bench.timers.fire_all_due();
                    self.expect_fired(&[0, 1, 2]);
                }
                Op::AutoAdvance => self.auto_advance(),
                Op::Wait => self.wait(),
            }
        }

        fn auto_advance(&mut self) {
            let before_ns = self.bench.clock.now_ns();
            let first = self.armed.values().map(|timer| timer.at_ns).min();
            assert_eq!(self.bench.timers.auto_advance(), first.is_some());
            let after_ns = first.map_or(before_ns, |at_ns| at_ns.max(before_ns));
            assert_eq!(self.bench.clock.now_ns(), after_ns);
            self.expect_fired(&[0, 1, 2]);
        }

        fn wait(&mut self) {
            let first = self.armed.values().map(|timer| timer.at_ns).min();
            let until = self.bench.timers.prepare_wait();
            match (first, until) {
                (Some(first), Some(until)) => assert!(until <= first, "waits past a timer"),
                (Some(_), None) => panic!("waits for ever over a timer"),
                (None, _) => {}
            }
            self.bench.timers.end_wait();
            let now_ns = self.bench.clock.now_ns();
            if first.is_some_and(|first| first <= now_ns) {
                assert!(self.bench.timers.is_overdue(now_ns));
            }
        }
    }

    proptest! {
        #[test]
        fn timers_behave_like_a_sorted_map(ops in prop::collection::vec(op(), 1..120)) {
            let mut oracle = Oracle { bench: Bench::new(2), armed: BTreeMap::new(), count: 0 };
            for op in ops {
                oracle.run(op);
            }
            oracle.bench.timers.shutdown();
            prop_assert_eq!(oracle.bench.take_fired().len(), oracle.armed.len());
        }
    }
}
