//! Signals of Unix: what listeners see, whoever sends and whichever runtimes run.
//!
//! All tests share one process, so each has a signal of its own.
#![cfg(unix)]

use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::signal::ctrl_c;
use runtime::signal::unix::{Signal, SignalKind, signal};
use runtime::{Builder, Runtime};
use std::collections::HashSet;
use std::os::raw::c_int;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};

fn raise(signal: c_int) {
    // SAFETY: sends a signal to this process; a handler is installed.
    assert_eq!(unsafe { libc::kill(std::process::id() as i32, signal) }, 0);
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn is_pending(signal: &mut Signal) -> bool {
    signal
        .poll_recv(&mut Context::from_waker(Waker::noop()))
        .is_pending()
}

#[test]
fn a_signal_is_received_as_often_as_it_comes_after_a_look() {
    for runtime in [current_thread(), Runtime::new().unwrap()] {
        runtime.block_on(async {
            let mut signals = signal(SignalKind::user_defined1()).unwrap();
            for _ in 0..100 {
                raise(libc::SIGUSR1);
                assert_eq!(signals.recv().await, Some(()));
            }
        });
    }
}

#[test]
fn signals_before_a_look_are_one() {
    current_thread().block_on(async {
        let mut first = signal(SignalKind::user_defined2()).unwrap();
        let mut second = signal(SignalKind::user_defined2()).unwrap();
        for _ in 0..1_000 {
            raise(libc::SIGUSR2);
        }
        for signals in [&mut first, &mut second] {
            signals.recv().await.unwrap();
            // Another test's runtime may have delivered some of them before.
            let more = std::iter::from_fn(|| (!is_pending(signals)).then_some(()));
            assert!(more.take(1_000).count() < 100);
        }
    });
}

#[test]
fn many_listeners_see_it_and_those_that_left_disturb_nobody() {
    current_thread().block_on(async {
        let listen = || signal(SignalKind::window_change()).unwrap();
        let mut all: Vec<_> = (0..1_000).map(|_| listen()).collect();
        for index in 0..500 {
            drop(all.swap_remove(index));
        }
        let tasks: Vec<_> = all
            .into_iter()
            .map(|mut signals| runtime::spawn(async move { signals.recv().await }))
            .collect();
        runtime::task::yield_now().await;
        raise(libc::SIGWINCH);
        for task in tasks {
            task.await.unwrap().unwrap();
        }
    });
}

#[test]
fn every_runtime_gets_it() {
    let (ready, all_ready) = mpsc::channel();
    for _ in 0..10 {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let ready = ready.clone();
                std::thread::spawn(move || {
                    current_thread().block_on(async {
                        let mut signals = signal(SignalKind::hangup()).unwrap();
                        ready.send(()).unwrap();
                        signals.recv().await
                    })
                })
            })
            .collect();
        (0..4).for_each(|_| all_ready.recv().unwrap());
        raise(libc::SIGHUP);
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
    }
}

#[test]
fn a_runtime_that_nobody_drives_holds_nothing_up() {
    let idle = current_thread();
    let mut of_idle = idle
        .block_on(async { signal(SignalKind::alarm()) })
        .unwrap();
    current_thread().block_on(async {
        let mut signals = signal(SignalKind::alarm()).unwrap();
        raise(libc::SIGALRM);
        signals.recv().await.unwrap();
    });
    // The other runtime is gone; this listener was served by it.
    assert!(!is_pending(&mut of_idle));
    raise(libc::SIGALRM);
    idle.block_on(of_idle.recv()).unwrap();
}

#[test]
fn a_listener_outlives_its_runtime_if_another_listens() {
    let gone = current_thread();
    let mut orphan = gone.block_on(async { signal(SignalKind::io()) }).unwrap();
    drop(gone);
    current_thread().block_on(async {
        let mut other = signal(SignalKind::io()).unwrap();
        raise(libc::SIGIO);
        other.recv().await.unwrap();
        orphan.recv().await.unwrap();
    });
}

/// Runtimes start, listen and end while the signal keeps coming.
#[test]
fn runtimes_start_and_end_under_a_storm() {
    let stop = Arc::new(AtomicBool::new(false));
    let sent = Arc::new(AtomicUsize::new(0));
    let _installed = current_thread().block_on(async { signal(SignalKind::pipe()) });
    let storm = std::thread::spawn({
        let (stop, sent) = (stop.clone(), sent.clone());
        move || {
            while !stop.load(Ordering::Relaxed) {
                raise(libc::SIGPIPE);
                sent.fetch_add(1, Ordering::Relaxed);
                std::thread::yield_now();
            }
        }
    });
    for round in 0..30 {
        let runtime = if round % 2 == 0 {
            current_thread()
        } else {
            Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap()
        };
        runtime.block_on(async {
            let mut signals = signal(SignalKind::pipe()).unwrap();
            let task = runtime::spawn(async move {
                for _ in 0..20 {
                    signals.recv().await.unwrap();
                }
            });
            task.await.unwrap();
        });
    }
    stop.store(true, Ordering::Relaxed);
    storm.join().unwrap();
    assert!(sent.load(Ordering::Relaxed) >= 30 * 20 / 2);
}

/// Far more than 10,000 a second, from two threads: all listeners keep up, none misses the last.
#[test]
fn a_flood_of_signals_is_survived_and_its_end_is_seen() {
    const EACH: usize = 20_000;
    for runtime in [current_thread(), Runtime::new().unwrap()] {
        runtime.block_on(async {
            let ended = Arc::new(AtomicBool::new(false));
            let listeners: Vec<_> = (0..4)
                .map(|_| {
                    let mut signals = signal(SignalKind::window_change()).unwrap();
                    let ended = ended.clone();
                    runtime::spawn(async move {
                        let mut seen = 0;
                        loop {
                            signals.recv().await.unwrap();
                            seen += 1;
                            if ended.load(Ordering::Acquire) {
                                return seen;
                            }
                        }
                    })
                })
                .collect();
            let floods: Vec<_> = (0..2)
                .map(|_| {
                    runtime::task::spawn_blocking(|| {
                        (0..EACH).for_each(|_| raise(libc::SIGWINCH));
                    })
                })
                .collect();
            // Others get on meanwhile.
            let (mut near, mut far) = runtime::io::duplex(8);
            for number in 0..1_000_u32 {
                near.write_u32(number).await.unwrap();
                assert_eq!(far.read_u32().await.unwrap(), number);
            }
            for flood in floods {
                flood.await.unwrap();
            }
            ended.store(true, Ordering::Release);
            // What comes after the last look is never lost.
            raise(libc::SIGWINCH);
            for listener in listeners {
                let seen = listener.await.unwrap();
                assert!((1..=2 * EACH + 1).contains(&seen), "{seen}");
            }
        });
    }
}

#[cfg(target_os = "linux")]
#[test]
fn every_real_time_signal_can_be_received() {
    current_thread().block_on(async {
        let numbers: HashSet<_> = (libc::SIGRTMIN()..=libc::SIGRTMAX()).collect();
        let mut signals: Vec<_> = numbers
            .iter()
            .map(|&number| signal(SignalKind::from_raw(number)).unwrap())
            .collect();
        numbers.iter().for_each(|&number| raise(number));
        for signal in &mut signals {
            signal.recv().await.unwrap();
        }
    });
}

#[test]
fn signals_that_cannot_be_caught_are_refused() {
    current_thread().block_on(async {
        for number in [
            libc::SIGKILL,
            libc::SIGSTOP,
            libc::SIGSEGV,
            0,
            -1,
            127,
            4_000,
        ] {
            let error = signal(SignalKind::from_raw(number)).unwrap_err();
            let sentence = match number {
                127 => "Invalid argument".to_owned(), // the system says so
                128.. => "signal too large".to_owned(),
                _ => format!("Refusing to register signal {number}"),
            };
            assert!(error.to_string().starts_with(&sentence), "{error}");
        }
        // A failure leaves nothing behind that disturbs the next.
        assert!(signal(SignalKind::from_raw(127)).is_err());
    });
}

#[test]
fn without_a_runtime_or_its_reactor_listening_panics() {
    let text = |result: std::thread::Result<()>| {
        let payload = result.unwrap_err();
        let text = payload.downcast_ref::<String>().cloned();
        text.or_else(|| payload.downcast_ref::<&str>().map(|it| it.to_string()))
            .unwrap()
    };
    let outside = std::panic::catch_unwind(|| drop(signal(SignalKind::hangup())));
    assert!(text(outside).contains("no reactor running"));
    let bare = Builder::new_current_thread().build().unwrap();
    let without_io = std::panic::catch_unwind(|| {
        bare.block_on(async { drop(signal(SignalKind::hangup())) });
    });
    assert!(text(without_io).contains("enable_io"));
}

#[test]
fn ctrl_c_completes_at_an_interrupt() {
    current_thread().block_on(async {
        let mut interrupted = std::pin::pin!(ctrl_c());
        // The first poll installs the handler.
        let first = std::future::poll_fn(|cx| Poll::Ready(interrupted.as_mut().poll(cx))).await;
        assert!(first.is_pending());
        raise(libc::SIGINT);
        interrupted.await.unwrap();
    });
}

#[test]
fn kinds_are_numbers() {
    let kinds = [
        (SignalKind::alarm(), libc::SIGALRM),
        (SignalKind::child(), libc::SIGCHLD),
        (SignalKind::hangup(), libc::SIGHUP),
        (SignalKind::interrupt(), libc::SIGINT),
        (SignalKind::io(), libc::SIGIO),
        (SignalKind::pipe(), libc::SIGPIPE),
        (SignalKind::quit(), libc::SIGQUIT),
        (SignalKind::terminate(), libc::SIGTERM),
        (SignalKind::user_defined1(), libc::SIGUSR1),
        (SignalKind::user_defined2(), libc::SIGUSR2),
        (SignalKind::window_change(), libc::SIGWINCH),
    ];
    for (kind, number) in kinds {
        assert_eq!(kind.as_raw_value(), number);
        assert_eq!(SignalKind::from(number), kind);
        assert_eq!(c_int::from(kind), number);
    }
    let distinct: HashSet<_> = kinds.iter().map(|(kind, _)| kind).collect();
    assert_eq!(distinct.len(), kinds.len());
}

/// Futures can be spawned and shared, as tokio's.
#[test]
fn futures_are_send_and_sync() {
    fn both_of<T: Send + Sync>(_: impl FnOnce() -> T) {}
    both_of(ctrl_c);
    fn of_signal(signal: &mut Signal) {
        both_of(|| signal.recv());
    }
    let _ = of_signal;
}
