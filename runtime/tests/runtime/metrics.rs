//! The counters of a runtime: what they count, on each flavour.

use crate::support::*;
use runtime::runtime::{
    Builder, HistogramConfiguration, LogHistogram, Runtime, RuntimeMetrics, worker_index,
};
use runtime::task::{block_in_place, consume_budget, yield_now};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;

/// Waits until something that another thread does is to be seen.
fn until(condition: impl Fn() -> bool) {
    while !condition() {
        std::thread::yield_now();
    }
}

fn sum<T: std::iter::Sum>(metrics: &RuntimeMetrics, read: impl Fn(usize) -> T) -> T {
    (0..metrics.num_workers()).map(read).sum()
}

#[test]
fn spawned_tasks_are_counted_from_everywhere() {
    let _bound = hang_bound();
    for runtime in [current(), multi(1), multi(2)] {
        let metrics = runtime.metrics();
        assert_eq!(metrics.spawned_tasks_count(), 0);
        runtime.block_on(async {
            for _ in 0..10 {
                let task = runtime::spawn(async { runtime::spawn(async {}).await.unwrap() });
                task.await.unwrap();
            }
            runtime::task::spawn_blocking(|| ()).await.unwrap();
        });
        let handle = runtime.handle().clone();
        std::thread::spawn(move || drop(handle.spawn(async {})))
            .join()
            .unwrap();
        assert_eq!(metrics.spawned_tasks_count(), 21);
        drop(runtime);
        assert_eq!(metrics.spawned_tasks_count(), 21);
        assert_eq!(metrics.num_alive_tasks(), 0);
    }
}

#[test]
fn polls_are_counted_once_each() {
    let _bound = hang_bound();
    for runtime in [current(), multi(1), multi(2)] {
        let metrics = runtime.metrics();
        runtime
            .block_on(runtime.spawn(async {
                for _ in 0..9 {
                    yield_now().await;
                }
            }))
            .unwrap();
        drop(runtime);
        assert_eq!(
            sum(&metrics, |worker| metrics.worker_poll_count(worker)),
            10
        );
        assert_eq!(
            sum(&metrics, |worker| metrics.worker_overflow_count(worker)),
            0
        );
    }
}

/// Asleep it stands still, awake it grows, also while one poll runs.
#[test]
fn busy_time_grows_while_a_worker_is_awake() {
    let _bound = hang_bound();
    let runtime = multi(1);
    let metrics = runtime.metrics();
    let ((started, has_started), (stop, stopped)) = (mpsc::channel(), mpsc::channel());
    let task = runtime.spawn(async move {
        started.send(()).unwrap();
        stopped.recv().unwrap();
    });
    has_started.recv().unwrap();
    let first = metrics.worker_total_busy_duration(0);
    until(|| metrics.worker_total_busy_duration(0) >= first + Duration::from_millis(2));
    stop.send(()).unwrap();
    runtime.block_on(task).unwrap();
    until(|| metrics.worker_park_unpark_count(0) % 2 == 1);
    assert!(metrics.worker_total_busy_duration(0) > first);
    assert!(metrics.worker_mean_poll_time(0) > Duration::ZERO);
    drop(runtime);
    let last = metrics.worker_total_busy_duration(0);
    assert_eq!(metrics.worker_total_busy_duration(0), last);
}

#[test]
fn a_current_thread_runtime_is_busy_only_in_block_on() {
    let runtime = current();
    let metrics = runtime.metrics();
    assert_eq!(metrics.worker_total_busy_duration(0), Duration::ZERO);
    runtime.block_on(async {
        let first = metrics.worker_total_busy_duration(0);
        until(|| metrics.worker_total_busy_duration(0) > first);
    });
    let busy = metrics.worker_total_busy_duration(0);
    assert!(busy > Duration::ZERO);
    assert_eq!(metrics.worker_total_busy_duration(0), busy);
    assert_eq!(metrics.worker_mean_poll_time(0), Duration::ZERO);
}

#[test]
fn sleeps_and_wakes_alternate() {
    let _bound = hang_bound();
    for runtime in [current(), multi(1), multi(2)] {
        let metrics = runtime.metrics();
        runtime.block_on(async { runtime::time::sleep(Duration::from_millis(1)).await });
        for worker in 0..metrics.num_workers() {
            until(|| metrics.worker_park_count(worker) >= 1);
        }
        drop(runtime);
        for worker in 0..metrics.num_workers() {
            let parks = metrics.worker_park_count(worker);
            assert_eq!(metrics.worker_park_unpark_count(worker), 2 * parks);
            assert!(metrics.worker_noop_count(worker) >= 1);
        }
    }
}

#[test]
fn threads_of_workers_are_known() {
    let _bound = hang_bound();
    let runtime = current();
    let metrics = runtime.metrics();
    assert_eq!(metrics.worker_thread_id(0), None);
    let here = std::thread::current().id();
    runtime.block_on(async { assert_eq!(metrics.worker_thread_id(0), Some(here)) });
    let there = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            runtime.block_on(async {});
            std::thread::current().id()
        });
        thread.join().unwrap()
    });
    assert_eq!(metrics.worker_thread_id(0), Some(there));

    let runtime = multi(1);
    let metrics = runtime.metrics();
    let task = runtime.spawn(async move {
        let here = Some(std::thread::current().id());
        assert_eq!(metrics.worker_thread_id(0), here);
        // Another thread takes the worker over.
        block_in_place(|| until(|| metrics.worker_thread_id(0) != here));
    });
    runtime.block_on(task).unwrap();
}

#[test]
fn a_thread_knows_which_worker_it_is() {
    let _bound = hang_bound();
    assert_eq!(worker_index(), None);
    for (runtime, in_root) in [(current(), Some(0)), (multi(1), None)] {
        let other = current();
        assert_eq!(runtime.block_on(async { worker_index() }), in_root);
        let inside = runtime.spawn(async move {
            let _entered = other.enter();
            let index = worker_index();
            let blocking = runtime::task::spawn_blocking(worker_index);
            drop(_entered);
            other.shutdown_background();
            (index, blocking)
        });
        let (index, blocking) = runtime.block_on(inside).unwrap();
        assert_eq!(index, Some(0));
        if let Ok(index) = runtime.block_on(blocking) {
            assert_eq!(index, None);
        }
        assert_eq!(runtime.handle().block_on(async { worker_index() }), None);
    }
    let runtime = multi(1);
    let inside = runtime.spawn(async {
        block_in_place(|| {
            let nested = current().block_on(async { worker_index() });
            (worker_index(), nested)
        })
    });
    assert_eq!(runtime.block_on(inside).unwrap(), (None, Some(0)));
}

/// A poll without budget counts once, whatever it asks for, in tasks and in `block_on`.
#[test]
fn forced_yields_are_counted_per_poll() {
    let _bound = hang_bound();
    let exhaust = || async {
        let mut polls = 0;
        poll_fn(|cx| {
            polls += 1;
            if polls > 3 {
                return Poll::Ready(());
            }
            while pin!(consume_budget()).poll(cx).is_ready() {}
            assert!(pin!(consume_budget()).poll(cx).is_pending());
            Poll::Pending
        })
        .await;
    };
    for runtime in [current(), multi(1), multi(2)] {
        let metrics = runtime.metrics();
        runtime.block_on(yield_now());
        assert_eq!(metrics.budget_forced_yield_count(), 0);
        runtime.block_on(exhaust());
        assert_eq!(metrics.budget_forced_yield_count(), 3);
        runtime.block_on(runtime.spawn(exhaust())).unwrap();
        assert_eq!(metrics.budget_forced_yield_count(), 6);
        // A semaphore's queue counts as well.
        runtime.block_on(async {
            let semaphore = runtime::sync::Semaphore::new(1);
            for _ in 0..129 {
                drop(semaphore.acquire().await.unwrap());
            }
        });
        assert_eq!(metrics.budget_forced_yield_count(), 7);
    }
}

#[cfg(feature = "net")]
#[test]
fn sources_of_events_are_counted() {
    let _bound = hang_bound();
    let runtime = current();
    let metrics = runtime.metrics();
    let counts = || {
        (
            metrics.io_driver_fd_registered_count(),
            metrics.io_driver_fd_deregistered_count(),
        )
    };
    assert_eq!(counts(), (0, 0));
    runtime.block_on(async {
        let listener = runtime::net::TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap();
        assert_eq!(counts(), (1, 0));
        let address = listener.local_addr().unwrap();
        let (client, server) =
            runtime::join!(runtime::net::TcpStream::connect(address), listener.accept());
        assert_eq!(counts(), (3, 0));
        assert!(metrics.io_driver_ready_count() >= 2);
        drop((client, server));
        assert_eq!(counts(), (3, 2));
    });
    assert_eq!(counts(), (3, 3));
    let without = Builder::new_current_thread().build().unwrap().metrics();
    assert_eq!(without.io_driver_fd_registered_count(), 0);
    assert_eq!(without.io_driver_ready_count(), 0);
}

/// After one yield of the root a source that is ready is known to be.
#[cfg(all(feature = "net", unix))]
#[test]
fn a_root_that_yields_once_sees_what_is_ready() {
    let runtime = current();
    runtime.block_on(async {
        let (one, other) = runtime::net::UnixStream::pair().unwrap();
        yield_now().await;
        let mut buffer = [0];
        let error = one.try_read(&mut buffer).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
        assert_eq!(other.try_write(&[7]).unwrap(), 1);
        yield_now().await;
        assert_eq!(one.try_read(&mut buffer).unwrap(), 1);
    });
}

fn with_histograms(mut builder: Builder) -> Runtime {
    builder
        .enable_metrics_poll_time_histogram()
        .enable_metrics_schedule_latency_histogram()
        .metrics_poll_time_histogram_configuration(HistogramConfiguration::linear(
            Duration::from_millis(50),
            3,
        ))
        .metrics_schedule_latency_histogram_configuration(HistogramConfiguration::log(
            LogHistogram::default(),
        ))
        .build()
        .unwrap()
}

fn builders() -> [Builder; 3] {
    let mut one = Builder::new_multi_thread();
    one.worker_threads(1);
    let mut two = Builder::new_multi_thread();
    two.worker_threads(2);
    [Builder::new_current_thread(), one, two]
}

#[test]
fn histograms_count_each_poll_once() {
    let _bound = hang_bound();
    const POLLS: u64 = 50;
    for builder in builders() {
        let runtime = with_histograms(builder);
        let metrics = runtime.metrics();
        runtime.block_on(async {
            for _ in 0..POLLS / 2 {
                runtime::spawn(yield_now()).await.unwrap();
            }
        });
        drop(runtime);
        assert!(metrics.poll_time_histogram_enabled());
        assert_eq!(metrics.poll_time_histogram_num_buckets(), 3);
        assert_eq!(metrics.schedule_latency_histogram_num_buckets(), 119);
        let times = sum(&metrics, |worker| {
            let counts =
                (0..3).map(|bucket| metrics.poll_time_histogram_bucket_count(worker, bucket));
            counts.sum::<u64>()
        });
        let latencies = sum(&metrics, |worker| {
            let counts = (0..119)
                .map(|bucket| metrics.schedule_latency_histogram_bucket_count(worker, bucket));
            counts.sum::<u64>()
        });
        assert_eq!((times, latencies), (POLLS, POLLS));
    }
}

#[test]
fn a_long_poll_is_in_a_late_bucket() {
    let _bound = hang_bound();
    for builder in builders() {
        let runtime = with_histograms(builder);
        let metrics = runtime.metrics();
        let long = runtime.spawn(async {
            let start = std::time::Instant::now();
            until(|| start.elapsed() >= Duration::from_millis(100));
        });
        runtime.block_on(long).unwrap();
        drop(runtime);
        assert_eq!(
            sum(&metrics, |worker| metrics
                .poll_time_histogram_bucket_count(worker, 2)),
            1
        );
        let last = metrics.poll_time_histogram_bucket_range(2);
        assert_eq!(
            last,
            Duration::from_millis(100)..Duration::from_nanos(u64::MAX)
        );
    }
}

/// A poll that hands its worker on still counts, on whichever thread it ends.
#[test]
fn a_poll_that_blocks_in_place_is_counted() {
    let _bound = hang_bound();
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1);
    let runtime = with_histograms(builder);
    let metrics = runtime.metrics();
    for _ in 0..20 {
        runtime
            .block_on(runtime.spawn(async { block_in_place(|| ()) }))
            .unwrap();
    }
    drop(runtime);
    let counts = (0..3).map(|bucket| metrics.poll_time_histogram_bucket_count(0, bucket));
    assert_eq!(counts.sum::<u64>(), 20);
}

#[test]
fn without_histograms_there_is_nothing_to_read() {
    let metrics = current().metrics();
    assert!(!metrics.poll_time_histogram_enabled());
    assert!(!metrics.schedule_latency_histogram_enabled());
    assert_eq!(metrics.poll_time_histogram_num_buckets(), 0);
    assert_eq!(metrics.poll_time_histogram_bucket_count(0, 7), 0);
    assert!(
        metrics
            .schedule_latency_histogram_bucket_range(7)
            .is_empty()
    );
}

#[test]
fn readers_of_what_is_not_there_panic() {
    let metrics = with_histograms(Builder::new_current_thread()).metrics();
    type Read = fn(&RuntimeMetrics) -> String;
    let reads: [Read; 8] = [
        |metrics| format!("{:?}", metrics.worker_total_busy_duration(1)),
        |metrics| format!("{:?}", metrics.worker_thread_id(1)),
        |metrics| format!("{:?}", metrics.worker_overflow_count(1)),
        |metrics| format!("{:?}", metrics.worker_mean_poll_time(1)),
        |metrics| format!("{:?}", metrics.poll_time_histogram_bucket_count(0, 3)),
        |metrics| format!("{:?}", metrics.poll_time_histogram_bucket_count(1, 0)),
        |metrics| format!("{:?}", metrics.poll_time_histogram_bucket_range(3)),
        |metrics| format!("{:?}", metrics.schedule_latency_histogram_bucket_range(119)),
    ];
    for (number, read) in reads.into_iter().enumerate() {
        let text = panic_text(|| read(&metrics));
        assert!(
            text.contains("there is no") || text.contains("has no"),
            "{number}: {text}"
        );
    }
}

/// Also one whose thread begins after the runtime was dropped.
#[test]
fn the_end_of_an_idle_runtime_wakes_each_worker_in_vain() {
    for _ in 0..50 {
        let runtime = Builder::new_multi_thread()
            .worker_threads(3)
            .build()
            .unwrap();
        let metrics = runtime.metrics();
        drop(runtime);
        for worker in 0..3 {
            assert!(metrics.worker_noop_count(worker) > 0, "worker {worker}");
            assert!(metrics.worker_park_count(worker) > 0, "worker {worker}");
            assert_eq!(metrics.worker_park_unpark_count(worker) % 2, 0);
        }
    }
}
