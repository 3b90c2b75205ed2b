//! `timeout` and `timeout_at`.

use crate::support::{Polled, current, ms, ms_since, paused, yield_once};
use runtime::time::error::{Elapsed, Error};
use runtime::time::{self, Duration, Instant, timeout, timeout_at};
use std::future::{Future, IntoFuture, pending, poll_fn, ready};
use std::io;
use std::task::Poll;

#[test]
fn a_ready_future_wins_even_without_time() {
    paused(async {
        assert_eq!(timeout(Duration::ZERO, ready(1)).await, Ok(1));
        assert_eq!(
            timeout_at(Instant::now() - Duration::from_nanos(1), async { 2 }).await,
            Ok(2)
        );
        // Ready in the very poll in which the time is over.
        let mut late = Polled::new(timeout(ms(5), time::sleep(ms(5))));
        assert!(late.poll().is_pending());
        time::advance(ms(5)).await;
        assert_eq!(late.poll(), Poll::Ready(Ok(())));
    });
}

#[test]
fn a_limit_of_no_time_waits_for_the_drivers_next_turn() {
    current().block_on(async {
        let start = Instant::now();
        let mut none = Polled::new(timeout(Duration::ZERO, pending::<()>()));
        assert!(none.poll().is_pending());
        assert!(none.future.await.is_err());
        let mut past = Polled::new(timeout_at(start, pending::<()>()));
        assert!(matches!(past.poll(), Poll::Ready(Err(_))), "long over");
    });
}

#[test]
fn a_pending_future_is_stopped_at_the_deadline() {
    paused(async {
        let start = Instant::now();
        assert!(timeout(ms(5), pending::<()>()).await.is_err());
        assert_eq!(ms_since(start), 5);
        assert!(timeout_at(start + ms(8), pending::<()>()).await.is_err());
        assert_eq!(ms_since(start), 8);
        assert!(timeout(Duration::ZERO, pending::<()>()).await.is_err());
        assert_eq!(ms_since(start), 8);
    });
}

#[test]
fn a_future_that_ends_in_time_takes_no_longer() {
    paused(async {
        let start = Instant::now();
        assert!(timeout(Duration::MAX, time::sleep(ms(7))).await.is_ok());
        assert_eq!(ms_since(start), 7);
    });
}

#[test]
fn dropping_the_timeout_drops_the_future() {
    paused(async {
        let (alive, gone) = (std::sync::Arc::new(()), std::sync::Arc::new(()));
        let guard = alive.clone();
        let limited = timeout(ms(5), async move {
            let _guard = guard;
            pending::<()>().await;
        });
        assert!(limited.await.is_err());
        assert_eq!(std::sync::Arc::strong_count(&alive), 1);
        let kept = timeout(ms(5), ready(gone.clone())).into_inner();
        assert_eq!(std::sync::Arc::strong_count(&gone), 2);
        drop(kept);
    });
}

#[test]
fn the_future_inside_can_be_reached() {
    paused(async {
        let mut limited = timeout(ms(5), ready(1));
        let _: &std::future::Ready<i32> = limited.get_ref();
        *limited.get_mut() = ready(2);
        assert_eq!(limited.into_inner().await, 2);
    });
}

#[test]
fn anything_that_becomes_a_future_can_be_limited() {
    struct Answer;
    impl IntoFuture for Answer {
        type Output = i32;
        type IntoFuture = std::future::Ready<i32>;
        fn into_future(self) -> Self::IntoFuture {
            ready(42)
        }
    }
    paused(async { assert_eq!(timeout(ms(1), Answer).await, Ok(42)) });
}

/// A future that uses its whole budget in each poll is stopped nevertheless.
#[test]
fn a_spent_budget_does_not_hold_the_limit_back() {
    paused(async {
        let spends_all = poll_fn(|cx| {
            loop {
                let mut over = std::pin::pin!(time::sleep(Duration::ZERO));
                if over.as_mut().poll(cx).is_pending() {
                    return Poll::<()>::Pending;
                }
            }
        });
        let start = Instant::now();
        let mut limited = std::pin::pin!(timeout(ms(5), spends_all));
        let mut polls = 0;
        let outcome = poll_fn(|cx| {
            polls += 1;
            assert!(polls < 10_000, "never stopped");
            limited.as_mut().poll(cx)
        });
        let mover = async {
            time::advance(ms(10)).await;
            pending::<()>().await;
        };
        let mut mover = std::pin::pin!(mover);
        let mut outcome = std::pin::pin!(outcome);
        let ended = poll_fn(|cx| {
            let _ = mover.as_mut().poll(cx);
            outcome.as_mut().poll(cx)
        });
        assert!(ended.await.is_err());
        assert_eq!(ms_since(start), 10);
    });
}

#[test]
fn it_works_on_the_systems_clock() {
    current().block_on(async {
        let start = std::time::Instant::now();
        assert!(timeout(ms(3), pending::<()>()).await.is_err());
        assert!(start.elapsed() >= ms(3));
        for _ in 0..1_000 {
            assert_eq!(timeout(Duration::from_secs(60), yield_once()).await, Ok(()));
        }
    });
}

#[test]
fn the_errors_say_what_they_are() {
    let elapsed: Elapsed = paused(timeout_never()).unwrap_err();
    assert_eq!(elapsed.to_string(), "deadline has elapsed");
    let io = io::Error::from(elapsed);
    assert_eq!(io.kind(), io::ErrorKind::TimedOut);
    assert_eq!(io.to_string(), "timed out");
    assert!(io.get_ref().is_none());
    for (error, is_shutdown, is_at_capacity, is_invalid) in [
        (Error::shutdown(), true, false, false),
        (Error::at_capacity(), false, true, false),
        (Error::invalid(), false, false, true),
    ] {
        assert_eq!(error.is_shutdown(), is_shutdown);
        assert_eq!(error.is_at_capacity(), is_at_capacity);
        assert_eq!(error.is_invalid(), is_invalid);
        assert!(!error.to_string().is_empty());
    }
}

async fn timeout_never() -> Result<(), Elapsed> {
    timeout(ms(1), pending()).await
}
