//! `interval` and what it does with missed ticks.

use crate::support::{Polled, current, ms, ms_since, paused};
use runtime::time::{self, Duration, Instant, MissedTickBehavior, interval, interval_at};
use std::pin::pin;
use std::task::Poll;

#[test]
fn the_first_tick_comes_at_once_and_the_others_by_the_period() {
    paused(async {
        let start = Instant::now();
        let mut every = interval(ms(10));
        for n in 0..5 {
            assert_eq!(every.tick().await, start + ms(10 * n));
            assert_eq!(ms_since(start), 10 * n);
        }
        assert_eq!(every.period(), ms(10));
    });
}

#[test]
fn the_first_tick_comes_when_it_was_asked_for() {
    paused(async {
        let start = Instant::now();
        let mut every = interval_at(start + ms(7), ms(10));
        assert_eq!(every.tick().await, start + ms(7));
        assert_eq!(every.tick().await, start + ms(17));
        // In the past: one tick at once.
        let mut past = interval_at(start + ms(15), ms(10));
        assert_eq!(past.tick().await, start + ms(15));
        assert_eq!(past.tick().await, start + ms(25));
        assert_eq!(ms_since(start), 25);
    });
}

#[test]
fn a_tick_that_is_due_now_waits_for_the_drivers_next_turn() {
    current().block_on(async {
        let mut every = interval(ms(1));
        assert!(Polled::new(every.tick()).poll().is_pending());
        let first = every.tick().await;
        let late = Instant::now() + ms(10);
        while Instant::now() <= late {
            std::hint::spin_loop();
        }
        assert!(Polled::new(every.tick()).poll().is_pending(), "late, but");
        assert_eq!(every.tick().await - first, ms(1));
        // The driver has seen that these are late, too.
        let mut next = Polled::new(every.tick());
        assert_eq!(next.poll(), Poll::Ready(first + ms(2)));
        drop(next);
        every.reset_immediately();
        assert!(Polled::new(every.tick()).poll().is_pending());
    });
}

/// When ticks come (relative to the start) if one is taken at 170 instead of 50.
fn ticks_after_a_late_one(behavior: MissedTickBehavior) -> Vec<u64> {
    paused(async move {
        let start = Instant::now();
        let mut every = interval(ms(50));
        every.set_missed_tick_behavior(behavior);
        assert_eq!(every.missed_tick_behavior(), behavior);
        every.tick().await;
        time::advance(ms(170)).await;
        assert_eq!(
            every.tick().await,
            start + ms(50),
            "the late one says when it was due"
        );
        let mut at = Vec::new();
        for _ in 0..4 {
            every.tick().await;
            at.push(ms_since(start));
        }
        at
    })
}

#[test]
fn a_burst_catches_up() {
    assert_eq!(
        ticks_after_a_late_one(MissedTickBehavior::Burst),
        [170, 170, 200, 250]
    );
    assert_eq!(MissedTickBehavior::default(), MissedTickBehavior::Burst);
}

#[test]
fn a_delay_counts_anew() {
    assert_eq!(
        ticks_after_a_late_one(MissedTickBehavior::Delay),
        [220, 270, 320, 370]
    );
}

#[test]
fn a_skip_keeps_the_schedule() {
    assert_eq!(
        ticks_after_a_late_one(MissedTickBehavior::Skip),
        [200, 250, 300, 350]
    );
}

#[test]
fn resets_set_the_next_tick() {
    paused(async {
        let start = Instant::now();
        let mut every = interval(ms(10));
        every.tick().await;
        time::advance(ms(6)).await;
        every.reset();
        assert_eq!(every.tick().await, start + ms(16));
        time::advance(ms(1)).await;
        every.reset_immediately();
        assert_eq!(every.tick().await, start + ms(17));
        every.reset_after(ms(2));
        assert_eq!(every.tick().await, start + ms(19));
        every.reset_at(start + ms(100));
        assert_eq!(every.tick().await, start + ms(100));
        assert_eq!(every.tick().await, start + ms(110));
        assert_eq!(ms_since(start), 110);
    });
}

#[test]
fn a_reset_of_a_waited_for_tick_moves_it() {
    paused(async {
        let start = Instant::now();
        let mut every = interval(ms(10));
        every.tick().await;
        {
            let mut tick = Polled::new(every.tick());
            assert!(tick.poll().is_pending());
        }
        every.reset_at(start + ms(3));
        assert_eq!(every.tick().await, start + ms(3));
        assert_eq!(ms_since(start), 3);
    });
}

#[test]
fn a_cancelled_tick_is_not_lost() {
    paused(async {
        let start = Instant::now();
        let mut every = interval(ms(10));
        every.tick().await;
        for _ in 0..3 {
            let mut tick = Polled::new(every.tick());
            assert!(tick.poll().is_pending());
        }
        time::advance(ms(10)).await;
        assert_eq!(every.tick().await, start + ms(10));
    });
}

#[test]
fn an_endless_period_ticks_once() {
    paused(async {
        let mut every = interval(Duration::MAX);
        every.tick().await;
        assert!(
            time::timeout(Duration::from_secs(86_400), every.tick())
                .await
                .is_err()
        );
    });
}

#[test]
#[should_panic(expected = "`period` must be non-zero.")]
fn a_period_of_zero_is_refused() {
    paused(async { drop(interval(Duration::ZERO)) });
}

#[test]
fn ticks_on_the_systems_clock_are_never_early() {
    current().block_on(async {
        let mut every = pin!(interval(ms(2)));
        let start = every.tick().await;
        for n in 1..=5 {
            every.tick().await;
            assert!(start.elapsed() >= ms(2 * n));
        }
    });
}
