//! Faults of single system calls. This binary puts functions of its own in the place of the C
//! library's, which std and mio call then; each test decides in a process of its own what they
//! answer.
#![cfg(all(target_os = "linux", target_env = "gnu", feature = "net"))]

mod support;

use libc::{c_int, c_void};
use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::net::{TcpListener, TcpStream};
use runtime::runtime::Builder;
use runtime::sync::mpsc;
use runtime::task;
use std::mem;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::*;

/// Threads that may still be created; `usize::MAX` for any number.
static THREADS_LEFT: AtomicUsize = AtomicUsize::new(usize::MAX);
/// Registrations that may still be made.
static REGISTRATIONS_LEFT: AtomicUsize = AtomicUsize::new(usize::MAX);
/// Every so many-th wait for events is interrupted; 0 for none.
static INTERRUPT_EACH: AtomicUsize = AtomicUsize::new(0);
static WAITS: AtomicUsize = AtomicUsize::new(0);
/// Waits that bring no more than this many events; 0 for any number.
static EVENTS_AT_MOST: AtomicUsize = AtomicUsize::new(0);
/// Added to the monotonic clock, in nanoseconds.
static CLOCK_OFFSET: AtomicI64 = AtomicI64::new(0);
/// Where the clock stands, if it is not 0.
static CLOCK_STANDS: AtomicI64 = AtomicI64::new(0);

/// Takes one of a number that is limited; false if none is left.
fn take(left: &AtomicUsize) -> bool {
    let taken = left.fetch_update(SeqCst, SeqCst, |left| match left {
        usize::MAX => Some(usize::MAX),
        left => left.checked_sub(1),
    });
    taken.is_ok()
}

fn fail(error: c_int) -> c_int {
    // SAFETY: the call has no condition.
    let own = unsafe { libc::__errno_location() };
    // SAFETY: the address is this thread's own `errno`.
    unsafe { *own = error };
    -1
}

type Start = extern "C" fn(*mut c_void) -> *mut c_void;
type CreateThread = unsafe extern "C" fn(
    *mut libc::pthread_t,
    *const libc::pthread_attr_t,
    Start,
    *mut c_void,
) -> c_int;

/// # Safety
///
/// As the function of that name.
#[unsafe(no_mangle)]
unsafe extern "C" fn pthread_create(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    start: Start,
    argument: *mut c_void,
) -> c_int {
    if !take(&THREADS_LEFT) {
        return libc::EAGAIN;
    }
    // SAFETY: the name is a C string; the next definition is the C library's.
    let real = unsafe { libc::dlsym(libc::RTLD_NEXT, c"pthread_create".as_ptr()) };
    // SAFETY: the C library's function has this type.
    let real = unsafe { mem::transmute::<*mut c_void, CreateThread>(real) };
    // SAFETY: the caller's promise.
    unsafe { real(thread, attributes, start, argument) }
}

/// # Safety
///
/// As the function of that name.
#[unsafe(no_mangle)]
unsafe extern "C" fn epoll_ctl(
    poll: c_int,
    operation: c_int,
    fd: c_int,
    event: *mut libc::epoll_event,
) -> c_int {
    if operation == libc::EPOLL_CTL_ADD && !take(&REGISTRATIONS_LEFT) {
        return fail(libc::ENOSPC);
    }
    // SAFETY: the caller's promise.
    unsafe { libc::syscall(libc::SYS_epoll_ctl, poll, operation, fd, event) as c_int }
}

/// # Safety
///
/// As the function of that name.
#[unsafe(no_mangle)]
unsafe extern "C" fn epoll_wait(
    poll: c_int,
    events: *mut libc::epoll_event,
    capacity: c_int,
    timeout_ms: c_int,
) -> c_int {
    let each = INTERRUPT_EACH.load(SeqCst);
    if each > 0 && WAITS.fetch_add(1, SeqCst) % each == 0 {
        return fail(libc::EINTR);
    }
    let capacity = match EVENTS_AT_MOST.load(SeqCst) {
        0 => capacity,
        most => capacity.min(most as c_int),
    };
    let no_mask = std::ptr::null::<c_void>();
    // SAFETY: the caller's promise, for fewer events if at all; no signal mask is given.
    unsafe {
        libc::syscall(
            libc::SYS_epoll_pwait,
            poll,
            events,
            capacity,
            timeout_ms,
            no_mask,
            8,
        ) as c_int
    }
}

/// # Safety
///
/// As the function of that name.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> c_int {
    // SAFETY: the caller's promise.
    let outcome = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) as c_int };
    if outcome == 0 && clock == libc::CLOCK_MONOTONIC {
        // SAFETY: the call succeeded, so the pointer is good and nobody else has it.
        let time = unsafe { &mut *time };
        let real_ns = time.tv_sec * 1_000_000_000 + time.tv_nsec;
        let now_ns = match CLOCK_STANDS.load(SeqCst) {
            0 => real_ns + CLOCK_OFFSET.load(SeqCst),
            stands => stands,
        };
        time.tv_sec = now_ns / 1_000_000_000;
        time.tv_nsec = now_ns % 1_000_000_000;
    }
    outcome
}

const HOUR_NS: i64 = 3_600_000_000_000;

/// At each place: the first worker, a later one, the monitor.
#[test]
fn a_refused_thread_fails_the_build_and_leaves_nothing() {
    in_child!(
        "a_refused_thread_fails_the_build_and_leaves_nothing",
        || {
            let (files_before, threads_before) = (open_files(), threads());
            let (starts, stops) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            // Four workers and the monitor.
            for allowed in 0..5 {
                let (started, stopped) = (starts.clone(), stops.clone());
                let mut builder = Builder::new_multi_thread();
                builder
                    .worker_threads(4)
                    .enable_all()
                    .on_thread_start(move || {
                        started.fetch_add(1, SeqCst);
                        // Work that was begun before the build failed.
                        runtime::spawn(std::future::pending::<()>());
                    })
                    .on_thread_stop(move || {
                        stopped.fetch_add(1, SeqCst);
                    });
                for inside in [false, true] {
                    let build = || {
                        THREADS_LEFT.store(allowed, SeqCst);
                        let outcome = builder.build().map(drop);
                        THREADS_LEFT.store(usize::MAX, SeqCst);
                        outcome
                    };
                    let mut build = build;
                    let outcome = match inside {
                        false => build(),
                        // Where dropping a runtime would panic.
                        true => current().block_on(async { build() }),
                    };
                    let error = outcome.unwrap_err();
                    assert_eq!(error.raw_os_error(), Some(libc::EAGAIN), "after {allowed}");
                    assert_eq!(open_files(), files_before, "after {allowed}");
                    assert_eq!(threads(), threads_before, "after {allowed}");
                    assert_eq!(starts.load(SeqCst), stops.load(SeqCst));
                }
            }
            // And then it works.
            multi(4).block_on(async {
                runtime::spawn(async {}).await.unwrap();
            });
            assert_eq!((open_files(), threads()), (files_before, threads_before));
        },
    );
}

#[test]
fn a_refused_blocking_thread_is_an_error_or_waits_for_those_there_are() {
    in_child!(
        "a_refused_blocking_thread_is_an_error_or_waits_for_those_there_are",
        || {
            for runtime in both(2) {
                runtime.block_on(async {
                    THREADS_LEFT.store(0, SeqCst);
                    let text = panic_text(|| runtime::spawn_blocking(|| {}));
                    assert_contains(&text, &["OS can't spawn worker thread"]);
                    // With one thread, which is busy, further calls wait for it.
                    THREADS_LEFT.store(1, SeqCst);
                    let (release, released) = std::sync::mpsc::channel::<()>();
                    let busy = runtime::spawn_blocking(move || released.recv());
                    let queued: Vec<_> = (0..10)
                        .map(|i| runtime::spawn_blocking(move || i))
                        .collect();
                    drop(release);
                    let _ = busy.await.unwrap();
                    for (i, call) in queued.into_iter().enumerate() {
                        assert_eq!(call.await.unwrap(), i);
                    }
                });
                THREADS_LEFT.store(usize::MAX, SeqCst);
            }
        },
    );
}

/// The worker keeps its core and blocks with it; the monitor has the other one do the rest.
#[test]
fn block_in_place_works_without_a_thread_to_be_had() {
    in_child!("block_in_place_works_without_a_thread_to_be_had", || {
        let runtime = multi(2);
        runtime.block_on(async {
            THREADS_LEFT.store(0, SeqCst);
            for _ in 0..5 {
                let task = runtime::spawn(async {
                    let (say, heard) = std::sync::mpsc::channel();
                    runtime::spawn(async move {
                        runtime::time::sleep(Duration::from_millis(1)).await;
                        say.send(1).unwrap();
                    });
                    let answer = task::block_in_place(|| heard.recv().unwrap());
                    runtime::time::sleep(Duration::from_millis(1)).await;
                    answer
                });
                assert_eq!(task.await.unwrap(), 1);
            }
            THREADS_LEFT.store(usize::MAX, SeqCst);
        });
    });
}

#[test]
fn a_refused_registration_is_an_error_and_leaves_nothing() {
    in_child!(
        "a_refused_registration_is_an_error_and_leaves_nothing",
        || {
            // At build: the waker, the timer.
            let files_before = open_files();
            for allowed in 0..2 {
                REGISTRATIONS_LEFT.store(allowed, SeqCst);
                let error = Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap_err();
                assert_eq!(error.raw_os_error(), Some(libc::ENOSPC));
                assert_eq!(open_files(), files_before);
            }
            REGISTRATIONS_LEFT.store(usize::MAX, SeqCst);
            for runtime in both(2) {
                runtime.block_on(async {
                    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                    let address = listener.local_addr().unwrap();
                    let files_before = open_files();
                    REGISTRATIONS_LEFT.store(0, SeqCst);
                    for _ in 0..1000 {
                        let error = TcpListener::bind("127.0.0.1:0").await.unwrap_err();
                        assert_eq!(error.raw_os_error(), Some(libc::ENOSPC));
                        assert!(TcpStream::connect(address).await.is_err());
                    }
                    assert_eq!(open_files(), files_before);
                    REGISTRATIONS_LEFT.store(usize::MAX, SeqCst);
                    let mut client = TcpStream::connect(address).await.unwrap();
                    // Those refused above are closed by now; one of them is in front.
                    let mut served = false;
                    while !served {
                        let (mut socket, peer) = listener.accept().await.unwrap();
                        served = peer == client.local_addr().unwrap();
                        let _ = socket.write_all(b"!").await;
                    }
                    assert_eq!(client.read_u8().await.unwrap(), b'!');
                });
            }
        },
    );
}

/// Every second wait is interrupted, and one event comes at a time.
#[test]
fn interrupted_waits_and_single_events_lose_nothing() {
    in_child!("interrupted_waits_and_single_events_lose_nothing", || {
        INTERRUPT_EACH.store(2, SeqCst);
        EVENTS_AT_MOST.store(1, SeqCst);
        for runtime in both(2) {
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                let clients: Vec<_> = (0..20_u8)
                    .map(|i| {
                        runtime::spawn(async move {
                            let mut socket = TcpStream::connect(address).await.unwrap();
                            for _ in 0..20 {
                                socket.write_u8(i).await.unwrap();
                                assert_eq!(socket.read_u8().await.unwrap(), i);
                                runtime::time::sleep(Duration::from_micros(200)).await;
                            }
                        })
                    })
                    .collect();
                for _ in 0..20 {
                    let (mut socket, _) = listener.accept().await.unwrap();
                    runtime::spawn(async move {
                        while let Ok(byte) = socket.read_u8().await {
                            socket.write_u8(byte).await.unwrap();
                        }
                    });
                }
                for client in clients {
                    client.await.unwrap();
                }
            });
        }
        assert!(WAITS.load(SeqCst) > 100);
    });
}

/// Each timer that became due fires once, in the order of the deadlines.
#[test]
fn a_clock_that_jumps_ahead_fires_what_is_due_once_and_in_order() {
    in_child!(
        "a_clock_that_jumps_ahead_fires_what_is_due_once_and_in_order",
        || {
            for runtime in both(1) {
                let fired = Arc::new(Mutex::new(Vec::new()));
                let polled = Arc::new(AtomicUsize::new(0));
                runtime.block_on(async {
                    let begin = runtime::time::Instant::now();
                    let (list, count) = (fired.clone(), polled.clone());
                    // From one task, so that all are in one wheel.
                    let armed = runtime::spawn(async move {
                        (0..3000_u64)
                            .map(|i| {
                                // In no order, up to far beyond the jump, and so far apart that the
                                // time that passes by itself does not matter.
                                let second = 100 * (1 + (i * 1009) % 5000);
                                let (list, count) = (list.clone(), count.clone());
                                runtime::spawn(async move {
                                    let deadline = begin + Duration::from_secs(second);
                                    count.fetch_add(1, SeqCst);
                                    runtime::time::sleep_until(deadline).await;
                                    list.lock().unwrap().push(second);
                                })
                            })
                            .collect::<Vec<_>>()
                    });
                    let tasks = armed.await.unwrap();
                    while polled.load(SeqCst) < 3000 {
                        task::yield_now().await;
                    }
                    // The last of them is armed too: its poll has ended.
                    runtime::spawn(async {}).await.unwrap();
                    assert!(fired.lock().unwrap().is_empty());
                    CLOCK_OFFSET.fetch_add(100 * HOUR_NS + 50_000_000_000, SeqCst);
                    // A wait that the system has under way knows nothing of the jump; this ends it.
                    runtime::spawn(async {}).await.unwrap();
                    let due = (0..3000_u64).filter(|i| (i * 1009) % 5000 < 3600).count();
                    while fired.lock().unwrap().len() < due {
                        task::yield_now().await;
                    }
                    runtime::time::sleep(Duration::from_millis(5)).await;
                    let fired = mem::take(&mut *fired.lock().unwrap());
                    assert_eq!(fired.len(), due);
                    assert!(fired.is_sorted());
                    drop(tasks);

                    let mut interval = runtime::time::interval(Duration::from_secs(100));
                    interval.tick().await;
                    CLOCK_OFFSET.fetch_add(1_050_000_000_000, SeqCst);
                    runtime::spawn(async {}).await.unwrap();
                    // The missed ones come at once, then it waits again.
                    for _ in 0..10 {
                        interval.tick().await;
                    }
                    let next = runtime::time::timeout(Duration::from_millis(5), interval.tick());
                    assert!(next.await.is_err());
                });
            }
        },
    );
}

/// Timers are late or early by the step, as they must be; nothing underflows, nobody is lost.
#[test]
fn a_clock_that_goes_back_loses_no_timer() {
    in_child!("a_clock_that_goes_back_loses_no_timer", || {
        CLOCK_OFFSET.store(10 * HOUR_NS, SeqCst);
        for runtime in both(2) {
            runtime.block_on(async {
                let before = runtime::time::Instant::now();
                let armed = runtime::spawn(runtime::time::sleep(Duration::from_secs(1)));
                runtime::time::sleep(Duration::from_millis(1)).await;
                // Before the runtime was made.
                CLOCK_OFFSET.fetch_sub(HOUR_NS, SeqCst);
                assert_eq!(before.elapsed(), Duration::ZERO);
                for _ in 0..10 {
                    runtime::time::sleep(Duration::from_millis(1)).await;
                    runtime::spawn(async {}).await.unwrap();
                    let call = runtime::spawn_blocking(|| {});
                    let limited = runtime::time::timeout(Duration::from_secs(7200), call);
                    limited.await.unwrap().unwrap();
                }
                CLOCK_OFFSET.fetch_add(HOUR_NS + 2_000_000_000, SeqCst);
                runtime::spawn(async {}).await.unwrap();
                runtime::time::sleep(Duration::from_millis(1)).await;
                armed.await.unwrap();
            });
        }
    });
}

#[test]
fn a_clock_that_stands_holds_up_timers_only() {
    in_child!("a_clock_that_stands_holds_up_timers_only", || {
        for runtime in both(2) {
            runtime.block_on(async {
                let mut time = libc::timespec {
                    tv_sec: 0,
                    tv_nsec: 0,
                };
                // SAFETY: writes one `timespec`.
                unsafe { clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
                CLOCK_STANDS.store(time.tv_sec * 1_000_000_000 + time.tv_nsec, SeqCst);
                let begin = Instant::now();
                let sleeper = runtime::spawn(runtime::time::sleep(Duration::from_millis(1)));
                let (sender, mut receiver) = mpsc::unbounded_channel();
                for i in 0..1000 {
                    let sender = sender.clone();
                    runtime::spawn(async move {
                        task::yield_now().await;
                        sender.send(i).unwrap();
                    });
                }
                drop(sender);
                let mut count = 0;
                while receiver.recv().await.is_some() {
                    count += 1;
                }
                assert_eq!(count, 1000);
                assert_eq!(begin.elapsed(), Duration::ZERO);
                assert!(!sleeper.is_finished());
                CLOCK_STANDS.store(0, SeqCst);
                sleeper.await.unwrap();
            });
        }
    });
}

#[test]
fn a_timer_beyond_all_time_never_fires_and_can_be_cancelled() {
    let _bound = hang_bound();
    for runtime in both(2) {
        runtime.block_on(async {
            let never = runtime::spawn(runtime::time::sleep(Duration::MAX));
            let pending = std::future::pending::<()>();
            let limited = runtime::spawn(runtime::time::timeout(Duration::MAX, pending));
            let far = Instant::now() + Duration::from_secs(300 * 365 * 86_400);
            let far = runtime::spawn(runtime::time::sleep_until(far.into()));
            runtime::time::sleep(Duration::from_millis(2)).await;
            for task in [never, far] {
                assert!(!task.is_finished());
                task.abort();
                assert!(task.await.unwrap_err().is_cancelled());
            }
            limited.abort();
            assert!(limited.await.is_err());
            assert!(
                runtime::time::timeout(Duration::MAX, async { 1 })
                    .await
                    .is_ok()
            );
        });
    }
}
