//! The builder: wrong values and where they are blamed, switches that change nothing, seeds.

use crate::support::*;
use runtime::runtime::{
    Builder, HistogramConfiguration, HistogramScale, LogHistogram, RngSeed, Runtime,
};
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::time::Duration;

thread_local! {
    /// Whether this thread asks where it panics, and where it did.
    static ASKS: Cell<bool> = const { Cell::new(false) };
    static PLACE: Cell<Option<String>> = const { Cell::new(None) };
}

/// The file that the panic of `f` is blamed on.
fn blamed(f: impl FnOnce()) -> Option<String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| match ASKS.get() {
            true => PLACE.set(info.location().map(|place| place.file().to_owned())),
            false => report(info),
        }));
    });
    ASKS.set(true);
    let caught = panic::catch_unwind(AssertUnwindSafe(f));
    ASKS.set(false);
    assert!(caught.is_err());
    PLACE.take()
}

#[test]
fn wrong_values_are_blamed_on_whoever_gave_them() {
    type Wrong = fn(&mut Builder);
    #[allow(deprecated)]
    let wrong: [Wrong; 13] = [
        |builder| _ = builder.worker_threads(0),
        |builder| _ = builder.max_blocking_threads(0),
        |builder| _ = builder.global_queue_interval(0),
        |builder| _ = builder.event_interval(0),
        |builder| _ = builder.max_io_events_per_tick(0),
        |builder| _ = builder.name(" "),
        |builder| _ = builder.metrics_poll_count_histogram_resolution(Duration::ZERO),
        |builder| _ = builder.metrics_poll_count_histogram_buckets(0),
        |_| _ = HistogramConfiguration::linear(Duration::ZERO, 1),
        |_| _ = HistogramConfiguration::linear(Duration::from_nanos(1), 0),
        |_| _ = LogHistogram::builder().max_error(0.0),
        |_| _ = LogHistogram::builder().precision_exact(11),
        |builder| _ = builder.build_local(Default::default()),
    ];
    for (number, wrong) in wrong.into_iter().enumerate() {
        let file = blamed(|| wrong(&mut Builder::new_multi_thread()));
        assert_eq!(file.as_deref(), Some(file!()), "{number}");
    }
}

/// Texts that programs' own tests wait for.
#[test]
fn refused_values_are_told_in_tokios_words() {
    let text = |wrong: fn(&mut Builder)| panic_text(|| wrong(&mut Builder::new_multi_thread()));
    let told = text(|builder| _ = builder.event_interval(0));
    assert_eq!(told, "event_interval must be greater than 0");
    let told = text(|builder| _ = builder.start_paused(true).build());
    assert!(told.starts_with("`time::pause()` requires the `current_thread` Tokio runtime"));
    let told = text(|_| _ = runtime::io::duplex(0));
    assert!(told.starts_with("`max_buf_size` must be greater than 0"));
    let told = text(|_| _ = runtime::sync::Semaphore::new(usize::MAX));
    let max = format!("{}", usize::MAX >> 3);
    assert_eq!(
        told,
        format!("a semaphore may not have more than MAX_PERMITS permits ({max})")
    );
}

/// std panics when it is asked for such a thread: nothing that was begun may wait for it.
#[test]
fn a_thread_that_cannot_be_named_is_a_panic_or_an_error_and_no_hang() {
    let _bound = hang_bound();
    for workers in [1, 4] {
        let names = std::sync::atomic::AtomicUsize::new(0);
        let mut builder = Builder::new_multi_thread();
        // The last worker's name is the wrong one: the others run by then.
        builder.worker_threads(workers).thread_name_fn(move || {
            let number = names.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            if number + 1 == workers { "a\0b" } else { "a" }.to_owned()
        });
        let text = panic_text(|| drop(builder.build()));
        assert!(text.contains("thread name may not contain"), "{text}");
    }
    let runtime = Builder::new_current_thread()
        .thread_name("a\0b")
        .build()
        .unwrap();
    let refused = panic::catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(runtime.spawn_blocking(|| ()))
    }));
    assert!(!matches!(refused, Ok(Ok(()))), "there is no such thread");
}

#[test]
fn switches_of_other_designs_are_accepted() {
    let _bound = hang_bound();
    let mut builder = Builder::new_multi_thread();
    builder
        .worker_threads(1)
        .enable_all()
        .enable_alt_timer()
        .enable_eager_driver_handoff()
        .enable_sharded_blocking_queue();
    #[cfg(unix)]
    builder.enable_io_uring();
    let runtime = builder.build().unwrap();
    runtime.block_on(async {
        let task = runtime::spawn(runtime::time::sleep(Duration::from_millis(1)));
        task.await.unwrap();
        runtime::task::spawn_blocking(|| ()).await.unwrap();
    });
}

/// The last word counts, and neither way to configure enables.
#[test]
#[allow(deprecated)]
fn histograms_are_configured_in_two_ways() {
    let buckets = |configure: fn(&mut Builder)| {
        let mut builder = Builder::new_current_thread();
        configure(&mut builder);
        builder
            .build()
            .unwrap()
            .metrics()
            .poll_time_histogram_num_buckets()
    };
    let linear = HistogramConfiguration::linear(Duration::from_millis(1), 7);
    let metrics = Builder::new_current_thread()
        .metrics_poll_time_histogram_configuration(linear)
        .metrics_poll_count_histogram_buckets(3)
        .build()
        .unwrap()
        .metrics();
    assert!(!metrics.poll_time_histogram_enabled());
    let usual = buckets(|builder| _ = builder.enable_metrics_poll_time_histogram());
    assert_eq!(usual, 10);
    let old = |builder: &mut Builder| {
        let builder = builder.enable_metrics_poll_count_histogram();
        let builder = builder.metrics_poll_count_histogram_scale(HistogramScale::Log);
        builder.metrics_poll_count_histogram_buckets(20);
    };
    assert_eq!(buckets(old), 20);
    let both = |builder: &mut Builder| {
        let builder = builder.enable_metrics_poll_time_histogram();
        builder.metrics_poll_count_histogram_buckets(20);
        builder.metrics_poll_time_histogram_configuration(HistogramConfiguration::log(
            LogHistogram::default(),
        ));
    };
    assert_eq!(buckets(both), 119);
}

fn seeded(mut builder: Builder, seed: &[u8]) -> Runtime {
    builder.rng_seed(RngSeed::from_bytes(seed)).build().unwrap()
}

#[cfg(feature = "macros")]
async fn choices() -> Vec<usize> {
    let mut choices = Vec::new();
    for _ in 0..64 {
        let choice = runtime::select! {
            _ = async {} => 0,
            _ = async {} => 1,
            _ = async {} => 2,
        };
        choices.push(choice);
    }
    choices
}

#[cfg(feature = "macros")]
#[test]
fn a_seed_repeats_the_choices_of_select() {
    let _bound = hang_bound();
    let one_worker = || {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1);
        builder
    };
    let in_tasks = |seed: &[u8]| {
        [Builder::new_current_thread(), one_worker()].map(|builder| {
            let runtime = seeded(builder, seed);
            let roots = [(); 2].map(|()| runtime.block_on(choices()));
            let task = runtime.block_on(runtime.spawn(choices())).unwrap();
            (roots, task)
        })
    };
    let first = in_tasks(b"one");
    assert_eq!(first, in_tasks(b"one"));
    assert_ne!(first, in_tasks(b"two"));
    let (roots, task) = &first[0];
    assert_ne!(roots[0], roots[1], "each `block_on` has numbers of its own");
    assert_ne!(roots[0], *task);
    let counts = [0, 1, 2].map(|choice| roots[0].iter().filter(|&&made| made == choice).count());
    assert!(counts.iter().all(|&count| count > 0), "{counts:?}");
}

#[test]
fn the_alternative_timer_is_a_timer() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_alt_timer()
        .build()
        .unwrap();
    runtime.block_on(async { runtime::time::sleep(Duration::from_millis(1)).await });
}
