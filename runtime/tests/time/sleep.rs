//! `sleep` and `sleep_until`: order, precision, reset, drop.

use crate::support::{Polled, current, ms, ms_since, paused, yield_once};
use runtime::runtime::Builder;
use runtime::task::{LocalSet, spawn_local, yield_now};
use runtime::time::{self, Duration, Instant, Sleep, sleep, sleep_until};
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Barrier, mpsc};
use std::task::{Context, Waker};
use std::thread;

/// Generous: the machine may be busy.
const HANG: Duration = Duration::from_secs(30);

#[test]
fn a_sleep_is_never_early_on_the_systems_clock() {
    current().block_on(async {
        for us in [1, 10, 16, 17, 100, 999, 1_000, 1_001, 3_333, 20_000] {
            let start = std::time::Instant::now();
            let duration = Duration::from_micros(us);
            sleep(duration).await;
            let elapsed = start.elapsed();
            assert!(elapsed >= duration, "{us} us ended after {elapsed:?}");
            assert!(elapsed < HANG);
        }
    });
}

#[test]
fn sleeps_end_in_the_order_of_their_deadlines() {
    paused(async {
        let start = Instant::now();
        let mut sleeps: Vec<_> = [7, 3, 100_000, 3, 1, 4_096, 64]
            .map(|at| (at, Polled::new(sleep(ms(at)))))
            .into();
        for (_, sleep) in &mut sleeps {
            assert!(sleep.poll().is_pending());
        }
        let mut ended = Vec::new();
        while !sleeps.is_empty() {
            sleep(ms(1)).await;
            sleeps.retain_mut(|(at, sleep)| {
                let is_ready = sleep.poll().is_ready();
                assert_eq!(is_ready, sleep.take_wakes() > 0, "woken exactly when ready");
                if is_ready {
                    assert_eq!(ms_since(start), *at);
                    ended.push(*at);
                }
                !is_ready
            });
        }
        assert_eq!(ended, [1, 3, 3, 7, 64, 4_096, 100_000]);
    });
}

#[test]
fn what_has_passed_is_ready_at_the_first_poll() {
    paused(async {
        time::advance(ms(10)).await;
        let now = Instant::now();
        assert!(Polled::new(sleep(Duration::ZERO)).poll().is_ready());
        assert!(Polled::new(sleep_until(now)).poll().is_ready());
        assert!(Polled::new(sleep_until(now - ms(5))).poll().is_ready());
        let mut late = Polled::new(sleep(ms(5)));
        time::advance(ms(5)).await;
        assert!(late.poll().is_ready(), "first polled after its end");
        assert!(late.poll().is_ready(), "stays ready");
    });
    // Before the runtime's clock began.
    let before = Instant::now();
    current().block_on(async { assert!(Polled::new(sleep_until(before)).poll().is_ready()) });
}

/// A poll in which no driver looks at the clock: what is due now waits for the look, what was over
/// at the last one does not.
async fn what_is_due_now_waits_for_a_turn() {
    let long_past = Instant::now();
    sleep(ms(1)).await;
    for _ in 0..20 {
        let mut zero = Polled::new(sleep(Duration::ZERO));
        assert!(zero.poll().is_pending(), "no time has passed for it");
        assert!(Polled::new(sleep_until(Instant::now())).poll().is_pending());
        let at = Instant::now();
        spin_until(at + ms(1));
        assert!(Polled::new(sleep_until(at)).poll().is_pending());
        assert!(zero.poll().is_pending(), "nobody has looked");
        assert!(Polled::new(sleep_until(long_past)).poll().is_ready());
        // The turn comes.
        zero.future.await;
        assert!(Polled::new(sleep_until(at)).poll().is_ready());
        sleep_until(at).await;
    }
}

fn spin_until(end: Instant) {
    while Instant::now() <= end {
        std::hint::spin_loop();
    }
}

#[test]
fn a_timer_that_is_due_now_waits_for_the_drivers_next_turn() {
    current().block_on(what_is_due_now_waits_for_a_turn());
    current().block_on(async {
        let task = runtime::spawn(what_is_due_now_waits_for_a_turn());
        task.await.unwrap();
    });
    let set = LocalSet::new();
    set.block_on(&current(), async {
        let task = spawn_local(what_is_due_now_waits_for_a_turn());
        task.await.unwrap();
    });
}

#[test]
fn a_reset_to_what_has_passed_is_over_as_far_as_the_driver_has_looked() {
    current().block_on(async {
        let past = Instant::now();
        let day = Duration::from_secs(86_400);
        sleep(ms(1)).await;
        for is_armed in [false, true] {
            let mut sleep = Polled::new(sleep(day));
            if is_armed {
                assert!(sleep.poll().is_pending());
            }
            assert!(!sleep.future.is_elapsed());
            sleep.future.as_mut().reset(past);
            assert!(sleep.future.is_elapsed());
            assert!(sleep.poll().is_ready());
            sleep.future.as_mut().reset(Instant::now());
            assert!(!sleep.future.is_elapsed());
            assert!(sleep.poll().is_pending());
            sleep.future.await;
        }
        let made = Polled::new(sleep_until(past));
        assert!(!made.future.is_elapsed(), "neither polled nor reset");
    });
}

/// Nothing is armed, so nothing but the look itself tells how late it is.
#[test]
fn time_passes_for_a_runtime_without_timers() {
    current().block_on(async {
        let at = Instant::now();
        for _ in 0..20 {
            let wait = runtime::spawn_blocking(|| thread::sleep(ms(1)));
            wait.await.unwrap();
        }
        assert!(Polled::new(sleep_until(at)).poll().is_ready());
    });
}

/// Asked again and again with a new future each time, on a thread that has always something to do.
#[test]
fn a_deadline_that_is_asked_for_without_waiting_comes() {
    async fn asks() {
        let at = Instant::now();
        for _ in 0..100_000 {
            if Polled::new(sleep_until(at)).poll().is_ready() {
                return;
            }
            yield_now().await;
        }
        panic!("the deadline never passes");
    }
    current().block_on(asks());
    current().block_on(async { runtime::spawn(asks()).await.unwrap() });
    let workers = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    workers.block_on(async { runtime::spawn(asks()).await.unwrap() });
    workers.block_on(asks());
}

/// Returns how often the first branch went before the channel got its turn.
async fn turns_before_a_message<F: Future>(mut first: impl FnMut() -> F) -> usize {
    let (sender, mut receiver) = runtime::sync::mpsc::channel(1);
    let sends = runtime::spawn(async move {
        sender.send(()).await.unwrap();
        std::future::pending::<()>().await;
    });
    let mut turns = 0;
    while turns < 10_000 {
        runtime::select! {
            biased;
            _ = first() => turns += 1,
            _ = receiver.recv() => break,
        }
    }
    sends.abort();
    turns
}

#[test]
fn a_biased_select_over_timers_without_time_starves_nobody() {
    async fn loops() {
        let zero = turns_before_a_message(|| sleep(Duration::ZERO)).await;
        assert!(zero < 1_000, "{zero} turns of a sleep of no time");
        let now = turns_before_a_message(|| sleep_until(Instant::now())).await;
        assert!(now < 1_000, "{now} turns of a sleep until now");
        let never = || time::timeout(Duration::ZERO, std::future::pending::<()>());
        let limit = turns_before_a_message(never).await;
        assert!(limit < 1_000, "{limit} turns of a limit of no time");
    }
    current().block_on(loops());
    current().block_on(async { runtime::spawn(loops()).await.unwrap() });
    let workers = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    workers.block_on(loops());
    workers.block_on(async { runtime::spawn(loops()).await.unwrap() });
    let _context = workers.enter();
    crate::support::block_on(loops());
}

#[test]
fn an_endless_sleep_does_not_overflow_and_never_ends() {
    paused(async {
        let start = Instant::now();
        let mut endless = Polled::new(sleep(Duration::MAX));
        assert!(endless.poll().is_pending());
        time::advance(Duration::from_secs(365 * 86_400)).await;
        assert!(endless.poll().is_pending());
        assert_eq!(endless.take_wakes(), 0);
        assert!(endless.future.deadline() > start + Duration::from_secs(10 * 365 * 86_400));
        assert!(!endless.future.is_elapsed());
    });
}

#[test]
fn paused_sleeps_round_up_to_a_millisecond() {
    paused(async {
        let start = Instant::now();
        sleep(Duration::from_micros(1_500)).await;
        assert_eq!(ms_since(start), 2);
        sleep(Duration::from_nanos(1)).await;
        assert_eq!(ms_since(start), 3);
        sleep(ms(1)).await;
        assert_eq!(ms_since(start), 4);
    });
}

#[test]
fn a_reset_moves_the_end_both_ways_and_wakes_at_the_new_one() {
    paused(async {
        let start = Instant::now();
        let mut sleep = Polled::new(sleep(ms(100)));
        // Before the first poll.
        sleep.future.as_mut().reset(start + ms(50));
        assert!(sleep.poll().is_pending());
        time::advance(ms(49)).await;
        assert!(sleep.poll().is_pending());
        // Later, without a poll in between.
        sleep.future.as_mut().reset(start + ms(60));
        time::advance(ms(10)).await;
        assert_eq!(sleep.take_wakes(), 0);
        time::advance(ms(1)).await;
        assert_eq!(sleep.take_wakes(), 1);
        assert!(sleep.future.is_elapsed());
        assert!(sleep.poll().is_ready());
        // After its end.
        sleep.future.as_mut().reset(start + ms(70));
        assert!(!sleep.future.is_elapsed());
        assert!(sleep.poll().is_pending());
        // Earlier.
        sleep.future.as_mut().reset(start + ms(61));
        time::advance(ms(1)).await;
        assert!(sleep.poll().is_ready());
        assert_eq!(sleep.future.deadline(), start + ms(61));
    });
}

#[test]
fn a_reset_to_the_past_is_ready_at_once_and_wakes() {
    paused(async {
        let start = Instant::now();
        let mut sleep = Polled::new(sleep(ms(100)));
        assert!(sleep.poll().is_pending());
        time::advance(ms(50)).await;
        sleep.future.as_mut().reset(start + ms(40));
        assert_eq!(sleep.take_wakes(), 1);
        assert!(sleep.future.is_elapsed());
        assert!(sleep.poll().is_ready());
    });
}

#[test]
fn a_reset_between_firing_and_the_poll_counts() {
    paused(async {
        let mut sleep = Polled::new(sleep(ms(5)));
        assert!(sleep.poll().is_pending());
        time::advance(ms(5)).await;
        assert!(sleep.future.is_elapsed());
        sleep.future.as_mut().reset(Instant::now() + ms(5));
        assert!(sleep.poll().is_pending());
        sleep.take_wakes();
        time::advance(ms(5)).await;
        assert_eq!(sleep.take_wakes(), 1);
        assert!(sleep.poll().is_ready());
    });
}

#[test]
fn the_waker_of_the_last_poll_is_woken() {
    paused(async {
        let mut first = Polled::new(sleep(ms(5)));
        assert!(first.poll().is_pending());
        let mut moved = Polled {
            count: Arc::default(),
            future: first.future,
        };
        assert!(moved.poll().is_pending());
        time::advance(ms(5)).await;
        assert_eq!(moved.take_wakes(), 1);
        assert_eq!(
            Arc::strong_count(&first.count),
            1,
            "the first waker is dropped"
        );
    });
}

#[test]
fn a_dropped_sleep_drops_its_waker_and_moves_no_clock() {
    paused(async {
        let start = Instant::now();
        let mut dropped = Polled::new(sleep(ms(5)));
        assert!(dropped.poll().is_pending());
        assert_eq!(Arc::strong_count(&dropped.count), 2);
        let wakes = dropped.count.clone();
        drop(dropped);
        assert_eq!(Arc::strong_count(&wakes), 1);
        sleep(ms(9)).await;
        assert_eq!(ms_since(start), 9);
    });
}

#[test]
fn a_million_armed_sleeps_can_be_dropped() {
    paused(async {
        let mut sleeps: Vec<_> = (0..1_000_000_u64)
            .map(|n| Box::pin(sleep(ms(1 + n * 7_919 % 3_600_000))))
            .collect();
        for some in sleeps.chunks_mut(100) {
            for sleep in some {
                let mut context = Context::from_waker(Waker::noop());
                assert!(sleep.as_mut().poll(&mut context).is_pending());
            }
            yield_once().await;
        }
        drop(sleeps);
        let start = Instant::now();
        sleep(ms(1)).await;
        assert_eq!(ms_since(start), 1, "nothing is left");
    });
}

#[test]
fn a_hundred_thousand_sleeps_fire_once_each() {
    paused(async {
        let mut sleeps: Vec<_> = (0..100_000_u64)
            .map(|n| Polled::new(sleep(ms(1 + n * 7_919 % 60_000))))
            .collect();
        for some in sleeps.chunks_mut(100) {
            for sleep in some {
                assert!(sleep.poll().is_pending());
            }
            yield_once().await;
        }
        sleep(ms(60_001)).await;
        for some in sleeps.chunks_mut(100) {
            for sleep in some {
                assert_eq!(sleep.take_wakes(), 1);
                assert!(sleep.poll().is_ready());
            }
            yield_once().await;
        }
    });
}

#[test]
fn a_sleep_may_be_dropped_on_another_thread() {
    let rt = current();
    let (send, receive) = mpsc::channel::<std::pin::Pin<Box<Sleep>>>();
    let other = thread::spawn(move || receive.into_iter().count());
    rt.block_on(async {
        for n in 0..10_000_u64 {
            let mut armed = Box::pin(sleep(Duration::from_micros(n % 300)));
            if n % 100 == 0 {
                yield_once().await;
            }
            let mut context = Context::from_waker(Waker::noop());
            let _ = armed.as_mut().poll(&mut context);
            send.send(armed).unwrap();
        }
        sleep(ms(1)).await;
    });
    drop(send);
    assert_eq!(other.join().unwrap(), 10_000);
}

#[test]
fn a_sleep_may_be_polled_on_another_thread() {
    let rt = current();
    let is_done = Arc::new(AtomicBool::new(false));
    let started = std::time::Instant::now();
    let delay = {
        let _entered = rt.enter();
        sleep(ms(2))
    };
    let other = thread::spawn({
        let is_done = is_done.clone();
        move || {
            crate::support::block_on(delay);
            let elapsed = started.elapsed();
            is_done.store(true, SeqCst);
            elapsed
        }
    });
    rt.block_on(async {
        while !is_done.load(SeqCst) {
            sleep(ms(1)).await;
        }
    });
    assert!((ms(2)..HANG).contains(&other.join().unwrap()));
}

#[test]
#[should_panic(expected = "is being shutdown")]
fn polling_an_armed_sleep_after_the_shutdown_panics() {
    let rt = current();
    let mut armed = rt.block_on(async {
        let mut armed = Polled::new(sleep(HANG));
        assert!(armed.poll().is_pending());
        armed
    });
    rt.shutdown_background();
    assert_eq!(armed.take_wakes(), 1, "the task learns of the end");
    let _ = armed.poll();
}

/// Timers of every kind, armed by a task and from outside, dropped where they were not made.
#[test]
fn timers_may_outlive_their_runtime_and_be_dropped_on_another_thread() {
    let multi = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    for rt in [current(), multi] {
        let arm = || {
            let mut sleep = Polled::new(sleep(HANG));
            let mut timeout = Polled::new(time::timeout(HANG, std::future::pending::<()>()));
            let mut interval = time::interval_at(time::Instant::now() + HANG, HANG);
            let context = &mut Context::from_waker(Waker::noop());
            assert!(sleep.poll().is_pending() && timeout.poll().is_pending());
            assert!(interval.poll_tick(context).is_pending());
            (sleep, timeout, interval)
        };
        let in_task = rt.spawn(async move { arm() });
        let armed = rt.block_on(async move { [arm(), in_task.await.unwrap()] });
        drop(rt);
        for (sleep, timeout, _) in &armed {
            assert_eq!(
                (sleep.take_wakes(), timeout.take_wakes()),
                (1, 1),
                "each is told of the end"
            );
        }
        thread::spawn(move || drop(armed)).join().unwrap();
    }
}

/// The wheels go while another thread takes its timers out of them.
#[test]
fn timers_are_dropped_while_their_runtime_ends() {
    for _ in 0..200 {
        let rt = current();
        let start = Arc::new(Barrier::new(2));
        let armed: Vec<_> = rt.block_on(async {
            let arm = |n| {
                let mut armed = Polled::new(sleep(HANG + ms(n)));
                assert!(armed.poll().is_pending());
                armed
            };
            (0..100).map(arm).collect()
        });
        let wakes: Vec<_> = armed.iter().map(|armed| armed.count.clone()).collect();
        let other = thread::spawn({
            let start = start.clone();
            move || {
                start.wait();
                drop(armed);
            }
        });
        start.wait();
        drop(rt);
        other.join().unwrap();
        // The wheel has let go of every waker, by firing or by a cancel.
        assert!(wakes.iter().all(|wakes| Arc::strong_count(wakes) == 1));
    }
}

#[test]
fn sleep_has_the_auto_traits_of_tokios() {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Sleep>();
    is_send_and_sync::<time::Timeout<Sleep>>();
    is_send_and_sync::<time::Interval>();
    fn is_unpin<T: Unpin>() {}
    is_unpin::<time::Interval>();
}
