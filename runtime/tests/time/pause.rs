//! A paused clock: `pause`, `resume`, `advance`, and the jump to the next timer.

use crate::support::{Polled, current, ms, ms_since, paused, yield_once};
use runtime::runtime::{Builder, Handle, Runtime};
use runtime::time::{self, Duration, Instant, MissedTickBehavior, interval, sleep, sleep_until};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Wake, Waker};

const DAY: Duration = Duration::from_secs(86_400);
const YEAR: Duration = Duration::from_secs(31_557_600);

fn paused_runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
}

#[test]
fn a_day_takes_no_time() {
    let wall = std::time::Instant::now();
    paused(async {
        let start = Instant::now();
        for _ in 0..1_000 {
            sleep(DAY).await;
        }
        assert_eq!(start.elapsed(), 1_000 * DAY);
    });
    assert!(wall.elapsed() < DAY);
}

/// Timers of every level of the wheel and beyond it fire once each, those after the step do not.
#[test]
fn a_century_passes_in_one_step() {
    paused(async {
        let start = Instant::now();
        let arm = |duration| {
            let mut armed = Polled::new(sleep(duration));
            assert!(armed.poll().is_pending());
            armed
        };
        let within = [ms(1), DAY, YEAR, 29 * YEAR, 99 * YEAR, 100 * YEAR].map(arm);
        let mut after = arm(100 * YEAR + ms(1));
        let mut days = interval(DAY);
        days.set_missed_tick_behavior(MissedTickBehavior::Skip);
        days.tick().await;
        time::advance(100 * YEAR).await;
        assert_eq!(start.elapsed(), 100 * YEAR);
        for mut armed in within {
            assert_eq!(armed.take_wakes(), 1);
            assert!(armed.poll().is_ready());
        }
        assert!(after.take_wakes() == 0 && after.poll().is_pending());
        // One tick for all the days, and the next one as planned: a year has 365.25 of them.
        assert_eq!(days.tick().await, start + DAY);
        assert_eq!(days.tick().await, start + 100 * YEAR + DAY);
        assert_eq!((after.take_wakes(), after.poll().is_ready()), (1, true));
        // The system's clock is not moved with it.
        time::resume();
        let now = Instant::now();
        sleep(ms(1)).await;
        assert!((ms(1)..DAY).contains(&now.elapsed()));
    });
}

/// A clock counts 584 years, and then stands: timers fire at once.
#[test]
fn the_end_of_time_is_no_overflow() {
    paused(async {
        let mut armed = Polled::new(sleep(DAY));
        assert!(armed.poll().is_pending());
        for _ in 0..10 {
            time::advance(100 * YEAR).await;
        }
        time::advance(Duration::MAX).await;
        assert_eq!((armed.take_wakes(), armed.poll().is_ready()), (1, true));
        let last = Instant::now();
        assert!(Polled::new(sleep(ms(1))).poll().is_ready());
        time::timeout(DAY, std::future::pending::<()>())
            .await
            .unwrap_err();
        assert_eq!(Instant::now(), last);
    });
}

/// Each `advance` moves the clock of the innermost runtime, whoever waits for it.
#[test]
fn advance_in_a_nested_runtime_leaves_the_outer_clock_alone() {
    paused(async {
        let start = Instant::now();
        let mut outer = Polled::new(sleep(DAY));
        assert!(outer.poll().is_pending());
        let handle = Handle::current();
        let call = runtime::spawn_blocking(move || {
            paused(async {
                let start = Instant::now();
                let mut inner = Polled::new(sleep(DAY));
                let mut outer = {
                    let _outer = handle.enter();
                    Polled::new(sleep(DAY))
                };
                assert!(inner.poll().is_pending() && outer.poll().is_pending());
                time::advance(2 * DAY).await;
                assert_eq!(start.elapsed(), 2 * DAY);
                assert_eq!((inner.take_wakes(), outer.take_wakes()), (1, 0));
                assert!(inner.poll().is_ready() && outer.poll().is_pending());
            });
        });
        call.await.unwrap();
        assert_eq!((start.elapsed(), outer.take_wakes()), (Duration::ZERO, 0));
        time::advance(DAY).await;
        assert_eq!((start.elapsed(), outer.take_wakes()), (DAY, 1));
    });
}

/// The same where one thread is in both: the outer runtime drives, the inner one was entered.
#[test]
fn advance_moves_the_clock_of_the_runtime_that_was_entered_last() {
    let inner = paused_runtime();
    let timer = inner.block_on(async {
        let mut timer = Polled::new(sleep(DAY));
        assert!(timer.poll().is_pending());
        timer
    });
    paused(async {
        let start = Instant::now();
        let entered = inner.enter();
        let inner_start = Instant::now();
        time::advance(DAY).await;
        assert_eq!(inner_start.elapsed(), DAY);
        drop(entered);
        assert_eq!(start.elapsed(), Duration::ZERO);
    });
    // Nobody drove it meanwhile.
    inner.block_on(yield_once());
    assert_eq!(timer.take_wakes(), 1);
}

/// The waker of a timer ends the runtime whose clock is being moved.
#[test]
fn a_runtime_may_end_in_the_middle_of_an_advance() {
    struct EndsRuntime(Mutex<Option<Runtime>>);
    impl Wake for EndsRuntime {
        fn wake(self: Arc<Self>) {
            drop(self.0.lock().unwrap().take());
        }
    }
    let runtime = paused_runtime();
    let held = Arc::new(());
    let in_task = held.clone();
    let task = runtime.spawn(async move {
        let _held = in_task;
        time::advance(DAY).await;
        std::future::pending::<()>().await;
    });
    let handle = runtime.handle().clone();
    let _entered = handle.enter();
    let mut timers: Vec<_> = (1..100).map(|at| Polled::new(sleep(ms(at)))).collect();
    assert!(timers.iter_mut().all(|timer| timer.poll().is_pending()));
    let end = Arc::new(EndsRuntime(Mutex::new(Some(runtime))));
    let waker = Waker::from(end.clone());
    let mut last = Box::pin(sleep(ms(50)));
    assert!(
        last.as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    let mut advance = Polled::new(time::advance(DAY));
    assert!(advance.poll().is_pending());
    // Fires what the clock has passed.
    assert!(advance.poll().is_ready(), "the clock has moved before");
    assert!(end.0.lock().unwrap().is_none(), "the runtime is gone");
    assert!(
        timers.iter().all(|timer| timer.take_wakes() == 1),
        "each was told once"
    );
    assert!(task.is_finished());
    assert_eq!(Arc::strong_count(&held), 1, "the task was dropped");
}

/// A task that waits in `advance` goes with its runtime.
#[test]
fn an_advance_that_is_not_done_outlives_its_runtime() {
    let runtime = paused_runtime();
    let mut advance = runtime.block_on(async {
        let start = Instant::now();
        let mut advance = Polled::new(time::advance(DAY));
        assert!(advance.poll().is_pending());
        assert_eq!(start.elapsed(), DAY);
        advance
    });
    drop(runtime);
    assert!(advance.poll().is_ready());
}

/// The timer is in nobody's own wheel, and the call that waits for it holds the clock back.
#[test]
fn advance_reaches_a_timer_of_a_blocking_call() {
    paused(async {
        let (say, armed) = runtime::sync::oneshot::channel();
        let handle = runtime::Handle::current();
        let call = runtime::spawn_blocking(move || {
            handle.block_on(async {
                let mut limit = Box::pin(sleep(DAY));
                std::future::poll_fn(|cx| {
                    assert!(limit.as_mut().poll(cx).is_pending());
                    std::task::Poll::Ready(())
                })
                .await;
                say.send(()).unwrap();
                limit.await;
            });
        });
        armed.await.unwrap();
        time::advance(2 * DAY).await;
        call.await.unwrap();
    });
}

/// Its end is known to whoever awaits it before the clock may jump to the next timer.
#[test]
fn a_blocking_call_is_heard_before_the_clock_moves() {
    paused(async {
        let start = Instant::now();
        let mut armed = Polled::new(sleep(DAY));
        assert!(armed.poll().is_pending());
        for _ in 0..500 {
            runtime::spawn_blocking(|| ()).await.unwrap();
            assert_eq!(ms_since(start), 0);
        }
    });
}

/// What was cancelled is no reason to move: the thread that is waited for may need the time.
#[test]
fn a_cancelled_timer_does_not_move_the_clock() {
    const ROUNDS: usize = 100;
    let (parking, parks) = mpsc::channel();
    let (say, mut heard) = runtime::sync::mpsc::channel(1);
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .on_thread_park(move || parking.send(()).unwrap_or_default())
        .build()
        .unwrap();
    // Speaks when the runtime parks, so it can only hear after that.
    let thread = std::thread::spawn(move || {
        for _ in (0..ROUNDS).zip(parks) {
            say.blocking_send(()).unwrap();
        }
    });
    runtime.block_on(async {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            let mut cancelled = Polled::new(sleep(DAY));
            assert!(cancelled.poll().is_pending());
            drop(cancelled);
            heard.recv().await.unwrap();
            assert_eq!(ms_since(start), 0);
        }
    });
    thread.join().unwrap();
}

#[test]
fn advance_moves_by_exactly_what_it_is_told() {
    paused(async {
        for duration in [
            ms(1),
            Duration::from_micros(51_592),
            Duration::from_nanos(1),
            DAY,
        ] {
            let start = Instant::now();
            time::advance(duration).await;
            assert_eq!(start.elapsed(), duration);
        }
    });
}

#[test]
fn advance_wakes_what_became_due_before_it_returns() {
    paused(async {
        let start = Instant::now();
        let mut first = Polled::new(sleep_until(start + ms(10)));
        let mut second = Polled::new(sleep_until(start + ms(20)));
        assert!(first.poll().is_pending() && second.poll().is_pending());
        time::advance(ms(9)).await;
        assert_eq!((first.take_wakes(), second.take_wakes()), (0, 0));
        time::advance(ms(1)).await;
        assert_eq!((first.take_wakes(), second.take_wakes()), (1, 0));
        time::advance(DAY).await;
        assert_eq!((first.take_wakes(), second.take_wakes()), (0, 1));
        assert!(first.poll().is_ready() && second.poll().is_ready());
    });
}

/// The same from a clock that stands within a millisecond.
#[test]
fn sleeps_after_a_step_of_less_than_a_millisecond_are_not_early() {
    paused(async {
        let start = Instant::now();
        for us in [100, 980, 990, 1_001, 16_383, 16_385] {
            time::advance(Duration::from_micros(us)).await;
            let before = Instant::now();
            sleep(ms(1)).await;
            assert!(before.elapsed() >= ms(1) && before.elapsed() < ms(2));
            let _whole = ms_since(start);
        }
    });
}

#[test]
fn a_clock_paused_while_timers_are_armed_fires_none_early() {
    current().block_on(async {
        for us in (100..20_000).step_by(617) {
            let duration = Duration::from_micros(us);
            let start = Instant::now();
            let mut armed = Polled::new(sleep(duration));
            if armed.poll().is_ready() {
                // This thread was off its core in between: nothing is armed.
                assert!(start.elapsed() >= duration, "{us}: {:?}", start.elapsed());
                continue;
            }
            time::pause();
            armed.future.as_mut().await;
            assert!(start.elapsed() >= duration, "{us}: {:?}", start.elapsed());
            // Armed under the paused clock, fired by the running one.
            let start = Instant::now();
            let mut armed = Polled::new(sleep(ms(1)));
            assert!(armed.poll().is_pending());
            time::resume();
            armed.future.as_mut().await;
            assert!(start.elapsed() >= ms(1), "{us}: {:?}", start.elapsed());
        }
    });
}

#[test]
fn only_the_runtimes_own_clock_stands() {
    let rt = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let other = current();
    let (first, second) = rt.block_on(async { (Instant::now(), Instant::now()) });
    assert_eq!(first, second);
    other.block_on(async {
        let start = Instant::now();
        sleep(ms(2)).await;
        assert!(start.elapsed() >= ms(2));
    });
    assert_eq!(rt.block_on(async { Instant::now() }), first);
    let outside = Instant::now();
    while Instant::now() == outside {}
}

#[test]
fn a_resumed_clock_goes_on() {
    paused(async {
        let start = Instant::now();
        time::advance(DAY).await;
        time::resume();
        sleep(ms(2)).await;
        assert!(start.elapsed() >= DAY + ms(2) && start.elapsed() < 2 * DAY);
        time::pause();
        let now = Instant::now();
        assert_eq!(now, Instant::now());
    });
}

#[test]
#[should_panic(expected = "time is already frozen")]
fn pausing_twice_is_refused() {
    paused(async { time::pause() });
}

#[test]
#[should_panic(expected = "time is not frozen")]
fn a_running_clock_cannot_be_advanced() {
    current().block_on(time::advance(ms(1)));
}

#[test]
#[should_panic(expected = "time is not frozen")]
fn a_running_clock_cannot_be_resumed() {
    current().block_on(async { time::resume() });
}

#[test]
#[should_panic(expected = "from outside")]
fn there_is_no_clock_to_pause_outside_of_a_runtime() {
    time::pause();
}

/// The root goes on behind the tasks that were queued when it yielded, and before those that the
/// driver woke then; the tasks of the next yield are theirs.
#[test]
fn tasks_whose_timers_an_advance_fires_run_at_the_next_yield() {
    paused(async {
        let sleeper = runtime::spawn(time::sleep(Duration::from_millis(5)));
        runtime::task::yield_now().await;
        time::advance(Duration::from_millis(5)).await;
        assert!(!sleeper.is_finished());
        runtime::task::yield_now().await;
        assert!(sleeper.is_finished());
    });
}
