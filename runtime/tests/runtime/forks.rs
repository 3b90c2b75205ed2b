//! Processes that fork while a runtime lives, or after one: the child makes a runtime of its own.
//! Neither takes from the other what tells of signals, input and children.
#![cfg(all(
    target_os = "linux",
    feature = "net",
    feature = "process",
    feature = "signal"
))]

use crate::support::*;
use libc::c_int;
use runtime::io::{AsyncReadExt, AsyncWriteExt};
use runtime::net::{TcpListener, TcpStream};
use runtime::process::Command;
use runtime::runtime::Runtime;
use runtime::signal::unix::{Signal, SignalKind, signal};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::process::Stdio;
use std::sync::mpsc;
use std::task::{Context, Waker};
use std::time::Duration;

/// Nothing here takes long.
const HANG: Duration = Duration::from_secs(30);

/// A fork that runs `f`, and fails by a panic of it.
struct Fork(libc::pid_t);

fn fork(f: impl FnOnce()) -> Fork {
    // SAFETY: the other threads of this process hold no lock that the child takes, but for a
    // moment, and the child has a bound on its life.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child > 0 {
        return Fork(child);
    }
    // SAFETY: ends the child by a signal, should it hang.
    unsafe { libc::alarm(HANG.as_secs() as u32) };
    let outcome = catch_unwind(AssertUnwindSafe(f));
    // SAFETY: ends the child without running anything of the parent's.
    unsafe { libc::_exit(i32::from(outcome.is_err())) };
}

impl Fork {
    #[track_caller]
    fn must_pass(self) {
        let mut status = -1;
        // SAFETY: waits for a child that nobody else waits for; the pointer is to an integer.
        let waited = unsafe { libc::waitpid(self.0, &raw mut status, 0) };
        assert_eq!((waited, status), (self.0, 0), "the child's status");
    }
}

fn raise(number: c_int) {
    let me = std::process::id() as libc::pid_t;
    // SAFETY: a signal to this process, which catches it.
    assert_eq!(unsafe { libc::kill(me, number) }, 0);
}

async fn within_bounds<T>(future: impl Future<Output = T>) -> T {
    let limited = runtime::time::timeout(HANG / 2, future).await;
    limited.expect("it comes in time")
}

fn is_pending(signal: &mut Signal) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    pin!(signal.recv()).poll(&mut cx).is_pending()
}

/// All that a program does with a runtime of its own.
fn use_a_runtime(kind: SignalKind) {
    for runtime in both(2) {
        runtime.block_on(within_bounds(async {
            runtime::time::sleep(Duration::from_millis(1)).await;
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let client = runtime::spawn(TcpStream::connect(address));
            let (mut server, _) = listener.accept().await.unwrap();
            server.write_u8(7).await.unwrap();
            let mut client = client.await.unwrap().unwrap();
            assert_eq!(client.read_u8().await.unwrap(), 7);
            assert_eq!(runtime::spawn_blocking(|| 8).await.unwrap(), 8);
            let mut signals = signal(kind).unwrap();
            for _ in 0..30 {
                raise(kind.as_raw_value());
                signals.recv().await;
            }
            assert!(Command::new("true").status().await.unwrap().success());
        }));
    }
}

/// A runtime whose task says each `SIGUSR1`.
fn reporting_runtime() -> (Runtime, mpsc::Receiver<()>) {
    let runtime = multi(2);
    let (said, heard) = mpsc::channel();
    let mut signals = runtime
        .block_on(async { signal(SignalKind::user_defined1()) })
        .unwrap();
    runtime.spawn(async move { while signals.recv().await.is_some() && said.send(()).is_ok() {} });
    (runtime, heard)
}

#[test]
fn a_fork_and_its_parent_get_their_own_signals() {
    in_child!("a_fork_and_its_parent_get_their_own_signals", || {
        let (runtime, heard) = reporting_runtime();
        let fork_again = || {
            use_a_runtime(SignalKind::user_defined2());
            let grandchild = fork(|| use_a_runtime(SignalKind::user_defined1()));
            use_a_runtime(SignalKind::hangup());
            grandchild.must_pass();
        };
        let forks = [fork(fork_again), fork(fork_again)];
        for _ in 0..200 {
            raise(libc::SIGUSR1);
            heard.recv_timeout(HANG).expect("a signal of the parent");
        }
        forks.into_iter().for_each(Fork::must_pass);
        raise(libc::SIGUSR1);
        heard.recv_timeout(HANG).expect("a signal afterwards");
        use_a_runtime(SignalKind::user_defined1());
        drop(runtime);
    });
}

#[test]
fn a_fork_after_a_runtime_makes_another() {
    in_child!("a_fork_after_a_runtime_makes_another", || {
        use_a_runtime(SignalKind::user_defined1());
        let forks = [0; 3].map(|_| fork(|| use_a_runtime(SignalKind::user_defined1())));
        forks.into_iter().for_each(Fork::must_pass);
        use_a_runtime(SignalKind::user_defined1());
    });
}

/// It came before the fork: it is the parent's, and nothing of it hinders the child.
#[test]
fn a_signal_that_waits_to_be_delivered_stays_with_the_parent() {
    in_child!(
        "a_signal_that_waits_to_be_delivered_stays_with_the_parent",
        || {
            let undriven = current();
            let mut signals = undriven
                .block_on(async { signal(SignalKind::user_defined1()) })
                .unwrap();
            raise(libc::SIGUSR1);
            let child = fork(|| {
                current().block_on(within_bounds(async {
                    let mut same = signal(SignalKind::user_defined1()).unwrap();
                    let mut other = signal(SignalKind::user_defined2()).unwrap();
                    raise(libc::SIGUSR2);
                    other.recv().await;
                    assert!(is_pending(&mut same));
                    raise(libc::SIGUSR1);
                    same.recv().await;
                }));
            });
            child.must_pass();
            undriven.block_on(within_bounds(signals.recv()));
            assert!(is_pending(&mut signals));
        },
    );
}

/// As programs do that leave their terminal after they have begun: the parent is as good as gone.
#[test]
fn a_runtime_of_one_thread_goes_on_in_a_fork() {
    in_child!("a_runtime_of_one_thread_goes_on_in_a_fork", || {
        let runtime = current();
        let kind = SignalKind::user_defined1();
        let mut before = runtime.block_on(async { signal(kind) }).unwrap();
        let child = fork(|| {
            runtime.block_on(within_bounds(async {
                raise(libc::SIGUSR1);
                // The bit of the table that it was made with says so, or else the next.
                let mut after = signal(kind).unwrap();
                assert!(is_pending(&mut before));
                for _ in 0..30 {
                    raise(libc::SIGUSR1);
                    after.recv().await;
                    before.recv().await;
                }
            }));
        });
        child.must_pass();
        // And with the listener from before alone.
        let child = fork(|| {
            runtime.block_on(within_bounds(async {
                for _ in 0..30 {
                    assert!(is_pending(&mut before));
                    raise(libc::SIGUSR1);
                    before.recv().await;
                }
            }));
        });
        child.must_pass();
    });
}

/// How many children this process has, those that have ended and are not reaped included.
fn children() -> usize {
    let me = std::process::id().to_string();
    let stats = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let path = entry.ok()?.path().join("stat");
        std::fs::read_to_string(path).ok()
    });
    stats
        .filter(|stat| {
            let mut fields = stat.rsplit(')').next().unwrap().split_whitespace();
            fields.nth(1) == Some(me.as_str())
        })
        .count()
}

fn no_child_is_left() {
    while children() > 0 {
        std::thread::yield_now();
    }
}

/// Gives up children that outlive their runtime, so that the thread that reaps has them. They end
/// when what is returned is dropped.
fn orphans() -> Vec<std::process::ChildStdin> {
    let runtime = current();
    let children = runtime.block_on(async {
        (0..5)
            .map(|_| Command::new("cat").stdin(Stdio::piped()).spawn().unwrap())
            .collect::<Vec<_>>()
    });
    drop(runtime);
    let inputs = children.into_iter().map(|mut child| {
        let input = child.stdin.take().unwrap().into_owned_fd().unwrap();
        input.into()
    });
    inputs.collect()
}

#[test]
fn a_fork_reaps_its_own_orphans() {
    in_child!("a_fork_reaps_its_own_orphans", || {
        let of_the_parent = orphans();
        let child = fork(|| {
            let own = orphans();
            assert_eq!(children(), 5);
            drop(own);
            no_child_is_left();
        });
        child.must_pass();
        drop(of_the_parent);
        no_child_is_left();
    });
}

/// Copies of what the parent goes on using: dropping them is no end of it.
#[test]
fn what_a_fork_drops_stays_with_the_parent() {
    in_child!("what_a_fork_drops_stays_with_the_parent", || {
        let runtime = multi(2);
        let (listener, address, to_be_killed, waiting, wait) = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let cat = || {
                let mut command = Command::new("cat");
                command.stdin(Stdio::piped()).kill_on_drop(true);
                command.spawn().unwrap()
            };
            let (to_be_killed, mut waiting) = (cat(), cat());
            let input = waiting.stdin.take();
            {
                // Its descriptor is watched from now on.
                let mut wait = Box::pin(waiting.wait());
                let mut cx = Context::from_waker(Waker::noop());
                assert!(wait.as_mut().poll(&mut cx).is_pending());
            }
            (listener, address, to_be_killed, waiting, input)
        });
        let mut kept = Some((runtime, listener, to_be_killed, waiting, wait));
        let child = fork(|| {
            let (runtime, listener, mut to_be_killed, waiting, input) = kept.take().unwrap();
            let waited = current().block_on(to_be_killed.wait());
            assert_eq!(waited.unwrap_err().raw_os_error(), Some(libc::ECHILD));
            {
                let _context = runtime.enter();
                drop((listener, to_be_killed, waiting, input));
            }
            drop(runtime);
        });
        child.must_pass();
        let (runtime, listener, mut to_be_killed, mut waiting, input) = kept.unwrap();
        runtime.block_on(within_bounds(async {
            let client = runtime::spawn(TcpStream::connect(address));
            listener.accept().await.unwrap();
            client.await.unwrap().unwrap();
            assert_eq!(to_be_killed.try_wait().unwrap(), None);
            drop(to_be_killed.stdin.take());
            assert!(to_be_killed.wait().await.unwrap().success());
            drop(input);
            assert!(waiting.wait().await.unwrap().success());
        }));
        no_child_is_left();
    });
}
