//! A paused clock: `pause`, `resume`, `advance`, and the jump to the next timer.

mod time_support;

use runtime::runtime::Builder;
use runtime::time::{self, Duration, Instant, sleep, sleep_until};
use time_support::{Polled, ms, ms_since, paused, real};

const DAY: Duration = Duration::from_secs(86_400);

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

/// What was cancelled is no reason to move: the thread that is waited for may need the time.
#[test]
fn a_cancelled_timer_does_not_move_the_clock() {
    paused(async {
        let start = Instant::now();
        let mut cancelled = Box::pin(sleep(DAY));
        std::future::poll_fn(|cx| {
            assert!(cancelled.as_mut().poll(cx).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        drop(cancelled);
        let (say, heard) = runtime::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(ms(20));
            say.send(()).unwrap();
        });
        heard.await.unwrap();
        thread.join().unwrap();
        assert_eq!(ms_since(start), 0);
    });
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
        assert_eq!((first.wakes(), second.wakes()), (0, 0));
        time::advance(ms(1)).await;
        assert_eq!((first.wakes(), second.wakes()), (1, 0));
        time::advance(DAY).await;
        assert_eq!((first.wakes(), second.wakes()), (0, 1));
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
    real().block_on(async {
        for us in (100..20_000).step_by(617) {
            let duration = Duration::from_micros(us);
            let start = Instant::now();
            let mut armed = Polled::new(sleep(duration));
            let is_pending = armed.poll().is_pending();
            time::pause();
            armed.future.as_mut().await;
            assert!(start.elapsed() >= duration, "{us}: {:?}", start.elapsed());
            assert!(is_pending || us < 1_000);
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
    let other = real();
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
    real().block_on(time::advance(ms(1)));
}

#[test]
#[should_panic(expected = "time is not frozen")]
fn a_running_clock_cannot_be_resumed() {
    real().block_on(async { time::resume() });
}

#[test]
#[should_panic(expected = "from outside")]
fn there_is_no_clock_to_pause_outside_of_a_runtime() {
    time::pause();
}
